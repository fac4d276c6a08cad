"""The store's own database: the index of the input, and the publications.

The index can be made again from the input at any time. The publications cannot: commits are durable (WAL with
synchronous=FULL).

    meta     what the index was made of, and what the output was written from
    rows     one line per row of the input: where it is, a hash, when it changed. Broken rows have a `reason`
             and a key that no product can have.
    removed  products that left the input, and when; forgotten after a while
    live     publications (see `listing.Entry`)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from connectors.types import ConnectorError

_BUSY_SECONDS = 120.0
_FIRST = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE rows (key TEXT PRIMARY KEY, position INTEGER NOT NULL, length INTEGER NOT NULL,"
    " line INTEGER NOT NULL, hash BLOB NOT NULL, changed_at INTEGER NOT NULL, pass INTEGER NOT NULL,"
    " reason TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX rows_by_position ON rows (position)",
    "CREATE TABLE live (product_id TEXT NOT NULL, key TEXT NOT NULL, filename TEXT NOT NULL, placement TEXT NOT NULL,"
    " batch INTEGER NOT NULL, seq INTEGER NOT NULL, alt TEXT NOT NULL, source TEXT NOT NULL,"
    " withdrawn INTEGER NOT NULL, PRIMARY KEY (product_id, key)) WITHOUT ROWID",
)
_SECOND = ("CREATE TABLE removed (key TEXT PRIMARY KEY, removed_at INTEGER NOT NULL) WITHOUT ROWID",)
_THIRD = ("DELETE FROM meta WHERE name = 'input'",)  # quotation marks are read by other rules: index it again
_STEPS = (_FIRST, _SECOND, _THIRD)  # from each layout to the next
VERSION = len(_STEPS)


class State:
    """Opens the database, a connection at a time."""

    def __init__(self, folder: Path):
        """folder: the store's state folder; made if it is missing."""
        self.folder = folder
        self.path = folder / "feed.sqlite3"

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection in autocommit mode. Raises ConnectorError for whatever goes wrong with the database."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConnectorError(
                f"the feed's state folder {self.folder} cannot be made: {error}", permanent=True
            ) from error
        try:
            db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            with closing(db):
                self._prepare(db)
                yield db
        except Timeout as error:
            raise ConnectorError(
                f"another process has been making the feed's state {self.path} for {_BUSY_SECONDS:.0f} s; it is tried "
                "again"
            ) from error
        except sqlite3.OperationalError as error:
            raise ConnectorError(
                f"the feed's state {self.path} cannot be used now: {error}; it is tried again"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ConnectorError(
                f"the feed's state {self.path} is damaged ({error}); put back a copy of it from a backup, since it "
                "holds which pictures are published",
                permanent=True,
            ) from error

    def _prepare(self, db: sqlite3.Connection) -> None:
        """A new state is laid out by one process at a time: SQLite does not wait while another one turns to WAL."""
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA cache_size = -4096")
        if _version(db) == VERSION:
            return
        with FileLock(self.folder / "layout.lock", timeout=_BUSY_SECONDS):
            _lay_out(db)


@contextmanager
def transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """One transaction: committed at the end, rolled back on any error."""
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def meta(db: sqlite3.Connection, name: str) -> str | None:
    """A remembered text."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(db: sqlite3.Connection, name: str, value: str | None) -> None:
    """Remembers a text (None: forgets it)."""
    if value is None:
        db.execute("DELETE FROM meta WHERE name = ?", (name,))
    else:
        db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )


def _lay_out(db: sqlite3.Connection) -> None:
    version = _version(db)
    if version == 0:
        db.execute("PRAGMA journal_mode = WAL")
    if version < VERSION:
        with transaction(db):
            for step in _STEPS[version:]:
                for statement in step:
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
    elif version > VERSION:
        raise ConnectorError(
            f"the feed's state was written by another version of hebo-sync (layout {version}, this one knows "
            f"{VERSION}); install that version again",
            permanent=True,
        )


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
