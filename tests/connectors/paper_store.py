"""A store platform on paper: pages, a library of files, and every trouble that a real one makes; all in memory.

It is there to try the contract suite itself: `paper_shop` has a sound connector to it, `paper_defects` unsound ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

PAGE = 10
Cursor = tuple[datetime, int]


class Answer(Exception):  # noqa: N818  (it is an answer)
    """The store's refusal. status as in HTTP; wait: seconds."""

    def __init__(self, status: int, wait: float | None = None):
        super().__init__(f"status {status}")
        self.status, self.wait = status, wait


class LostError(Exception):
    """No answer came."""


@dataclass(slots=True)
class Item:
    """A product; pictures are the numbers of files."""

    number: int
    title: str
    pictures: list[int]
    modified: datetime


@dataclass(slots=True)
class File:
    """A file of the library."""

    name: str
    alt: str = ""


@dataclass(slots=True)
class Trouble:
    """What is ordered. skip: so many writes go well before `strike`, which carries a write out, or not."""

    strike: Callable[[Callable[[], int]], int] | None = None
    skip: int = 0
    revoked: bool = False
    throttled_until: datetime | None = None
    while_reading: Callable[[], None] | None = None
    refused: set[str] = field(default_factory=set)  # parts of file names
    editor: tuple[int, int] | None = None  # the product, and the file that an editor will add


class PaperStore:
    """The store's server. The methods under "what a client may call" raise Answer and LostError."""

    def __init__(self) -> None:
        self.time = datetime(2035, 1, 1, tzinfo=UTC)
        self.items: dict[int, Item] = {}
        self.files: dict[int, File] = {}
        self.trouble = Trouble()
        self._last = 0
        self._due: list[tuple[datetime, Callable[[], object]]] = []

    def next(self) -> int:
        self._last += 1
        return self._last

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        due = [act for moment, act in self._due if moment <= self.time]
        self._due = [(moment, act) for moment, act in self._due if moment > self.time]
        for act in due:
            act()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self._due.append((self.time + timedelta(seconds=seconds), act))
        self.advance(0)

    def change(self, number: int, pictures: Iterable[int] | None = None) -> None:
        """A change by whomever."""
        item = self.items[number]
        item.modified = self.time
        if pictures is not None:
            item.pictures = list(pictures)

    # What a client may call

    def page(self, after: int = 0, *, offset: int = 0) -> list[Item]:
        """The products behind a number, by number."""
        return self._page([item for _, item in sorted(self.items.items()) if item.number > after][offset:])

    def changes(self, since: datetime, after: Cursor | None = None, *, offset: int = 0) -> list[Item]:
        """The products that changed at this moment or later, by moment."""
        changed = sorted((item.modified, item.number) for item in self.items.values() if item.modified >= since)
        found = [self.items[number] for at, number in changed if after is None or (at, number) > after]
        return self._page(found[offset:])

    def product(self, number: int) -> Item:
        self._admit()
        return self._item(number)

    def library(self) -> dict[int, File]:
        self._admit()
        return dict(self.files)

    def upload(self, name: str, alt: str) -> int:
        if any(part in name for part in self.trouble.refused):
            raise Answer(422)

        def keep() -> int:
            number = self.next()
            self.files[number] = File(f"{number}-{name}", alt)
            return number

        return self._written(keep)

    def put(self, number: int, pictures: Sequence[int]) -> None:
        def place() -> int:
            item = self._item(number)
            had = list(item.pictures)
            self.change(number, pictures)
            editor, self.trouble.editor = self.trouble.editor, None
            if editor and editor[0] == number:
                self.change(number, [*had, editor[1]])
            return number

        self._written(place)

    def delete(self, number: int) -> None:
        def drop() -> int:
            if self.files.pop(number, None) is None:
                raise Answer(404)
            return number

        self._written(drop)

    def _page(self, found: list[Item]) -> list[Item]:
        self._admit()
        page = found[:PAGE]
        act, more = self.trouble.while_reading, len(found) > PAGE
        if act and more:
            self.trouble.while_reading = None
            page = [Item(item.number, item.title, list(item.pictures), item.modified) for item in page]
            act()
        return page

    def _item(self, number: int) -> Item:
        if number not in self.items:
            raise Answer(404)
        return self.items[number]

    def _admit(self) -> None:
        until = self.trouble.throttled_until
        if until and self.time < until:
            raise Answer(429, (until - self.time).total_seconds())

    def _written(self, act: Callable[[], int]) -> int:
        self._admit()
        if self.trouble.revoked:
            raise Answer(401)
        strike = self.trouble.strike
        if strike is None:
            return act()
        if self.trouble.skip:
            self.trouble.skip -= 1
            return act()
        self.trouble.strike = None
        return strike(act)
