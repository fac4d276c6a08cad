"""SQLite's write-ahead log: the file keeps the size that it once grew to, until it is shortened."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from plugin.db import Database

LARGE = 16_000_000  # bytes; SQLite itself begins it anew at 4 MB, unless somebody reads for long
PATIENCE = 0.2  # seconds in which no writer gets its turn, at most


def log_size(db: Database) -> int:
    """Bytes of the log; 0: there is none, or it is another database."""
    if db.engine.dialect.name != "sqlite":
        return 0
    try:
        return Path(f"{db.engine.url.database}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def shorten_log(db: Database) -> bool:
    """Write a log that has grown large into the database and make it empty; gives whether that was done now.

    Where somebody reads just now it is left to the next time. Raises sqlite3.Error.
    """
    if log_size(db) < LARGE:
        return False
    with closing(sqlite3.connect(str(db.engine.url.database), timeout=PATIENCE, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()  # most of the work, beside the writers
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
