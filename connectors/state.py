"""A connector's own small database in its state folder, kept between runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from connectors.types import ConnectorError

BUSY_SECONDS = 120.0
SYNCHRONOUS = "FULL"  # a commit outlives a power cut
_LOCK = "layout.lock"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StateFile:
    """Opens the database, a connection at a time. Safe across threads and processes; commits are durable
    (synchronous=FULL).

    Whatever goes wrong with the file is a ConnectorError: permanent where it does not pass by itself.
    """

    def __init__(self, folder: Path, name: str, steps: Sequence[Sequence[str]], *, wal: bool = False):
        """folder: the store's state folder, made when it is needed. name: the file's.

        steps: SQL statements that lead from each layout to the next, the first one from nothing; steps are only ever
        added. wal: write-ahead log, for a database that is read while it is written.
        """
        self.folder, self.path = folder, folder / name
        self.version = len(steps)
        self._steps, self._wal = steps, wal

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A connection in autocommit mode, laid out as this version wants it."""
        self._make_folder()
        try:
            db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            with closing(db):
                self._prepare(db)
                yield db
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):  # a mistake of ours, not of the file
            raise
        except sqlite3.OperationalError as error:
            raise ConnectorError(
                f"the store's state {self.path} cannot be used now: {error}; it is tried again"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ConnectorError(
                f"the store's state {self.path} is damaged ({error}); put back a copy of it from a backup, since it "
                "holds what is known nowhere else: what is published, and which writes may still be under way",
                permanent=True,
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed at the end, rolled back on any error."""
        with self.opened() as db, transaction(db):
            yield db

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConnectorError(
                f"the store's state folder {self.folder} cannot be made: {error.strerror or error}", permanent=True
            ) from error

    def _prepare(self, db: sqlite3.Connection) -> None:
        """A new state is laid out by one process at a time: SQLite does not wait while another one turns to WAL."""
        db.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        if _version(db) == self.version:
            return
        try:
            with FileLock(self.folder / _LOCK, timeout=BUSY_SECONDS):
                self._lay_out(db)
        except Timeout as error:
            raise ConnectorError(
                f"another process has been making the store's state {self.path} for {BUSY_SECONDS:.0f} s; it is tried "
                "again"
            ) from error

    def _lay_out(self, db: sqlite3.Connection) -> None:
        version = _version(db)
        if version > self.version:
            raise ConnectorError(
                f"the store's state {self.path} was written by another version of hebo-sync (layout {version}, this "
                f"one knows {self.version}); install that version again",
                permanent=True,
            )
        if self._wal and version == 0:
            db.execute("PRAGMA journal_mode = WAL")
        with transaction(db):
            for step in self._steps[version:]:
                for statement in step:
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {self.version}")


@contextmanager
def transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """One transaction: committed at the end, rolled back on any error. kind: as SQLite's BEGIN has it."""
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def stamp(time: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """The time of a `stamp`, aware UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
