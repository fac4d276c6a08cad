"""Stores as the pipeline uses them: their rows, their settings, their connectors, one writer at a time."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from connectors import Connector, Environment, kinds
from plugin.config import Settings, SettingsError, StoreSettings, store_settings
from plugin.models import Store
from plugin.pipeline.parts import Parts
from plugin.secrets import DecryptError, KeyRing


class StoreUnknownError(Exception):
    """No store of that name is set up; the message says which there are."""


class StoreBrokenError(StoreUnknownError):
    """The settings of a store from the page cannot be used any more; the message says why and what to do."""


def sync_provisioned(session: Session, settings: Settings, now: datetime) -> None:
    """Give every store of the configuration file its row. Rows of stores that left the file stay, unused."""
    for config in settings.stores:
        row = session.scalars(select(Store).where(Store.name == config.name)).first()
        if row is None:
            session.add(Store(name=config.name, kind=config.kind, provisioned=True, created_at=now))
        else:
            row.kind, row.provisioned = config.kind, True
    names = [config.name for config in settings.stores]
    gone = update(Store).where(Store.provisioned, Store.name.not_in(names))
    session.execute(gone.values(provisioned=False))


def config_of(parts: Parts, row: Store) -> StoreSettings:
    """The store's settings, from the file or from the database. Raises StoreUnknownError, StoreBrokenError."""
    for config in parts.settings.stores:
        if config.name == row.name:
            return config
    if row.config_token is None:
        raise StoreUnknownError(f"store {row.name!r} is no longer in the configuration; add it again to go on with it")
    try:
        return _decrypted(parts.keys, row.config_token, row.name)
    except (DecryptError, SettingsError) as error:
        raise StoreBrokenError(f"store {row.name!r}: {error}. Enter its settings again on the settings page") from None


@lru_cache(maxsize=1024)
def _decrypted(keys: KeyRing, token: str, name: str) -> StoreSettings:
    """Kept, since every look of every lane asks for all stores. Raises DecryptError, SettingsError."""
    return store_settings(json.loads(keys.decrypt(token)), f"store {name!r}")


def require_any(parts: Parts) -> None:
    """Raises StoreUnknownError where no store is set up at all."""
    with parts.db.read() as session:
        for row in session.scalars(select(Store)):
            with suppress(StoreUnknownError):
                config_of(parts, row)
                return
    raise StoreUnknownError("no store is set up: add a [[stores]] table to the configuration file")


def configured(parts: Parts, session: Session) -> dict[int, StoreSettings]:
    """The settings of every store that is set up and not paused, by the row's id."""
    found = {}
    for row in session.scalars(select(Store)):
        try:
            config = config_of(parts, row)
        except StoreUnknownError:
            continue
        if not (row.paused or config.paused):
            found[row.id] = config
    return found


def find(parts: Parts, session: Session, name: str) -> Store:
    """The row of a store by name. Raises StoreUnknownError naming those that there are."""
    row = session.scalars(select(Store).where(Store.name == name)).first()
    if row is None:
        names = ", ".join(session.scalars(select(Store.name).order_by(Store.name))) or "none"
        raise StoreUnknownError(f"there is no store {name!r}; set up: {names}")
    return row


def connect(parts: Parts, config: StoreSettings) -> Connector:
    """Open the store's connector. Raises ConnectorError where its options cannot work."""
    state_dir = parts.settings.app.data_dir / "stores" / config.slug
    state_dir.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        store=config.name,
        state_dir=state_dir,
        base_dir=parts.settings.base_dir,
        session=parts.outside,
        now=parts.clock.now,
    )
    return kinds()[config.kind].open(config.options, environment)


def take_writer(session: Session, store_id: int, owner: str, now: datetime, lease: timedelta) -> bool:
    """Become the store's only writer for `lease`; False: somebody else is."""
    free = or_(Store.write_until.is_(None), Store.write_until <= now)
    take = update(Store).where(Store.id == store_id, free).values(write_owner=owner, write_until=now + lease)
    return session.scalar(take.returning(Store.id)) is not None


def renew_writer(session: Session, store_id: int, owner: str, until: datetime) -> None:
    mine = (Store.id == store_id) & (Store.write_owner == owner)
    session.execute(update(Store).where(mine).values(write_until=until))


def release_writer(session: Session, store_id: int, owner: str) -> None:
    mine = (Store.id == store_id) & (Store.write_owner == owner)
    session.execute(update(Store).where(mine).values(write_owner=None, write_until=None))
