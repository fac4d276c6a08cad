"""Reading the list of products page by page while it changes, without a gap and without an end that never comes.

`changed` goes by Shopify's cursor through what changed, oldest change first. The list is sorted by the very value that
a change moves: a product that changes meanwhile goes to the end and is met there (again), the others keep their order.
A shop where products change faster than they are read would have no end: the caller stops after a while.

`by_id` asks for what has a higher number than all it has seen, each time by a new query. Numbers never change, so that
nothing moves between pages; and no query comes near the 25,000 objects after which Shopify's documentation ends one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.shopify.client import Client
from connectors.shopify.errors import ShopError
from connectors.shopify.product import BrokenError, number_of

MOST = 250  # the largest page (second-hand)
# Points of one product at most: itself, its category, three options, two objects of its price; a connection of three
# media, each with an image. (By Shopify's documentation an object is a point, a connection two and what it asks for.)
EACH = 16
FIXED = 4
LIST = "the list of products"


@dataclass(frozen=True, slots=True)
class Connection:
    """One page of any connection. cursor: where the next one begins."""

    nodes: Sequence[Any]
    more: bool
    cursor: str | None


def connection_of(
    data: Mapping[str, Any], field: str, client: Client, what: str, *, after: str | None = None
) -> Connection:
    """A page out of an answer. what: the list's name, for messages. after: where the page was to begin.

    Raises ShopError if it is not there, since an error must not pass for an empty list; and if it leads nowhere.
    """
    found = data.get(field)
    nodes = found.get("nodes") if isinstance(found, Mapping) else None
    info = found.get("pageInfo") if isinstance(found, Mapping) else None
    if not isinstance(nodes, list) or not isinstance(info, Mapping):
        raise ShopError(f"{what} of {client.shop} cannot be read: Shopify answered without it; it is tried again")
    more, cursor = bool(info.get("hasNextPage")), info.get("endCursor")
    if more and not isinstance(cursor, str):
        raise ShopError(f"{what} of {client.shop} cannot be read to its end: Shopify did not say where it goes on")
    if more and cursor == after:
        raise _stuck(client, what)
    return Connection(nodes, more, cursor)


def changed_query(since: datetime) -> str:
    """The filter for what changed at that moment or later. Shopify's times are whole seconds."""
    return f"updated_at:>='{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def changed(client: Client, since: datetime) -> Iterator[Connection]:
    """Pages of what changed since then, oldest change first; at least one. Raises ShopError."""
    cursor = None
    while True:
        page = _page(client, {"query": changed_query(since), "sortKey": "UPDATED_AT", "after": cursor})
        yield page
        if not page.more:
            return
        cursor = page.cursor


def by_id(client: Client, query: str) -> Iterator[Connection]:
    """Pages of all products that a filter ("": none) fits, by number, each product once. Raises ShopError."""
    last = 0
    more = True
    while more:
        wanted = " ".join(filter(None, (query, f"id:>{last}" if last else "")))
        page = _page(client, {"query": wanted, "sortKey": "ID"})
        numbers = [number for number in map(_number, page.nodes) if number]
        if (numbers and min(numbers) <= last) or (page.more and not numbers):
            raise _stuck(client, LIST)
        yield page
        last, more = max(numbers, default=last), page.more


def _page(client: Client, variables: Mapping[str, Any]) -> Connection:
    while True:
        first = client.page(MOST, EACH, FIXED)
        try:
            data = client.query("products_page", {**variables, "first": first}, about=LIST).data
            break
        except ShopError as error:
            if error.permanent or error.code != "MAX_COST_EXCEEDED":
                raise  # else the next page is smaller
    return connection_of(data, "products", client, LIST, after=variables.get("after"))


def _number(raw: Any) -> int:
    """0: the entry has none."""
    try:
        return number_of(raw, "Product")
    except BrokenError:
        return 0


def _stuck(client: Client, what: str) -> ShopError:
    return ShopError(
        f"{what} of {client.shop} cannot be read to its end: Shopify gives the same products again and again; what was "
        "read is kept, and it is tried again"
    )
