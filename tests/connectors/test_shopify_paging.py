"""Reading the list of products while it changes: nothing lost, and an end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.shopify.catalogue import whole
from connectors.shopify.client import Client, Result
from connectors.shopify.errors import ShopError
from connectors.shopify.paging import Connection, by_id, changed, changed_query, connection_of
from connectors.shopify.product import number_of
from connectors.shopify.variants import read_variants, read_variants_of
from tests.connectors.shopify_shelf import Shelf, image


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def client(shelf: Any) -> Client:
    return cast(Client, shelf)


def stock(shelf: Shelf, count: int) -> list[int]:
    """Products of which each changed a second after the one before."""
    made = []
    for number in range(count):
        made.append(shelf.add(f"Mug {number}", image(number)))
        shelf.time += timedelta(seconds=1)
    return made


def numbers(pages: Iterator[Connection]) -> list[int]:
    return [number_of(raw, "Product") for page in pages for raw in page.nodes]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7])
def test_a_list_that_stays_is_read_once(shelf: Shelf, count: int) -> None:
    since, made = shelf.time, stock(shelf, count)
    assert numbers(by_id(client(shelf), "status:active")) == made
    assert shelf.pages == max(1, -(-count // 3))
    assert numbers(changed(client(shelf), since)) == made


def test_each_page_by_id_is_a_query_of_its_own(shelf: Shelf) -> None:
    """So that no query comes near the most objects of one."""
    made = stock(shelf, 7)
    assert numbers(by_id(client(shelf), "")) == made
    sent = [(variables["query"], variables.get("after")) for _, variables in shelf.asked]
    assert sent == [("", None), (f"id:>{made[2]}", None), (f"id:>{made[5]}", None)]


def test_what_changed_is_asked_for_in_whole_seconds_of_utc(shelf: Shelf) -> None:
    moment = datetime(2026, 11, 22, 8, 30, 15, 900_000, timezone(timedelta(hours=8)))
    assert changed_query(moment) == "updated_at:>='2026-11-22T00:30:15Z'"
    assert changed_query(datetime(2026, 1, 2, tzinfo=UTC)) == "updated_at:>='2026-01-02T00:00:00Z'"


def test_what_changes_meanwhile_is_met_at_the_end(shelf: Shelf) -> None:
    since, made = shelf.time, stock(shelf, 8)
    shelf.before = lambda given: shelf.touch(made[4], "Changed") if given == 1 else None
    found = list(changed(client(shelf), since))
    titles = [raw["title"] for page in found for raw in page.nodes if raw["id"].endswith(f"/{made[4]}")]
    assert titles == ["Changed"]
    assert Counter(numbers(iter(found))) == Counter(made)


def test_a_product_that_was_given_and_changes_is_given_again(shelf: Shelf) -> None:
    since, made = shelf.time, stock(shelf, 7)
    shelf.before = lambda given: shelf.touch(made[0]) if given == 2 else None
    assert numbers(changed(client(shelf), since)) == [*made, made[0]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["touch", "remove", "add"]), st.integers(0, 11)), max_size=6))
def test_nothing_that_stays_is_lost_whatever_happens(tmp_path: Path, happenings: list[tuple[str, int]]) -> None:
    """One thing happens before each page."""
    for way in ("by_id", "changed"):
        shelf = Shelf(tmp_path)
        since, made = shelf.time, stock(shelf, 12)
        removed: set[int] = set()

        def happen(given: int, shelf: Shelf = shelf, made: list[int] = made, removed: set[int] = removed) -> None:
            what, which = happenings[given] if given < len(happenings) else ("", 0)
            shelf.time += timedelta(seconds=1)
            if what == "remove" and made[which] in shelf.products:
                del shelf.products[made[which]]
                removed.add(made[which])
            elif what == "touch" and made[which] in shelf.products:
                shelf.touch(made[which])
            elif what == "add":
                shelf.add("New mug")

        shelf.before = happen
        pages = by_id(client(shelf), "") if way == "by_id" else changed(client(shelf), since)
        found = numbers(pages)
        assert set(made) - removed <= set(found)
        assert way == "changed" or len(found) == len(set(found))


class Stubborn:
    """A shop that gives the same answer whatever is asked."""

    shop = "mugs.myshopify.com"

    def __init__(self, data: Mapping[str, Any]):
        self._data = data

    def page(self, most: int, each: int, fixed: int = 0) -> int:
        return 3

    def query(self, *_: Any, **__: Any) -> Result:
        return Result(self._data)


def answer(nodes: Any, *, more: bool, cursor: str | None = "x") -> dict[str, Any]:
    return {"products": {"nodes": nodes, "pageInfo": {"hasNextPage": more, "endCursor": cursor}}}


MUGS = [{"id": f"gid://shopify/Product/{number}"} for number in (1, 2, 3)]


def test_a_shop_that_ignores_where_to_go_on_is_no_endless_list() -> None:
    same = client(Stubborn(answer(MUGS, more=True)))
    for pages in (by_id(same, ""), changed(same, datetime(2026, 1, 1, tzinfo=UTC))):
        with pytest.raises(ShopError, match="gives the same products again and again") as caught:
            list(pages)
        assert not caught.value.permanent
    with pytest.raises(ShopError, match="again and again"):
        list(by_id(client(Stubborn(answer([{}], more=True))), ""))


def test_a_listing_that_never_ends_is_an_error(tmp_path: Path) -> None:
    """And the variants of a product."""
    mug = {"id": "gid://shopify/Product/1", "media": answer([image(1)], more=True)["products"]}
    mug["variants"] = answer([], more=True)["products"]
    same = Stubborn({"product": mug, "productVariants": mug["variants"]})
    room = replace(Shelf(tmp_path).room(), client=client(same))
    for read in (
        partial(whole, room, 1), partial(read_variants, room, 1), partial(read_variants_of, room, [1])
    ):  # fmt: skip
        with pytest.raises(ShopError, match="again and again"):
            read()


@pytest.mark.parametrize("data", [{}, {"products": None}, {"products": {"nodes": None, "pageInfo": {}}},
                                  {"products": {"nodes": [], "pageInfo": None}}])  # fmt: skip
def test_an_answer_without_the_list_is_no_empty_list(data: Mapping[str, Any]) -> None:
    with pytest.raises(ShopError, match=r"the list of products of mugs\.myshopify\.com cannot be read") as caught:
        list(by_id(client(Stubborn(data)), ""))
    assert not caught.value.permanent


def test_a_page_without_a_cursor_is_not_the_last_one() -> None:
    data = answer(MUGS, more=True, cursor=None)
    with pytest.raises(ShopError, match="did not say where it goes on"):
        connection_of(data, "products", client(Stubborn(data)), "the list of products")
