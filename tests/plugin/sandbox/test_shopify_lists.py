"""Lists of the sandbox Shopify: searches, sorts, pages, and an index that lags behind."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.sandbox.shopify.model import iso
from plugin.sandbox.shopify.search import PRODUCT_FIELDS, SearchError, terms_of
from tests.plugin.sandbox.shopify_kit import API, START, Desk, product_gid

PAGE = """query($first: Int, $last: Int, $after: String, $before: String, $query: String, $sortKey: ProductSortKeys,
$reverse: Boolean) { products(first: $first, last: $last, after: $after, before: $before, query: $query,
sortKey: $sortKey, reverse: $reverse) { nodes { title }
pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }
"""


def titles(desk: Desk, **variables: Any) -> list[str]:
    return [node["title"] for node in desk.data(PAGE, **{"first": 250, **variables})["nodes"]]


def walked(desk: Desk, **variables: Any) -> list[str]:
    """All pages, one after another."""
    found, cursor = [], None
    while True:
        page = desk.data(PAGE, **{"first": 2, "after": cursor, **variables})
        found += [node["title"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def lettered(count: int, **options: Any) -> Desk:
    """A shop with products a, b, c …, ten seconds apart."""
    desk = Desk(**options)
    for place in range(count):
        desk.store.add_product("abcdefghijklmnop"[place], price="5.00", vendor="zyxwvutsrqponmlk"[place])
        desk.clock.sleep(10)
    return desk


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, "abcd"),
        ({"reverse": True}, "dcba"),
        ({"sortKey": "VENDOR"}, "dcba"),
        ({"sortKey": "UPDATED_AT", "reverse": True}, "dcba"),
        ({"query": "status:active"}, "abcd"),
        ({"query": "status:draft,archived"}, ""),
        ({"query": "-status:active"}, ""),
        ({"query": "b"}, "b"),
        ({"query": "title:B status:active"}, "b"),
        ({"query": f"updated_at:>'{iso(START + 10)}'"}, "cd"),
        ({"query": f"updated_at:>='{iso(START + 10)}' AND status:active"}, "bcd"),
        ({"query": f"created_at:<{iso(START + 10)}"}, "a"),
        ({"query": "tag:none"}, ""),
        ({"query": "vendor:z*"}, "a"),
    ],
)
def test_searches_and_sorts(variables: dict[str, Any], found: str) -> None:
    desk = lettered(4)
    assert "".join(titles(desk, **variables)) == found
    assert "".join(walked(desk, **variables)) == found
    assert desk.data("products_count", query=variables.get("query")) == {"count": len(found), "precision": "EXACT"}


def test_ids_are_a_range() -> None:
    desk = lettered(4)
    numbers = list(desk.store.products)
    assert titles(desk, query=f"id:>{numbers[1]}") == ["c", "d"]
    assert titles(desk, query=f"id:{numbers[1]}") == ["b"]


@pytest.mark.parametrize("query", ["colour:red", "updated_at:>'yesterday'", "title:'", "'"])
def test_what_the_sandbox_does_not_understand_is_an_error(query: str) -> None:
    assert lettered(1).codes(PAGE, first=1, query=query) == ["BAD_REQUEST"]


@given(st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_any_search_is_understood_or_refused(text: str) -> None:
    with suppress(SearchError):
        assert {term.field for term in terms_of(text, PRODUCT_FIELDS)} <= {*PRODUCT_FIELDS, ""}


def test_the_last_ones_and_those_before() -> None:
    desk = lettered(5)
    page = desk.data(PAGE, last=2)
    assert [node["title"] for node in page["nodes"]] == ["d", "e"]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (True, False)
    earlier = desk.data(PAGE, last=2, before=page["pageInfo"]["startCursor"])
    assert [node["title"] for node in earlier["nodes"]] == ["b", "c"]


@pytest.mark.parametrize("sizes", [{}, {"first": 251}, {"first": -1}, {"first": 1, "last": 1}])
def test_page_sizes_have_limits(sizes: dict[str, int]) -> None:
    assert lettered(1).codes(PAGE, **sizes) == ["BAD_REQUEST"]


@pytest.mark.parametrize("cursor", ["x", "eyJ9", "", "bnVsbA=="])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    assert lettered(1).codes(PAGE, first=1, after=cursor) == ["BAD_REQUEST"]


def test_a_cursor_of_another_sort_is_refused() -> None:
    desk = lettered(3)
    cursor = desk.data(PAGE, first=1, sortKey="TITLE")["pageInfo"]["endCursor"]
    assert desk.codes(PAGE, first=1, after=cursor) == ["BAD_REQUEST"]


def test_paging_ends_at_the_limit_of_one_query() -> None:
    desk = lettered(7, paging_limit=4)
    page = desk.data(PAGE, first=3)
    page = desk.data(PAGE, first=3, after=page["pageInfo"]["endCursor"])
    assert ([node["title"] for node in page["nodes"]], page["pageInfo"]["hasNextPage"]) == (["d"], True)
    assert desk.codes(PAGE, first=3, after=page["pageInfo"]["endCursor"]) == ["BAD_REQUEST"]
    assert titles(desk, first=3, query=f"id:>{list(desk.store.products)[4]}") == ["f", "g"]


ACTIONS = st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["touch", "remove", "add"])), max_size=6)


@given(ACTIONS, st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_a_walk_by_id_meets_each_remaining_product_once_whatever_happens(
    actions: list[tuple[int, str]], size: int
) -> None:
    desk, seen, cursor = lettered(8), [], None
    waiting, removed = list(actions), set()
    while True:
        page = desk.data(PAGE, first=size, after=cursor)
        seen += [node["title"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"] or cursor
        if not page["pageInfo"]["hasNextPage"]:
            break
        if waiting:
            place, action = waiting.pop()
            number = sorted(desk.store.products)[min(place, len(desk.store.products) - 1)]
            if action == "touch":
                desk.store.touch(number)
            elif action == "remove":
                removed.add(desk.store.products[number].title)
                desk.store.remove(number)
            else:
                desk.store.add_product("new")
    kept = set("abcdefgh") - removed
    assert kept <= set(seen)
    assert all(seen.count(title) == 1 for title in set(seen) - {"new"})


def test_searches_see_changes_late_where_told_so() -> None:
    desk = Desk(index_lag=30)
    number = desk.store.add_product("old", desk.media(1))
    assert (titles(desk), titles(desk, query="status:active")) == (["old"], [])
    assert desk.data("files_search", first=5, query="filename:'photo-1.jpg'", after=None)["nodes"] == []
    desk.clock.sleep(30)
    assert titles(desk, query="title:old") == ["old"]
    assert len(desk.data("files_search", first=5, query="filename:photo-1.jpg", after=None)["nodes"]) == 1
    desk.store.update(number, title="new")
    assert titles(desk, query="title:old") == ["new"]
    desk.clock.sleep(31)
    assert (titles(desk, query="title:old"), titles(desk, query="title:new")) == ([], ["new"])
    desk.store.remove(number)
    assert titles(desk, query="status:active") == []


def test_which_files_are_used_is_known_late_too() -> None:
    desk = Desk(index_lag=30)
    one, two = desk.media(2)
    number = desk.store.add_product("Cup", [one])
    desk.clock.sleep(30)

    def unused() -> list[str]:
        return [node["id"] for node in desk.data("files_search", first=9, query="used_in:none", after=None)["nodes"]]

    assert unused() == [two]
    desk.store.detach(number, one)
    desk.store.attach(number, two)
    assert unused() == [two]
    desk.clock.sleep(30)
    assert unused() == [one]


def test_a_node_of_any_kind_is_found_by_its_id() -> None:
    desk = Desk()
    number = desk.store.add_product("Cup", desk.media())
    variant = desk.store.products[number].variants[0]
    for gid, kind in (
        (product_gid(number), "Product"),
        (f"gid://shopify/ProductVariant/{variant}", "ProductVariant"),
        (desk.store.media_ids(number)[0], "MediaImage"),
    ):
        assert desk.data("query($i: ID!) { node(id: $i) { id __typename } }", i=gid) == {"id": gid, "__typename": kind}
    text = "query($i: ID!) { productVariant(id: $i) { title displayName position product { id } } }"
    told = desk.data(text, i=f"gid://shopify/ProductVariant/{variant}")
    assert (told["displayName"], told["position"]) == ("Cup - Default Title", 1)


def test_other_orders_of_media_and_variants() -> None:
    desk = Desk()
    one, two = desk.media(2)
    number = desk.store.add_product("Shoe", [two, one])
    for colour in ("Red", "Blue"):
        desk.store.add_variant(number, {"Color": colour})
    text = """query($i: ID!) { product(id: $i) { media(first: 5, sortKey: ID) { nodes { id } }
      a: variants(first: 5, sortKey: ID) { nodes { title } }
      b: variants(first: 5, sortKey: TITLE) { nodes { title } } } }"""
    told = desk.data(text, i=product_gid(number))
    assert [node["id"] for node in told["media"]["nodes"]] == [one, two]
    assert [[node["title"] for node in told[key]["nodes"]] for key in "ab"] == [["Red", "Blue"], ["Blue", "Red"]]
    found = desk.data('{ productVariants(first: 5, sortKey: TITLE, query: "red") { nodes { title } } }')
    assert [node["title"] for node in found["nodes"]] == ["Red"]


def test_an_operation_is_chosen_by_its_name() -> None:
    desk = Desk()
    body = {"query": "query A { shop { id } } query B { shop { name } }", "operationName": "B"}
    headers = {"X-Shopify-Access-Token": desk.token}
    assert desk.client.post(API, json=body, headers=headers).get_json()["data"] == {"shop": {"name": "Sandbox Shop"}}
    for name in (None, "C"):
        answer = desk.client.post(API, json={**body, "operationName": name}, headers=headers).get_json()
        assert list(answer) == ["errors"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("photo", 2),
        ("filename:photo-1", 1),
        ("filename:photo*", 2),
        ("media_type:video", 1),
        ("status:ready", 3),
    ],
)
def test_files_are_found_by_name_kind_and_status(query: str, count: int) -> None:
    desk = Desk()
    desk.media(2)
    desk.store.add_media(b"", "film.mp4", kind="Video")
    assert len(desk.data("files_search", first=9, query=query, after=None)["nodes"]) == count


def test_inventory_moves_updated_at_and_nothing_else() -> None:
    desk = Desk()
    number = desk.store.add_product("Cup", desk.media())
    before = desk.data("product", id=product_gid(number), first=5)
    desk.clock.sleep(60)
    desk.store.change_inventory(number)
    after = desk.data("product", id=product_gid(number), first=5)
    assert after == {**before, "updatedAt": iso(START + 60)}
