"""What the reading of a shop's catalogue keeps between runs; see `state` for the journal of writes.

    bulk      purpose → the bulk operation that was started for it, until its result has been read to the end
    waiting   products whose first image was still being processed, and when they were asked for last

What is read is given before it is stored by whoever reads, and a reading may be cut off. So a product that does not
wait any more is not forgotten at once, but marked with the moment that the reading counted from: a later reading that
counts from a later moment shows that this one came to its end.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.state import StateFile, moment, stamp

_LAYOUT = (
    "CREATE TABLE bulk (home TEXT NOT NULL, purpose TEXT NOT NULL, query TEXT NOT NULL, since INTEGER,"
    " operation TEXT NOT NULL, started_at INTEGER NOT NULL, PRIMARY KEY (home, purpose)) WITHOUT ROWID",
    "CREATE TABLE waiting (home TEXT NOT NULL, product INTEGER NOT NULL, asked_at INTEGER NOT NULL,"
    " settled INTEGER, PRIMARY KEY (home, product)) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Started:
    """A bulk operation of ours. query: what it was started with. since: what changed since then, it was asked for.

    operation: its gid; "": Shopify's answer is not known. started_at: when it was asked for. Times are aware UTC.
    """

    query: str
    since: datetime | None
    operation: str
    started_at: datetime


class ReadingState:
    """The notes about one shop. Every method raises ConnectorError if the file cannot be used."""

    def __init__(self, folder: Path, home: str):
        """folder: the store's state folder, made when it is needed. home: names the shop; all notes are its."""
        self._file = StateFile(folder, "shopify-reading.sqlite3", [_LAYOUT])
        self._home = home

    def note_bulk(self, purpose: str, started: Started) -> None:
        """The operation is about to be started, or was."""
        since = None if started.since is None else stamp(started.since)
        row = (self._home, purpose, started.query, since, started.operation, stamp(started.started_at))
        with self._file.opened() as db:
            db.execute("INSERT OR REPLACE INTO bulk VALUES (?, ?, ?, ?, ?, ?)", row)

    def bulk(self, purpose: str) -> Started | None:
        """The operation that was started last for this purpose, and whose result was not read to its end."""
        sql = "SELECT query, since, operation, started_at FROM bulk WHERE home = ? AND purpose = ?"
        with self._file.opened() as db:
            row = db.execute(sql, (self._home, purpose)).fetchone()
        if row is None:
            return None
        return Started(row[0], None if row[1] is None else moment(row[1]), row[2], moment(row[3]))

    def forget_bulk(self, purpose: str) -> None:
        """Its result was read, or is not wanted any more."""
        with self._file.opened() as db:
            db.execute("DELETE FROM bulk WHERE home = ? AND purpose = ?", (self._home, purpose))

    def waiting(self, since: datetime | None) -> list[int]:
        """The products that a reading from that moment on (None: of everything) has to look at again, the one that
        was asked for longest ago first. Those are forgotten that a reading settled which came to its end."""
        with self._file.transaction() as db:
            if since is not None:
                ended = "DELETE FROM waiting WHERE home = ? AND settled < ?"
                db.execute(ended, (self._home, stamp(since)))
            found = "SELECT product FROM waiting WHERE home = ? ORDER BY asked_at, product"
            return [product for (product,) in db.execute(found, (self._home,))]

    def note_waiting(self, waiting: Collection[int], now: datetime) -> None:
        """These wait (still). Nothing is written where there are none."""
        rows = [(self._home, product, stamp(now)) for product in waiting]
        if rows:
            with self._file.transaction() as db:
                db.executemany("INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, NULL)", rows)

    def note_settled(self, products: Collection[int], since: datetime | None) -> None:
        """A reading from that moment on (None: of everything) gave these as they are. Nothing is written where there
        are none."""
        if products:
            with self._file.opened() as db:
                db.execute(
                    "UPDATE waiting SET settled = ? WHERE home = ? AND product IN (SELECT value FROM json_each(?))",
                    (0 if since is None else stamp(since), self._home, json.dumps(list(products))),
                )
