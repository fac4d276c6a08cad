"""Bringing a database to this version's schema: all of it in one transaction, or nothing.

A copy of an SQLite database is put beside it before it is changed: `hebo-sync.sqlite3.0002.bak` is what it was with
schema 0002. Only the newest few are kept.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from plugin import schema
from plugin.migrations.early import straighten
from plugin.schema import DatabaseError, copy_sqlite, demand_known, first_line, known_revisions, revision_of

KEPT = 3  # copies


def upgrade(engine: Engine, where: str) -> None:
    """engine: its transactions take the write lock at once. where: the database's address for messages, no password.

    Raises DatabaseError, and SQLAlchemyError where the database cannot be opened; nothing is changed then.
    """
    with _without_foreign_keys(engine) as connection:
        old = revision_of(connection)  # inside the transaction: nobody else changes it any more
        if old == known_revisions()[-1]:
            return
        demand_known(old)
        with _copy_kept(connection, old):
            try:
                _change(connection, old, "head")
            except (SQLAlchemyError, CommandError, OSError) as error:
                raise DatabaseError(
                    f"the database {where} could not be brought to this version's form: {first_line(error)}. It is "
                    "as it was before. Mend that and start again; until then the version that you had works with it"
                ) from error
        _thin_out(connection)


def _change(connection: Connection, old: str | None, new: str) -> None:
    if old is not None:
        straighten(connection, old)
    lay_out(connection, new)
    if connection.dialect.name == "sqlite":
        _demand_parents(connection)
    connection.commit()


def lay_out(connection: Connection, revision: str) -> None:
    """Run the migrations up to one revision ("head": all), in the connection's transaction, which the caller ends.

    Raises SQLAlchemyError, CommandError.
    """
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _demand_parents(connection: Connection) -> None:
    """What SQLite does not look at while foreign keys are off."""
    lost = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if lost is not None:
        raise CommandError(f"a row of {lost[0]} would belong to nothing in {lost[2]}")


@contextmanager
def _without_foreign_keys(engine: Engine) -> Iterator[Connection]:
    """A connection of its own: SQLite changes many things only by making a table anew, which its documentation wants
    done with foreign keys off (ALTER TABLE, "Making Other Kinds Of Table Schema Changes")."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys=OFF")
            connection.detach()  # it goes back to no pool
        yield connection


@contextmanager
def _copy_kept(connection: Connection, old: str | None) -> Iterator[None]:
    """A copy of an SQLite database that has a schema; gone again if the block raises."""
    if connection.dialect.name != "sqlite" or old is None:
        yield
        return
    with ExitStack() as undo:
        copy = _copy(Path(str(connection.engine.url.database)), old, undo)
        undo.callback(copy.unlink)
        yield
        undo.pop_all()


def _copy(file: Path, old: str, undo: ExitStack) -> Path:
    copy, draft = _free_name(file, old), file.with_name(f"{file.name}.{old}.bak.part")
    size = file.stat().st_size / 1e6
    undo.callback(draft.unlink, missing_ok=True)
    try:
        copy_sqlite(file, draft)
        draft.replace(copy)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(
            f"the database {file} has to be changed for this version, and a copy of it ({size:.1f} MB) could not be "
            f"put beside it first: {error}. Nothing was changed. Make room there, then start again"
        ) from error
    return copy


def _free_name(file: Path, old: str) -> Path:
    names = (f"{file.name}.{old}{number}.bak" for number in ("", *(f"-{count}" for count in range(2, 1000))))
    return next(path for name in names if not (path := file.with_name(name)).exists())


def _thin_out(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    file = Path(str(connection.engine.url.database))
    copies = sorted(file.parent.glob(f"{file.name}.*.bak"), key=lambda path: os.stat(path).st_mtime_ns)
    for copy in copies[:-KEPT]:
        copy.unlink(missing_ok=True)
