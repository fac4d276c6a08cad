"""Feeds as text: TSV and CSV.

The file is read line by line. A cell may run over several lines, but a quotation mark that nobody closes must not
swallow the rows behind it. So lines are joined only if what comes out is strictly quoted and has the right number
of cells, within MAX_ROW_LINES lines, none of which is a whole row by itself.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import BinaryIO

from connectors.feed.cells import Cells
from connectors.feed.model import ADDITIONAL, HEAD_BYTES, IMAGE, MAX_ROW_BYTES, Fields, Record, column_name
from connectors.types import ConnectorError

MAX_ROW_LINES = 100
BOM = b"\xef\xbb\xbf"
_NAMES = {"\t": "TSV", ",": "CSV", ";": "CSV with semicolons"}
_COLUMN = re.compile(r"[\w :.()-]{1,40}")
_NOT_UTF8 = "is not valid UTF-8; export the feed as UTF-8"
_MAYBE_CUT = ", and the file ends right there: it may be cut off, or still being written. Export it again if rows lack"
_OPEN_QUOTE = "opens a quotation mark that is not closed; close it, or double it if it is part of the text"
_TOO_LONG = f"is longer than {MAX_ROW_BYTES:,} bytes"


class TextFormat:
    """A feed with a header line and one product a row."""

    needs_widening: bool

    def __init__(self, delimiter: str, header: Sequence[str], raw: bytes, start: int, line: int, label: str):
        """header: its cells. raw: its bytes. start, line: where it begins in the file. label: names the feed."""
        self._label = label
        self.name = _NAMES[delimiter]
        self.digest = blake2b(raw.rstrip(b"\r\n"), digest_size=16).digest()
        self.columns = [column_name(cell) for cell in header]
        self.needs_widening = ADDITIONAL not in self.columns
        self._delimiter = delimiter
        self._cells = Cells(delimiter, len(self.columns))
        self._header, self._start, self._line = raw, start, line
        self._count = len(self.columns)
        self._id, self._image = self.columns.index("id"), self.columns.index(IMAGE)
        self._repeats = len(set(self.columns)) < self._count

    def records(self, stream: BinaryIO) -> Iterator[Record]:
        """See `Format.records`. Empty lines are passed over in silence.

        A last row that is not whole and whose line is not ended is reported like any broken one, with the hint
        that the file may be cut off: the rest goes on.
        """
        offset, line = self._start + len(self._header), self._line + self._header.count(b"\n")
        stream.seek(offset)
        while raw := stream.readline(MAX_ROW_BYTES):
            length, lines = len(raw), 1
            if length == MAX_ROW_BYTES and raw[-1:] != b"\n":
                length += _rest_of_line(stream)
                key, reason = "", _TOO_LONG
            elif b'"' in raw:
                raw, lines, key, reason = self._quoted(raw, stream)
                length = len(raw)
            else:
                key, reason = self._plain(raw)
            if reason and raw[-1:] != b"\n" and self._is_cut(raw, reason):
                reason += _MAYBE_CUT
            if key or reason:
                yield Record(offset, length, line, key, reason, raw)
            offset += length
            line += lines

    def fields(self, raw: bytes) -> Fields:
        """See `Format.fields`. Of repeated columns the first that is not empty counts; image lists are joined."""
        cells = self._cells.read(raw.decode().rstrip("\r\n"))
        values = self._merged(cells) if self._repeats else dict(zip(self.columns, cells, strict=False))
        images = values.get(ADDITIONAL, "")
        if "," not in images:
            return Fields(values, (images.strip(),) if images.strip() else ())
        return Fields(values, [part for cell in images.split(",") if (part := cell.strip())])

    def rewrite(self, raw: bytes, main: str, additional: Sequence[str], *, widened: bool) -> bytes:
        """See `Format.rewrite`. A comma inside an address is written as %2C, as the format asks for."""
        fields, columns = self.fields(raw), self.columns
        cells = self._cells.split(raw.decode().rstrip("\r\n"))
        if widened:
            cells, columns = [*cells, ""], [*columns, ADDITIONAL]
        if main != fields.values.get(IMAGE, "").strip():
            cells[self._image] = self._cells.cell(main)
        if list(additional) != list(fields.additional):
            cells = ["" if column == ADDITIONAL else cell for cell, column in zip(cells, columns, strict=True)]
            joined = ",".join(value.replace(",", "%2C") for value in additional)
            cells[columns.index(ADDITIONAL)] = self._cells.cell(joined)
        return self._delimiter.join(cells).encode() + _line_end(raw)

    def widen(self, raw: bytes) -> bytes:
        """See `Format.widen`."""
        end = _line_end(raw)
        return raw[: len(raw) - len(end)] + self._delimiter.encode() + end

    def widened_head(self) -> tuple[int, int, bytes]:
        """See `Format.widened_head`; what stands before the header (a byte order mark, empty lines) stays."""
        end = _line_end(self._header)
        header = self._header[: len(self._header) - len(end)] + f"{self._delimiter}{ADDITIONAL}".encode() + end
        return self._start, self._start + len(self._header), header

    def _is_cut(self, raw: bytes, reason: str) -> bool:
        """Whether the broken row, which is the last one, looks like the beginning of a whole one."""
        return reason == _OPEN_QUOTE or (reason != _TOO_LONG and raw.count(self._delimiter.encode()) < self._count - 1)

    def _plain(self, raw: bytes) -> tuple[str, str]:
        """The id of a row without quotation marks, and what is wrong with it."""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return "", _NOT_UTF8
        return self._judged(text.rstrip("\r\n").split(self._delimiter))

    def _judged(self, cells: Sequence[str]) -> tuple[str, str]:
        """(id, ""), ("", what is wrong), or two empty texts for an empty row; from what the cells mean."""
        if len(cells) != self._count:
            if not any(cell.strip() for cell in cells):
                return "", ""
            return "", f"has {len(cells)} fields where the header has {self._count}"
        key = cells[self._id].strip()
        if key and key.isprintable():
            return key, ""
        if key:
            return "", "has an id with control characters"
        return "", "has no id" if any(cell.strip() for cell in cells) else ""

    def _quoted(self, first: bytes, stream: BinaryIO) -> tuple[bytes, int, str, str]:
        """The row that begins with this line: bytes, lines, id, what is wrong. Leaves the stream behind it."""
        try:
            text = first.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            return first, 1, "", _NOT_UTF8
        if cells := self._cells.strict(text):
            return first, 1, *self._judged(cells)
        cells = self._cells.split(text)
        key, reason = self._judged(self._cells.values(cells))
        at = self._cells.opened(text)
        if at is None:
            return first, 1, key, reason
        tabs = self._delimiter == "\t"
        if key and tabs and at < self._count - 1:
            return first, 1, key, ""
        alone = bool(key) and first[-1:] == b"\n" and (tabs or self._is_likely(cells))
        resume = stream.tell()
        taken, joined = self._joined(first, stream, loose=alone or (tabs and at > 0))
        if joined:
            return b"".join(taken), len(taken), joined, ""
        stream.seek(resume)
        return first, 1, key if alone else "", "" if alone else _OPEN_QUOTE

    def _joined(self, first: bytes, stream: BinaryIO, *, loose: bool) -> tuple[list[bytes], str]:
        """The lines of the row that begins with an open quotation, and its id; without an id there is no such row.

        loose: see `_is_row`.
        """
        taken, text = [first], first.decode()
        while len(taken) < MAX_ROW_LINES and len(text) < MAX_ROW_BYTES and (raw := stream.readline(MAX_ROW_BYTES)):
            if self._plain(raw)[1] == _NOT_UTF8 or self._is_row(raw, loose=loose):
                break
            taken.append(raw)
            text += raw.decode()
            row = text.rstrip("\r\n")
            if b'"' in raw and self._cells.opened(row) is None:
                cells = self._cells.strict(row)
                return taken, self._judged(cells)[0] if cells else ""
        return taken, ""

    def _is_row(self, raw: bytes, *, loose: bool) -> bool:
        """Whether the line is a whole row by itself, so that it cannot be the inside of another row's cell.

        Quotation marks must then stand around whole cells: in `end of text",B,C` they do not. loose: they may
        stand anywhere, as in `B-7,12" tablet,C`; asked where the line before is better read in this way too.
        """
        text = raw.decode().rstrip("\r\n")
        if loose or '"' not in text:
            return bool(self._judged(self._cells.read(text))[0])
        return not self._cells.has_stray_quotes(text) and bool(self._judged(self._cells.strict(text))[0])

    def _is_likely(self, cells: Sequence[str]) -> bool:
        """Whether a line that opens a quotation may be a row all the same: no running text where the photo should be.

        `1,Mug,"Soft, warm` may have as many cells as the header; its third one begins with a space, as words do.
        """
        return not cells[self._image][:1].isspace()

    def _merged(self, cells: Sequence[str]) -> dict[str, str]:
        values: dict[str, str] = {}
        for column, cell in zip(self.columns, cells, strict=False):
            if column == ADDITIONAL and values.get(column) and cell.strip():
                values[column] += f",{cell}"
            elif not values.get(column, "").strip():
                values[column] = cell
        return values


def open_text(head: bytes, label: str) -> TextFormat:
    """The format of a text feed, from the beginning of the file.

    Raises ConnectorError (permanent) if there is no header line, or one without what a feed must have.
    """
    start = len(BOM) if head.startswith(BOM) else 0
    line = 1
    while (raw := _first_line(head, start)).isspace():
        start, line = start + len(raw), line + 1
    if len(head) >= HEAD_BYTES and not raw.endswith(b"\n"):
        raise ConnectorError(
            f"{label} has no line end in its first {HEAD_BYTES:,} bytes; is it a feed?", permanent=True
        )
    if not raw:
        raise ConnectorError(f"{label} is empty; export the feed again", permanent=True)
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConnectorError(
            f"{label}: the header line is not UTF-8; export the feed as UTF-8", permanent=True
        ) from error
    delimiter, cells = _split_header(text)
    _demand(cells, label)
    return TextFormat(delimiter, cells, raw, start, line, label)


def _first_line(head: bytes, start: int) -> bytes:
    end = head.find(b"\n", start)
    return head[start:] if end < 0 else head[start : end + 1]


def _split_header(text: str) -> tuple[str, list[str]]:
    """The delimiter that gives the most columns, and the header's cells."""
    delimiter = max(_NAMES, key=text.count)
    try:
        return delimiter, next(csv.reader([text], delimiter=delimiter))
    except csv.Error:
        return delimiter, text.split(delimiter)


def _demand(cells: Sequence[str], label: str) -> None:
    names = {column_name(cell) for cell in cells}
    missing = [name for name in ("id", IMAGE) if name not in names]
    if not missing:
        return
    columns, found = " and ".join(missing), _names(cells)
    raise ConnectorError(
        f"{label}: the first line must name the columns, and {columns} is not among them (found: {found}); export the "
        "feed with a header"
        if found
        else f"{label}: the first line must name the columns, and {columns} is not among them; export the feed with a "
        "header",
        permanent=True,
    )


def _names(cells: Sequence[str]) -> str:
    """What the header says, as far as it looks like names: the file may be any other, and must not be quoted."""
    names = [cell.strip() for cell in cells if len(cells) > 1 and _COLUMN.fullmatch(cell.strip())]
    return ", ".join(names)[:200] if len(names) > len(cells) / 2 else ""


def _line_end(raw: bytes) -> bytes:
    return raw[len(raw.rstrip(b"\r\n")) :]


def _rest_of_line(stream: BinaryIO) -> int:
    """Reads to the end of the line; how many bytes that was."""
    size = 0
    while part := stream.readline(MAX_ROW_BYTES):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size
