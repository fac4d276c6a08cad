"""hebo-sync, the application: this module is the only place where the real parts are joined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from plugin.clock import Clock
    from plugin.config import HeboSettings, Settings
    from plugin.db import Database
    from plugin.hebo import HeboClient, PollSchedule
    from plugin.instances import Instance
    from plugin.pipeline.parts import Parts, Policy, Reach
    from plugin.secrets import KeyRing

__version__ = "0.1.0"


@contextmanager
def open_parts(settings: Settings, clock: Clock | None = None, policy: Policy | None = None) -> Iterator[Parts]:
    """Everything a command or a server works with; closed at the end of the block.

    Makes the data folder, its key file and the database where they are missing. Raises SecretsError,
    DatabaseError, StorageError.
    """
    from connectors.http import new_session
    from plugin.db import demand_whole
    from plugin.hebo import PollSchedule
    from plugin.links import PictureLinks
    from plugin.pictures import PictureStore
    from plugin.pipeline.parts import Parts, Policy
    from plugin.pipeline.takeover import take_over
    from plugin.secrets import KeyRing

    data_dir, schedule = settings.app.data_dir, PollSchedule(settings.hebo.poll_bands, settings.hebo.poll_margin)
    _make_folder(data_dir)
    demand_whole(data_dir)
    keys = KeyRing.open(settings.app.secret_key, data_dir)
    with ExitStack() as stack:
        db, instance, clock = _join(settings, clock, schedule, stack)
        outside = new_session(allow_private=settings.app.allow_private_addresses, pool_size=16)
        stack.callback(outside.close)
        parts = with_image_api(
            Parts(
                provisioned=settings,
                settings=settings,
                db=db,
                clock=clock,
                keys=keys,
                pictures=PictureStore(data_dir / "pictures"),
                links=PictureLinks(keys.derive("picture links"), settings.app.public_url, clock.now),
                outside=lambda: outside,
                reach=_reach(settings, keys, clock, stack),
                hebo=None,
                key_fingerprint="",
                instance=instance.name,
                schedule=schedule,
                policy=policy or Policy(),
            )
        )
        if parts.hebo is not None:
            stack.callback(parts.hebo.close)
        take_over(parts)
        yield parts


def with_image_api(parts: Parts) -> Parts:
    """The parts with the image API's settings as they stand now, and a client of their own for its key.

    Who calls it closes the client, once nothing uses it any more.
    """
    from plugin import stored

    with parts.db.read() as session:
        settings = stored.effective(session, parts.keys, parts.provisioned)
    api_key = settings.hebo.api_key
    return replace(
        parts,
        settings=settings,
        hebo=_hebo(settings.hebo, api_key.get_secret_value()) if api_key else None,
        key_fingerprint=parts.keys.fingerprint(api_key.get_secret_value()) if api_key else "",
    )


def _join(
    settings: Settings, clock: Clock | None, schedule: PollSchedule, stack: ExitStack
) -> tuple[Database, Instance, Clock]:
    """Open the database and take part. Gives our life, and the clock that all processes here go by. Raises
    DatabaseError."""
    from sqlalchemy.exc import OperationalError

    from plugin import data_folder
    from plugin.clock import wall
    from plugin.db import Database
    from plugin.instances import Instance
    from plugin.pipeline import stores
    from plugin.schema import DatabaseError, first_line

    db = Database(settings.database.url)
    stack.callback(db.close)
    db.migrate()
    try:
        data_folder.demand_same(db, settings.app.data_dir, wall())
        instance = Instance(settings.app.data_dir)
        stack.callback(instance.close)
        clock = clock or _clock(db, instance, schedule)
        with db.write() as session:
            stores.sync_provisioned(session, settings, clock.now())
    except (OperationalError, OSError) as error:
        raise DatabaseError(
            f"the database {db.where} cannot be used now: {first_line(error)}. Nothing was changed or sent, and "
            "nothing is lost: make room, give hebo-sync the right to write there, or end what holds it, and start again"
        ) from error
    return db, instance, clock


def _clock(db: Database, instance: Instance, schedule: PollSchedule) -> Clock:
    from plugin import machine_clock
    from plugin.clock import SystemClock

    machine = machine_clock.this_machine()
    with instance.looking() as alone:
        offset = machine_clock.join(db, machine, schedule, alone=alone)
    return SystemClock(machine.ticks, offset)


def _make_folder(data_dir: Path) -> None:
    from plugin.pictures import StorageError

    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The data folder {data_dir} cannot be made: {error.strerror}") from error


def _reach(settings: Settings, keys: KeyRing, clock: Clock, stack: ExitStack) -> Reach:
    from plugin.callbacks import FOLDER, Callbacks
    from plugin.pipeline.parts import Reach
    from plugin.pipeline.pauses import Pauses
    from plugin.pipeline.sessions import StoreSessions

    sessions, pauses = StoreSessions(allow_private=settings.app.allow_private_addresses), Pauses()
    stack.callback(sessions.close)
    stack.callback(pauses.stop)
    folder, signing = settings.app.data_dir / FOLDER, keys.derive("callbacks")
    return Reach(
        sessions=sessions,
        callbacks=Callbacks(signing, settings.app.public_url, folder, clock.now, pauses.sleep),
        pauses=pauses,
        sleep=getattr(clock, "sleep", pauses.sleep),  # a clock that is moved by hand waits by moving
    )


def _hebo(hebo: HeboSettings, api_key: str) -> HeboClient:
    from connectors.http import new_session
    from plugin.hebo import HeboClient

    # The operator names this address, so it may be a private one (a sandbox, a proxy of the company).
    session = new_session(allow_private=True)
    return HeboClient(session, hebo.base_url, api_key, submit_deadline=hebo.submit_deadline, read_deadline=15)
