"""What `check` says about a feed."""

from __future__ import annotations

import os
import sqlite3
from itertools import islice
from pathlib import Path

from connectors.feed.index import rows
from connectors.feed.product import Listings
from connectors.feed.publications import count_published
from connectors.feed.source import Source
from connectors.types import Product, Skipped, StoreInfo

_SAMPLE = 1000


def inspect(db: sqlite3.Connection, source: Source, listings: Listings, output: Path, *, public: bool) -> StoreInfo:
    """Format, size, broken rows, whether the output can be written, and which public addresses are needed.

    public: whether the folder of pictures has a public address.
    """
    sample, skipped = _sample(db, source, listings)
    notes = [_counts(db, source.format.name), *_broken(db), *(f"{item.where}: {item.reason}" for item in skipped[:1])]
    if any(product.main_image and product.main_image.path for product in sample):
        notes.append(_LOCAL_IMAGES)
    if not public:
        notes.append(_NO_PICTURES_URL)
    problem = _not_writable(output)
    return StoreInfo(
        name=source.label.removeprefix("the feed "),
        currency=next((product.currency for product in sample if product.currency), ""),
        version=source.format.name,
        problems=(problem,) if problem else (),
        notes=tuple(notes),
    )


_LOCAL_IMAGES = (
    "The feed names pictures by file: the image service fetches them from this program, so its public URL must be set."
)
_NO_PICTURES_URL = (
    "`pictures_url` is not set: the output names published pictures by a path relative to itself. Set it to the "
    "address of the picture folder if whoever reads the output needs addresses (Google Merchant Center does)."
)


def _sample(db: sqlite3.Connection, source: Source, listings: Listings) -> tuple[list[Product], list[Skipped]]:
    """What the first rows give."""
    products: list[Product] = []
    skipped: list[Skipped] = []
    for row in islice((row for row in rows(db, None) if not row.reason), _SAMPLE):
        for item in listings.read(row, source.format.fields(source.read(row.position, row.length)), ()):
            if isinstance(item, Product):
                products.append(item)
            else:
                skipped.append(item)
    return products, skipped


def _counts(db: sqlite3.Connection, kind: str) -> str:
    count = db.execute("SELECT count(*) FROM rows WHERE reason = ''").fetchone()[0]
    return f"{kind} feed with {count:,} products; {count_published(db):,} pictures of ours are published in the output."


def _broken(db: sqlite3.Connection) -> list[str]:
    count, line = db.execute("SELECT count(*), min(line) FROM rows WHERE reason <> ''").fetchone()
    if not count:
        return []
    reason = db.execute("SELECT reason FROM rows WHERE reason <> '' ORDER BY position LIMIT 1").fetchone()[0]
    return [f"{count:,} rows cannot be read and are left out; the first: line {line} {reason}."]


def _not_writable(output: Path) -> str:
    """What keeps the output from being written, or an empty text."""
    if output.is_dir():
        return f"`output` is a folder ({output}); name a file."
    folder = next(parent for parent in output.parents if parent.exists())
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return ""
    return f"The folder of the output, {output.parent}, cannot be written; change its rights, or name another output."
