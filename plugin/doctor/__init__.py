"""Is everything in order? Checks as functions; each gives findings, for `hebo-sync doctor`.

`check_settings` needs no database: it also tells why one cannot be opened. `check_parts` looks at everything else;
where the program cannot be opened, `check_closed` looks at what can be seen all the same. Before the first start
`check_unmade` looks at the place for the data, and `check_outside` at everything that is not ours. Nothing is sent and
nothing is spent; whoever opens the parts makes the data folder and the database where missing. No secret is in a
finding.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from connectors import ConnectorError
from plugin.config import Settings
from plugin.db import Database
from plugin.doctor import database, disk, image_api
from plugin.doctor.address import check_local_pictures, check_public_url, check_reach, relay_problem
from plugin.doctor.backups import check_backup_age
from plugin.doctor.clock import check_machine_clock
from plugin.doctor.files import check_config_file, check_data_folder, check_key_file, check_secret_files
from plugin.doctor.finding import Finding, Level, error, ok, warning
from plugin.doctor.money import check_budgets, check_ledger, check_stop
from plugin.doctor.running import check_running
from plugin.doctor.stores import check_catalogues, check_packs, check_secrets, check_stores
from plugin.doctor.work import check_work
from plugin.pictures import StorageError
from plugin.pipeline.parts import Parts
from plugin.schema import DatabaseError, first_line
from plugin.secrets import SecretsError

__all__ = [
    "Finding",
    "Level",
    "check_closed",
    "check_outside",
    "check_parts",
    "check_settings",
    "check_unmade",
    "error",
    "ok",
    "relay_problem",
    "warning",
]

Check = Callable[[], Iterable[Finding]]
# What a check may meet where the program is broken: it is told, and the other checks go on.
BROKEN = (SQLAlchemyError, sqlite3.Error, DatabaseError, SecretsError, StorageError, ConnectorError, OSError)


def check_settings(config: Path | None, settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """What can be seen before anything is opened.

    config: the file that the settings come from, if one does; environ: the variables that they come from.
    """
    return [
        check_config_file(config, settings),
        *check_secret_files(environ),
        check_data_folder(settings),
        check_key_file(settings),
        *check_public_url(settings),
    ]


def check_parts(parts: Parts, *, serving: bool = False) -> Iterator[Finding]:
    """Everything else, one finding after the other: the slow ones (the network) come as they are known.

    serving: whether a `hebo-sync serve` holds the scheduler's lock of this data folder.
    """
    checks: dict[str, Check] = {
        "disk": partial(disk.check_disk, parts),
        "database": partial(database.check_database, parts.db),
        "machine's clock": partial(check_machine_clock, parts),
        "scheduler": partial(check_running, parts, serving=serving),
        "stored secrets": partial(check_secrets, parts),
        "image service": partial(image_api.check_image_api, parts),
        "way in": partial(check_reach, parts),
        "prompt packs": partial(check_packs, parts),
        "stores": partial(check_stores, parts),
        "catalogues": partial(check_catalogues, parts),
        "local pictures": partial(check_local_pictures, parts),
        "stop switch": partial(check_stop, parts),
        "budgets": partial(check_budgets, parts),
        "ledger": partial(check_ledger, parts),
        "work": partial(check_work, parts),
        "backup": partial(check_backup_age, parts),
    }
    yield from _each(checks)


def check_closed(settings: Settings) -> Iterator[Finding]:
    """What can be seen where the rest could not be opened: a database that is damaged, say, or a wrong key file."""
    checks: dict[str, Check] = {
        "disk": partial(disk.check_room, settings.app.data_dir),
        "database": partial(database.check_alone, settings),
        "image service": partial(image_api.check_alone, settings),
    }
    yield from _each(checks)


def check_unmade(settings: Settings) -> Iterator[Finding]:
    """The place for the data where none are there yet; nothing is made."""
    checks: dict[str, Check] = {
        "disk": partial(disk.check_room, settings.app.data_dir),
        "database": partial(_check_unmade_database, settings),
    }
    yield from _each(checks)


def check_outside(parts: Parts) -> Iterator[Finding]:
    """What the settings name: all that can be tried without a row of this installation's."""
    checks: dict[str, Check] = {
        "image service": partial(image_api.check_image_api, parts),
        "way in": partial(check_reach, parts),
        "prompt packs": partial(check_packs, parts),
        "stores": partial(check_stores, parts),
        "local pictures": partial(check_local_pictures, parts),
        "budgets": partial(check_budgets, parts),
    }
    yield from _each(checks)


def _check_unmade_database(settings: Settings) -> list[Finding]:
    url = make_url(settings.database.url)
    if url.get_backend_name() == "sqlite":
        file = Path(str(url.database))  # opening it would make its folder
        return database.check_alone(settings) if file.is_file() else [ok(database.NAME, f"{file} (will be made)")]
    with closing(Database(settings.database.url)) as db:
        if db.revision() is None:
            return [ok(database.NAME, f"{db.where} (its tables will be made)")]
        return database.check_database(db)


def _each(checks: Mapping[str, Check]) -> Iterator[Finding]:
    for name, check in checks.items():
        try:
            yield from check()
        except BROKEN as problem:
            advice = "mend that (other findings may say more), then run hebo-sync doctor again"
            yield error(name, f"could not be looked at: {first_line(problem)}", advice)
