"""Stores as the pipeline uses them: their rows, their settings, their connectors, one writer at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial, reduce
from pathlib import Path

import requests
from pydantic import SecretStr
from sqlalchemy import ColumnElement, distinct, exists, func, or_, select, update
from sqlalchemy.orm import Session

from connectors import Connector, ConnectorError, Environment, PictureSource, StoreInfo, kinds
from plugin.config import Settings, SettingsError, StoreSettings, dump, store_settings
from plugin.models import GeneratedImage, GenerationTask, Product, Round, RoundMember, Stop, Store
from plugin.pipeline.exclude import cancel_tasks
from plugin.pipeline.parts import Parts
from plugin.pipeline.publications import place_of, take_back
from plugin.pipeline.vault import StoreVault
from plugin.secrets import DecryptError, KeyRing
from plugin.states import ImageState, ProductState, TaskState

UNPUBLISHED = (ImageState.WAITING, ImageState.FETCHED, ImageState.IN_REVIEW, ImageState.APPROVED)


class StoreChangeError(Exception):
    """A store cannot be changed that way; nothing was changed.

    reason: taken, other_kind, locked, removed, paused, stopped, reading.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


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


def stopped(session: Session) -> Stop | None:
    """The stop switch for all stores; None: it is off."""
    return session.scalars(select(Stop).order_by(Stop.id).limit(1)).first()


def configured(parts: Parts, session: Session) -> dict[int, StoreSettings]:
    """The settings of every store that is set up and may be worked for, by the row's id: it is not paused, and not
    everything is stopped."""
    if stopped(session) is not None:
        return {}
    return {row.id: config for row, config in set_up(parts, session) if not (row.paused or config.paused)}


def set_up(parts: Parts, session: Session) -> list[tuple[Store, StoreSettings]]:
    """Every store with settings that can be used, paused ones too."""
    rows = ((row, _readable(parts, row)) for row in session.scalars(select(Store).order_by(Store.id)))
    return [(row, config) for row, config in rows if config is not None]


def find(parts: Parts, session: Session, name: str) -> Store:
    """The row of a store by name. Raises StoreUnknownError naming those that there are."""
    row = session.scalars(select(Store).where(Store.name == name)).first()
    if row is None:
        names = ", ".join(session.scalars(select(Store.name).order_by(Store.name))) or "none"
        raise StoreUnknownError(f"there is no store {name!r}; set up: {names}")
    return row


def provisioned(settings: Settings, row: Store) -> StoreSettings | None:
    """What the configuration file says of the store; None: it is a store of the settings page, or was removed."""
    return next((config for config in settings.stores if config.name == row.name), None)


def slug_of(name: str) -> str:
    """As `StoreSettings.slug`, for a row whose settings are gone."""
    return name.casefold().replace("-", "_")


def known_by_name(session: Session, slug: str) -> Store | None:
    """The row whose name counts as the same (folders ignore case and dashes), removed ones included."""
    rows = session.scalars(select(Store).order_by(Store.id))
    return next((row for row in rows if slug_of(row.name) == slug), None)


def add(session: Session, parts: Parts, config: StoreSettings, *, read_now: bool) -> Store:
    """A store of the settings page, under a new name or under that of a removed store, whose history it goes on with.

    Raises StoreChangeError: another store has the name ("taken"), or a removed one of another kind ("other_kind").
    """
    now = parts.clock.now()
    row = known_by_name(session, config.slug)
    if row is None:
        row = Store(created_at=now, name=config.name, kind=config.kind)
        session.add(row)
    demand_free(parts, row, config)
    row.name, row.provisioned, row.paused = config.name, False, False
    row.scheduled_at = now  # its schedule begins now
    _put(row, parts, config, read_now=read_now)
    session.flush()
    take_back(session, row.id)
    _look_again(session, row.id)
    return row


def demand_free(parts: Parts, row: Store, config: StoreSettings) -> None:
    """Raises StoreChangeError unless the row's name may be taken over by a store with these settings."""
    if row.config_token is not None or provisioned(parts.settings, row) is not None:
        raise StoreChangeError("taken", f"another store is called {row.name!r}; nothing was stored")
    if row.kind != config.kind:
        raise StoreChangeError("other_kind", f"a removed store of another kind was called {row.name!r}")


def change(session: Session, parts: Parts, row: Store, config: StoreSettings, *, read_now: bool) -> None:
    """New settings for a store of the settings page; its name and kind stay.

    read_now: read the catalogue at once, if the store's own options have changed. What is under way to another place is
    not gone on with at the new one. Raises StoreChangeError ("locked", "removed").
    """
    _demand_own(parts, row)
    if row.config_token is None:
        raise StoreChangeError("removed", f"store {row.name!r} was removed; nothing was stored")
    old = _readable(parts, row)
    if old is None or (old.schedule, old.timezone) != (config.schedule, config.timezone):
        row.scheduled_at = parts.clock.now()  # times that only the new schedule has, and are past, are not made up for
    moved = old is None or old.options != config.options
    _put(row, parts, config, read_now=read_now and moved)
    if old is None or place_of(old) != place_of(config):
        take_back(session, row.id)
    if moved:
        _look_again(session, row.id)
        end_rest(session, row.id)


def _look_again(session: Session, store_id: int) -> None:
    """The store's address is another, perhaps of another catalogue with the same ids: what is not published yet waits
    until that was read, and until the photo it was made from is seen there."""
    unpublished = select(RoundMember.product_id).join(GeneratedImage, GeneratedImage.round_id == RoundMember.round_id)
    waiting = unpublished.where(GeneratedImage.state.in_(UNPUBLISHED))
    ready = (Product.store_id == store_id) & (Product.state == ProductState.READY)
    unseen = update(Product).where(ready, Product.id.in_(waiting))
    session.execute(unseen.values(state=ProductState.NEW, due_at=None, attempts=0), execution_options=NO_SYNC)


def _put(row: Store, parts: Parts, config: StoreSettings, *, read_now: bool) -> None:
    row.config_token = parts.keys.encrypt(json.dumps(dump(config)))
    if read_now:
        row.refresh_due_at, row.refresh_owner, row.swept_at, row.problem = parts.clock.now(), None, None, None


def _readable(parts: Parts, row: Store) -> StoreSettings | None:
    try:
        return config_of(parts, row)
    except StoreUnknownError:
        return None


def _demand_own(parts: Parts, row: Store) -> None:
    if provisioned(parts.settings, row) is not None:
        raise StoreChangeError("locked", f"store {row.name!r} is set in the configuration file; change it there")


def pause(session: Session, parts: Parts, row: Store, *, paused: bool) -> None:
    """Start nothing new for a store, or go on with it; then its catalogue is read at once.

    Raises StoreChangeError ("locked") where the configuration file pauses it.
    """
    config = config_of(parts, row)
    if config.paused:
        raise StoreChangeError("locked", f"the configuration file pauses store {row.name!r}; change it there")
    if row.paused == paused:
        return
    row.paused = paused
    if not paused:
        row.refresh_due_at, row.problem = parts.clock.now(), None
        end_rest(session, row.id)


def refresh(session: Session, parts: Parts, row: Store, *, full: bool) -> None:
    """Make a reading of the catalogue due. full: all of it, which also finds what is gone.

    Raises StoreUnknownError, StoreBrokenError; StoreChangeError where it is paused or everything is stopped, or is
    being read already.
    """
    now = parts.clock.now()
    if row.paused or config_of(parts, row).paused:
        raise StoreChangeError("paused", f"store {row.name!r} is paused: nothing was read. Resume it first")
    if stopped(session) is not None:
        raise StoreChangeError("stopped", "everything is stopped: nothing was read. To go on: hebo-sync resume")
    if row.refresh_owner is not None and row.refresh_due_at is not None and row.refresh_due_at > now:
        raise StoreChangeError("reading", f"store {row.name!r} is being read")
    row.refresh_due_at, row.refresh_owner, row.problem = now, None, None
    if full:
        row.swept_at = None


def remove(session: Session, parts: Parts, row: Store) -> int:
    """Forget a store's settings; what was made, published and paid for is kept. Gives how many tasks were cancelled.

    Only what is planned is cancelled: what was sent comes to its end. Raises StoreChangeError ("locked").
    """
    _demand_own(parts, row)
    row.config_token = row.refresh_due_at = row.refresh_owner = row.problem = None
    row.paused = False
    return cancel_tasks(session, GenerationTask.store_id == row.id, parts.clock.now(), "the store was removed")


@dataclass(frozen=True, slots=True)
class Unmade:
    """What a store's products would cost that have no pictures: at most so many images (0 products: nothing)."""

    products: int
    images: int


def unmade(session: Session, parts: Parts, store_id: int, config: StoreSettings) -> Unmade:
    """The products without pictures, made or planned, and the most images that these would cost.

    Products that share a photo share its pictures; a photo that was not looked at yet counts as one of its own.
    Raises PackError, RenderError.
    """
    shots = len(parts.pack(config.pack, config.language or parts.settings.app.language).shots)
    new = (Product.store_id == store_id) & (Product.state == ProductState.NEW)
    fresh = session.scalar(select(func.count()).select_from(Product).where(new)) or 0
    counted = select(func.count(), func.count(distinct(Product.reference_sha))).where(_without_round(store_id))
    products, photos = session.execute(counted).one()
    return Unmade(fresh + products, (fresh + photos) * shots)


def planned_images(session: Session, store_id: int) -> int:
    """Images of the store that are planned and not sent."""
    planned = (GenerationTask.store_id == store_id) & (GenerationTask.state == TaskState.PLANNED)
    images = select(func.count()).select_from(GeneratedImage).join(GenerationTask)
    return session.scalar(images.where(planned)) or 0


def plan_unmade(session: Session, store_id: int, now: datetime) -> None:
    """Have the ready products without pictures looked at again, so that these are planned (once: a round is unique)."""
    due = update(Product).where(_without_round(store_id))
    session.execute(due.values(state=ProductState.NEW, due_at=now, attempts=0), execution_options=NO_SYNC)


NO_SYNC = {"synchronize_session": False}


def _without_round(store_id: int) -> ColumnElement[bool]:
    """Ready, and nothing was made of the photo that it has now (what was cancelled cost nothing)."""
    made = exists().where(
        Round.store_id == Product.store_id,
        Round.reference_sha == Product.reference_sha,
        GenerationTask.round_id == Round.id,
        GenerationTask.state != TaskState.CANCELLED,
    )
    ready = (Product.state == ProductState.READY) & Product.reference_sha.is_not(None)
    return (Product.store_id == store_id) & ready & ~made


def connect(parts: Parts, config: StoreSettings) -> Connector:
    """Open the store's connector. Raises ConnectorError where its options cannot work."""
    state_dir = parts.settings.app.data_dir / "stores" / config.slug
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        return kinds()[config.kind].open(config.options, _environment(parts, config, state_dir))
    except OSError as error:
        raise ConnectorError(
            f"a file of store {config.name!r} cannot be used ({error.strerror or error}): {error.filename or state_dir}"
        ) from error


def _environment(parts: Parts, config: StoreSettings, state_dir: Path) -> Environment:
    return Environment(
        store=config.name,
        state_dir=state_dir,
        base_dir=parts.settings.base_dir,
        session=partial(parts.reach.sessions.session, config.name),
        now=parts.clock.now,
        sleep=parts.reach.sleep,
        callback=parts.reach.callbacks.open if parts.settings.app.public_url else None,
        vault=StoreVault(parts.keys, config.name),
        keep=parts.reach.sessions.objects(config.name),
    )


def picture_session(connector: Connector) -> requests.Session | None:
    """The session that alone can fetch the store's pictures; None: anybody can."""
    return connector.picture_session() if isinstance(connector, PictureSource) else None


def look_at(parts: Parts, config: StoreSettings) -> StoreInfo:
    """What the store says when it is looked at, without changing it. Not to be reached is a problem like others.

    No secret of the store is in the answer, whatever the store repeats.
    """
    try:
        info = connect(parts, config).check()
    except ConnectorError as error:
        info = StoreInfo(config.name, problems=(str(error),))
    hide = _hider(config)
    return replace(info, problems=tuple(map(hide, info.problems)), notes=tuple(map(hide, info.notes)))


def _hider(config: StoreSettings) -> Callable[[str], str]:
    """A function that cuts the store's secrets out of a text."""
    values = (getattr(config.options, name) for name in type(config.options).model_fields)
    found = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    secrets = [secret for secret in found if secret]
    return lambda text: reduce(lambda done, secret: done.replace(secret, "[secret]"), secrets, text)


def take_writer(session: Session, store_id: int, owner: str, now: datetime, lease: timedelta) -> bool:
    """Become the store's only writer for `lease`; False: somebody else is."""
    free = or_(Store.write_until.is_(None), Store.write_until <= now)
    take = update(Store).where(Store.id == store_id, free).values(write_owner=owner, write_until=now + lease)
    return session.scalar(take.returning(Store.id)) is not None


def renew_writer(session: Session, store_id: int, owner: str, until: datetime) -> bool:
    """Go on as the store's writer; False: somebody else is it by now."""
    mine = (Store.id == store_id) & (Store.write_owner == owner)
    renewed = update(Store).where(mine).values(write_until=until)
    return session.scalar(renewed.returning(Store.id)) is not None


def release_writer(session: Session, store_id: int, owner: str, rest_until: datetime | None = None) -> None:
    """Stop writing to the store. rest_until: nobody is to write to it before."""
    mine = (Store.id == store_id) & (Store.write_owner == owner)
    session.execute(update(Store).where(mine).values(write_owner=None, write_until=rest_until))


def without_writer(session: Session, store_ids: Collection[int], now: datetime) -> list[int]:
    """Those of the stores that nobody writes to and that do not rest."""
    free = or_(Store.write_until.is_(None), Store.write_until <= now)
    return list(session.scalars(select(Store.id).where(Store.id.in_(store_ids), free)))


def resting(session: Session, store_ids: Collection[int]) -> dict[int, datetime]:
    """Until when those of the stores rest that do."""
    rests = Store.id.in_(store_ids) & Store.write_owner.is_(None) & Store.write_until.is_not(None)
    rows = session.execute(select(Store.id, Store.write_until).where(rests)).all()
    return {store_id: until for store_id, until in rows if until is not None}


def end_rest(session: Session, store_id: int) -> None:
    """Let the store be written to again at once: a person asks for it, or has changed its settings."""
    rests = (Store.id == store_id) & Store.write_owner.is_(None)
    session.execute(update(Store).where(rests).values(write_until=None))
