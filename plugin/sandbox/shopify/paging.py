"""Connections: slices of a list with cursors that stay good while the list changes."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from graphql import GraphQLError

MOST_PAGE = 250
T = TypeVar("T")
SortValue = int | float | str


@dataclass(frozen=True)
class Cursor:
    """Where an element stands: its sort value, its number, and how many were given before it in this walk."""

    value: SortValue
    number: int
    before: int

    def text(self) -> str:
        """As the API gives it."""
        data = {"last_id": self.number, "last_value": self.value, "n": self.before}
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode()


def cursor_from(text: str) -> Cursor:
    """Read a cursor. Raises `GraphQLError`."""
    try:
        data = json.loads(base64.urlsafe_b64decode(text.encode()))
        return Cursor(data["last_value"], int(data["last_id"]), int(data["n"]))
    except (ValueError, KeyError, TypeError) as error:
        raise refused("Invalid cursor for current pagination sort.") from error


def refused(message: str, code: str = "BAD_REQUEST") -> GraphQLError:
    """An error of a query's arguments."""
    return GraphQLError(message, extensions={"code": code})


@dataclass(frozen=True)
class Listing:
    """What a connection shows: elements in order, how to sort and number one, and how far one may page."""

    sort: Callable[[Any], SortValue]
    number: Callable[[Any], int]
    most_objects: int | None = None
    most_page: int | None = MOST_PAGE


def connection(elements: Sequence[Any], listing: Listing, arguments: dict[str, Any]) -> dict[str, Any]:
    """The connection's answer. `elements` in ascending order of (sort, number). Raises `GraphQLError`."""
    reverse = bool(arguments.get("reverse"))
    ordered = list(reversed(elements)) if reverse else list(elements)
    wanted = page_size(arguments, listing.most_page)
    before = 0
    start, end = 0, len(ordered)
    if arguments.get("after") is not None:
        cursor = cursor_from(arguments["after"])
        before, start = cursor.before + 1, passed(ordered, cursor, listing, reverse=reverse)
    if arguments.get("before") is not None:
        end = passed(ordered, cursor_from(arguments["before"]), listing, reverse=reverse, meeting=False)
    if listing.most_objects is not None and before >= listing.most_objects:
        raise too_far(listing.most_objects)
    if arguments.get("last") is not None:
        start = max(start, end - (wanted or 0))
    shown_end = end if wanted is None else min(end, start + wanted)
    if listing.most_objects is not None:
        shown_end = min(shown_end, start + listing.most_objects - before)
    return sliced(ordered, start, shown_end, before, listing)


def sliced(ordered: Sequence[Any], start: int, end: int, before: int, listing: Listing) -> dict[str, Any]:
    """Elements from start to end as nodes, edges and pageInfo."""
    shown = ordered[start:end]

    def cursor(index: int) -> str:
        element = shown[index]
        return Cursor(listing.sort(element), listing.number(element), before + index).text()

    return {
        "nodes": shown,
        "edges": lambda _info: [{"cursor": cursor(index), "node": element} for index, element in enumerate(shown)],
        "pageInfo": {
            "hasNextPage": end < len(ordered),
            "hasPreviousPage": start > 0,
            "startCursor": cursor(0) if shown else None,
            "endCursor": cursor(len(shown) - 1) if shown else None,
        },
    }


def passed(ordered: Sequence[Any], cursor: Cursor, listing: Listing, *, reverse: bool, meeting: bool = True) -> int:
    """How many elements stand before the cursor's place (with `meeting`: or at it)."""
    place = (cursor.value, cursor.number)
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        here = (listing.sort(ordered[middle]), listing.number(ordered[middle]))
        earlier = compare(here, place, reverse=reverse)
        if earlier or (meeting and here == place):
            low = middle + 1
        else:
            high = middle
    return low


def compare(here: tuple[Any, int], place: tuple[Any, int], *, reverse: bool) -> bool:
    """Whether `here` comes before `place`. Raises `GraphQLError` for a cursor of another sort."""
    try:
        return here > place if reverse else here < place
    except TypeError as error:
        raise refused("Invalid cursor for current pagination sort.") from error


def page_size(arguments: dict[str, Any], most: int | None) -> int | None:
    """How many elements are asked for; None: all, where that is allowed. Raises `GraphQLError`."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        if most is None:
            return None
        raise refused("you must provide one of first or last")
    if first is not None and last is not None:
        raise refused("providing both first and last is not supported")
    wanted = int(arguments["last"] if first is None else first)
    if wanted < 0 or (most is not None and wanted > most):
        raise refused(f"the number of elements asked for must be from 0 to {most}, not {wanted}")
    return wanted


def too_far(most: int) -> GraphQLError:
    """Shopify's documentation says that paging ends at 25,000 objects; the error's words and code are unverified."""
    return refused(f"Paging through more than {most} objects is not supported. Use a bulk operation or a filter.")
