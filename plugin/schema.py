"""What is known of a database's schema and file, below `plugin.db` and the migrations, which both go by it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = "alembic_version"  # alembic's own table
COPY_WAIT = 30  # seconds that a copy waits for a writer


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


def first_line(error: Exception) -> str:
    """What went wrong, without the statement that SQLAlchemy puts below it."""
    return str(error).partition("\n")[0]


def known_revisions() -> list[str]:
    """This version's migrations, oldest first: their files are named by them."""
    return sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def demand_known(revision: str | None) -> None:
    """Raises DatabaseError for the schema of a newer version."""
    if revision is not None and revision not in known_revisions():
        raise DatabaseError(
            "the database was made by a newer hebo-sync; nothing was changed. Install that version again, or restore "
            "the backup that was made before the upgrade."
        )


def revision_of(connection: Connection) -> str | None:
    """Which migration the schema has come to; None: there is none yet. Raises SQLAlchemyError."""
    if not inspect(connection).has_table(REVISIONS):
        return None
    found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {REVISIONS}").scalar()  # noqa: S608
    return found


def copy_sqlite(source: Path, target: Path) -> None:
    """One moment's state of an SQLite database, as a file of its own, while others go on writing to it.

    target: replaced where it is there; on return it is on the disk for good. Raises sqlite3.Error, OSError.
    """
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    address = f"{source.absolute().as_uri()}?mode=rw"  # never made here
    with (
        closing(sqlite3.connect(address, uri=True, timeout=COPY_WAIT)) as here,
        closing(sqlite3.connect(target)) as there,
    ):
        there.execute("PRAGMA synchronous = OFF")
        here.backup(there)  # all pages in one step, which is one read transaction
    with target.open("rb") as file:
        os.fsync(file.fileno())
