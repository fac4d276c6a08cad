"""Reading a store's catalogue: pages in order, several at once, variations in between, nothing lost on the way.

              ┌ pool of `parallel` threads ───────────────┐
Walk ──page──>│ read 100 entries, look for main images    │──rows in order──┐
              │ read the variations of one product        │<──variable──────┤──> Product | Skipped | Gone
              └───────────────────────────────────────────┘                 │
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.types import Gone, Product, Skipped
from connectors.woocommerce.client import Reply
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.main_images import MainImages
from connectors.woocommerce.paging import PER_PAGE, Page, Walk, entries_of, total_of
from connectors.woocommerce.product import FIELDS, BrokenError, id_of, image_problem, product_of, text_of
from connectors.woocommerce.room import Room
from connectors.woocommerce.variations import of_photos, of_variation, read_variations

Found = Product | Skipped | Gone
_LOOK_AHEAD = 50  # entries that wait for the variations of one before them
_WHAT = "the list of products"


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the list of products. product: also where `found` says that it is left out.

    children: the numbers of its variations (empty: it has none, or they are not asked for).
    """

    number: int | None
    found: Found
    product: Product | None = None
    children: tuple[int, ...] = ()


class Catalogue:
    """One reading of a store's catalogue, or of single products."""

    def __init__(self, room: Room):
        self._room = room
        self._mains = MainImages(room)
        self._currency = _Currency(room)

    def products(self, changed_since: datetime | None) -> Iterator[Found]:
        """See `Connector.products`. A delta tells of products that customers cannot see any more as `Gone`."""
        params = self._params(changed_since)
        self._currency.anew = changed_since is None
        with _pool(self._room.options.parallel) as pool:
            walk: Walk[Row] = Walk(
                lambda offset: self._page(params, offset), pool.submit, self._room.options.parallel, _WHAT
            )
            rows = (row for batch in walk.batches() for row in batch)
            yield from self._expanded(pool, rows, delta=changed_since is not None)

    def product(self, product_id: str) -> Product:
        """See `Connector.product`. Raises StoreError (permanent) if it is gone, in the trash, or no such variation."""
        number, _, variation = product_id.partition("/")
        if not (number.isdecimal() and (variation.isdecimal() or "/" not in product_id)):
            raise StoreError(f"product {product_id}: a WooCommerce product has a number", permanent=True)
        raw = self._room.client.read(f"wc/v3/products/{number}", {"_fields": FIELDS}).body
        if not isinstance(raw, Mapping):
            raise StoreError(
                f"product {number} of {self._room.client.home} cannot be read: the store gave no product; a plugin may "
                "be spoiling the REST API's answers"
            )
        try:
            product = product_of(raw, self._room.client.home, self._currency.code())
        except BrokenError as error:
            raise StoreError(f"product {number} of {self._room.client.home} cannot be read: {error}") from error
        if raw.get("status") == "trash":
            raise StoreError(f"product {number} of {self._room.client.home} is in the trash", permanent=True)
        return self._variation(product, _numbers(raw), int(variation)) if variation else product

    def _variation(self, parent: Product, siblings: Sequence[int], number: int) -> Product:
        client = self._room.client
        variations = read_variations(client, int(parent.id), siblings)
        found = of_variation(parent, variations, number, client.home)
        if found is None:
            raise StoreError(
                f"variation {number} of product {parent.id} is gone from {client.home}, or has no photo of its own",
                permanent=True,
            )
        return found

    def _params(self, changed_since: datetime | None) -> dict[str, str]:
        """What is asked for. `modified_after` is strictly greater, in whole seconds, and local time without a zone
        (observed on WooCommerce 11.0.1). A delta has all states, so that it shows what was unpublished."""
        params = {"per_page": str(PER_PAGE), "orderby": "id", "order": "asc", "_fields": FIELDS}
        if changed_since is None:
            return params if self._room.options.drafts else params | {"status": "publish"}
        since = changed_since.astimezone(UTC) - timedelta(seconds=1)
        return params | {"modified_after": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "dates_are_gmt": "true"}

    # -- pages, by the pool's threads ----------------------------------------------------------------------------

    def _page(self, params: Mapping[str, str], offset: int) -> Page[Row]:
        paged = {**params, "offset": str(offset)} if offset else params
        reply = self._room.client.read("wc/v3/products", paged)
        return Page(self._rows(reply), total_of(reply))

    def _rows(self, reply: Reply) -> list[Row]:
        entries = entries_of(reply, _WHAT)
        sound = [raw for raw in entries if _is_sound(raw) and self._is_wanted(raw)]
        problems = self._mains.problems(sound)
        currency = self._currency.code() if sound else ""
        return [self._row(raw, problems, currency) for raw in entries]

    def _is_wanted(self, raw: Mapping[str, Any]) -> bool:
        return self._room.options.drafts or raw.get("status", "publish") == "publish"

    def _row(self, raw: Any, problems: Mapping[int, str], currency: str) -> Row:
        """One entry; a broken one is told and left out."""
        number = None
        try:
            number = id_of(raw)
            if not self._is_wanted(raw):
                return Row(number, Gone(str(number)), None, self._children(raw))
            home = self._room.client.home
            product = product_of(raw, home, currency)
            problem = problems.get(number) or image_problem(raw, home)
        except BrokenError as error:
            named = str(number) if number else None
            return Row(number, Skipped(f"product {named}" if named else _WHAT, str(error), named))
        skipped = Skipped(_named(raw, number), problem, str(number)) if problem else None
        return Row(number, skipped or product, product, self._children(raw))

    def _children(self, raw: Mapping[str, Any]) -> tuple[int, ...]:
        return _numbers(raw) if self._room.options.variations else ()

    # -- variations ----------------------------------------------------------------------------------------------

    def _expanded(self, pool: ThreadPoolExecutor, rows: Iterable[Row], *, delta: bool) -> Iterator[Found]:
        """What the rows say, each followed by its variations; those are read ahead, and given in order."""
        waiting: deque[Row | Future[list[Found]]] = deque()
        for row in rows:
            waiting.append(pool.submit(self._with_variations, row, delta=delta) if row.children else row)
            while len(waiting) > _LOOK_AHEAD:
                yield from _settled(waiting.popleft())
        while waiting:
            yield from _settled(waiting.popleft())

    def _with_variations(self, row: Row, *, delta: bool) -> list[Found]:
        """The product and a product for each photo of its variations. If it is left out, they are for its reason.

        In a delta, variations that have no photo of their own (any more) are gone, for what one can know.
        """
        if row.product is None:
            return [row.found, *(Gone(f"{row.number}/{child}") for child in row.children)]
        client, parent = self._room.client, row.product
        try:
            variations = read_variations(client, int(parent.id), row.children)
        except StoreError as error:
            if error.status == 404:
                return [Gone(parent.id)]  # it left while the catalogue was being read
            raise
        made = list(of_photos(parent, variations, client.home, drafts=self._room.options.drafts))
        there = {one.id for one in made}
        gone = [Gone(name) for child in row.children if (name := f"{parent.id}/{child}") not in there]
        return [row.found, *(self._judged(row.found, one) for one in made), *(gone if delta else ())]

    @staticmethod
    def _judged(parent: Found, variation: Product) -> Found:
        if isinstance(parent, Skipped):
            return Skipped(f"a variation of {parent.where}", f"its product is left out: {parent.reason}", variation.id)
        return variation


class _Currency:
    """The store's currency, asked at most once in a reading; remembered between readings that are not full."""

    def __init__(self, room: Room):
        self._room, self._lock = room, threading.Lock()
        self._code: str | None = None
        self.anew = False

    def code(self) -> str:
        """As of ISO 4217; "" where the key may not ask. Raises StoreError if the store fails."""
        with self._lock:
            if self._code is None:
                self._code = (None if self.anew else self._room.state.currency()) or self._asked()
            return self._code

    def _asked(self) -> str:
        code = currency_of(self._room)
        if code:
            self._room.state.note_currency(code)
        return code


def currency_of(room: Room) -> str:
    """The store's currency, as it tells it now; "" where the key may not ask. Raises StoreError if the store fails."""
    try:
        body = room.client.read("wc/v3/data/currencies/current", {"_fields": "code"}).body
    except StoreError as error:
        if error.permanent:
            return ""
        raise
    code = body.get("code") if isinstance(body, Mapping) else None
    return code if isinstance(code, str) else ""


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that end with the reading, however it ends: what has not begun yet is not begun."""
    pool = ThreadPoolExecutor(threads, "woocommerce")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _settled(one: Row | Future[list[Found]]) -> Sequence[Found]:
    return [one.found] if isinstance(one, Row) else one.result()


def _is_sound(raw: Any) -> bool:
    """Whether an entry has a number and a list of images."""
    return isinstance(raw, Mapping) and isinstance(raw.get("id"), int) and isinstance(raw.get("images"), list)


def _numbers(raw: Mapping[str, Any]) -> tuple[int, ...]:
    """The numbers of a product's variations."""
    listed = raw.get("variations")
    return tuple([one for one in listed if isinstance(one, int)]) if isinstance(listed, list) else ()


def _named(raw: Mapping[str, Any], number: int) -> str:
    title = text_of(raw.get("name"))
    return f"{title} (product {number})" if title else f"product {number}"
