"""Attaching pictures to products of a sandbox Shopify: in their place, once, and never at others' cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError, Listing, Placement
from connectors.shopify.attach import attach
from connectors.shopify.attachment import MOST_MEDIA
from tests.connectors.shopify_writes import AFTER, APPEND, REPLACE, Desk, key, picture, serving

FOUR = ["media", "staged", *["upload"] * 4, "file_create", "status", "status", "file_update", "media"]
ORDER = ["reorder", "job", "job", "media"]
PLACES = [(APPEND, "ab12"), (AFTER, "a12b"), (REPLACE, "1a2b")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Where Shopify puts new pictures is not known: this shop puts them in front, `shop` at the end."""
    with serving(tmp_path, attach_at="front") as found:
        yield found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


# -- the normal case ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["desk", "shop"])
@pytest.mark.parametrize(("placement", "then"), PLACES)
def test_pictures_go_to_their_place(request: pytest.FixtureRequest, side: str, placement: Placement, then: str) -> None:
    desk: Desk = request.getfixturevalue(side)
    product = desk.product(2)
    done = desk.attach(product, desk.images(1, 2), placement)
    assert desk.shown(product) == then
    assert [image.id for image in done.listing.images] == desk.store.media_ids(product)
    assert (done.listing.main, done.listing.product_id, done.refused) == (done.listing.images[0].id, str(product), {})
    assert {image.alt for image in done.listing.images if image.key} == {"alt 1", "alt 2"}
    assert ["".join(desk.name(image.id) for image in one.images) for one in desk.remembered] == ["ab"]
    assert (desk.state.placings(product), desk.state.lost_write(product)) == (frozenset(), None)


@pytest.mark.parametrize(("placement", "calls", "points"), [(APPEND, FOUR, 80), (REPLACE, FOUR + ORDER, 115)])
def test_four_pictures_cost_few_calls_and_points(
    shop: Desk, placement: Placement, calls: list[str], points: int
) -> None:
    product = shop.product(3)
    shop.forget()
    shop.attach(product, shop.images(1, 2, 3, 4), placement)
    assert shop.calls() == calls
    assert shop.points() <= points
    assert max(seen.requested for seen in shop.shop.requests) <= 60


def test_all_fits_a_bucket_of_hundred_points(tmp_path: Path) -> None:
    with serving(tmp_path, bucket=100, restore_rate=50) as desk:
        for number in range(1, 5):
            product = desk.product(2)
            desk.attach(product, desk.images(number), REPLACE)
            assert desk.shown(product).startswith(str(number))
        assert [seen for seen in desk.shop.requests if seen.code] == []


@pytest.mark.parametrize("placement", list(Placement))
def test_attaching_twice_writes_once(desk: Desk, placement: Placement) -> None:
    product = desk.product()
    first = desk.attach(product, desk.images(1, 2), placement)
    desk.forget()
    again = desk.attach(product, desk.images(1, 2), placement)
    assert again == first
    assert desk.calls() == ["media"]
    assert len(desk.remembered) == 1


def test_more_pictures_later_go_beside_the_first(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(2), AFTER)
    desk.attach(product, desk.images(1, 2, 3), AFTER)
    assert desk.shown(product) == "a123b"
    assert len(desk.remembered) == 2


def test_a_second_copy_of_a_wanted_picture_is_taken_off(desk: Desk) -> None:
    product = desk.product()
    desk.attach(product, desk.images(1), APPEND)
    copy = desk.store.add_media(picture(1), f"mug-{key(1)}_copy.jpg")
    other = desk.store.add_media(picture(1), f"mug-{key(7)}.jpg")
    for gid in (copy, other):
        desk.store.attach(product, gid)
    desk.attach(product, desk.images(1, 2), APPEND)
    assert desk.shown(product) == "ab127"
    assert copy in desk.store.media, "its file stays"


def test_a_picture_for_two_products_is_one_file(desk: Desk) -> None:
    one, other = desk.product(), desk.product()
    desk.attach(one, desk.images(1))
    desk.attach(other, desk.images(1))
    assert (desk.shown(one), desk.shown(other), desk.ours()) == ("ab1", "cd1", "1")


def test_what_stands_elsewhere_since_is_left_there(shop: Desk) -> None:
    product = shop.product(3)
    shop.attach(product, shop.images(1), REPLACE)
    one, a, b, c = shop.store.media_ids(product)
    shop.store.set_media_order(product, [a, b, one, c])
    shop.attach(product, shop.images(1), REPLACE)
    assert shop.shown(product) == "ab1c"


@pytest.mark.parametrize(("placement", "then"), [(APPEND, "Va1"), (AFTER, "V1a"), (REPLACE, "1Va")])
def test_a_video_in_front_is_a_main_picture_like_any(desk: Desk, placement: Placement, then: str) -> None:
    product = desk.product(1)
    desk.store.attach(product, desk.video(), 0)
    done = desk.attach(product, desk.images(1), placement)
    assert desk.shown(product) == then
    assert done.listing.main == desk.store.media_ids(product)[0]
    desk.restore(product, 1)
    assert desk.shown(product) == "Va"


def test_a_product_without_pictures_gets_its_first(desk: Desk) -> None:
    product = desk.product(0)
    done = desk.attach(product, desk.images(1, 2), AFTER)
    assert (desk.shown(product), done.listing.main) == ("12", desk.store.media_ids(product)[0])
    assert desk.restore(product, 1, 2) == Listing(str(product), (), None)


def test_a_long_list_is_read_to_its_end(shop: Desk) -> None:
    product = shop.product(0)
    media = [shop.store.add_picture_like(shop.theirs(), f"p{n}.jpg") for n in range(23)]
    shop.store.set_media_order(product, media)
    shop.names.update((gid, "·") for gid in media)
    done = shop.attach(product, shop.images(1), REPLACE)
    assert shop.shown(product) == "1" + "·" * 23
    assert len(done.listing.images) == 24


def test_others_texts_stay(desk: Desk) -> None:
    product = desk.product()
    for gid in desk.store.media_ids(product):
        desk.file(gid).alt = "theirs"
    desk.attach(product, desk.images(1), REPLACE)
    assert sorted(desk.file(gid).alt for gid in desk.store.media_ids(product)) == ["alt 1", "theirs", "theirs"]


# -- what the shop does not take --------------------------------------------------------------------------------------


def test_a_picture_that_comes_to_nothing_leaves_nothing(desk: Desk) -> None:
    product = desk.product()
    desk.fault(f"file_create:fail_media=*{key(2)}*")
    done = desk.attach(product, desk.images(1, 2, 3), REPLACE)
    assert (desk.shown(product), list(done.refused), desk.ours()) == ("1a3b", [key(2)], "13")


def test_where_all_are_refused_nothing_is_written(desk: Desk) -> None:
    product = desk.product()
    image = desk.image(1)
    image.path.write_bytes(b"<html>")
    desk.forget()
    done = desk.attach(product, [image])
    assert (list(done.refused), desk.calls(), desk.remembered) == ([key(1)], ["media"], [])


def test_what_does_not_fit_is_refused_before_it_is_sent(shop: Desk) -> None:
    product = shop.product(0)
    like = shop.theirs()
    media = [shop.store.add_picture_like(like, f"p{n}.jpg") for n in range(MOST_MEDIA - 2)]
    shop.store.set_media_order(product, media)
    bad = shop.image(9)
    bad.path.write_bytes(b"")
    done = shop.attach(product, [bad, *shop.images(1, 2, 3)])
    assert (list(done.refused), len(done.listing.images)) == ([key(9), key(3)], MOST_MEDIA)
    assert "250" in done.refused[key(3)]
    assert shop.ours() == "12"


def test_a_limit_that_the_shop_alone_knows_is_told(tmp_path: Path) -> None:
    with serving(tmp_path, media_limit=4) as desk:
        product = desk.product(2)
        done = desk.attach(product, desk.images(1, 2, 3))
        assert (desk.shown(product), list(done.refused)) == ("ab12", [key(3)])


@pytest.mark.parametrize("code", ["PRODUCT_MEDIA_LIMIT_EXCEEDED", "UNSUPPORTED_FILE_REFERENCE"])
def test_an_error_about_no_picture_by_name_is_about_the_last(shop: Desk, code: str) -> None:
    product = shop.product()
    shop.fault(f"file_update:user_error={code}:x1")
    done = shop.attach(product, shop.images(1, 2))
    assert (shop.shown(product), list(done.refused)) == ("ab1", [key(2)])


@pytest.mark.parametrize("code", ["FILE_LOCKED", "MEDIA_CANNOT_BE_MODIFIED", "NON_READY_STATE"])
def test_a_file_that_is_busy_is_waited_for(shop: Desk, code: str) -> None:
    product = shop.product()
    shop.fault(f"file_update:user_error={code}:x2", "reorder:user_error=MEDIA_CANNOT_BE_MODIFIED:x1")
    done = shop.attach(product, shop.images(1, 2), REPLACE)
    assert (shop.shown(product), done.refused, len(shop.remembered)) == ("1a2b", {}, 1)


def test_a_file_that_stays_busy_is_tried_again_later(shop: Desk) -> None:
    product = shop.product()
    shop.fault("file_update:user_error=FILE_LOCKED")
    with pytest.raises(ConnectorError, match="still at work") as caught:
        shop.attach(product, shop.images(1))
    assert (caught.value.permanent, caught.value.retry_after, shop.shown(product)) == (False, 60, "ab")


def test_a_suspended_product_is_left_alone(shop: Desk) -> None:
    product = shop.product()
    shop.fault("file_update:user_error=PRODUCT_SUSPENDED")
    with pytest.raises(ConnectorError, match="suspended by Shopify") as caught:
        shop.attach(product, shop.images(1))
    assert caught.value.permanent


def test_a_file_that_goes_before_it_is_attached_is_made_again(shop: Desk) -> None:
    product = shop.product()

    def remember(_: Listing) -> None:
        shop.store.remove_file(next(gid for gid in shop.store.media if shop.name(gid) == "1"))

    done = attach(shop.room, str(product), shop.images(1, 2), APPEND, remember)
    assert (shop.shown(product), done.refused, shop.ours()) == ("ab12", {}, "21")


def test_a_file_that_goes_again_and_again_is_refused(shop: Desk) -> None:
    product = shop.product()
    mutate = shop.room.client.mutate

    def deleting(name: str, *args: Any, **more: Any) -> Any:
        if name == "file_update":
            for gid in [gid for gid in shop.store.media if shop.name(gid) == "1"]:
                shop.store.remove_file(gid)
        return mutate(name, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.room.client, "mutate", deleting)
        done = shop.attach(product, shop.images(1, 2))
    assert (shop.shown(product), list(done.refused)) == ("ab2", [key(1)])
    assert "deletes the file" in done.refused[key(1)]


@pytest.mark.parametrize("product_id", ["x", "12/", "12/x", "", "-1"])
def test_a_product_has_a_number(shop: Desk, product_id: str) -> None:
    with pytest.raises(ConnectorError, match="has a number") as caught:
        shop.attach(product_id, shop.images(1))
    assert (caught.value.permanent, shop.calls()) == (True, [])


def test_a_product_that_is_gone_gets_nothing(shop: Desk) -> None:
    with pytest.raises(ConnectorError, match="product 77 is not in the shop") as caught:
        shop.attach(77, shop.images(1))
    assert (caught.value.permanent, shop.calls()) == (True, ["media"])


def test_a_product_that_goes_meanwhile_is_told(shop: Desk) -> None:
    product = shop.product()
    with pytest.raises(ConnectorError, match="is not in the shop any more") as caught:
        attach(shop.room, str(product), shop.images(1), APPEND, lambda _: shop.store.remove(product))
    assert caught.value.permanent
