"""What the parts of the feed store say to each other: rows of a feed, whatever its format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol

IMAGE = "image_link"
ADDITIONAL = "additional_image_link"
MAX_ROW_BYTES = 1_000_000
HEAD_BYTES = 64 * 1024  # as much of a file as its format is told by
_NOT_A_WORD = re.compile(r"[\s_\-]+")


def column_name(name: str) -> str:
    """The canonical name of a column or element: "G:Image Link" → "image_link"."""
    return _NOT_A_WORD.sub("_", name.strip().lower().removeprefix("g:").strip())


class Record(NamedTuple):
    """One row of a feed, or something broken in it.

    offset, length: its bytes in the file. line: where it starts, counted from 1. key: the product id, empty
    if the row is broken; then `reason` is why. raw: its bytes (only the first of them if it is far too long).
    """

    offset: int
    length: int
    line: int
    key: str
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Fields:
    """The cells of one row by canonical name; the additional images as they stand there, one by one."""

    values: Mapping[str, str]
    additional: Sequence[str]


class Format(Protocol):
    """One format of feeds, opened on one file: where its rows are, what they say, how to change the pictures in one."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def digest(self) -> bytes:
        """Changes when the head of the file changes what its rows mean."""
        ...

    @property
    def needs_widening(self) -> bool:
        """Whether every row must get a cell more before additional images can be written."""
        ...

    def records(self, stream: BinaryIO) -> Iterator[Record]:
        """All rows in file order. Raises ConnectorError if the file ends where it cannot end."""
        ...

    def fields(self, raw: bytes) -> Fields:
        """What a whole row (one without a `reason`) says."""
        ...

    def rewrite(self, raw: bytes, main: str, additional: Sequence[str], *, widened: bool) -> bytes:
        """The same row with these pictures; nothing else of it changes. widened: with one cell more, as by `widen`."""
        ...

    def widen(self, raw: bytes) -> bytes:
        """The same row with one empty cell more."""
        ...

    def widened_head(self) -> tuple[int, int, bytes]:
        """From where to where the head of the file is to be replaced, and by what."""
        ...
