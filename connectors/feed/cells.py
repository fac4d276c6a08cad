"""One row of a TSV or CSV feed as cells, byte for byte: where they are, what they mean, how a new one is written.

A quotation mark quotes a cell only at its start, and only if the one that closes it stands right before a delimiter
or the end, with those between them doubled (RFC 4180). Any other is text: exports are full of 12" tablets.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

# No possessive quantifiers, though they would fit: Python before 3.11.5 matches nested ones wrongly.
_QUOTED = r'"[^"]*(?:""[^"]*)*"'


class Cells:
    """Takes rows of so many cells apart. A cell is kept as it stands there, its quotation marks included."""

    def __init__(self, delimiter: str, count: int):
        """count: how many cells a whole row has."""
        self.delimiter, self._count = delimiter, count
        self._opening = f'{delimiter}"'
        plain = rf"[^{delimiter}\n]*"
        field = rf'(?:{_QUOTED}|(?!"){plain})'
        self._field = re.compile(rf"(?:^|(?<={delimiter}))(?:{_QUOTED}(?={delimiter}|\Z)|{plain}(?={delimiter}|\Z))")
        self._open = re.compile(rf'((?:{field}{delimiter})*)"[^"]*(?:""[^"]*)*\Z')
        self._whole = re.compile(rf"(?:^|(?<={delimiter})){_QUOTED}(?={delimiter}|\Z)")
        self._quoted = re.compile(_QUOTED)

    def split(self, text: str) -> list[str]:
        """The cells of a row without its line end.

        In TSV, where hardly a cell has a tab in it, splitting at every tab counts too if that gives a whole row.
        """
        if self._opening not in text and text[:1] != '"':
            return text.split(self.delimiter)
        cells = self._field.findall(text)
        if len(cells) != self._count and self.delimiter == "\t" and text.count("\t") == self._count - 1:
            return text.split("\t")
        return cells

    def read(self, text: str) -> list[str]:
        """What the cells of a row without its line end mean."""
        if '"' not in text:
            return text.split(self.delimiter)
        return self.strict(text) or self.values(self.split(text))

    def strict(self, text: str) -> list[str]:
        """What the cells of a strictly quoted whole row mean; nothing of any other. Much faster than the rest here."""
        try:
            cells = next(csv.reader((text,), delimiter=self.delimiter, strict=True))
        except csv.Error:
            return []
        return cells if len(cells) == self._count else []

    def values(self, cells: Sequence[str]) -> list[str]:
        """What the cells mean."""
        return [self.value(cell) if cell[:1] == '"' else cell for cell in cells]

    def value(self, cell: str) -> str:
        """What one cell means: without its quotation marks, if they are around the whole of it."""
        return cell[1:-1].replace('""', '"') if self._quoted.fullmatch(cell) else cell

    def cell(self, value: str) -> str:
        """A new cell: quoted if it must be."""
        if any(character in value for character in (self.delimiter, '"', "\n", "\r")):
            return '"' + value.replace('"', '""') + '"'
        return value

    def opened(self, text: str) -> int | None:
        """In which cell, counted from 0, a quotation is open at the end of the text; None if there is none."""
        found = self._open.match(text)
        return len(self._field.findall(found[1])) - 1 if found and found[1] else 0 if found else None

    def has_stray_quotes(self, text: str) -> bool:
        """Whether there is a quotation mark that does not belong to a well quoted cell."""
        return '"' in self._whole.sub("", text)
