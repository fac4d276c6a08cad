"""Feeds as text: TSV and CSV.

The file is read line by line. A line without a quotation mark is split; one with, goes through `csv`. A field
may run over several lines, but an opened quotation mark that nobody closes must not swallow the rest of the
file: it may take at most MAX_ROW_LINES lines, and none that is a whole row by itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import BinaryIO

from connectors.feed.model import ADDITIONAL, HEAD_BYTES, IMAGE, MAX_ROW_BYTES, Fields, Record, column_name
from connectors.types import ConnectorError

MAX_ROW_LINES = 100
BOM = b"\xef\xbb\xbf"
_NAMES = {"\t": "TSV", ",": "CSV", ";": "CSV with semicolons"}
_NOT_UTF8 = "is not valid UTF-8; export the feed as UTF-8"
_MAYBE_CUT = ", and the file ends right there: it may be cut off, or still being written. Export it again if rows lack"
_OPEN_QUOTE = "opens a quotation mark that is not closed; close it, or double it if it is part of the text"
_TOO_LONG = f"is longer than {MAX_ROW_BYTES:,} bytes"


class _UnclosedQuoteError(Exception):
    """The quoted field does not end within what it may take."""


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
        self._quoted_cell = re.compile(rf'(?:^|(?<={delimiter}))"(?:[^"]|"")*"(?={delimiter}|$)')
        self._header, self._start, self._line = raw, start, line
        self._count = len(self.columns)
        self._id = self.columns.index("id")
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
        cells = self._cells(raw)
        values = self._merged(cells) if self._repeats else dict(zip(self.columns, cells, strict=False))
        images = values.get(ADDITIONAL, "")
        if "," not in images:
            return Fields(values, (images.strip(),) if images.strip() else ())
        return Fields(values, [part for cell in images.split(",") if (part := cell.strip())])

    def rewrite(self, raw: bytes, main: str, additional: Sequence[str]) -> bytes:
        """See `Format.rewrite`. A comma inside an address is written as %2C, as the format asks for."""
        cells = self._cells(raw)
        columns = self.columns
        if self.needs_widening:
            cells, columns = [*cells, ""], [*columns, ADDITIONAL]
        for index, column in enumerate(columns):
            if column == ADDITIONAL:
                cells[index] = ""
        cells[columns.index(IMAGE)] = main
        cells[columns.index(ADDITIONAL)] = ",".join(value.replace(",", "%2C") for value in additional)
        return self._rendered(cells) + _line_end(raw)

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
        """(id, ""), ("", what is wrong), or two empty texts for an empty row."""
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
        taken, resume = [first], stream.tell()
        try:
            cells = next(csv.reader(self._lines(taken, stream), delimiter=self._delimiter))
            key, reason = self._judged(cells)
        except UnicodeDecodeError:
            key, reason = "", _NOT_UTF8
        except _UnclosedQuoteError:
            key, reason = "", _OPEN_QUOTE
        except csv.Error as error:
            key, reason = "", f"cannot be read as {self.name} ({error})"
        if not key:
            stream.seek(resume)
            return first, 1, "", _OPEN_QUOTE if len(taken) > 1 and reason != _NOT_UTF8 else reason
        return b"".join(taken), len(taken), key, reason

    def _lines(self, taken: list[bytes], stream: BinaryIO) -> Iterator[str]:
        """The line, then those after it while `csv` finds the quotation still open; `taken` notes them."""
        yield taken[0].decode()
        size = len(taken[0])
        while len(taken) < MAX_ROW_LINES and size < MAX_ROW_BYTES and (raw := stream.readline(MAX_ROW_BYTES)):
            if self._is_row(raw):
                break
            taken.append(raw)
            size += len(raw)
            yield raw.decode()
        raise _UnclosedQuoteError

    def _is_row(self, raw: bytes) -> bool:
        """Whether the line is a whole row by itself, so that it cannot be the inside of another row's field.

        Quotation marks must then stand around whole cells: in `end of text",B,C` they do not.
        """
        if b'"' not in raw:
            return bool(self._plain(raw)[0])
        text = raw.decode().rstrip("\r\n")
        if '"' in self._quoted_cell.sub("", text):
            return False
        return bool(self._judged(next(csv.reader([text], delimiter=self._delimiter)))[0])

    def _cells(self, raw: bytes) -> list[str]:
        text = raw.decode()
        if '"' not in text:
            return text.rstrip("\r\n").split(self._delimiter)
        return next(csv.reader(io.StringIO(text, newline="\n"), delimiter=self._delimiter))

    def _merged(self, cells: Sequence[str]) -> dict[str, str]:
        values: dict[str, str] = {}
        for column, cell in zip(self.columns, cells, strict=False):
            if column == ADDITIONAL and values.get(column) and cell.strip():
                values[column] += f",{cell}"
            elif not values.get(column, "").strip():
                values[column] = cell
        return values

    def _rendered(self, cells: Sequence[str]) -> bytes:
        """The cells as one row without its line end; quoted where they must be."""
        out = io.StringIO()
        csv.writer(out, delimiter=self._delimiter, lineterminator="\r\n").writerow(cells)
        return out.getvalue().removesuffix("\r\n").encode()


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
    if missing:
        found = ", ".join(cells)[:200]
        raise ConnectorError(
            f"{label}: the first line must name the columns, and {' and '.join(missing)} is not among them "
            f"(found: {found}); export the feed with a header",
            permanent=True,
        )


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
