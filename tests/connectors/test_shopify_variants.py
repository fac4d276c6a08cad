"""Variants as products: one for each photo of their own."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.shopify.catalogue import Catalogue
from connectors.shopify.errors import ShopError
from connectors.shopify.product import NOT_READY, BrokenError
from connectors.shopify.variants import variant_of, variants_of
from connectors.types import Gone, Product, Skipped
from tests.connectors.shopify_shelf import Shelf, image, video

COLOURS = [("Color", ["Red", "Blue"]), ("Size", ["S", "M"])]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def shirt(shelf: Shelf, *media: Any, **fields: Any) -> int:
    """A shirt in red and blue, S and M; the blue ones show image 12."""
    number = shelf.add("Shirt", *(media or (image(11), image(12), image(13))), options=COLOURS, **fields)
    for variant, colour, size, own in (
        (71, "Red", "S", 11),
        (72, "Red", "M", None),
        (74, "Blue", "M", 12),
        (73, "Blue", "S", 12),
    ):
        shelf.add_variant(number, variant, image(own) if own else None, Color=colour, Size=size)
    return number


def read(shelf: Shelf, way: str) -> list[Product | Skipped | Gone]:
    """In bulk, by pages, or as a delta."""
    if way == "pages":
        shelf.bulk = [[ShopError("no", code="INVALID", maybe_done=True)]] * 4
    since = shelf.time if way == "delta" else None
    return list(Catalogue(shelf.room(variants=True)).products(since))


WAYS = pytest.mark.parametrize("way", ["bulk", "pages", "delta"])


@WAYS
def test_one_product_stands_for_all_variants_with_the_same_photo(shelf: Shelf, way: str) -> None:
    number = shirt(shelf)
    whole, blue, *gone = read(shelf, way)
    assert isinstance(whole, Product)
    assert isinstance(blue, Product)
    assert (whole.id, whole.group, len(whole.images)) == (str(number), "", 3)
    assert (blue.id, blue.group, blue.title) == (f"{number}/73", str(number), "Shirt – Blue")
    assert blue.main_image is not None
    assert blue.images == (blue.main_image,)
    assert (blue.main_image.id, blue.main_image.url) == (
        "gid://shopify/MediaImage/12",
        "https://cdn.example/12.jpg?v=1",
    )
    assert (blue.price, blue.options) == (Decimal("73.00"), {"Color": "Blue", "Size": "S, M"})
    assert blue.url == f"https://shop.example/products/{number}?variant=73"
    assert gone == ([Gone(f"{number}/{one}") for one in (71, 72, 74)] if way == "delta" else [])


@WAYS
@pytest.mark.parametrize("first", [video(21), image(22, "FAILED")])
def test_a_variant_shows_the_first_of_its_media(shelf: Shelf, first: dict[str, Any], way: str) -> None:
    """A page has only that one, a bulk operation all of them."""
    number = shirt(shelf)
    for variant in (73, 74):
        shelf.variants[variant]["media"] = [first, image(12)]
    assert [one.id for one in read(shelf, way) if isinstance(one, Product)] == [str(number)]


def test_without_the_option_nothing_is_asked_about_variants(shelf: Shelf) -> None:
    number = shirt(shelf)
    room = shelf.room()
    found = [*Catalogue(room).products(None), *Catalogue(room).products(shelf.time)]
    assert [one.id for one in found if isinstance(one, Product)] == [str(number)] * 2
    assert shelf.count() == {"bulk_run_query": 1, "bulk_status": 1, "download": 1, "products_page": 1}


def test_products_without_options_cost_no_question_about_variants(shelf: Shelf) -> None:
    shelf.add("Mug", image(1), options=[("Title", ["Default Title"])])
    assert len(read(shelf, "delta")) == 1
    assert shelf.count() == {"products_page": 1}


def test_the_variants_of_a_page_are_read_together(shelf: Shelf) -> None:
    made = [shelf.add(f"Shirt {n}", image(n), options=COLOURS) for n in (11, 12, 13)]
    for at, number in enumerate(made):
        for variant in range(4):
            shelf.add_variant(number, 100 * at + variant + 1, image(900 + 10 * at), Color="Red")
    found = read(shelf, "delta")
    assert [one.id for one in found if isinstance(one, Product)] == [
        name for at, number in enumerate(made) for name in (f"{number}", f"{number}/{100 * at + 1}")
    ]
    assert shelf.count() == {"products_page": 1, "variants_page": 4}, "twelve variants, three on a page of this shop's"


@WAYS
def test_variants_of_a_product_that_is_left_out_are_too(shelf: Shelf, way: str) -> None:
    number = shirt(shelf, image(11, "PROCESSING"), image(12))
    skipped = [one for one in read(shelf, way) if isinstance(one, Skipped)]
    assert [(one.product_id, NOT_READY in one.reason) for one in skipped] == [
        (str(number), True), (f"{number}/73", True)]  # fmt: skip


@WAYS
def test_a_photo_that_is_being_processed_is_waited_for(shelf: Shelf, way: str) -> None:
    number = shirt(shelf)
    for variant in (73, 74):
        shelf.variants[variant]["media"] = [image(12, "PROCESSING")]
    found = read(shelf, way)
    assert [one.reason for one in found if isinstance(one, Skipped) and one.product_id == f"{number}/73"] == [NOT_READY]
    assert shelf.room().reading.waiting(None) == [number]
    for variant in (73, 74):
        shelf.variants[variant]["media"] = [image(12)]
    shelf.time = shelf.time.replace(year=2027)
    later = Catalogue(shelf.room(variants=True)).products(shelf.time)
    assert f"{number}/73" in [one.id for one in later if isinstance(one, Product)]
    assert shelf.room().reading.waiting(shelf.time.replace(year=2028)) == []


def test_a_photo_that_stood_first_before_ours_did_is_not_the_variants_own(shelf: Shelf) -> None:
    number = shirt(shelf, image(20, name="hs-" + "a" * 26), image(11), image(12))
    assert [one.id for one in read(shelf, "bulk") if isinstance(one, Product)] == [str(number), f"{number}/73"]


def test_a_product_that_left_between_two_questions_is_no_variant(shelf: Shelf) -> None:
    number = shirt(shelf)
    shelf._product_variants = lambda **_: {"product": None}  # type: ignore[method-assign]
    with pytest.raises(ShopError, match=f"variant 73 of product {number}") as caught:
        Catalogue(shelf.room(variants=True)).product(f"{number}/73")
    assert caught.value.permanent


def test_options_that_say_nothing_are_left_out(shelf: Shelf) -> None:
    number = shelf.add("Card", image(11), options=[("Colour", ["Red"])])
    shelf.add_variant(number, 71, image(12), Title="Default Title")
    shelf.variants[71]["selectedOptions"] += [None, {"name": "", "value": "x"}]
    (_, card) = read(shelf, "bulk")
    assert isinstance(card, Product)
    assert (card.title, card.options) == ("Card", {"Colour": "Red"})


def test_a_variant_with_a_video_or_a_broken_photo_has_none(shelf: Shelf) -> None:
    number = shelf.add("Shirt", image(11), options=COLOURS)
    shelf.add_variant(number, 71, video(5), Color="Red")
    shelf.add_variant(number, 72, image(6, "FAILED"), Color="Blue")
    assert [one.id for one in read(shelf, "bulk") if isinstance(one, Product)] == [str(number)]


def test_variants_that_left_with_their_product_are_told(shelf: Shelf) -> None:
    number = shirt(shelf, status="DRAFT")
    assert read(shelf, "delta") == [Gone(str(number)), *(Gone(f"{number}/{one}") for one in (71, 72, 73, 74))]
    assert read(shelf, "bulk") == []


def test_one_variant_is_read_fresh(shelf: Shelf) -> None:
    number = shirt(shelf)
    catalogue = Catalogue(shelf.room(variants=True))
    found = catalogue.product(f"{number}/74")
    assert (found.id, found.title, found.group) == (f"{number}/74", "Shirt – Blue", str(number))
    assert [image.id for image in found.images] == ["gid://shopify/MediaImage/12"]
    for gone in (71, 72, 99):
        with pytest.raises(ShopError, match=f"variant {gone} of product {number} .* no photo of its own") as caught:
            catalogue.product(f"{number}/{gone}")
        assert caught.value.permanent


def test_a_bulk_operation_for_variants_that_fails_costs_pages_only(shelf: Shelf, caplog: Any) -> None:
    number = shirt(shelf)
    failed: Any = {"status": "FAILED", "errorCode": "TIMEOUT"}
    shelf.bulk = [[{"status": "COMPLETED"}], [failed], [failed]]
    with caplog.at_level("WARNING"):
        found = read(shelf, "bulk")
    assert [one.id for one in found if isinstance(one, Product)] == [str(number), f"{number}/73"]
    assert "the bulk operation for variants ended as FAILED (TIMEOUT); they are read by pages" in caplog.text


WHOLE = {"id": "gid://shopify/ProductVariant/7", "product": {"id": "gid://shopify/Product/1"}}


@pytest.mark.parametrize("broken", [None, {}, {"id": WHOLE["id"]}, {"product": WHOLE["product"]}, WHOLE])
def test_a_broken_variant_is_an_error(broken: Any) -> None:
    with pytest.raises(BrokenError):
        variant_of(broken)
    with pytest.raises(BrokenError):
        variants_of([broken])


def test_an_answer_with_a_broken_variant_is_no_product_without_one(shelf: Shelf) -> None:
    shirt(shelf)
    shelf.variants[72]["id"] = "gid://shopify/Collection/72"
    for way in ("bulk", "delta"):
        with pytest.raises(ShopError, match=r"the variants of mugs\.myshopify\.com cannot be read"):
            read(shelf, way)
