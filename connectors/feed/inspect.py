"""What `check` says about a feed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile

from connectors.feed.images import is_path
from connectors.feed.index import rows
from connectors.feed.model import Fields
from connectors.feed.product import Listings, main_cell
from connectors.feed.publications import count_published
from connectors.feed.source import Source
from connectors.types import Product, Skipped, StoreInfo

_SAMPLE = 1000


def inspect(db: sqlite3.Connection, source: Source, listings: Listings, *, public: bool, apart: bool) -> StoreInfo:
    """Format, size, broken rows, and which public addresses are needed.

    public: whether the folder of pictures has a public address. apart: whether the output lies in another folder.
    """
    sample, skipped = _sample(db, source, listings)
    notes = [*_counts(db, source.format.name), *_broken(db), *_first_of(skipped)]
    if any(product.main_image and product.main_image.path for product in sample):
        notes.append(_LOCAL_IMAGES)
    if not public:
        notes.append(_NO_PICTURES_URL)
    lost = sum(map(_names_a_file, _all_fields(db, source))) if apart else 0
    return StoreInfo(
        name=source.label.removeprefix("the feed "),
        currency=next((product.currency for product in sample if product.currency), ""),
        version=source.format.name,
        problems=(_POINT_NOWHERE.format(lost),) if lost else (),
        notes=tuple(notes),
    )


def look_at_output(output: Path) -> tuple[list[str], list[str]]:
    """What keeps the output from being written (found out by writing a file beside it), and what should be known."""
    if output.is_dir():
        return [f"`output` is a folder ({output}); name a file."], []
    folder = next(parent for parent in output.parents if parent.exists())
    try:
        with NamedTemporaryFile(prefix=".hebo-sync-", suffix=".tmp", dir=folder):
            pass
    except OSError as error:
        return [
            f"The folder of the output, {output.parent}, cannot be written ({folder}: {error.strerror}); "
            "change its rights, or name another output."
        ], []
    if folder != output.parent:
        return [], [f"The folder of the output, {output.parent}, is not there yet and will be made."]
    return [], []


_POINT_NOWHERE = (
    "The output lies in another folder than the input, and {:,} rows name photos by relative path: these would point "
    "nowhere; put the output into the same folder, or use addresses."
)
_LOCAL_IMAGES = "Photos by path need `public_url` under [app]: the image service fetches them from there."
_NO_PICTURES_URL = (
    "`pictures_url` is not set: the output names published pictures by a path relative to itself. Set it to the "
    "address of the picture folder if whoever reads the output needs addresses (Google Merchant Center does)."
)


def _all_fields(db: sqlite3.Connection, source: Source) -> Iterator[Fields]:
    """What every whole row says, in file order."""
    for row in rows(db, None):
        if not row.reason:
            yield source.format.fields(source.read(row.position, row.length))


def _names_a_file(fields: Fields) -> bool:
    return any(map(is_path, (main_cell(fields), *fields.additional)))


def _first_of(skipped: list[Skipped]) -> list[str]:
    return [f"Not everything can be used; the first: {item.where}: {item.reason}." for item in skipped[:1]]


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


def _counts(db: sqlite3.Connection, kind: str) -> list[str]:
    count = db.execute("SELECT count(*) FROM rows WHERE reason = ''").fetchone()[0]
    ours = count_published(db)
    return [f"The feed is {kind} and has {count:,} products.", f"The output has {ours:,} published pictures."]


def _broken(db: sqlite3.Connection) -> list[str]:
    count, line = db.execute("SELECT count(*), min(line) FROM rows WHERE reason <> ''").fetchone()
    if not count:
        return []
    reason = db.execute("SELECT reason FROM rows WHERE reason <> '' ORDER BY position LIMIT 1").fetchone()[0]
    return [f"{count:,} rows cannot be read and are left out; the first: line {line} {reason}."]
