"""The running program: whether a `hebo-sync serve` is alive here, how it is, and whether schedules are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.http import HttpError, call, new_session
from plugin.config import ServerSettings, StoreSettings
from plugin.doctor.finding import Finding, error, ok, warning
from plugin.models import Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.schedules import parse

NAME = "scheduler"
LATE = timedelta(minutes=10)
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # what to call there
DEADLINE = 5.0


def check_running(parts: Parts, *, serving: bool) -> Iterator[Finding]:
    """serving: whether a `serve` holds the scheduler's lock of this data folder."""
    with parts.db.read() as session:
        scheduled = [(row, config) for row, config in stores.set_up(parts, session) if _has_schedule(row, config)]
    if serving:
        yield _health(parts.settings.server)
        yield from _overdue(parts, scheduled)
    elif scheduled:
        names = ", ".join(row.name for row, _ in scheduled[:5])
        yield warning(
            NAME,
            f"no hebo-sync serve runs here, and stores have a schedule: {names}",
            "start hebo-sync serve; or have cron call hebo-sync run, and leave the schedules empty",
            "schedules are kept, and pictures fetched, only while serve or run works. What the image service has in "
            "hand is fetched by the next one; how long it keeps finished pictures is not known",
        )
    else:
        yield ok(NAME, "no hebo-sync serve runs here; hebo-sync run does the work when it is called")


def _has_schedule(row: Store, config: StoreSettings) -> bool:
    return bool(config.schedule) and not (row.paused or config.paused)


def _health(server: ServerSettings) -> Finding:
    """What the running program says of itself at /healthz."""
    host = EVERYWHERE.get(server.host, server.host)
    url = f"http://[{host}]:{server.port}" if ":" in host else f"http://{host}:{server.port}"
    parts = _ask(f"{url}/healthz")
    if parts is None:
        note = f"its pages did not answer at {url}: it may listen elsewhere (--host, --port), or be starting"
        return ok(NAME, "a hebo-sync serve runs on this data folder", (note,))
    ill = [part for part, state in parts.items() if part != "status" and state != "ok"]
    if ill:
        return error(
            NAME,
            f"hebo-sync serve runs, and says that it is not well: {', '.join(ill)}",
            "look at the activity page or its log; if it stays, stop it and start it again",
            "a scheduler that died is replaced within seconds; a start goes on where it was, and nothing is sent twice",
        )
    return ok(NAME, f"hebo-sync serve runs at {url}, and its scheduler beats")


def _ask(url: str) -> dict[str, str] | None:
    """None: nobody answers there, or somebody else."""
    session = new_session(allow_private=True)
    try:
        body = json.loads(call(session, "GET", url, deadline=DEADLINE, max_bytes=100_000).body)
    except (HttpError, ValueError):
        return None
    finally:
        session.close()
    return body if isinstance(body, dict) and {"status", NAME} <= body.keys() else None


def _overdue(parts: Parts, scheduled: list[tuple[Store, StoreSettings]]) -> Iterator[Finding]:
    now = parts.clock.now()
    for row, config in scheduled:
        due = next_reading(row, config, parts.settings.app.timezone)
        if due is not None and due < now - LATE:
            yield warning(
                f"schedule {row.name}",
                f"it should have been read at {due:%Y-%m-%d %H:%M} UTC, and was not",
                "look at the activity page for the reason; if there is none, stop hebo-sync serve and start it again",
                "a reading that was missed is made up for once; until then changes in the store are not known here",
            )


def next_reading(row: Store, config: StoreSettings, timezone: str) -> datetime | None:
    """When a store is to be read next by its schedule; None: it was not looked at yet, or is due or being read now."""
    if row.scheduled_at is None or row.refresh_due_at is not None:
        return None
    schedule = parse(config.schedule)
    zone = ZoneInfo(config.timezone or timezone)
    return schedule.next_after(row.scheduled_at, zone, schedule.row(row.scheduled_at))
