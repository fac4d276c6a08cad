"""hebo-sync, the application: this module is the only place where the real parts are joined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin.clock import Clock
    from plugin.config import HeboSettings, Settings
    from plugin.db import Database
    from plugin.hebo import HeboClient
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
    from plugin.clock import SystemClock
    from plugin.hebo import PollSchedule
    from plugin.links import PictureLinks
    from plugin.pictures import PictureStore
    from plugin.pipeline.parts import Parts, Policy
    from plugin.secrets import KeyRing

    clock = clock or SystemClock()
    data_dir = settings.app.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    keys = KeyRing.open(settings.app.secret_key, data_dir)
    with ExitStack() as stack:
        db, instance = _join(settings, clock, stack)
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
                instance=instance,
                schedule=PollSchedule(settings.hebo.poll_bands, settings.hebo.poll_margin),
                policy=policy or Policy(),
            )
        )
        if parts.hebo is not None:
            stack.callback(parts.hebo.close)
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


def _join(settings: Settings, clock: Clock, stack: ExitStack) -> tuple[Database, str]:
    """Open the database and take part: what processes that died here held is free again. Gives our name in claims."""
    from plugin import data_folder
    from plugin.db import Database
    from plugin.instances import Instance, end_leases
    from plugin.pipeline import stores

    db = Database(settings.database.url)
    stack.callback(db.close)
    db.migrate()
    data_folder.demand_same(db, settings.app.data_dir, clock.now())
    instance = Instance(settings.app.data_dir)
    stack.callback(instance.close)
    dead = instance.dead()
    with db.write() as session:
        end_leases(session, dead, clock.now())
        stores.sync_provisioned(session, settings, clock.now())
    instance.forget(dead)
    return db, instance.name


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
    session = new_session(allow_private=True, pool_size=hebo.max_connections + 4)
    return HeboClient(session, hebo.base_url, api_key, submit_deadline=hebo.submit_deadline, read_deadline=15)
