"""What is kept of a shop between runs: the journal of writes.

Every row is bound to the shop, so that a configuration that is pointed elsewhere never uses what belongs to the shop
before. Each method is one short transaction, durable when it returns (synchronous=FULL), and safe across threads and
processes.

    files        pictures of ours on their way into the shop's files, and those that are there: one row for each key
    lost_writes  product → when a write to it was sent that was never answered, nor seen
    swaps        variants whose media is being exchanged, and what they showed: between two calls they have none
    placings     pictures that were put on a product, wherever the shop puts them, and not moved to their place so far
    worn         what variants showed before any picture of ours
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from connectors.state import StateFile, moment, stamp
from connectors.types import StoredPicture

_LAYOUT = (
    "CREATE TABLE files (home TEXT NOT NULL, key TEXT NOT NULL, filename TEXT NOT NULL, source TEXT NOT NULL,"
    " sent_at INTEGER, media TEXT NOT NULL, url TEXT NOT NULL, noted_at INTEGER NOT NULL,"
    " PRIMARY KEY (home, key)) WITHOUT ROWID",
    "CREATE INDEX files_by_media ON files (home, media)",
    "CREATE INDEX files_by_time ON files (home, noted_at)",
    "CREATE INDEX uploads_by_time ON files (home, noted_at) WHERE media = ''",
    "CREATE TABLE lost_writes (home TEXT NOT NULL, product INTEGER NOT NULL, sent_at INTEGER NOT NULL,"
    " PRIMARY KEY (home, product)) WITHOUT ROWID",
    "CREATE TABLE swaps (home TEXT NOT NULL, product INTEGER NOT NULL, variant TEXT NOT NULL, old TEXT NOT NULL,"
    " PRIMARY KEY (home, product, variant)) WITHOUT ROWID",
    "CREATE TABLE placings (home TEXT NOT NULL, product INTEGER NOT NULL, key TEXT NOT NULL,"
    " PRIMARY KEY (home, product, key)) WITHOUT ROWID",
)
_WORN = (
    "CREATE TABLE worn (home TEXT NOT NULL, product INTEGER NOT NULL, variant TEXT NOT NULL, media TEXT NOT NULL,"
    " PRIMARY KEY (home, product, variant)) WITHOUT ROWID",
)
_PRUNING = (  # it must not walk over what is never pruned
    "DROP INDEX files_by_time",
    "DROP INDEX uploads_by_time",
    "CREATE INDEX never_ready_by_time ON files (home, noted_at) WHERE url = ''",
)
_UPLOAD_KEPT = timedelta(days=30)  # far longer than the search over files needs to know a new one
_FILE_KEPT = timedelta(days=365)
_COLUMNS = "key, filename, source, sent_at, media, url, noted_at"


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture of ours on its way into the shop's files. Times are aware UTC.

    filename: as it was sent first; it is what a second attempt is recognised by. source: the address of the staged
    bytes ("": none are). sent_at: when the shop was first told to make a file of them (None: not yet). media: the
    file's gid, once it is known. noted_at: when the bytes were staged, or the file was seen last.
    """

    key: str
    filename: str
    source: str
    sent_at: datetime | None
    media: str
    url: str
    noted_at: datetime


class State:
    """The notes about one shop. Every method raises ConnectorError if the file cannot be used."""

    def __init__(self, folder: Path, home: str):
        """folder: the store's state folder, made when it is needed. home: names the shop; all notes are its."""
        self._file = StateFile(folder, "shopify.sqlite3", [_LAYOUT, _WORN, _PRUNING])
        self._home = home

    # Files

    def uploads(self, keys: Collection[str]) -> dict[str, Upload]:
        """What is known of these pictures, by key; those of which nothing is known are left out."""
        sql = f"SELECT {_COLUMNS} FROM files WHERE home = ? AND key IN (SELECT value FROM json_each(?))"  # noqa: S608 - no outside text
        with self._file.opened() as db:
            rows = db.execute(sql, (self._home, json.dumps(list(keys)))).fetchall()
        return {row[0]: _upload(*row) for row in rows}

    def note_staged(self, key: str, filename: str, source: str, now: datetime) -> None:
        """The picture's bytes are staged, under this address."""
        with self._file.opened() as db:
            db.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, NULL, '', '', ?) ON CONFLICT (home, key)"
                " DO UPDATE SET source = excluded.source, noted_at = excluded.noted_at",
                (self._home, key, filename, source, stamp(now)),
            )

    def note_sent(self, keys: Iterable[str], now: datetime) -> None:
        """The shop is about to be told to make files of these pictures, which are staged."""
        rows = [(stamp(now), self._home, key) for key in keys]
        with self._file.transaction() as db:
            db.executemany("UPDATE files SET sent_at = coalesce(sent_at, ?) WHERE home = ? AND key = ?", rows)

    def note_files(self, files: Iterable[StoredPicture], now: datetime) -> None:
        """These pictures are files of the shop's by now. An address that was known stays where none is given."""
        at = stamp(now)
        rows = [(self._home, one.key, one.name, at, one.id, one.url, at) for one in files]
        if not rows:
            return
        with self._file.transaction() as db:
            db.executemany(
                "INSERT INTO files VALUES (?, ?, ?, '', ?, ?, ?, ?) ON CONFLICT (home, key) DO UPDATE SET source = '',"
                " url = CASE WHEN excluded.url != '' OR media != excluded.media THEN excluded.url ELSE url END,"
                " media = excluded.media, noted_at = excluded.noted_at",
                rows,
            )

    def files(self) -> list[StoredPicture]:
        """The files of ours that we know of."""
        sql = f"SELECT {_COLUMNS} FROM files WHERE home = ? AND media != '' ORDER BY noted_at, key"  # noqa: S608 - as above
        with self._file.opened() as db:
            found = [_upload(*row) for row in db.execute(sql, (self._home,))]
        return [StoredPicture(one.media, one.key, one.filename, one.url, one.noted_at) for one in found]

    def unanswered(self) -> list[Upload]:
        """The pictures that the shop was told to make files of, without an answer that we know."""
        sql = f"SELECT {_COLUMNS} FROM files WHERE home = ? AND media = '' AND sent_at IS NOT NULL"  # noqa: S608 - as above
        with self._file.opened() as db:
            return [_upload(*row) for row in db.execute(sql, (self._home,))]

    def urls(self, media: Collection[str]) -> dict[str, str]:
        """The addresses that those of these files that are ours had when they were READY, by gid.

        A reading asks for all that it meets: SQLite would go through all files of ours each time, if it was not told.
        """
        sql = (
            "SELECT media, url FROM files INDEXED BY files_by_media"
            " WHERE home = ? AND url != '' AND media IN (SELECT value FROM json_each(?))"
        )
        if not media:
            return {}
        with self._file.opened() as db:
            return dict(db.execute(sql, (self._home, json.dumps(list(media)))))

    def forget_upload(self, key: str) -> None:
        """Nothing is on its way, and no file is there."""
        with self._file.opened() as db:
            db.execute("DELETE FROM files WHERE home = ? AND key = ?", (self._home, key))

    def forget_files(self, media: Iterable[str]) -> None:
        """These files are not the shop's any more."""
        with self._file.transaction() as db:
            db.executemany(
                "DELETE FROM files INDEXED BY files_by_media WHERE home = ? AND media = ?",
                [(self._home, one) for one in media],
            )

    def prune(self, now: datetime) -> None:
        """Forget what is too old to matter: uploads that came to nothing, and files that never were shown.

        A file that was READY stays known: somebody may rename it, and only its gid tells then that it is ours.
        """
        old = "DELETE FROM files WHERE home = ? AND noted_at < ? AND url = ''"
        with self._file.opened() as db:
            db.execute(f"{old} AND media = ''", (self._home, stamp(now - _UPLOAD_KEPT)))
            db.execute(old, (self._home, stamp(now - _FILE_KEPT)))

    # Products

    def note_lost_write(self, product: int, sent_at: datetime) -> None:
        """A write to the product was not answered, and is not seen so far: the shop may still carry it out."""
        with self._file.opened() as db:
            db.execute("INSERT OR REPLACE INTO lost_writes VALUES (?, ?, ?)", (self._home, product, stamp(sent_at)))

    def forget_lost_write(self, product: int) -> None:
        """It was seen: the shop has carried it out."""
        with self._file.opened() as db:
            db.execute("DELETE FROM lost_writes WHERE home = ? AND product = ?", (self._home, product))

    def lost_write(self, product: int) -> datetime | None:
        """When the latest such write to the product was sent."""
        sql = "SELECT sent_at FROM lost_writes WHERE home = ? AND product = ?"
        with self._file.opened() as db:
            row = db.execute(sql, (self._home, product)).fetchone()
        return None if row is None else moment(row[0])

    def note_swaps(self, product: int, olds: Mapping[str, str]) -> None:
        """These variants of the product are about to be given another media: gid → the one that they show.

        What was noted before stays: an exchange that stopped half-way is what a variant shows nothing by.
        """
        rows = [(self._home, product, variant, old) for variant, old in olds.items()]
        with self._file.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO swaps VALUES (?, ?, ?, ?)", rows)

    def swaps(self, product: int) -> dict[str, str]:
        """The exchanges at variants of the product that may have stopped half-way: variant → what it showed before."""
        sql = "SELECT variant, old FROM swaps WHERE home = ? AND product = ?"
        with self._file.opened() as db:
            return dict(db.execute(sql, (self._home, product)))

    def forget_swaps(self, product: int, variants: Iterable[str]) -> None:
        """These variants have their media."""
        rows = [(self._home, product, variant) for variant in variants]
        with self._file.transaction() as db:
            db.executemany("DELETE FROM swaps WHERE home = ? AND product = ? AND variant = ?", rows)

    def note_worn(self, product: int, media: Mapping[str, str]) -> None:
        """These variants of the product are about to be given a picture of ours: gid → what they show, none of ours."""
        rows = [(self._home, product, variant, shown) for variant, shown in media.items()]
        with self._file.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO worn VALUES (?, ?, ?, ?)", rows)

    def worn(self, product: int) -> dict[str, str]:
        """What variants of the product showed before any picture of ours: variant → media."""
        sql = "SELECT variant, media FROM worn WHERE home = ? AND product = ?"
        with self._file.opened() as db:
            return dict(db.execute(sql, (self._home, product)))

    def note_placings(self, product: int, keys: Iterable[str]) -> None:
        """These pictures are about to be put on the product."""
        rows = [(self._home, product, key) for key in keys]
        with self._file.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO placings VALUES (?, ?, ?)", rows)

    def placings(self, product: int) -> frozenset[str]:
        """The pictures that are not known to stand at their place on the product."""
        sql = "SELECT key FROM placings WHERE home = ? AND product = ?"
        with self._file.opened() as db:
            return frozenset(key for (key,) in db.execute(sql, (self._home, product)))

    def forget_placings(self, product: int, keys: Iterable[str]) -> None:
        """These stand at their place, or are off the product."""
        rows = [(self._home, product, key) for key in keys]
        if not rows:
            return
        with self._file.transaction() as db:
            db.executemany("DELETE FROM placings WHERE home = ? AND product = ? AND key = ?", rows)


def _upload(key: str, filename: str, source: str, sent_at: int | None, media: str, url: str, noted_at: int) -> Upload:
    sent = None if sent_at is None else moment(sent_at)
    return Upload(key, filename, source, sent, media, url, moment(noted_at))
