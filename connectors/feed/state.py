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
from contextlib import contextmanager
from pathlib import Path

from connectors.state import StateFile

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
        self._file = StateFile(folder, "feed.sqlite3", _STEPS, wal=True)

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection in autocommit mode. Raises ConnectorError for whatever goes wrong with the database."""
        with self._file.opened() as db:
            db.execute("PRAGMA cache_size = -4096")
            yield db


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
