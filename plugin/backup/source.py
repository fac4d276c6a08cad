"""What a backup is made from: the database's state at one moment, and the files beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select, text, update

from plugin.backup.errors import BackupError
from plugin.backup.manifest import RESCUE, STORES, is_rescued, is_state
from plugin.backup.tables import copy_rows, count_rows
from plugin.db import Database
from plugin.migrations.upgrade import lay_out
from plugin.models import Picture
from plugin.schema import copy_sqlite, demand_known, revision_of

# What connectors lay down for a moment only: lock files, drafts, what belongs to an open SQLite file, bulk results.
PASSING = (".lock", ".part", ".new", ".tmp", "-wal", "-shm", "-journal")
PASSING_FOLDERS = {"bulk"}
SQLITE_FILE = b"SQLite format 3\x00"


def snapshot(db: Database, file: Path) -> None:
    """The database's state at this moment as an SQLite file of the same schema, checked, while others write.

    Raises BackupError, DatabaseError, SQLAlchemyError, sqlite3.Error, OSError.
    """
    if db.engine.dialect.name == "sqlite":
        source = Path(str(db.engine.url.database))
        if not source.is_file():
            raise BackupError(f"there is no database {source}, so there is nothing to back up")
        copy_sqlite(source, file)
    else:
        _take_rows(db, file)
    _demand_sound(file)


def _take_rows(db: Database, file: Path) -> None:
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with db.engine.connect().execution_options(**options) as source, closing(Database(f"sqlite:///{file}")) as made:
        revision = revision_of(source)
        if revision is None:
            raise BackupError(
                f"there is nothing of hebo-sync in the database {db.where}, so there is nothing to back up"
            )
        demand_known(revision)
        with made.engine.begin() as target:
            lay_out(target, revision)
            copy_rows(source, target)


def _demand_sound(file: Path) -> None:
    with closing(sqlite3.connect(file)) as copy:
        said = [row[0] for row in copy.execute("PRAGMA quick_check(1)")]
    if said != ["ok"]:
        raise BackupError(
            f"the database is damaged ({said[0]}), so no backup was made of it. Older backups are as they were: keep "
            "them. hebo-sync restore puts the last good one into an empty data folder"
        )


class Snapshot:
    """The copy of the database that a backup will hold."""

    def __init__(self, file: Path):
        self._db = Database(f"sqlite:///{file}")

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def revision(self) -> str:
        """Raises DatabaseError for a newer version's, BackupError where there is none."""
        found = self._db.revision()
        demand_known(found)
        if found is None:
            raise BackupError("the database is empty, so there is nothing to back up")
        return found

    def counts(self) -> dict[str, int]:
        with self._db.engine.connect() as connection:
            return count_rows(connection)

    def data_folder(self) -> str | None:
        with self._db.engine.connect() as connection:
            if not connection.dialect.has_table(connection, "data_folder"):
                return None
            found: str | None = connection.scalar(text("SELECT id FROM data_folder"))
            return found

    def pictures(self) -> list[tuple[str, int]]:
        """SHA-256 and size of every picture whose bytes are kept."""
        with self._db.engine.connect() as connection:
            return _pictures(connection)

    def drop(self, shas: list[str], now: datetime) -> None:
        """Note that the bytes of these pictures are not kept any more."""
        with self._db.write() as session:
            session.execute(update(Picture).where(Picture.sha.in_(shas)).values(dropped_at=now))


def still_needed(db: Database, shas: list[str]) -> list[str]:
    """Those of the pictures that the database wants to have, as it is now."""
    with db.engine.connect() as connection:
        kept = {sha for sha, _ in _pictures(connection)}
    return [sha for sha in shas if sha in kept]


def _pictures(connection: Connection) -> list[tuple[str, int]]:
    query = select(Picture.sha, Picture.size).where(Picture.dropped_at.is_(None)).order_by(Picture.sha)
    return [(sha, size) for sha, size in connection.execute(query)]


def state_files(data_dir: Path) -> Iterator[tuple[str, Path]]:
    """What connectors keep in the data folder, by its name in a backup. Raises BackupError for an impossible name."""
    for folder, folders, names in os.walk(data_dir / STORES):
        folders[:] = sorted(name for name in folders if name not in PASSING_FOLDERS and not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or name.endswith(PASSING):
                continue
            path = Path(folder) / name
            member = path.relative_to(data_dir).as_posix()
            if not is_state(member):
                raise BackupError(f"a backup cannot hold the file {path}: rename it, or move it out of the data folder")
            yield member, path


def rescued(data_dir: Path) -> dict[str, bytes]:
    """The ids of accepted tasks that the database could not take so far, by their files' names in a backup."""
    found = {}
    for path in (data_dir / RESCUE).glob("*.json"):
        name = path.relative_to(data_dir).as_posix()
        with suppress(FileNotFoundError):  # the database has it by now
            if is_rescued(name):
                found[name] = path.read_bytes()
    return found


def is_sqlite(file: Path) -> bool:
    """Raises OSError."""
    with file.open("rb") as stream:
        return stream.read(len(SQLITE_FILE)) == SQLITE_FILE
