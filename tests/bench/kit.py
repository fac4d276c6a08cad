"""What the benchmarks share: settings, rows put into the database in bulk, feeds, pictures."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image
from sqlalchemy import insert
from sqlalchemy.orm import Session

from plugin import open_parts
from plugin.config import load_settings
from plugin.models import Base, Product, Round, Store
from plugin.pipeline.parts import Parts, Policy
from plugin.states import ProductState

COLUMNS = ("id", "title", "description", "link", "image_link", "additional_image_link", "price", "brand")
KINDS = ("tsv", "csv", "xml")
INSERT_AT_ONCE = 5000


@contextmanager
def bench_parts(folder: Path, config: str) -> Iterator[Parts]:
    """The application's real parts on a folder of their own. config: the text of config.toml."""
    path = folder / "config.toml"
    path.write_text(config, encoding="utf-8")
    policy = Policy(approve_all=True, unattended=True)
    with open_parts(load_settings(path, {}), policy=policy) as parts:
        yield parts


def quoted(value: object) -> str:
    """A TOML string."""
    return json.dumps(str(value), ensure_ascii=False)


def put(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows, past the ORM."""
    for start in range(0, len(rows), INSERT_AT_ONCE):
        session.execute(insert(model), list(rows[start : start + INSERT_AT_ONCE]))


def put_store(session: Session, now: datetime) -> Store:
    """A store that the configuration does not know."""
    store = Store(name="bench", kind="feed", provisioned=False, created_at=now)
    session.add(store)
    session.flush()
    return store


def reference_sha(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def product_row(number: int, store_id: int, now: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "store_id": store_id,
        "external_id": f"P{number}",
        "unit": f"P{number}",
        "title": f"Stoneware mug no. {number}",
        "facts": {"title": f"Stoneware mug no. {number}", "vendor": "Kilnhouse", "kind": "Mugs"},
        "reference_sha": reference_sha(number),
        "state": ProductState.READY,
        "seen_at": now,
        "created_at": now,
    }


def round_row(number: int, store_id: int, now: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "store_id": store_id,
        "reference_sha": reference_sha(number),
        "pack": "main-image",
        "language": "en",
        "decided_at": now,
        "created_at": now,
    }


def put_products(session: Session, store_id: int, count: int, now: datetime) -> None:
    """`count` products with ids 1..count (in the store: P1..), and a round for each."""
    numbers = range(1, count + 1)
    put(session, Product, [product_row(number, store_id, now) for number in numbers])
    put(session, Round, [round_row(number, store_id, now) for number in numbers])


def key(number: int) -> str:
    """A picture's key, in the form of `connectors.types.KEY_PATTERN`."""
    return "hs-" + base64.b32encode(hashlib.sha256(b"key %d" % number).digest()[:20]).decode().lower()[:26]


def picture(number: int, side: int = 320) -> bytes:
    """A PNG of two flat colours, another one for each number."""
    image = Image.new("RGB", (side, side), (number % 256, number // 256 % 256, 200))
    image.paste((250, 250, 245), (side // 4, side // 4, side // 2, side // 2 + number % 50))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def write_feed(path: Path, count: int, image: str = "https://shop.example/pictures/{number}.jpg") -> Path:
    """A feed of `count` products P1.., in the format of its ending (tsv, csv, xml)."""
    rows = (_cells(number, image) for number in range(1, count + 1))
    if path.suffix == ".xml":
        _write_xml(path, rows)
        return path
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",", lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


def _cells(number: int, image: str) -> tuple[str, ...]:
    return (
        f"P{number}",
        f"Stoneware mug no. {number}",
        f"Hand-thrown mug, 350 ml, dishwasher safe; glaze {number % 97}, batch {number // 97}. " * 2,
        f"https://shop.example/products/{number}",
        image.format(number=number),
        f"https://shop.example/pictures/{number}-side.jpg",
        f"{10 + number % 90}.50 EUR",
        "Kilnhouse",
    )


def _write_xml(path: Path, rows: Iterator[tuple[str, ...]]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        file.write('<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Bench</title>\n')
        for row in rows:
            cells = zip(COLUMNS, row, strict=True)
            inner = "".join(f"<g:{name}>{escape(value)}</g:{name}>" for name, value in cells)
            file.write(f"<item>{inner}</item>\n")
        file.write("</channel></rss>\n")


def utc_now() -> datetime:
    return datetime.now(UTC)
