"""A window that moves over a file: pattern search in bounded memory."""

from __future__ import annotations

import re
from typing import BinaryIO

_CHUNK = 256 * 1024
_LONGEST_TOKEN = 64


class Window:
    """The part of a stream that is looked at: grows by reading, shrinks by forgetting. Positions are the file's."""

    def __init__(self, stream: BinaryIO):
        """The stream stands at the beginning of the file."""
        self._stream = stream
        self._data = b""
        self._base = 0
        self._ended = False
        self._line = 1
        self._counted = 0  # up to this position of the file the lines are counted

    def search(self, pattern: re.Pattern[bytes], at: int, limit: int | None = None) -> tuple[int, int] | None:
        """Where the next match from `at` on is; None if there is none before the end, or before `limit`.

        Without a limit, what has been searched in vain is forgotten.
        """
        while True:
            found = pattern.search(self._data, at - self._base)
            # A match that touches the end of the window may go on behind it.
            if found and (self._ended or found.end() < len(self._data)):
                return found.start() + self._base, found.end() + self._base
            end = self._base + len(self._data)
            if self._ended or (limit is not None and end > limit):
                return None
            at = found.start() + self._base if found else max(at, end - _LONGEST_TOKEN)
            if limit is None:
                self.forget(at)
            self._grow()

    def cut(self, start: int, end: int) -> bytes:
        """The bytes between two positions of the window."""
        return self._data[start - self._base : end - self._base]

    def forget(self, before: int) -> None:
        """What lies before the position is not needed again (it goes when that is worth the copying)."""
        if before - self._base >= _CHUNK:
            self.line_at(before)
            self._data = self._data[before - self._base :]
            self._base = before

    def line_at(self, position: int) -> int:
        """The number of the line, from 1, of a position in the window; asked for in rising order."""
        if position > self._counted:
            self._line += self._data.count(b"\n", self._counted - self._base, position - self._base)
            self._counted = position
        return self._line

    def _grow(self) -> None:
        more = self._stream.read(_CHUNK)
        self._data += more
        self._ended = not more
