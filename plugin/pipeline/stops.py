"""stops: the stop switch for all stores.

While it is on, nothing new is read, planned, sent or published (`stores.configured` gives nothing, and each step
decides in the transaction that commits to it). What the image service has in hand is polled and collected all the
same, since it is paid for, and doubts go on being settled.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete
from sqlalchemy.orm import Session

from plugin.activity import About, record
from plugin.config import StoreSettings
from plugin.models import Stop, Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.schedules import parse

NO_REASON = "no reason was given"
NAME_LENGTH = 100


def stop_all(session: Session, by: str, reason: str, now: datetime) -> tuple[Stop, bool]:
    """Stop everything. by: who does. Gives the switch, and whether it was off before (else the old one stands)."""
    known = stores.stopped(session)
    if known is not None:
        return known, False
    made = Stop(at=now, by=by[:NAME_LENGTH], reason=reason.strip())
    session.add(made)
    session.flush()
    record(session, now, "all_stopped", {"by": made.by, "reason": made.reason or NO_REASON}, About(), trouble=True)
    return made, True


def resume_all(session: Session, parts: Parts, by: str) -> Stop | None:
    """Go on with everything: what was due is done now, and a store that missed a time of its schedule is read.

    Gives the switch that was on; None: it was off. Stores that are paused themselves stay so.
    """
    known, now = stores.stopped(session), parts.clock.now()
    if known is None:
        return None
    session.execute(delete(Stop))
    for row, config in stores.set_up(parts, session):
        if _missed(parts, row, config, now):
            row.refresh_due_at = now
    record(session, now, "all_resumed", {"by": by[:NAME_LENGTH]}, About())
    return known


def _missed(parts: Parts, row: Store, config: StoreSettings, now: datetime) -> bool:
    """Whether a time of the store's schedule has passed that nobody saw to, and nothing is due or being read."""
    if not config.schedule or row.scheduled_at is None or row.refresh_due_at is not None:
        return False
    schedule = parse(config.schedule)
    zone = ZoneInfo(config.timezone or parts.settings.app.timezone)
    return schedule.next_after(row.scheduled_at, zone, schedule.row(row.scheduled_at)) <= now


def in_words(stop: Stop) -> str:
    """What is stopped, since when, by whom and why, and how to go on."""
    why = f" ({stop.reason})" if stop.reason else ""
    return (
        f"everything is stopped since {stop.at:%Y-%m-%d %H:%M} UTC by {stop.by}{why}: nothing new is read, planned, "
        "sent or published. To go on: hebo-sync resume"
    )
