"""From the Admin API's JSON to products: texts, prices, media in their order, and entries that are broken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import FieldNode, FragmentDefinitionNode, Visitor, parse, print_ast, visit
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.shopify.documents import document
from connectors.shopify.product import (
    NO_IMAGE,
    NOT_READY,
    BrokenError,
    entry_of,
    moment_of,
    named,
    number_of,
    pictures_of,
    price_of,
    text_of,
)
from connectors.types import ImageRef
from tests.connectors.shopify_shelf import connection, image, video

OURS = "hs-" + "a" * 26


def raw(*media: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An entry as the shop gives it; a value of ... takes the key out."""
    entry = {"id": "gid://shopify/Product/12", "title": "Mug", "status": "ACTIVE", "media": connection(list(media))}
    return {name: value for name, value in (entry | changes).items() if value is not ...}


def test_a_whole_product() -> None:
    found = entry_of(
        raw(
            image(11, alt="A mug"),
            video(12),
            image(13),
            title="Mug  &\n<Bowl>",
            description="Hand-thrown. \u200bSafe",
            vendor="Hebo",
            productType="Mugs",
            tags=["handmade", "蓝"],
            options=[{"name": "Color", "values": ["Red", "Blue"]}],
            priceRangeV2={"minVariantPrice": {"amount": "11.00", "currencyCode": "EUR"}},
            onlineStoreUrl="https://shop.example/products/mug",
            updatedAt="2026-10-01T09:00:00Z",
            createdAt="2026-09-01T08:00:00Z",
        )
    )
    first = ImageRef("gid://shopify/MediaImage/11", "https://cdn.example/11.jpg?v=1", "A mug", 0, 800, 600)
    second = ImageRef("gid://shopify/MediaImage/13", "https://cdn.example/13.jpg?v=1", "", 2, 800, 600)
    product = found.product
    assert (found.number, found.status, found.problem, found.named) == (12, "ACTIVE", None, "Mug & <Bowl> (product 12)")
    assert (product.id, product.main_image, product.images, product.group) == ("12", first, (first, second), "")
    assert product.updated_at == datetime(2026, 10, 1, 9, tzinfo=UTC)
    assert (product.listed_at, product.sales_rank) == (datetime(2026, 9, 1, 8, tzinfo=UTC), None)
    assert product.url == "https://shop.example/products/mug"
    assert product.facts() == {
        "title": "Mug & <Bowl>",
        "description": "Hand-thrown. Safe",
        "vendor": "Hebo",
        "kind": "Mugs",
        "tags": ["handmade", "蓝"],
        "options": {"Color": "Red, Blue"},
        "price": "11.00",
        "currency": "EUR",
    }


def test_a_product_with_little() -> None:
    found = entry_of(
        raw(description=None, productType="", category={"fullName": "Home > Mugs"}, tags=None, onlineStoreUrl=None,
            options=[{"name": "Title", "values": ["Default Title"]}], priceRangeV2=None, updatedAt="soon")
    ).product  # fmt: skip
    assert (found.kind, found.tags, dict(found.options), found.url) == ("Home > Mugs", (), {}, "")
    assert (found.price, found.currency, found.updated_at, found.description) == (None, "", None, "")
    assert entry_of(raw(category={"fullName": "Uncategorized"})).product.kind == ""


@pytest.mark.parametrize(
    ("media", "main", "problem"),
    [
        ([image(1), image(2)], 1, None),
        ([video(1), image(2)], 2, None),
        ([video(1)], None, NO_IMAGE),
        ([], None, NO_IMAGE),
        ([image(1, "FAILED"), image(2)], 2, None),
        ([image(1, "FAILED")], None, NO_IMAGE),
        ([image(1, "PROCESSING"), image(2)], None, NOT_READY),
        ([image(1, "UPLOADED")], None, NOT_READY),
        ([video(1), image(2, "PROCESSING")], None, NOT_READY),
        ([image(1), image(2, "PROCESSING")], 1, None),
        ([image(1) | {"image": None}, image(2)], None, NOT_READY),  # READY, and its address was lost to an error
        ([image(1, name=OURS), image(2, "PROCESSING")], None, NOT_READY),  # the photo behind ours is the reference
        ([image(1, name=OURS), image(2)], 1, None),
    ],
)
def test_the_image_that_pictures_are_made_from(media: list[Any], main: int | None, problem: str | None) -> None:
    found = entry_of(raw(*media))
    assert found.problem == problem
    assert found.product.main_image == next((one for one in found.product.images if one.id.endswith(f"/{main}")), None)
    assert (found.product.main_image is None) == (main is None)
    assert [one.id for one in found.product.images] == [one["id"] for one in media if one.get("image")]


@pytest.mark.parametrize(
    ("media", "settled"),
    [
        ([image(1)], True),
        ([image(1, "PROCESSING")], True),
        ([video(1)], False),
        ([image(1, "FAILED")], False),
        ([image(1, name=OURS)], False),
        ([], False),
    ],
)
def test_more_media_are_wanted_only_where_they_decide(media: list[Any], settled: bool) -> None:
    more = {"nodes": media, "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
    assert pictures_of(more).settled is settled
    assert pictures_of({"nodes": media}).settled


@pytest.mark.parametrize(
    "broken",
    [None, [], {}, {"id": 12}, {"id": "gid://shopify/Product/"}, {"id": "gid://shopify/Product/0"},
     {"id": "gid://shopify/Collection/12"}, raw(media=...), raw(media=None), raw(media={"nodes": None}),
     raw(media={"nodes": [None]}), raw(media={"nodes": [{"id": 5}]})],
)  # fmt: skip
def test_a_broken_entry_is_an_error(broken: Any) -> None:
    with pytest.raises(BrokenError):
        entry_of(broken)


def test_numbers_texts_prices_and_moments() -> None:
    assert number_of({"id": "gid://shopify/Product/12?x=1"}, "Product") == 12
    with pytest.raises(BrokenError):
        number_of({"id": f"gid://shopify/Product/{10**18}"}, "Product")  # no database can keep it
    assert text_of("half \ud83d a character") == "half a character"
    assert named(12, "") == "product 12"
    assert [price_of(amount, "EUR") for amount in ("x", "NaN", "Infinity", "", None, 5, "1e999999")] == [None] * 7
    assert moment_of("2026-10-01T11:00:00+02:00") == datetime(2026, 10, 1, 9, tzinfo=UTC)
    assert [moment_of(text) for text in ("2026-10-01T11:00:00", "x", None)] == [None] * 3


@pytest.mark.parametrize(
    ("amount", "currency", "price"),
    [("9.9", "EUR", "9.90"), ("10.0", "USD", "10.00"), ("1200.0", "JPY", "1200"), ("1.2345", "EUR", "1.2345"),
     ("1.5", "KWD", "1.500"), ("3.0", "", "3.00"), ("0.5", "JPY", "0.5")],
)  # fmt: skip
def test_a_price_has_the_digits_of_its_currency(amount: str, currency: str, price: str) -> None:
    assert str(price_of(amount, currency)) == price


@settings(max_examples=30)
@given(st.text())
def test_any_text_becomes_one_clean_line(text: str) -> None:
    found = text_of(text)
    assert found == text_of(found) == " ".join(found.split())


class _Fields(Visitor):
    """What a document asks of a product besides its connections."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        if node.name.value in {"media", "variants"}:
            return False
        self.found.add(print_ast(node) if not node.selection_set else node.name.value)
        return None


def _facts_in(name: str) -> set[str]:
    fields = _Fields()
    visit(parse(document(name)), fields)
    around = {"products", "product", "nodes", "edges", "node", "pageInfo", "hasNextPage", "endCursor"}
    return fields.found - around


def test_every_way_of_reading_asks_for_the_same_facts() -> None:
    """Or else a product would change by being read in another way."""
    page = _facts_in("products_page")
    assert {"title", "status", "updatedAt", "onlineStoreUrl", "priceRangeV2", "description(truncateAt: 2000)"} <= page
    assert [_facts_in(name) for name in ("products_by_id", "product", "bulk_products_inner")] == [page] * 3
    fragments = [
        [print_ast(part) for part in parse(document(name)).definitions if isinstance(part, FragmentDefinitionNode)]
        for name in ("products_page", "products_by_id")
    ]
    assert fragments[0] == fragments[1]
