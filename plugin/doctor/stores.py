"""Prompt packs, secrets, and each store's own check, several at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sqlalchemy import select

from plugin import stored
from plugin.config import StoreSettings
from plugin.doctor.finding import Finding, Level, error, ok, warning
from plugin.models import Event, Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.stores import StoreBrokenError, StoreUnknownError
from templates import PackError, pack_names

AT_ONCE = 8


def check_packs(parts: Parts) -> list[Finding]:
    """Whether all pack files can be read, and each store's pack in its language."""
    name, app = "prompt packs", parts.settings.app
    with parts.db.read() as session:
        configs = [config for _, config in stores.set_up(parts, session)]
    try:
        known = pack_names(app.pack_folders, app.language)
        for config in configs:
            parts.pack(config.pack, config.language or app.language)
    except PackError as problem:
        advice = "mend it (hebo-sync prompts check FILE), or name another pack"
        meaning = "products of a store whose pack cannot be used are read, and nothing is made for them"
        return [error(name, str(problem), advice, meaning)]
    return [ok(name, ", ".join(known))]


def check_secrets(parts: Parts) -> list[Finding]:
    """Whether the key that was entered on the pages can be read with the present key file."""
    with parts.db.read() as session:
        kept = stored.kept_key(session, parts.keys)
    if kept is None or kept.readable:
        return []
    return [
        error(
            "stored secrets",
            "the image API key that was entered on the pages cannot be read with the present secret.key",
            "put the old key file back (from a backup); or enter the key again on the settings page",
            "without it nothing is asked of the image service; nothing is lost",
        )
    ]


def check_stores(parts: Parts) -> Iterator[Finding]:
    """Each store's own check; the findings come in the order of the names."""
    with parts.db.read() as session:
        rows = session.scalars(select(Store).order_by(Store.name)).all()
        active = {row.id for row, config in stores.set_up(parts, session) if not (row.paused or config.paused)}
    if not active:
        advice = "add a [[stores]] table to the configuration file"
        yield warning("stores", "no store is set up and active", advice)
    with ThreadPoolExecutor(AT_ONCE, "doctor") as pool:
        yield from pool.map(partial(_check_row, parts, active), rows)


def _check_row(parts: Parts, active: set[int], row: Store) -> Finding:
    name = f"store {row.name}"
    try:
        config = stores.config_of(parts, row)
    except StoreBrokenError as problem:
        meaning = "the store is left alone until then; its products, pictures and publications are kept"
        return error(name, str(problem), "put the old secret.key back, or enter its settings again", meaning)
    except StoreUnknownError:
        return ok(name, "no longer configured: left alone")
    return check_store(parts, config) if row.id in active else ok(name, "paused: left alone")


def check_store(parts: Parts, config: StoreSettings) -> Finding:
    """One store's `Connector.check`."""
    name = f"store {config.name}"
    info = stores.look_at(parts, config)
    if info.problems:
        advice = f"mend that, then: hebo-sync stores check {config.name}"
        meaning = "what is approved for it is kept and waits; the other stores go on"
        return Finding(name, Level.ERROR, "; ".join(info.problems), advice, info.notes, meaning)
    return ok(name, f"{info.name} is ready", info.notes)


def check_catalogues(parts: Parts) -> Iterator[Finding]:
    """What could not be read of each catalogue, when it was read last."""
    with parts.db.read() as session:
        for store in session.scalars(select(Store).order_by(Store.name)):
            name = f"catalogue {store.name}"
            if store.problem:
                advice = f"mend that, then: hebo-sync stores refresh {store.name}"
                yield warning(
                    name, f"the last reading failed: {store.problem}", advice, "what was known before is kept"
                )
            mine = (Event.code == "store_refreshed") & (Event.store_id == store.id)
            last = session.scalars(select(Event).where(mine).order_by(Event.id.desc()).limit(1)).first()
            skipped = last.data["skipped"] if last else 0
            if skipped:
                what = "1 entry" if skipped == 1 else f"{skipped} entries"
                advice = f"mend the catalogue; which ones: hebo-sync stores refresh {store.name} --full"
                yield warning(name, f"{what} could not be read the last time", advice, "the rest of it goes on")
