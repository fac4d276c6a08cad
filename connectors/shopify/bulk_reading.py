"""A large part of the catalogue by bulk operations: the products with their media, and beside them their variants."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from connectors.shopify.bulk import PATIENCE, Ask, Bulk, BulkError, inner
from connectors.shopify.bulk_rows import BulkRows, scratch
from connectors.shopify.room import Room
from connectors.types import ConnectorError

log = logging.getLogger(__name__)

_SOME = 200  # products that are given at once


@dataclass(frozen=True, slots=True)
class Wanted:
    """query: the filter of products. statuses: those that it may give. since: what changed since then (None: all)."""

    query: str
    statuses: Sequence[str]
    since: datetime | None = None

    @property
    def products(self) -> Ask:
        """The products with their media."""
        purpose = "products" if self.since is None else "changes"
        return Ask(purpose, inner("bulk_products_inner", "status:active", self.query), self.since)

    @property
    def variants(self) -> Ask:
        """The variants of all products: the search for them does not know when a product changed."""
        query = f"product_status:{','.join(self.statuses)}"
        return Ask("variants", inner("bulk_variants_inner", "product_status:ACTIVE", query))


@dataclass(frozen=True, slots=True)
class Group:
    """A product as the documents ask for it. variants: None where they could not be had in bulk."""

    product: Any
    variants: Sequence[Any] | None


def read_in_bulk(room: Room, wanted: Wanted, begun: Callable[[datetime], None]) -> Iterator[list[Group]]:
    """The products, some at a time, by number.

    begun: called before the first ones with when an operation was begun, if that may be before this reading.
    Raises BulkError before the first ones, and not afterwards; ShopError, ConnectorError.
    """
    with ExitStack() as stack:
        place = _place(room, stack)
        bulks = _Bulks(room, wanted)
        products, variants = bulks.rows(place, stack)
        for moment in bulks.adopted():
            begun(moment)
        groups = _joined(products.groups(), variants.groups() if variants else None, bulks.without_variants)
        try:
            while some := list(islice(groups, _SOME)):
                yield some
        except (OSError, sqlite3.Error, ValueError) as error:
            raise ConnectorError(
                f"the catalogue of {room.client.shop} was fetched, and could not be read from the disk ({error}); it "
                "is tried again"
            ) from error
        bulks.done()


class _Bulks:
    """The operations of one reading; both run at the same time."""

    def __init__(self, room: Room, wanted: Wanted):
        until = room.now() + PATIENCE
        self._room = room
        self._products = Bulk(room, wanted.products, until)
        self._variants = Bulk(room, wanted.variants, until) if room.options.variants else None
        self.without_variants: Sequence[Any] | None = None if self._variants else ()

    def rows(self, place: Path, stack: ExitStack) -> tuple[BulkRows, BulkRows | None]:
        """Both results. Raises BulkError if the products cannot be had; variants can be read by pages."""
        self._products.begin()
        if self._variants is None:
            return stack.enter_context(self._products.rows(place / "products.jsonl", "media")), None
        self._variants.begin()
        try:
            products = stack.enter_context(self._products.rows(place / "products.jsonl", "media"))
        except BulkError:
            self._variants.cancel()
            raise
        try:
            return products, stack.enter_context(self._variants.rows(place / "variants.jsonl", "media"))
        except BulkError as error:
            log.warning("%s: the bulk operation for variants %s; they are read by pages", self._room.client.shop, error)
            return products, None

    def adopted(self) -> list[datetime]:
        """When the operations were begun that an earlier reading began."""
        return [bulk.adopted for bulk in (self._products, self._variants) if bulk and bulk.adopted]

    def done(self) -> None:
        """All was read."""
        for bulk in filter(None, (self._products, self._variants)):
            bulk.done()


def _place(room: Room, stack: ExitStack) -> Path:
    try:
        return stack.enter_context(scratch(room.folder))
    except OSError as error:
        raise BulkError(f"has no place for its result ({error})", final=True) from error


def _joined(
    products: Iterable[tuple[int, list[Any]]],
    variants: Iterator[tuple[int, list[Any]]] | None,
    without: Sequence[Any] | None,
) -> Iterator[Group]:
    """Each product with its variants; both are sorted by the product's number. without: if there are none to join."""
    if variants is None:
        yield from (Group(roots[0], without) for _, roots in products)
        return
    waiting = next(variants, None)
    for number, roots in products:
        while waiting is not None and waiting[0] < number:
            waiting = next(variants, None)
        here = waiting is not None and waiting[0] == number
        yield Group(roots[0], waiting[1] if here and waiting else ())
