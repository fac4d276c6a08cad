"""Bulk operations of the sandbox Shopify: what they tell, in which order, and how they go on over time."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from graphql import execute_sync, parse, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.sandbox.shopify.bulk import Bulk, lines
from plugin.sandbox.shopify.bulk_plan import BulkQueryError, Level, planned
from plugin.sandbox.shopify.call import Call
from plugin.sandbox.shopify.engine import shop_schema
from plugin.sandbox.shopify.model import BulkOperation
from plugin.sandbox.shopify.options import DEFAULT_TOKEN, SandboxOptions
from plugin.sandbox.shopify.sample import many
from plugin.sandbox.shopify.server import serve_shopify
from plugin.sandbox.shopify.store import ShopifyStore

ROOT = Path(__file__).parents[3]
SENT = sorted((ROOT / "connectors" / "shopify" / "documents").glob("bulk_*_inner.graphql"))
SCOPES = frozenset({"read_products", "read_files"})
DAY = 86_400.0
WHOLE = """
query Everything { products(sortKey: TITLE, reverse: true) { edges { node { ...Told
  media { edges { node { __typename id kind: mediaContentType status
    ... on MediaImage { mimeType image { url } originalSource { fileSize } } ... on Video { filename }
    ... on ExternalVideo { embedUrl host } mediaErrors { code } } } }
  variants { edges { node { id title price selectedOptions { name value } product { id title } } } } } } } }
fragment Told on Product { id handle short: description(truncateAt: 12) descriptionHtml tags status
  category { fullName } ... on Node { seo: id } options { id name values }
  featuredMedia { id ... on File { fileStatus createdAt } }
  priceRangeV2 { maxVariantPrice { amount currencyCode } } onlineStoreUrl updatedAt totalInventory }
"""
PRODUCTS = "{ products { edges { node { id title media { edges { node { id } } } } } } }"


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.time = 1_795_000_000.0

    def __call__(self) -> float:
        return self.time


class Shop:
    """A store with its bulk operations, and a clock for both."""

    def __init__(self, count: int = 12, **options: Any) -> None:
        self.clock = Clock()
        self.options = SandboxOptions(**{"bulk_after": 10.0, **options})
        self.store = ShopifyStore(self.options, self.clock)
        many(self.store, count)
        self.bulk = Bulk(self.store, shop_schema(), self.clock, self.options)

    def call(self) -> Call:
        """The context of the resolvers."""
        return Call(self.store, self.options, SCOPES, self.bulk, unlimited=True)

    def begin(self, query: str = PRODUCTS, *, group: bool = False) -> BulkOperation:
        operation, errors = self.bulk.run(query, group, SCOPES)
        assert errors == []
        assert operation is not None
        return operation

    def after(self, seconds: float) -> None:
        self.clock.time += seconds
        self.bulk.settle()

    def told(self, operation: BulkOperation) -> list[dict[str, Any]]:
        """The rows of an operation's result, which has an address."""
        address = operation.url or operation.partial_url or ""
        path = self.bulk.file(address.rpartition("/")[2].removesuffix(".jsonl"))
        assert operation.file_size in {None, path.stat().st_size}
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.bulk.close()


def add_odd_ones(shop: Shop) -> None:
    """A film, an external film, pictures that are processed or cannot be, variants, and a product with nothing."""
    store = shop.store
    film = store.add_media(b"", "chair.mp4", "椅子", kind="Video")
    linked = store.add_media(b"", "linked", kind="ExternalVideo", host_url="https://youtu.be/x")
    picture = store.add_media(next(iter(store.media.values())).data, "chair.jpg", 'A "chair"')
    broken = store.add_media(b"no picture", "broken.jpg")
    slow = store.add_media(next(iter(store.media.values())).data, "slow.jpg", ready=False)
    store.add_product("Chair", [film, linked, picture, broken], category="Furniture > Chairs", tags=["a", "b"])
    shoes = store.add_product("Shoes", [slow, picture], status="DRAFT", price="9.50")
    for size in ("42", "43"):
        store.add_variant(shoes, {"Size": size}, picture, price=f"1{size}.00")
    store.add_product("Nothing")


def flattened(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer of an ordinary execution, in the form of grouped rows."""
    rows = []
    (root,) = data.values()
    for edge in root["edges"]:
        node = dict(edge["node"])
        below = [node.pop(key) for key, value in list(node.items()) if isinstance(value, dict) and "edges" in value]
        rows.append(node)
        rows += [{**child["node"], "__parentId": node["id"]} for inner in below for child in inner["edges"]]
    return rows


@pytest.mark.parametrize(
    "query", [WHOLE, *(path.read_text(encoding="utf-8") for path in SENT)], ids=["whole", *(path.stem for path in SENT)]
)
def test_rows_are_what_an_ordinary_execution_gives(shop: Shop, query: str) -> None:
    add_odd_ones(shop)
    assert validate(shop_schema(), parse(query)) == []
    result = execute_sync(shop_schema(), parse(query), context_value=shop.call())
    assert result.errors is None
    expected = flattened(result.data or {})
    assert len(expected) > 12
    assert list(lines(planned(shop_schema(), query, shop.call()), random.Random(0), group=True)) == expected


def test_the_documents_that_are_sent_were_found() -> None:
    assert "bulk_products_inner.graphql" in {path.name for path in SENT}


def test_an_operation_goes_on_over_time(shop: Shop) -> None:
    operation = shop.begin()
    assert (operation.status, operation.object_count, operation.url) == ("CREATED", 0, None)
    shop.after(1.0)
    assert (operation.status, operation.object_count) == ("RUNNING", 0)
    shop.after(4.5)
    assert (operation.status, operation.object_count, operation.root_object_count) == ("RUNNING", 18, 6)
    shop.after(4.5)
    assert (operation.status, operation.object_count, operation.root_object_count) == ("COMPLETED", 36, 12)
    assert operation.completed == operation.created + 10.0
    assert len(shop.told(operation)) == 36
    shop.after(7 * DAY)
    assert (operation.status, operation.url) == ("EXPIRED", None)
    with pytest.raises(KeyError):
        shop.bulk.file(operation.name)


def test_a_great_shop_is_read_in_steps(shop: Shop) -> None:
    shop.bulk.step = 10
    operation = shop.begin()
    shop.after(20)
    assert (operation.status, operation.object_count) == ("RUNNING", 10)
    for _ in range(3):
        assert operation.status == "RUNNING"
        shop.after(1)
    assert (operation.status, operation.object_count, operation.root_object_count) == ("COMPLETED", 36, 12)
    assert len(shop.told(operation)) == 36


def test_what_is_deleted_while_it_is_read_is_left_out(shop: Shop) -> None:
    many(shop.store, 300)
    shop.bulk.step = 50
    products, variants = shop.begin(), shop.begin("{ productVariants { edges { node { id product { id } } } } }")
    shop.after(20)
    last = list(shop.store.products)[-1]
    shop.store.remove(last)
    while "RUNNING" in {products.status, variants.status}:
        shop.after(1)
    ids = {row["id"] for row in shop.told(products)}
    assert (products.root_object_count, variants.root_object_count) == (311, 311)
    assert f"gid://shopify/Product/{last}" not in ids


def test_children_stand_behind_their_parents_in_order(shop: Shop) -> None:
    grouped, mixed = shop.begin(group=True), shop.begin()
    shop.after(10)
    rows = shop.told(mixed)
    places = {row["id"]: place for place, row in enumerate(rows)}
    children = [row for row in rows if "__parentId" in row]
    assert all(places[row["__parentId"]] < places[row["id"]] for row in children)
    assert any(places[row["__parentId"]] + 5 < places[row["id"]] for row in children)
    for product in shop.store.products.values():
        assert [row["id"] for row in children if row["__parentId"] == product.gid] == product.media
    whole = shop.told(grouped)
    assert sorted(row["id"] for row in whole) == sorted(places)
    last = ""
    for row in whole:
        last = row["id"] if "__parentId" not in row else last
        assert row.get("__parentId", last) == last


def test_the_order_repeats_itself() -> None:
    def order() -> list[str]:
        shop = Shop()
        operation = shop.begin()
        shop.after(10)
        rows = shop.told(operation)
        shop.bulk.close()
        return [row["id"] for row in rows]

    assert order() == order()


def test_closing_deletes_the_results_and_ends_what_runs(shop: Shop) -> None:
    done = shop.begin()
    shop.after(10)
    running, folder = shop.begin(), shop.bulk.file(done.name).parent
    shop.bulk.close()
    shop.after(10)
    assert not folder.exists()
    assert (running.status, running.url) == ("CREATED", None)


def test_nothing_found_has_no_address(shop: Shop) -> None:
    operation = shop.begin('{ products(query: "status:archived") { edges { node { id } } } }')
    shop.after(10)
    assert (operation.status, operation.url, operation.object_count) == ("COMPLETED", None, 0)
    with pytest.raises(KeyError):
        shop.bulk.file("")


def test_five_at_once(shop: Shop) -> None:
    first, *_ = [shop.begin() for _ in range(5)]
    none, errors = shop.bulk.run(PRODUCTS, False, SCOPES)
    assert (none, errors[0]["code"], errors[0]["field"]) == (None, "OPERATION_IN_PROGRESS", None)
    shop.bulk.cancel(first.gid)
    assert (first.status, shop.bulk.run(PRODUCTS, False, SCOPES)[0]) == ("CANCELING", None)
    shop.after(1.0)
    assert (first.status, first.url, first.completed) == ("CANCELED", None, None)
    assert shop.begin().status == "CREATED"


def test_what_cannot_be_cancelled(shop: Shop) -> None:
    operation = shop.begin()
    shop.after(10)
    found, errors = shop.bulk.cancel(operation.gid)
    assert (found, "completed" in errors[0]["message"]) == (operation, True)
    found, errors = shop.bulk.cancel("gid://shopify/BulkOperation/1")
    assert (found, errors[0]["field"]) == (None, ["id"])


def test_operations_end_as_ordered(shop: Shop) -> None:
    shop.bulk.fail_next("TIMEOUT", rows=5)
    shop.bulk.fail_next(rows=0)
    shop.bulk.cancel_next()
    partial, empty, cancelled, good = (shop.begin() for _ in range(4))
    shop.after(10)
    assert (partial.status, partial.error_code, partial.url) == ("FAILED", "TIMEOUT", None)
    assert (partial.file_size, len(shop.told(partial))) == (None, 5)
    assert (empty.status, empty.error_code, empty.partial_url) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    assert (cancelled.status, cancelled.url, good.status) == ("CANCELED", None, "COMPLETED")


def test_a_token_without_the_scope_ends_in_failure(shop: Shop) -> None:
    operation, errors = shop.bulk.run(PRODUCTS, False, frozenset({"read_files"}))
    assert (operation is None, errors) == (False, [])
    shop.after(10)
    assert operation is not None
    assert (operation.status, operation.error_code, operation.partial_url) == ("FAILED", "ACCESS_DENIED", None)


def test_a_value_that_must_not_lack_ends_in_failure(shop: Shop) -> None:
    whole = list(lines(planned(shop_schema(), "{ products { edges { node { id vendor } } } }", shop.call()),
                       random.Random(0), group=True))  # fmt: skip
    assert whole[0]["vendor"] == "Hebo Living"
    shop.store.update(next(iter(shop.store.products)), vendor=None)
    operation = shop.begin("{ products { edges { node { id vendor } } } }")
    shop.after(10)
    assert (operation.status, operation.error_code) == ("FAILED", "INTERNAL_SERVER_ERROR")


MEDIA = "media { edges { node { id } } }"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ products {", "Invalid bulk query"),
        ("{ products { edges { node { id price } } } }", "Cannot query field 'price'"),
        ("{ shop { name } }", "exactly one field at its root"),
        ("{ a: products { edges { node { id } } } b: products { edges { node { id } } } }", "exactly one field"),
        ("mutation { bulkOperationCancel(id: 1) { userErrors { message } } }", "single query"),
        ("query A { shop { name } } query B { shop { name } }", "single query"),
        ("query A($q: String) { products(query: $q) { edges { node { id } } } }", "variables"),
        ("{ products { nodes { id } } }", "edges { node }: nodes"),
        ("{ products { edges { node { id } } pageInfo { endCursor } } }", "edges { node }: edges, pageInfo"),
        ("{ products { edges { cursor node { id } } } }", "edges { node }: cursor, node"),
        ("{ products { edges { node { title " + MEDIA + " } } } }", "must select its 'id'"),
        ("{ products { edges { node { id: handle " + MEDIA + " } } } }", "must select its 'id'"),
        ("{ products { edges { node { id variants { edges { node { id " + MEDIA + " } } } } } } }", "2 deep"),
        ("{ products { edges { node { id @include(if: true) } } } }", "directives"),
        (
            "{ products { edges { node { id " + "".join(f"m{n}: {MEDIA} " for n in range(5)) + "} } } }",
            "more than 5 connections",
        ),
        (
            "{ products { edges { node { id variants { edges { node { id product { " + MEDIA + " } } } } } } } }",
            "connections of nodes only",
        ),
    ],
)
def test_queries_that_are_refused(shop: Shop, query: str, reason: str) -> None:
    operation, errors = shop.bulk.run(query, False, SCOPES)
    assert (operation, errors[0]["code"], errors[0]["field"]) == (None, "INVALID", ["query"])
    assert reason in errors[0]["message"]
    with pytest.raises(BulkQueryError):
        planned(shop_schema(), query, shop.call())


def plain(families: list[int]) -> Level:
    """Parents with so many children each."""
    children = Level(lambda parent: range(families[parent]), lambda child: {"place": child})
    return Level(lambda _source: range(len(families)), lambda parent: {"id": parent}, (children,))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=500), st.booleans())
def test_every_row_comes_once_and_behind_its_parent(families: list[int], group: bool) -> None:
    seen: Counter[int] = Counter()
    parents: list[int] = []
    for row in lines(plain(families), random.Random(1), group=group):
        if "__parentId" in row:
            assert row["__parentId"] in parents
            assert row["place"] == seen[row["__parentId"]]
            seen[row["__parentId"]] += 1
        else:
            parents.append(row["id"])
    assert parents == list(range(len(families)))
    assert [seen[parent] for parent in parents] == families


def test_memory_stays_flat() -> None:
    level = plain([3] * 20_000)
    tracemalloc.start()
    count = sum(1 for _ in lines(level, random.Random(1), group=False))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 80_000
    assert peak < 3_000_000


RUN = (
    'mutation { bulkOperationRunQuery(query: "%s", groupObjects: false) { bulkOperation { id } userErrors { code } } }'
)
STATUS = 'query { bulkOperation(id: "%s") { status objectCount rootObjectCount fileSize url } }'


def test_results_are_served() -> None:
    clock = Clock()
    with (
        serve_shopify(SandboxOptions(catalogue="many", count=30), clock=clock) as service,
        requests.Session() as session,
    ):
        session.headers["X-Shopify-Access-Token"] = DEFAULT_TOKEN

        def ask(text: str) -> Any:
            answer = session.post(f"{service.url}/admin/api/2026-10/graphql.json", json={"query": text}, timeout=10)
            return answer.json()["data"]

        gid = ask(RUN % PRODUCTS)["bulkOperationRunQuery"]["bulkOperation"]["id"]
        clock.time += 60
        told = ask(STATUS % gid)["bulkOperation"]
        assert (told["status"], told["objectCount"], told["rootObjectCount"]) == ("COMPLETED", "90", "30")
        assert told["url"].startswith(f"{service.url}/bulk/")
        result = requests.get(told["url"], timeout=10)
        assert (len(result.content), len(result.text.splitlines())) == (int(told["fileSize"]), 90)
        assert result.headers["Content-Length"] == told["fileSize"]
        assert requests.get(f"{service.url}/bulk/other.jsonl", timeout=10).status_code == 404
