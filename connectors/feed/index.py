"""The index of the input: where each product's row is, and since when it says what it says.

A change is dated by the file's modification time, but never before the moment at which the file was last seen
without it: a reader that asks for changes since the start of its last reading misses nothing, whatever dates
the files carry, and is not told again what it has read. Removals are dated in the same way.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from connectors.feed.files import Signature
from connectors.feed.model import Record
from connectors.feed.source import Source
from connectors.feed.state import meta, set_meta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 1000
_KEEP_REMOVALS = timedelta(days=60)
_UPSERT = """
INSERT INTO rows (key, position, length, line, hash, changed_at, pass, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET position = excluded.position, length = excluded.length, line = excluded.line,
    changed_at = CASE WHEN hash = excluded.hash THEN changed_at ELSE excluded.changed_at END,
    hash = excluded.hash, pass = excluded.pass, reason = excluded.reason
WHERE pass <> excluded.pass
"""
_COLUMNS = "key, position, length, line, changed_at, reason, EXISTS (SELECT 1 FROM live WHERE product_id = rows.key)"
_Values = tuple[str, int, int, int, bytes, int, int, str]


class Row(NamedTuple):
    """One row as the index has it; `reason` is set if it is broken. changed_at: microseconds since 1970."""

    key: str
    position: int
    length: int
    line: int
    changed_at: int
    reason: str
    published: bool


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(stamp: int) -> datetime:
    """The aware UTC moment of a number of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=stamp)


def signature_text(signature: Signature | None) -> str:
    """The signature as `meta` keeps it."""
    return json.dumps(signature)


def is_current(db: sqlite3.Connection, signature: Signature) -> bool:
    """Whether the index was made from the file as it is."""
    return meta(db, "input") == signature_text(signature)


def build(db: sqlite3.Connection, source: Source, now: datetime, *, dated: bool) -> None:
    """Reads the whole feed into the index. To be called inside a transaction.

    dated: whether rows of a first reading may be dated by the file; else they count as changed now.
    Raises ConnectorError (not permanent) if the file is changed meanwhile.
    """
    number = int(meta(db, "pass") or 0) + 1
    changed_at = _change_time(db, source.signature, now, dated=dated)
    values = _values(source, number, changed_at)
    while chunk := list(islice(values, _CHUNK)):
        before = db.total_changes
        db.executemany(_UPSERT, chunk)
        if db.total_changes - before < len(chunk):
            _note_duplicates(db, chunk)
    source.demand_unchanged()
    _forget_unseen(db, number, changed_at, now)
    set_meta(db, "pass", str(number))
    set_meta(db, "newest", str(changed_at))
    set_meta(db, "input", signature_text(source.signature))
    note_seen(db, now)


def note_seen(db: sqlite3.Connection, now: datetime) -> None:
    """Remembers that the index was the file's at this moment."""
    set_meta(db, "seen_at", str(max(microseconds(now), int(meta(db, "seen_at") or 0))))


def rows(db: sqlite3.Connection, changed_since: datetime | None) -> Iterator[Row]:
    """Rows in file order: all, or those that changed after the moment."""
    since = -(2**62) if changed_since is None else microseconds(changed_since)
    if since >= int(meta(db, "newest") or 0):
        return iter(())
    query = f"SELECT {_COLUMNS} FROM rows WHERE changed_at > ? ORDER BY position"  # noqa: S608  (constants)
    return map(Row._make, db.execute(query, (since,)))


def removed(db: sqlite3.Connection, since: datetime) -> Iterator[str]:
    """The products that left the feed after the moment and are not back, by id; those of the last 60 days at least."""
    stamp = microseconds(since)
    if stamp >= int(meta(db, "newest") or 0):
        return iter(())
    query = "SELECT key FROM removed WHERE removed_at > ? ORDER BY key"
    return (key for (key,) in db.execute(query, (stamp,)))


def rows_to_write(db: sqlite3.Connection, *, everything: bool) -> Iterator[Row]:
    """Rows in file order: those with publications, or all whole ones."""
    where = "" if everything else "AND key IN (SELECT product_id FROM live)"
    query = f"SELECT {_COLUMNS} FROM rows WHERE reason = '' {where} ORDER BY position"  # noqa: S608  (constants)
    return map(Row._make, db.execute(query))


def find(db: sqlite3.Connection, product_id: str) -> Row | None:
    """The row of a product."""
    query = f"SELECT {_COLUMNS} FROM rows WHERE key = ? AND reason = ''"  # noqa: S608  (constants)
    row = db.execute(query, (product_id,)).fetchone()
    return None if row is None else Row._make(row)


def _forget_unseen(db: sqlite3.Connection, number: int, changed_at: int, now: datetime) -> None:
    """Drops the rows that this pass did not meet and remembers their products as removed; one that is back is not.

    Old removals go before the new ones come: these may be dated far back, and must be told at least once.
    """
    db.execute("DELETE FROM removed WHERE removed_at < ?", (microseconds(now - _KEEP_REMOVALS),))
    db.execute(
        "DELETE FROM removed WHERE EXISTS (SELECT 1 FROM rows WHERE rows.key = removed.key AND pass = ?)", (number,)
    )
    left = "SELECT key, ? FROM rows WHERE pass <> ? AND reason = ''"
    db.execute(f"INSERT OR REPLACE INTO removed (key, removed_at) {left}", (changed_at, number))
    db.execute("DELETE FROM rows WHERE pass <> ?", (number,))


def _values(source: Source, number: int, changed_at: int) -> Iterator[_Values]:
    digest = source.format.digest
    for record in source.format.records(source.stream):
        offset, length, line, key, reason, raw = record
        if reason:
            yield _broken(record, reason, changed_at, number)
        else:
            hashed = blake2b(raw, digest_size=16, key=digest).digest()
            yield key, offset, length, line, hashed, changed_at, number, ""


def _broken(record: Record, reason: str, changed_at: int, number: int) -> _Values:
    """A broken row, under a key that no product can have."""
    hashed = blake2b(record.raw + reason.encode(), digest_size=16).digest()
    return f"\0{record.line}", record.offset, record.length, record.line, hashed, changed_at, number, reason


def _note_duplicates(db: sqlite3.Connection, chunk: list[_Values]) -> None:
    for key, position, length, line, hashed, changed_at, number, _ in chunk:
        first = db.execute("SELECT position, line FROM rows WHERE key = ?", (key,)).fetchone()
        if first[0] != position:
            reason = f"has the id {key}, which line {first[1]} has already; the first one counts"
            db.execute(_UPSERT, (f"\0{line}", position, length, line, hashed, changed_at, number, reason))


def _change_time(db: sqlite3.Connection, signature: Signature, now: datetime, *, dated: bool) -> int:
    seen = meta(db, "seen_at")
    if seen is None and not dated:
        return microseconds(now)
    written = min(microseconds(now), signature[0] // 1000)
    return written if seen is None else max(written, int(seen) + 1)
