"""Attaching pictures to products of a sandbox store, by upload and by its fetching: places, safety, bad pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError, Listing, Placement
from connectors.woocommerce.attach import attach
from tests.connectors.woo_kit import key, no_address
from tests.connectors.woo_writes import AFTER, APPEND, REPLACE, Desk, serving


@pytest.fixture(params=[True, False], ids=["upload", "fetch"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=request.param) as found:
        yield found


@pytest.fixture
def uploader(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=True) as found:
        yield found


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, upload=False) as found:
        yield found


def refused(desk: Desk, product: int, placement: Placement = APPEND) -> str:
    """What is said where nothing is written and a person has to act."""
    before = desk.shown(product)
    with pytest.raises(ConnectorError) as caught:
        desk.attach(product, desk.images(1), placement)
    assert caught.value.permanent
    assert (desk.shown(product), desk.remembered, desk.woo.count("write")) == (before, [], 0)
    return str(caught.value)


# -- the normal case ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("placement", "then"),
    [(APPEND, "ab12"), (AFTER, "a12b"), (REPLACE, "1a2b")],
)
def test_pictures_go_to_their_place(desk: Desk, placement: Placement, then: str) -> None:
    product = desk.product(2)
    a, b = desk.shown(product)
    done = desk.attach(product, desk.images(1, 2), placement)
    names = {a: "a", b: "b", "1": "1", "2": "2"}
    assert "".join(names[one] for one in desk.shown(product)) == then
    assert [image.id for image in done.listing.images] == [str(number) for number in desk.store.images(product)]
    assert (done.listing.main, done.listing.product_id) == (done.listing.images[0].id, str(product))
    assert done.refused == {}
    assert {image.alt for image in done.listing.images if image.key} == {"alt 1", "alt 2"}
    assert [[image.id for image in one.images] for one in desk.remembered] == [[str(a), str(b)]]


def test_four_pictures_cost_two_reads_and_one_write(desk: Desk) -> None:
    product = desk.product(3)
    desk.woo.forget()
    desk.attach(product, desk.images(1, 2, 3, 4))
    uploads = [call for call in desk.calls() if call == "POST media"]
    assert len(uploads) == (4 if desk.relay is None else 0)
    asked = [call for call in desk.calls() if call != "POST media"]
    assert asked == [f"GET products/{product}", f"PUT products/{product}", f"GET products/{product}"]


def test_nothing_is_uploaded_between_the_read_and_the_write(uploader: Desk) -> None:
    product = uploader.product()
    uploader.woo.forget()
    uploader.attach(product, uploader.images(1, 2))
    calls = uploader.calls()
    assert calls.index(f"PUT products/{product}") == calls.index(f"GET products/{product}") + 1


def test_attaching_twice_writes_once(desk: Desk) -> None:
    product = desk.product()
    first = desk.attach(product, desk.images(1, 2), AFTER)
    desk.woo.forget()
    again = desk.attach(product, desk.images(1, 2), AFTER)
    assert again == first
    assert len(desk.remembered) == 1
    assert not [call for call in desk.calls() if not call.startswith("GET")]


def test_more_pictures_later_go_beside_the_first(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(2), AFTER)
    desk.attach(product, desk.images(1, 2, 3), AFTER)
    assert desk.shown(product)[1:4] == ["1", "2", "3"]
    assert len(desk.remembered) == 2


def test_a_picture_for_two_products_is_in_the_library_once(desk: Desk) -> None:
    one, other = desk.product(), desk.product()
    desk.attach(one, desk.images(1))
    desk.attach(other, desk.images(1))
    assert desk.store.images(one)[-1] == desk.store.images(other)[-1]


def test_the_main_picture_is_known_afterwards(desk: Desk) -> None:
    product = desk.product()
    done = desk.attach(product, desk.images(1), REPLACE)
    assert desk.state.main_images([product]) == {product: int(done.listing.main or 0)}


def test_others_texts_stay(desk: Desk) -> None:
    product = desk.product()
    first = desk.store.attachments[desk.store.images(product)[0]]
    first.alt, first.title = "their words", "their title"
    desk.attach(product, desk.images(1), REPLACE)
    assert (first.alt, first.title) == ("their words", "their title")


# -- safety ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", list(Placement))
def test_a_product_without_pictures_is_left_to_a_person(desk: Desk, placement: Placement) -> None:
    said = refused(desk, desk.product(0), placement)
    assert "has no picture in the store" in said
    assert "main picture" in said


@pytest.mark.parametrize("placement", list(Placement))
def test_a_product_with_only_a_gallery_is_left_to_a_person(desk: Desk, placement: Placement) -> None:
    product = desk.product(2, gallery_only=True)
    assert "choose its main picture" in refused(desk, product, placement)
    assert desk.store.products[product].image == 0


def test_a_main_picture_that_has_gone_leaves_only_a_gallery(desk: Desk) -> None:
    product = desk.product(3)
    desk.store.remove_attachment(desk.store.images(product)[0])
    assert "choose its main picture" in refused(desk, product)


def test_an_unknown_main_picture_is_asked_for_once(desk: Desk) -> None:
    product = desk.store.add_product("Mug", [desk.theirs(), desk.theirs()])
    desk.woo.forget()
    desk.attach(product, desk.images(1))
    desk.attach(product, desk.images(2))
    assert desk.woo.count("post") == 1


def test_a_draft_whose_main_picture_nobody_tells_is_written(fetcher: Desk) -> None:
    product = fetcher.store.add_product("Mug", [fetcher.theirs()], status="draft")
    fetcher.attach(product, fetcher.images(1))
    assert fetcher.shown(product)[1:] == ["1"]


def test_a_product_in_the_trash_is_not_written(desk: Desk) -> None:
    product = desk.product()
    desk.store.trash(product)
    assert "trash" in refused(desk, product)


def test_a_product_that_has_gone_is_told(desk: Desk) -> None:
    with pytest.raises(ConnectorError, match="no product 987") as caught:
        desk.attach(987, desk.images(1))
    assert caught.value.permanent


@pytest.mark.parametrize("product", ["x", "", "12/", "12/x", "-3", "/12"])
def test_what_is_no_product_is_told(fetcher: Desk, product: str) -> None:
    with pytest.raises(ConnectorError, match="has a number") as caught:
        fetcher.attach(product, fetcher.images(1))
    assert caught.value.permanent
    with pytest.raises(ConnectorError, match="has a number"):
        fetcher.restore(product, Listing(product, (), None), Listing(product, (), None), 1)


def test_neither_way_is_told_before_anything_is_written(fetcher: Desk) -> None:
    product = fetcher.product()
    image = replace(fetcher.image(1), public_url=no_address)
    with pytest.raises(ConnectorError, match="Application Password") as caught:
        fetcher.attach(product, [image])
    assert "public address" in str(caught.value)
    assert caught.value.permanent
    assert (fetcher.remembered, fetcher.woo.count("write")) == ([], 0)


def test_what_cannot_be_remembered_is_not_written(desk: Desk) -> None:
    product = desk.product()

    def fail(_: object) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        attach(desk.room, str(product), desk.images(1), APPEND, fail)
    assert desk.woo.count("write") == 0


@pytest.mark.parametrize("images", [None, {}, [{"src": "x"}], ["x"], [{"id": "7"}]])
def test_a_spoiled_list_is_not_written_back(desk: Desk, monkeypatch: pytest.MonkeyPatch, images: Any) -> None:
    product = desk.product()
    made = desk.woo._parts.json
    whole = made.product
    monkeypatch.setattr(made, "product", lambda *args, **kwargs: {**whole(*args, **kwargs), "images": images})
    with pytest.raises(ConnectorError, match="no whole list") as caught:
        desk.attach(product, desk.images(1))
    assert not caught.value.permanent
    assert desk.woo.count("write") == 0


# -- one bad picture ---------------------------------------------------------------------------------------------


def test_one_refused_picture_does_not_lose_the_others(desk: Desk) -> None:
    product = desk.product()
    desk.woo.fault(f"{'upload' if desk.relay is None else 'write'}:refuse_image=*{key(2)}*")
    done = desk.attach(product, desk.images(1, 2, 3))
    assert desk.shown(product)[2:] == ["1", "3"]
    assert list(done.refused) == [key(2)]
    assert "not allowed to upload this file type" in done.refused[key(2)]
    assert len(desk.remembered) == 1


def test_a_refused_first_picture_gives_its_place_to_the_next(desk: Desk) -> None:
    product = desk.product(1)
    (old,) = desk.shown(product)
    desk.woo.fault(f"{'upload' if desk.relay is None else 'write'}:refuse_image=*{key(1)}*")
    desk.attach(product, desk.images(1, 2, 3), REPLACE)
    assert desk.shown(product) == ["2", old, "3"]


def test_all_refused_does_no_harm(desk: Desk) -> None:
    product = desk.product()
    before = desk.shown(product)
    desk.woo.fault(f"{'upload' if desk.relay is None else 'write'}:refuse_image=*")
    done = desk.attach(product, desk.images(1, 2))
    assert done.refused.keys() == {key(1), key(2)}
    assert desk.shown(product) == before
    assert [image.id for image in done.listing.images] == [str(number) for number in before]


def test_the_picture_that_the_store_names_is_left_out(fetcher: Desk) -> None:
    product, images = fetcher.product(), fetcher.images(1, 2, 3)
    assert fetcher.relay is not None
    fetcher.relay.statuses[images[1].filename] = 403
    done = fetcher.attach(product, images)
    assert fetcher.shown(product)[2:] == ["1", "3"]
    assert done.refused[key(2)] == "Error getting remote image from our address. Error: Forbidden"
    assert fetcher.woo.count("write") == 2
    assert fetcher.store.orphans() == [], "what was fetched before the bad one is used, not fetched again"


@pytest.mark.parametrize("kind", ["late=0.01", "http_500_after"])
def test_what_was_fetched_unseen_is_used_later(fetcher: Desk, kind: str) -> None:
    """An editor overwrites what the store fetched without an answer that would have told."""
    product = fetcher.product()
    fetcher.woo.fault(f"write:{kind}:x1", "write:editor:x1")
    done = fetcher.insist(lambda: fetcher.attach(product, fetcher.images(1, 2)))
    assert done.listing.keys() == {key(1), key(2)}
    assert [one for one in fetcher.shown(product) if isinstance(one, str)] == ["1", "2"]
    assert fetcher.store.orphans() == []


def test_a_picture_that_could_not_be_fetched_now_is_tried_again(fetcher: Desk) -> None:
    product, images = fetcher.product(), fetcher.images(1, 2, 3)
    assert fetcher.relay is not None
    fetcher.relay.statuses[images[0].filename] = 503
    with pytest.raises(ConnectorError, match="1 of 3") as caught:
        fetcher.attach(product, images)
    assert not caught.value.permanent
    assert fetcher.shown(product)[2:] == ["2", "3"]
    fetcher.relay.statuses.clear()
    fetcher.attach(product, images)
    assert fetcher.shown(product)[2:] == ["1", "2", "3"]


def test_an_address_that_the_store_does_not_ask_is_told(fetcher: Desk) -> None:
    image = replace(fetcher.image(1), public_url=lambda: f"http://10.1.2.3/{key(1)}.jpg")
    done = fetcher.attach(fetcher.product(), [image])
    assert "A valid URL was not provided" in done.refused[key(1)]
    assert "ports 80, 443 and 8080" in done.refused[key(1)]
    assert "10.1.2.3" not in done.refused[key(1)]
