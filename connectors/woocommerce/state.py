"""What is kept of a store between runs: the journal of writes, its main images, its currency.

Every row is bound to the store's address, so that a configuration that is pointed elsewhere never uses what belongs
to the store before. Each method is one short transaction, durable when it returns (synchronous=FULL), and safe across
threads and processes.

    meta         the currency, as the store told it; writes that were never answered, nor seen
    main_images  product → the picture that is known to be its main one (not just the first of its gallery)
    uploads      pictures that were sent to the library, or that it may have fetched, without an answer that we know
    fetches      product → keys that the store was told to fetch, and when; gone once the answer is known
    pictures     files in the store's library that carry a key of ours, as far as we have seen them
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.state import StateFile, moment, stamp
from connectors.types import StoredPicture

_LAYOUT = (
    "CREATE TABLE meta (home TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (home, name)) WITHOUT ROWID",
    "CREATE TABLE main_images (home TEXT NOT NULL, product INTEGER NOT NULL, image INTEGER NOT NULL,"
    " PRIMARY KEY (home, product)) WITHOUT ROWID",
    "CREATE TABLE uploads (home TEXT NOT NULL, key TEXT NOT NULL, sent_at INTEGER NOT NULL,"
    " PRIMARY KEY (home, key)) WITHOUT ROWID",
    "CREATE TABLE fetches (home TEXT NOT NULL, product INTEGER NOT NULL, keys TEXT NOT NULL,"
    " sent_at INTEGER NOT NULL, PRIMARY KEY (home, product)) WITHOUT ROWID",
    "CREATE TABLE pictures (home TEXT NOT NULL, media INTEGER NOT NULL, key TEXT NOT NULL, url TEXT NOT NULL,"
    " noted_at INTEGER NOT NULL, PRIMARY KEY (home, media)) WITHOUT ROWID",
    "CREATE INDEX pictures_by_key ON pictures (home, key)",
)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Keys that the store was told to fetch for one product, without an answer so far. `sent_at` is aware UTC."""

    keys: frozenset[str]
    sent_at: datetime


class State:
    """The notes about one store. Every method raises ConnectorError if the file cannot be used."""

    def __init__(self, folder: Path, home: str):
        """folder: the store's state folder, made when it is needed. home: the store's address; all notes are its."""
        self._file = StateFile(folder, "woocommerce.sqlite3", [_LAYOUT])
        self._home = home

    def main_images(self, product_ids: Collection[int]) -> dict[int, int]:
        """The known main image of each of these products; products of which none is known are left out."""
        wanted = json.dumps(list(product_ids))
        sql = "SELECT product, image FROM main_images WHERE home = ? AND product IN (SELECT value FROM json_each(?))"
        with self._file.opened() as db:
            return dict(db.execute(sql, (self._home, wanted)))

    def note_main_images(self, images: Mapping[int, int]) -> None:
        """Remember that these are main images: product → image. Nothing is written where it is known already."""
        known = self.main_images(images.keys())
        news = [(self._home, product, image) for product, image in images.items() if known.get(product) != image]
        if news:
            with self._file.transaction() as db:
                db.executemany("INSERT OR REPLACE INTO main_images VALUES (?, ?, ?)", news)

    def currency(self) -> str | None:
        """The currency that was noted."""
        with self._file.opened() as db:
            row = db.execute("SELECT value FROM meta WHERE home = ? AND name = 'currency'", (self._home,)).fetchone()
        return None if row is None else str(row[0])

    def note_currency(self, currency: str) -> None:
        """Remember the store's currency (ISO 4217)."""
        with self._file.opened() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, 'currency', ?)", (self._home, currency))

    def note_upload(self, key: str, sent_at: datetime) -> None:
        """The picture is about to be sent to the library."""
        with self._file.opened() as db:
            db.execute("INSERT OR REPLACE INTO uploads VALUES (?, ?, ?)", (self._home, key, stamp(sent_at)))

    def uploads_sent(self, keys: Collection[str]) -> dict[str, datetime]:
        """Which of these pictures were sent to the library, and when, without an answer that we know."""
        sql = "SELECT key, sent_at FROM uploads WHERE home = ? AND key IN (SELECT value FROM json_each(?))"
        with self._file.opened() as db:
            rows = db.execute(sql, (self._home, json.dumps(list(keys)))).fetchall()
        return {key: moment(sent_at) for key, sent_at in rows}

    def forget_upload(self, key: str) -> None:
        """The store answered: it did not take the picture, or nothing was sent."""
        with self._file.opened() as db:
            db.execute("DELETE FROM uploads WHERE home = ? AND key = ?", (self._home, key))

    def note_fetch(self, product: int, keys: Collection[str], sent_at: datetime) -> None:
        """The store is about to be told to fetch these pictures for the product."""
        row = (self._home, product, json.dumps(sorted(keys)), stamp(sent_at))
        with self._file.opened() as db:
            db.execute("INSERT OR REPLACE INTO fetches VALUES (?, ?, ?, ?)", row)

    def fetch(self, product: int) -> Fetch | None:
        """What the store may still be fetching for the product."""
        with self._file.opened() as db:
            row = db.execute(
                "SELECT keys, sent_at FROM fetches WHERE home = ? AND product = ?", (self._home, product)
            ).fetchone()
        return None if row is None else Fetch(frozenset(json.loads(row[0])), moment(row[1]))

    def forget_fetch(self, product: int, *, lost: datetime | None = None) -> None:
        """The store has finished with what it was told to fetch for the product.

        lost: when it was told, if the product does not show it: it may be in the library all the same, like what was
        sent to it without an answer.
        """
        where = "WHERE home = ? AND product = ?"
        values = (self._home, product)
        with self._file.transaction() as db:
            if lost is not None:
                sent = f"SELECT home, value, ? FROM fetches, json_each(keys) {where}"  # noqa: S608 - no outside text
                db.execute(f"INSERT OR REPLACE INTO uploads {sent}", (stamp(lost), *values))
            db.execute(f"DELETE FROM fetches {where}", values)  # noqa: S608 - as above

    def note_lost_write(self, product: int, sent_at: datetime) -> None:
        """A write to the product was not answered, and is not seen so far: the store may still carry it out."""
        row = (self._home, f"lost write {product}", str(stamp(sent_at)))
        with self._file.opened() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", row)

    def forget_lost_write(self, product: int) -> None:
        """It was seen: the store has carried it out."""
        with self._file.opened() as db:
            db.execute("DELETE FROM meta WHERE home = ? AND name = ?", (self._home, f"lost write {product}"))

    def lost_write(self, product: int) -> datetime | None:
        """When the latest such write to the product was sent."""
        sql = "SELECT value FROM meta WHERE home = ? AND name = ?"
        with self._file.opened() as db:
            row = db.execute(sql, (self._home, f"lost write {product}")).fetchone()
        return None if row is None else moment(int(row[0]))

    def note_pictures(self, pictures: Iterable[StoredPicture], now: datetime) -> None:
        """These files are in the store's library. What was sent to it under their keys has arrived."""
        rows = [(self._home, int(one.id), one.key, one.url, stamp(one.since or now)) for one in pictures]
        with self._file.transaction() as db:
            db.executemany(
                "INSERT INTO pictures VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (home, media) DO UPDATE SET key = excluded.key, url = excluded.url",
                rows,
            )
            db.executemany("DELETE FROM uploads WHERE home = ? AND key = ?", [(row[0], row[2]) for row in rows])

    def pictures(self, keys: Collection[str] | None = None) -> list[StoredPicture]:
        """The files of ours that were seen in the library, oldest first; of these keys only, or all."""
        sql = "SELECT media, key, url, noted_at FROM pictures WHERE home = ?"
        values = [self._home]
        if keys is not None:
            sql += " AND key IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(list(keys)))
        with self._file.opened() as db:
            rows = db.execute(sql + " ORDER BY media", values).fetchall()
        return [
            StoredPicture(str(media), key, url.rpartition("/")[2], url, moment(noted))
            for media, key, url, noted in rows
        ]

    def forget_picture(self, media: int) -> None:
        """The file is not in the library any more."""
        with self._file.opened() as db:
            db.execute("DELETE FROM pictures WHERE home = ? AND media = ?", (self._home, media))
