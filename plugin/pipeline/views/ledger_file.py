"""The ledger as a CSV file for accounts: one line for each move, which never changes once it is written.

entry: its number. date: the day of the move, in the time zone of the store or the app; time_utc: the moment. task: our
number; service_task: the image service's, if it ever told. images: how many moved, from where and to where; said_by: on
whose word. For each place where images can lie there is the change that the move made, so that the sum of such a column
is what lies there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, tuple_

from plugin.db import Database
from plugin.ledger import Bucket, Said
from plugin.models import GenerationTask, LedgerEntry, Product, Store
from plugin.pipeline.views.ledger import EVER, SAID_BY, Span, made_in

BOM = "\ufeff"  # Excel takes the file for UTF-8 by it
PAGE = 5_000  # lines that are read at once: nothing is held open in the database while a slow reader takes them
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
PLACES = (Bucket.RESERVED, Bucket.DOUBT, Bucket.CHARGED, Bucket.REFUNDED, Bucket.LOST)
COLUMNS = (
    "entry", "date", "time_utc", "store", "product", "title", "pack", "task", "service_task", "images", "from", "to",
    "said_by", *(f"{place}_change" for place in PLACES),
)  # fmt: skip


def ledger_csv(db: Database, span: Span = EVER, *, store_id: int | None = None, timezone: str = "UTC") -> Iterator[str]:
    """The file, in pieces: every move that was made in that time, oldest first, of one store or of all."""
    yield BOM + _written([COLUMNS])
    after: tuple[datetime, int] | None = None
    zone = ZoneInfo(timezone)
    while rows := _page(db, span, store_id, after):
        yield _written([_line(row, zone) for row in rows])
        after = rows[-1].at, rows[-1].id
        if len(rows) < PAGE:
            return


def _page(db: Database, span: Span, store_id: int | None, after: tuple[datetime, int] | None) -> Sequence[Any]:
    row, task = LedgerEntry, GenerationTask
    moved = row.id, row.at, row.images, row.source, row.target, row.said
    about = Store.name, Product.external_id, Product.title, row.pack, row.task_id, task.remote_id
    chosen = select(*moved, *about).join(task, task.id == row.task_id).join(Store, Store.id == row.store_id)
    chosen = chosen.join(Product, Product.id == task.product_id).where(*_chosen(span, store_id, after))
    with db.read() as session:
        return session.execute(chosen.order_by(row.at, row.id).limit(PAGE)).all()


def _chosen(span: Span, store_id: int | None, after: tuple[datetime, int] | None) -> Iterator[ColumnElement[bool]]:
    row = LedgerEntry
    yield from made_in(row, span, store_id)
    if after is not None:
        yield tuple_(row.at, row.id) > tuple_(*after)


def _line(row: Any, zone: ZoneInfo) -> list[object]:
    entry, at, images, source, target, said, *about, task, remote_id = row
    changes = [0 if place not in (source, target) else images if place == target else -images for place in PLACES]
    when = at.astimezone(zone).date().isoformat(), at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    texts = [safe(text) for text in about]
    return [entry, *when, *texts, task, safe(remote_id or ""), images, source, target, SAID_BY[Said(said)], *changes]


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula: titles come from stores, and anybody may have written them."""
    return f"'{text}" if text.startswith(FORMULAS) else text


def _written(rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()
