"""What queries cost in the sandbox Shopify, and what happens where the points do not suffice."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.sandbox.shopify.cost import Bucket, Fees
from plugin.sandbox.shopify.engine import Prepared, fees, prepare, shop_schema
from tests.plugin.sandbox.shopify_kit import START, Desk, document, product_gid

LISTED = "query($n: Int!) { products(first: $n) { nodes { id seo { title } media(first: 10) { nodes { id } } } } }"


def reckoned(text: str, **variables: Any) -> Fees:
    prepared = prepare(text)
    assert isinstance(prepared, Prepared), prepared
    return fees(prepared, variables)


@pytest.mark.parametrize(
    ("text", "variables", "points"),
    [
        ("{ shop { name } }", {}, 1),
        ("{ shop { name plan { shopifyPlus } } currentAppInstallation { accessScopes { handle } } }", {}, 4),
        ("{ products(first: 5) { nodes { id title } } }", {}, 2 + 5),
        ("{ products(first: 5) { edges { cursor node { id } } } }", {}, 2 + 5),
        ("{ products(last: 5) { nodes { id } pageInfo { hasNextPage } } }", {}, 2 + 5 + 1),
        (LISTED, {"n": 3}, 2 + 3 * (1 + 1 + 2 + 10)),
        ("query($n: Int = 4) { products(first: $n) { nodes { id } } }", {}, 2 + 4),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a", "b", "c"]}, 3),
        ("mutation { fileDelete(fileIds: []) { deletedFileIds } }", {}, 10),
        ("mutation { fileDelete(fileIds: []) { deletedFileIds userErrors { field } } }", {}, 11),
        ("mutation { a: fileDelete(fileIds: []) { deletedFileIds } b: fileDelete(fileIds: []) { deletedFileIds } }",
         {}, 20),
    ],
)  # fmt: skip
def test_the_requested_cost_is_judged_from_the_document(text: str, variables: dict[str, Any], points: int) -> None:
    assert reckoned(text, **variables).requested() == points


def test_of_several_kinds_the_dearest_is_asked_and_the_true_one_paid() -> None:
    text = "{ node(id: 1) { id ... on MediaImage { image { url } } ... on Product { seo { title } category { id } } } }"
    fee = reckoned(text)
    assert fee.requested() == 3
    assert fee.actual({"node": {"id": "1", "image": {"url": "u"}}}) == 2
    assert fee.actual({"node": None}) == 0


def test_a_fragment_is_counted_where_it_stands() -> None:
    text = "{ products(first: 2) { nodes { ...F ...F } } } fragment F on Product { seo { title } }"
    fee = reckoned(text)
    assert fee.requested() == 2 + 2 * (1 + 2)
    assert fee.actual({"products": {"nodes": [{"seo": {"title": None}}]}}) == 2 + 1 + 1


@pytest.mark.parametrize("key", ["nodes", "edges"])
def test_only_what_came_back_is_paid(key: str) -> None:
    desk = Desk()
    for title in "ab":
        desk.store.add_product(title, desk.media(2))
    inner = "{ id media(first: 9) { nodes { id } } }"
    part = inner if key == "nodes" else f"{{ node {inner} }}"
    text = f"{{ products(first: 7) {{ {key} {part} }} }}"
    cost = desk.ask(text)["extensions"]["cost"]
    assert cost["requestedQueryCost"] == 2 + 7 * (1 + 2 + 9)
    assert cost["actualQueryCost"] == 2 + 2 * (1 + 2 + 2)
    assert cost["throttleStatus"]["currentlyAvailable"] == 2000 - cost["actualQueryCost"]


def test_every_document_of_the_connector_costs_something_that_one_query_may_cost() -> None:
    desk = Desk()
    number = desk.store.add_product("Cup", desk.media(3))
    answer = desk.ask("product_media_snapshot", id=product_gid(number), first=250)
    assert answer["extensions"]["cost"]["requestedQueryCost"] == 1 + 2 + 250 * 2 + 1
    assert answer["extensions"]["cost"]["actualQueryCost"] == 1 + 2 + 3 * 2 + 1


def test_too_few_points_are_an_error_with_status_200_that_time_heals() -> None:
    desk = Desk(bucket=100, restore_rate=50)
    desk.parts.bucket.drain(desk.clock(), 10)
    answer = desk.ask("{ products(first: 58) { nodes { id } } }")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert answer["extensions"]["cost"] == {
        "requestedQueryCost": 60,
        "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": 100.0, "currentlyAvailable": 10, "restoreRate": 50.0},
    }
    desk.clock.sleep(1)
    assert desk.codes("{ products(first: 58) { nodes { id } } }") == []


def test_a_query_that_may_cost_more_than_any_is_refused_and_costs_nothing() -> None:
    desk = Desk()
    assert desk.codes("{ products(first: 250) { nodes { id seo { title } category { id } options { id } } } }") == [
        "MAX_COST_EXCEEDED"
    ]
    assert desk.parts.bucket.level(desk.clock()) == 2000


def test_the_throttled_fault_drains_the_points_once() -> None:
    desk = Desk()
    desk.client.post("/sandbox/faults", json={"rules": ["products:throttled:x1"]})
    text = "{ products(first: 98) { nodes { id } } }"
    answer = desk.ask(text)
    status = answer["extensions"]["cost"]["throttleStatus"]
    assert (answer["errors"][0]["extensions"]["code"], status["currentlyAvailable"]) == ("THROTTLED", 99)
    desk.clock.sleep(0.01)
    assert desk.codes(text) == []


def test_wrong_sizes_are_errors_of_the_execution_not_of_the_reckoning() -> None:
    desk = Desk()
    answer = desk.ask("query($n: Int!) { products(first: $n) { nodes { id } } }", n="many")
    assert answer["errors"][0]["message"].startswith("Variable '$n'")


STEPS = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 120), st.integers(0, 120)), max_size=30)


@given(STEPS)
@settings(max_examples=30, deadline=None)
def test_the_bucket_never_holds_more_than_its_size_nor_gives_what_it_has_not(
    steps: list[tuple[float, int, int]],
) -> None:
    bucket, now, spent = Bucket(100, 50, START), START, 0.0
    for pause, wanted, back in steps:
        now += pause
        before = bucket.level(now)
        taken = bucket.take(wanted, now)
        assert taken == (wanted <= before + 1e-6)
        if taken:
            returned = min(back, wanted)
            bucket.give_back(returned, now)
            spent += wanted - returned
        assert 0 <= bucket.level(now) <= 100
    assert spent <= 100 + 50 * (now - START) + 1e-6


def test_documents_are_kept_as_they_were_parsed() -> None:
    text = document("products_page")
    prepared = prepare(text)
    assert prepare(text) is prepared
    assert isinstance(prepared, Prepared)
    assert isinstance(prepared.operation, OperationDefinitionNode)
    assert shop_schema().query_type is not None
