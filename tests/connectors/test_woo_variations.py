"""The variations of a product as products of their own: by photo, with their own facts, and never paid for twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import Gone, Placement, Product, Skipped
from connectors.types import Listing
from connectors.woocommerce.variations import of_photos, read_variations
from plugin.pipeline.reading.refresh import reference_of
from tests.connectors.raw_server import always, answer, serving
from tests.connectors.woo_kit import WooShop, read, shirt, woo_shop

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WooShop]:
    with woo_shop(tmp_path) as found:
        yield found


@pytest.fixture
def safe_shop(tmp_path: Path) -> Iterator[WooShop]:
    with woo_shop(tmp_path, tls=True) as found:
        yield found


def ids(shop: WooShop, **options: Any) -> list[str]:
    return [product.id for product in read(shop.open(**options))[0]]


def reasons(skipped: list[Skipped]) -> dict[str | None, str]:
    return {one.product_id: one.reason for one in skipped}


def test_variations_are_products_by_their_photos(shop: WooShop) -> None:
    number, made = shirt(shop)
    assert ids(shop) == [str(number)]
    parent, red, blue = read(shop.open(variations=True))[0]
    assert [one.id for one in (parent, red, blue)] == [
        str(number),
        f"{number}/{made['RedS']}",
        f"{number}/{made['BlueS']}",
    ]
    assert (red.title, red.group, red.options["Color"]) == ("Shirt – Red", str(number), "Red")
    assert red.images == (red.main_image,)
    assert red.main_image is not None
    assert red.main_image.url.endswith("/red.jpg")
    assert red.url.startswith("http")
    assert shop.woo.count("variations") == 1


def test_a_variation_that_names_the_products_own_photo_is_no_product(shop: WooShop) -> None:
    number, made = shirt(shop)
    shop.woo.store.set_variation_image(made["WhiteS"], shop.woo.store.images(number)[0])
    assert len(ids(shop, variations=True)) == 3


def test_a_hidden_variation_is_left_out_unless_asked_for(shop: WooShop) -> None:
    number, made = shirt(shop)
    shop.woo.store.variations[made["RedS"]].status = "private"
    assert ids(shop, variations=True)[1] == f"{number}/{made['RedM']}"
    assert ids(shop, variations=True, drafts=True)[1] == f"{number}/{made['RedS']}"


def test_in_a_delta_variations_without_a_photo_of_their_own_are_gone(shop: WooShop) -> None:
    number, made = shirt(shop)
    shop.woo.store.set_variation_image(made["RedS"], 0)
    products, _, gone = read(shop.open(variations=True), LONG_AGO)
    assert [one.id for one in products][1] == f"{number}/{made['RedM']}"
    assert Gone(f"{number}/{made['RedS']}") in gone
    shop.woo.store.update(number, status="draft")
    gone = read(shop.open(variations=True), LONG_AGO)[2]
    assert set(gone) == {Gone(str(number)), *(Gone(f"{number}/{one}") for one in made.values())}


def test_variations_of_a_product_that_is_left_out_are_left_out(shop: WooShop) -> None:
    number, made = shirt(shop)
    shop.woo.store.set_images(number, [])
    products, skipped, _ = read(shop.open(variations=True))
    assert products == []
    assert set(reasons(skipped)) == {str(number), f"{number}/{made['RedS']}", f"{number}/{made['BlueS']}"}
    assert "its product is left out: it has no image" in reasons(skipped)[f"{number}/{made['RedS']}"]


def test_a_product_that_leaves_while_its_variations_are_read_is_gone(shop: WooShop) -> None:
    number, _ = shirt(shop)
    mug = shop.product("Mug", "mug.jpg")
    shop.woo.fault("variations:http_404")
    products, skipped, gone = read(shop.open(variations=True))
    assert ([one.id for one in products], skipped, gone) == ([str(mug)], [], [Gone(str(number))])


def test_a_variation_that_shows_our_picture_has_no_other(shop: WooShop) -> None:
    number, made = shirt(shop)
    ours = shop.picture(shop.image(1).filename)
    for colour in ("RedS", "RedM"):
        shop.woo.store.set_variation_image(made[colour], ours)
    red = read(shop.open(variations=True))[0][1]
    assert red.id == f"{number}/{made['RedS']}"
    assert reference_of(red) is None
    assert red.main_image is not None


def test_more_variations_than_a_page_holds_are_asked_for_by_name(shop: WooShop) -> None:
    number = shop.product("Rainbow", "all.jpg")
    made = [shop.woo.store.add_variation(number, {"Color": str(at)}) for at in range(130)]
    ids(shop, variations=True)
    asked = [seen.params.get("include", "").split(",") for seen in shop.woo.requests if seen.call == "variations"]
    assert sorted(int(one) for some in asked for one in some) == made
    assert [len(some) for some in asked] == [100, 30]


@pytest.mark.parametrize("placement", list(Placement))
def test_pictures_of_a_variation_make_no_new_work(safe_shop: WooShop, placement: Placement) -> None:
    number, made = shirt(safe_shop)
    before = {one.id: reference_of(one) for one in read(safe_shop.open(variations=True))[0]}
    variation = f"{number}/{made['RedS']}"
    wrote: list[Listing] = []
    safe_shop.open().attach(variation, [safe_shop.image(1), safe_shop.image(2)], placement, wrote.append)
    after = {one.id: reference_of(one) for one in read(safe_shop.open(variations=True), LONG_AGO)[0]}
    assert after.keys() == before.keys()
    expected = before | ({variation: None} if placement is Placement.REPLACE_MAIN else {})
    assert {name: one and one.url for name, one in after.items()} == {
        name: one and one.url for name, one in expected.items()
    }


def test_a_broken_variation_is_passed_over(shop: WooShop) -> None:
    image = {"id": 7, "src": "/red.jpg"}
    found = [None, {"id": 0, "image": image}, {"id": 5, "image": {"id": 8, "src": False}}, {"id": 6, "image": image}]
    with serving(always(answer(json.dumps(found).encode()))) as server:
        client = shop.room(url=server.url).client
        assert [one.number for one in read_variations(client, 4, [5, 6])] == [5, 6]
        made = of_photos(Product("4", "Shirt"), read_variations(client, 4, [5, 6]), client.home, drafts=False)
        assert [one.id for one in made] == ["4/6"]
