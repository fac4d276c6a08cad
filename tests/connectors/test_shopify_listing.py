"""One Shopify product's media: read to the end, and never taken for what they are not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError
from connectors.shopify.client import Result
from connectors.shopify.errors import ShopError
from connectors.shopify.listing import Deadline, ProductGoneError, ProductMedia, input_index, numbers_of
from connectors.shopify.variant_media import VariantMedia
from tests.connectors.shopify_writes import Desk, key, serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


def media(desk: Desk, product: int) -> ProductMedia:
    return ProductMedia(desk.room, product, Deadline(desk.clock.now, 330, "product 1"))


def test_all_kinds_of_media_are_listed_in_order(desk: Desk) -> None:
    product = desk.product(2)
    desk.store.attach(product, desk.video(), 0)
    failed = desk.theirs()
    desk.store.attach(product, failed)
    desk.file(failed).status = "FAILED"
    listing = media(desk, product).read().listing
    assert [image.id for image in listing.images] == desk.store.media_ids(product)
    assert [bool(image.url) for image in listing.images] == [False, True, True, False]
    assert [image.position for image in listing.images] == [0, 1, 2, 3]
    assert (listing.main, listing.images[0].alt) == (listing.images[0].id, "a film")


def test_a_short_list_is_asked_for_in_short_pages(desk: Desk) -> None:
    product = desk.product(3)
    found = media(desk, product)
    found.read()
    assert desk.shop.requests[-1].variables == {"id": found.gid, "first": 20, "after": None}
    like = desk.theirs()
    for n in range(40):
        desk.store.attach(product, desk.store.add_picture_like(like, f"p{n}.jpg"))
    desk.forget()
    assert len(found.read().listing.images) == len(found.read().listing.images) == 43
    assert [(seen.variables or {})["first"] for seen in desk.shop.requests[-3:]] == [20, 250, 51]


def test_a_picture_of_ours_without_an_address_is_known_by_the_journal(desk: Desk) -> None:
    product = desk.product(1)
    desk.attach(product, desk.images(1))
    ours = desk.file(desk.store.media_ids(product)[-1])
    ours.status, ours.ready_at = "PROCESSING", desk.clock.stamp() + 100
    listing = media(desk, product).read().listing
    assert listing.keys() == {key(1)}


def test_a_product_that_is_not_there_is_told(desk: Desk) -> None:
    with pytest.raises(ProductGoneError, match="product 77 is not in the shop") as caught:
        media(desk, 77).read()
    assert caught.value.permanent


WHOLE = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}


@pytest.mark.parametrize(
    "product",
    [
        {"id": "x"},
        {"id": "x", "media": None},
        {"id": "x", "media": {"nodes": [None], "pageInfo": WHOLE["pageInfo"]}},
        {"id": "x", "media": {"nodes": [{"id": 5}], "pageInfo": WHOLE["pageInfo"]}},
        {"id": "x", "media": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}},
    ],
)
def test_a_list_that_is_not_whole_is_an_error_and_not_a_short_list(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, product: dict[str, Any]
) -> None:
    monkeypatch.setattr(desk.room.client, "query", lambda *args, **more: Result({"product": product}))
    with pytest.raises(ShopError) as caught:
        media(desk, 12).read()
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "variant", [{"id": "gid://shopify/ProductVariant/1"}, None, {"id": "x", "media": {"nodes": []}}]
)
def test_variants_that_cannot_be_read_are_an_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, variant: dict[str, Any] | None
) -> None:
    variants = {"nodes": [variant], "pageInfo": WHOLE["pageInfo"]}
    answer = Result({"product": {"id": "x", "media": WHOLE, "variants": variants}})
    monkeypatch.setattr(desk.room.client, "query", lambda *args, **more: answer)
    with pytest.raises(ShopError, match="variants cannot be read"):
        VariantMedia(desk.room, 12, 1, Deadline(desk.clock.now, 330, "product 1")).read()


def test_a_variant_is_never_left_without_its_media_by_us(desk: Desk) -> None:
    shared = VariantMedia(desk.room, 12, 1, Deadline(desk.clock.now, 330, "product 1"))
    with pytest.raises(ValueError, match="never left without"):
        shared.show({"v": "m"}, frozenset(), "")
    assert desk.calls() == []


@pytest.mark.parametrize(("text", "numbers"), [("12", (12, 0)), ("75/79", (75, 79))])
def test_ids(text: str, numbers: tuple[int, int]) -> None:
    assert numbers_of(text) == numbers


@pytest.mark.parametrize(
    ("path", "at"), [(("files", "2", "referencesToAdd"), 2), (("files",), None), ((), None), (("input", "0"), 0)]
)
def test_which_input_an_error_is_about(path: tuple[str, ...], at: int | None) -> None:
    assert input_index(path) == at


def test_a_deadline_gives_what_is_left(desk: Desk) -> None:
    deadline = Deadline(desk.clock.now, 40, "product 12")
    assert (deadline.left(30), deadline.left(60)) == (30, 40)
    desk.clock.sleep(20)
    assert deadline.left(30) == 20
    desk.clock.time += timedelta(seconds=16)
    with pytest.raises(ConnectorError, match="product 12: Shopify is too slow"):
        deadline.left(30)
