"""Reading a list that changes while it is read, several pages at once, without a gap and without a repetition.

The list is ordered by id. Each page begins with the entry that the page before it ends with: page k is at offset 99·k
and has 100 entries. When an entry leaves the list, all behind it move up, and the next page may begin behind an entry
that nobody has seen: then its first id is above the last one that was given. It is read again from further ahead, and
from there on pages overlap by more, since entries that the key's user may not read are missing from pages, too. When
an entry comes in, entries are met twice, and are given once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

from connectors.types import ConnectorError
from connectors.woocommerce.client import Reply

PER_PAGE = 100  # the most that WooCommerce gives
MOST_RETURNS = 10
_MOST_OVERLAP = 50


class Numbered(Protocol):
    """An entry of a list. `number`: the store's id of it; None: it is broken and has none."""

    @property
    def number(self) -> int | None: ...


R = TypeVar("R", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page as the store gave it. total: how many entries the list had then (None: not told)."""

    rows: Sequence[R]
    total: int | None

    @property
    def ids(self) -> list[int]:
        return [row.number for row in self.rows if row.number is not None]


Fetch = Callable[[int], Page[R]]
Submit = Callable[[Fetch[R], int], "Future[Page[R]]"]


class Walk(Generic[R]):
    """One walk through a list."""

    def __init__(self, fetch: Fetch[R], submit: Submit[R], ahead: int, what: str):
        """fetch: the page at an offset; raises what the walk then raises. submit: has it called by a thread.
        ahead: pages asked for at once. what: the list's name, for messages."""
        self._fetch, self._submit, self._ahead, self._what = fetch, submit, ahead, what
        self._waiting: dict[int, Future[Page[R]]] = {}
        self._total: int | None = None
        self._overlap = 1

    def batches(self) -> Iterator[list[R]]:
        """The entries in order, some at a time; a list of one page in the store's order, whatever that is.

        Raises ConnectorError (may pass) if the list changes too quickly.
        """
        offset, last, returns = 0, 0, 0
        while True:
            page = self._page(offset)
            if not offset and self._is_last(page, offset):
                yield list(page.rows)
                return
            self._demand_order(page)
            if offset and not self._joins(page, offset, last):
                returns += 1
                offset = self._returned(offset, returns)
                continue
            yield [row for row in page.rows if row.number is None or row.number > last]
            if page.ids and page.ids[-1] > last:
                last, returns = page.ids[-1], 0
            if self._is_last(page, offset):
                return
            offset += PER_PAGE - self._overlap

    def _page(self, offset: int) -> Page[R]:
        """The page, and the next ones are asked for as far as the list is known to reach."""
        step = PER_PAGE - self._overlap
        for at in range(offset, offset + self._ahead * step, step):
            known = at == offset or (self._total is not None and at + self._overlap < self._total)
            if known and at not in self._waiting:
                self._waiting[at] = self._submit(self._fetch, at)
        page = self._waiting.pop(offset).result()
        self._total = page.total
        return page

    def _demand_order(self, page: Page[R]) -> None:
        """Some plugins sort lists their own way, and then pages cannot be joined. Raises ConnectorError."""
        if any(left >= right for left, right in pairwise(page.ids)):
            raise ConnectorError(
                f"{self._what}: the store does not order it by id as it was asked to, so that it cannot be read "
                "without a gap; a plugin that sorts products may be the cause"
            )

    @staticmethod
    def _joins(page: Page[R], offset: int, last: int) -> bool:
        """Whether nothing lies between what was given and this page. A page may lack entries that the key's user may
        not read, up to all of them; then the total says that the list goes on."""
        if not page.ids:
            return page.total is not None and offset < page.total
        return page.ids[0] <= last

    def _returned(self, offset: int, returns: int) -> int:
        """Where to read again: further back each time, since many entries may have left. Raises ConnectorError."""
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        if returns > MOST_RETURNS:
            raise ConnectorError(
                f"{self._what} changes too quickly to be read without a gap; it is read again later, from its beginning"
            )
        self._overlap = min(self._overlap * 2, _MOST_OVERLAP)
        return max(0, offset - (PER_PAGE << (returns - 1)))

    @staticmethod
    def _is_last(page: Page[R], offset: int) -> bool:
        if page.total is None:
            return len(page.rows) < PER_PAGE
        return offset + PER_PAGE >= page.total


def entries_of(reply: Reply, what: str) -> list[Any]:
    """The entries of a list's page. PHP writes a list that something was taken out of as an object.

    Raises ConnectorError (may pass) for anything else.
    """
    body = reply.body
    if isinstance(body, Mapping) and all(str(key).isdecimal() for key in body):
        body = list(body.values())
    if not isinstance(body, list):
        raise ConnectorError(f"{what}: the store gave no list; a plugin may be spoiling the REST API's answers")
    return body


def total_of(reply: Reply) -> int | None:
    """How many entries the whole list has, if the store tells."""
    total = reply.headers.get("X-WP-Total", "")
    return int(total) if total.isdecimal() else None
