"""Writing the output feed: the current input with the live publications put in.

What does not change is copied byte for byte, in whole ranges: only the rows with publications are taken apart.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import BinaryIO

from connectors.feed.index import Row, rows_to_write
from connectors.feed.listing import Entry, compose
from connectors.feed.pictures import Pictures
from connectors.feed.product import main_cell
from connectors.feed.publications import any_published, published
from connectors.feed.source import Source
from connectors.types import Skipped

_CHUNK = 1024 * 1024


class OutputWriter:
    """Writes one output. `missing` is, afterwards, which published pictures had to be left out."""

    def __init__(self, db: sqlite3.Connection, source: Source, pictures: Pictures):
        """The index in `db` must be that of `source`."""
        self._db, self._source, self._pictures = db, source, pictures
        self._widens = source.format.needs_widening and any_published(db)
        self.missing: list[Skipped] = []

    def write(self, out: BinaryIO) -> None:
        """Writes everything. Raises ConnectorError (not permanent) if the input was changed meanwhile."""
        at = self._head(out)
        for row in rows_to_write(self._db, everything=self._widens):
            self._copy(out, at, row.position)
            out.write(self._row(row))
            at = row.position + row.length
        self._copy(out, at, None)
        self._source.demand_unchanged()

    def _head(self, out: BinaryIO) -> int:
        """Writes the changed head, if there must be one; up to where the input is done then."""
        if not self._widens:
            return 0
        start, end, head = self._source.format.widened_head()
        self._copy(out, 0, start)
        out.write(head)
        return end

    def _row(self, row: Row) -> bytes:
        raw = self._source.read(row.position, row.length)
        entries = self._available(row.key) if row.published else []
        rewritten = self._rewritten(raw, entries) if entries else raw
        return self._source.format.widen(raw) if self._widens and rewritten is raw else rewritten

    def _rewritten(self, raw: bytes, entries: Sequence[Entry]) -> bytes:
        """The row with its publications; the very same bytes if they change nothing."""
        fields = self._source.format.fields(raw)
        main = main_cell(fields)
        composed = compose(main, fields.additional, entries)
        if composed.all() == ((main, *fields.additional) if main else tuple(fields.additional)):
            return raw
        cells = [self._cell(picture) for picture in composed.additional]
        return self._source.format.rewrite(raw, self._cell(composed.main), cells, widened=self._widens)

    def _cell(self, picture: str | Entry) -> str:
        return self._pictures.cell(picture) if isinstance(picture, Entry) else picture

    def _available(self, product_id: str) -> list[Entry]:
        """The entries whose files are there (mended where that is possible)."""
        entries = published(self._db, product_id)
        lost = [entry for entry in entries if not entry.withdrawn and not self._pictures.mend(entry)]
        self.missing += [_missing(product_id, entry, self._pictures) for entry in lost]
        return [entry for entry in entries if entry not in lost]

    def _copy(self, out: BinaryIO, start: int, end: int | None) -> None:
        """Copies a range of the input (None: to its end)."""
        stream = self._source.stream
        stream.seek(start)
        left = (1 << 62) if end is None else end - start
        while left > 0 and (part := stream.read(min(_CHUNK, left))):
            out.write(part)
            left -= len(part)


def _missing(product_id: str, entry: Entry, pictures: Pictures) -> Skipped:
    return Skipped(
        f"product {product_id}",
        f"the published picture {entry.filename} is gone from {pictures.folder} and from where it came from; it is "
        "left out of the output until the file is back. Put it back, or publish it again",
    )
