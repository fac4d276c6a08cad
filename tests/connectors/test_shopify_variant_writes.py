"""Pictures for variants of a Shopify product: their photo is replaced only where that is asked for, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError, Listing, NewImage, Placement
from connectors.shopify.restore import restore
from connectors.types import Attached
from tests.connectors.shopify_writes import AFTER, APPEND, REPLACE, Desk, key, killed_at, serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, attach_at="front") as found:
        yield found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("placement", "shown", "worn"),
    [(APPEND, "abcd12", "bbc-"), (AFTER, "ab12cd", "bbc-"), (REPLACE, "ab12cd", "11c-")],
)
def test_pictures_go_beside_the_variants_own(desk: Desk, placement: Placement, shown: str, worn: str) -> None:
    product, variants = desk.shirt("1", "1", "2", "-")
    place = f"{product}/{variants[0]}"
    done = desk.attach(place, desk.images(1, 2), placement)
    assert (desk.shown(product), desk.wears(variants)) == (shown, worn)
    assert desk.name(done.listing.main or "") == worn[0]
    assert [image.id for image in done.listing.images] == desk.store.media_ids(product)
    assert (done.listing.product_id, done.refused) == (place, {})
    assert desk.name(desk.remembered[0].main or "") == "b"
    assert desk.state.swaps(product) == {}
    left = desk.restore(place, 1, 2)
    assert (desk.shown(product), desk.wears(variants), desk.name(left.main or "")) == ("abcd", "bbc-", "b")
    assert desk.state.swaps(product) == {}


def test_it_costs_few_calls(shop: Desk) -> None:
    product, variants = shop.shirt("1", "1", "2")
    shop.forget()
    shop.attach(f"{product}/{variants[0]}", shop.images(1), REPLACE)
    writes = [call for call in shop.calls() if call not in ("media", "product")]
    made = ["staged", "upload", "file_create", "status", "status"]
    assert writes == [*made, "file_update", "reorder", "job", "job", "variant", "variant"]
    assert len(shop.calls()) == len(writes) + 2 * 4, "two for each look"


@pytest.mark.parametrize("placement", list(Placement))
def test_attaching_and_undoing_twice_is_once(shop: Desk, placement: Placement) -> None:
    product, variants = shop.shirt("1", "2")
    place = f"{product}/{variants[0]}"
    first = shop.attach(place, shop.images(1, 2), placement)
    writes = shop.shop.count("file_update") + shop.shop.count("variant") + shop.shop.count("reorder")
    assert shop.attach(place, shop.images(1, 2), placement) == first
    left = shop.restore(place, 1, 2)
    assert shop.restore(place, 1, 2) == left
    assert (shop.shown(product), shop.wears(variants)) == ("abcd", "bc")
    undone = shop.shop.count("file_update") + shop.shop.count("variant") + shop.shop.count("reorder") - writes
    assert undone == (3 if placement is REPLACE else 1)


def test_a_variant_without_a_photo_of_its_own_gets_nothing(shop: Desk) -> None:
    product, variants = shop.shirt("-", "1")
    for place in (f"{product}/{variants[0]}", f"{product}/999"):
        with pytest.raises(ConnectorError, match="has no picture of its own") as caught:
            shop.attach(place, shop.images(1), APPEND)
        assert caught.value.permanent
    assert (shop.shown(product), shop.ours(), shop.remembered) == ("abcd", "", [])


def test_a_variant_that_loses_its_photo_meanwhile_stays_so_and_can_be_undone(shop: Desk) -> None:
    product, variants = shop.shirt("1")
    place = f"{product}/{variants[0]}"
    mutate = shop.room.client.mutate

    def bared(name: str, *args: Any, **more: Any) -> Any:
        if name == "product_reorder_media":
            shop.store.set_variant_media(variants[0], "")
        return mutate(name, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.room.client, "mutate", bared)
        done = shop.attach(place, shop.images(1), REPLACE)
    assert (shop.shown(product), shop.wears(variants)) == ("abcd1", "-")
    assert (set(done.listing.keys()), done.listing.main, dict(done.refused)) == ({key(1)}, None, {})
    shop.restore(place, 1)
    assert (shop.shown(product), shop.wears(variants)) == ("abcd", "-")


def test_a_variant_that_was_given_another_photo_since_keeps_it(shop: Desk) -> None:
    product, variants = shop.shirt("1", "1")
    place = f"{product}/{variants[0]}"
    shop.attach(place, shop.images(1), REPLACE)
    media = shop.store.media_ids(product)
    shop.store.set_variant_media(variants[1], media[0])
    shop.restore(place, 1)
    assert (shop.shown(product), shop.wears(variants)) == ("abcd", "ba")


def test_a_photo_that_is_gone_since_is_not_given_back(shop: Desk) -> None:
    product, variants = shop.shirt("1", "1")
    place = f"{product}/{variants[0]}"
    shop.attach(place, shop.images(1), REPLACE)
    shop.store.detach(product, next(gid for gid in shop.store.media_ids(product) if shop.name(gid) == "b"))
    left = shop.restore(place, 1)
    assert (shop.shown(product), shop.wears(variants), left.main) == ("acd", "--", None)


def test_many_variants_are_changed_by_hundreds(shop: Desk) -> None:
    product, variants = shop.shirt(*["1"] * 130)
    shop.forget()
    shop.attach(f"{product}/{variants[0]}", shop.images(1), REPLACE)
    assert shop.wears(variants) == "1" * 130
    assert shop.calls().count("variant") == 4


def test_an_editor_who_takes_ours_off_meanwhile_does_not_leave_a_variant_bare(shop: Desk) -> None:
    product, variants = shop.shirt("1", "2")
    media = shop.store.media_ids(product)
    mutate, deeds = shop.room.client.mutate, [lambda: shop.store.set_media_order(product, media)]

    def overwritten(name: str, *args: Any, **more: Any) -> Any:
        done = mutate(name, *args, **more)
        if name == "product_variant_append_media" and deeds:
            deeds.pop()()
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.room.client, "mutate", overwritten)
        shop.attach(f"{product}/{variants[0]}", shop.images(1), REPLACE)
    assert (shop.shown(product), shop.wears(variants)) == ("ab1cd", "1c")
    shop.restore(f"{product}/{variants[0]}", 1)
    assert (shop.shown(product), shop.wears(variants)) == ("abcd", "bc")


@pytest.mark.parametrize(
    ("fault", "count"),
    [("drop_after", 1), ("drop_after", 2), ("http_500", 2), ("user_error=MEDIA_CANNOT_BE_MODIFIED", 1)],
)
def test_lost_answers_change_nothing_of_the_outcome(shop: Desk, fault: str, count: int) -> None:
    product, variants = shop.shirt("1", "1", "2")
    place = f"{product}/{variants[0]}"
    shop.fault(f"variant:{fault}:x{count}")
    shop.insist(lambda: shop.attach(place, shop.images(1), REPLACE))
    assert (shop.shown(product), shop.wears(variants), len(shop.remembered)) == ("ab1cd", "11c", 1)
    shop.clock.sleep(600)
    shop.fault(f"variant:{fault}:x{count}")
    shop.insist(lambda: shop.restore(place, 1))
    assert (shop.shown(product), shop.wears(variants)) == ("abcd", "bbc")


def test_a_kill_at_any_request_is_survived(tmp_path: Path) -> None:
    with serving(tmp_path) as desk:
        for step in range(14, 40):  # those before are as for a product
            desk.names.clear()
            desk.remembered.clear()
            product, variants = desk.shirt("1", "1", "2")
            place, images = f"{product}/{variants[0]}", desk.images(step)

            def act(place: str = place, images: list[NewImage] = images) -> Attached:
                return desk.attach(place, images, REPLACE)

            if not killed_at(desk, step, act, after=False):
                break
            desk.room = desk.opened()
            desk.insist(act)
            worn = "".join(desk.name(desk.store.variants[variant].media) for variant in variants)
            assert worn == f"{step}{step}c", f"killed at request {step}"
            desk.clock.sleep(600)
            _undone_in_spite_of_a_kill(desk, place, step)
            assert (desk.shown(product), desk.wears(variants)) == ("abcd", "bbc"), f"killed at request {step}"
        assert step == 20


def _undone_in_spite_of_a_kill(desk: Desk, place: str, number: int) -> Listing:
    killed_at(desk, number - 12, lambda: desk.restore(place, number), after=True)
    desk.room = desk.opened()
    return desk.insist(lambda: desk.restore(place, number))


def test_an_undo_after_a_crash_gives_back_what_variants_showed(shop: Desk) -> None:
    product, variants = shop.shirt("1", "1", "2")
    place = f"{product}/{variants[0]}"
    shop.fault("variant:http_500")
    with pytest.raises(ConnectorError):
        shop.attach(place, shop.images(1), REPLACE)
    media = shop.store.media_ids(product)
    for variant in variants[:2]:
        shop.store.set_variant_media(variant, "")  # the first of the two calls was carried out after all
    assert shop.wears(variants) == "--c"
    shop.fault()
    shop.clock.sleep(600)
    left = shop.restore(place, 1)
    assert (shop.shown(product), shop.wears(variants), left.main) == ("abcd", "bbc", media[1])


def _halfway(desk: Desk, place: str, variant: int, number: int) -> None:
    """An attach that is killed when the variant has lost its photo and not got ours."""
    for step in range(1, 40):
        killed_at(desk, step, lambda: desk.attach(place, desk.images(number), REPLACE), after=True)
        desk.room = desk.opened()
        if not desk.store.variants[variant].media:
            return


def test_an_undo_leaves_the_exchange_at_another_variant_alone(shop: Desk) -> None:
    product, variants = shop.shirt("1", "2")
    first, second = (f"{product}/{variant}" for variant in variants)
    shop.attach(first, shop.images(1), REPLACE)
    _halfway(shop, second, variants[1], 2)
    shop.clock.sleep(600)
    shop.restore(first, 1)
    assert shop.wears(variants) == "b-", "not the photo of the first one"
    shop.attach(second, shop.images(2), REPLACE)
    assert (shop.shown(product), shop.wears(variants)) == ("abc2d", "b2")


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_publications_of_a_variant_are_undone_in_either_order(shop: Desk, order: tuple[int, int]) -> None:
    product, variants = shop.shirt("1", "1")
    place = f"{product}/{variants[0]}"
    for number in (1, 2):
        shop.attach(place, shop.images(number), REPLACE)
    assert (shop.shown(product), shop.wears(variants)) == ("ab12cd", "22")
    for number in order:
        restore(shop.room, place, shop.remembered[number - 1], [key(number)])
    assert (shop.shown(product), shop.wears(variants)) == ("abcd", "bb")


def test_a_variant_whose_new_picture_is_refused_gets_its_photo_back(shop: Desk) -> None:
    product, variants = shop.shirt("1", "1")
    mutate, faults = shop.room.client.mutate, ["variant:user_error=INVALID:x1"]

    def refusing(name: str, *args: Any, **more: Any) -> Any:
        if name == "product_variant_append_media" and faults:
            shop.fault(faults.pop())
        return mutate(name, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.room.client, "mutate", refusing)
        with pytest.raises(ConnectorError, match="may be on the listing already") as caught:
            shop.attach(f"{product}/{variants[0]}", shop.images(1), REPLACE)
    assert (caught.value.permanent, shop.wears(variants)) == (False, "bb")


def test_a_permanent_error_half_way_is_looked_at_again(shop: Desk) -> None:
    product, variants = shop.shirt("1")
    place = f"{product}/{variants[0]}"
    _halfway(shop, place, variants[0], 1)
    shop.shop.access.lose_scope("write_products")
    with pytest.raises(ConnectorError, match="may be on the listing already") as caught:
        shop.attach(place, shop.images(1), REPLACE)
    assert not caught.value.permanent
    shop.shop.access.give_scope("write_products")
    shop.attach(place, shop.images(1), REPLACE)
    assert shop.wears(variants) == "1"


@pytest.mark.parametrize("loss", ["lose_scope=write_products", "revoke"])
def test_an_undo_that_stops_half_way_goes_on_when_it_may(shop: Desk, loss: str) -> None:
    product, variants = shop.shirt("1")
    place = f"{product}/{variants[0]}"
    shop.attach(place, shop.images(1), REPLACE)
    mutate = shop.room.client.mutate

    def losing(name: str, *args: Any, **more: Any) -> Any:
        if name == "product_variant_append_media":
            shop.fault(f"variant:{loss}:x1")
        return mutate(name, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.room.client, "mutate", losing)
        with pytest.raises(ConnectorError, match="shows no picture until this goes on") as caught:
            shop.restore(place, 1)
    assert (caught.value.permanent, shop.wears(variants)) == (False, "-")


def test_an_undo_without_rights_is_refused_before_anything_is_done(shop: Desk) -> None:
    product, variants = shop.shirt("1")
    place = f"{product}/{variants[0]}"
    shop.attach(place, shop.images(1), REPLACE)
    shop.shop.access.lose_scope("write_products")
    with pytest.raises(ConnectorError, match="write_products") as caught:
        shop.restore(place, 1)
    assert (caught.value.permanent, shop.wears(variants)) == (True, "1")


def test_one_of_ours_is_refused_where_it_is_the_first(shop: Desk) -> None:
    product, variants = shop.shirt("1")
    shop.fault(f"file_create:fail_media=*{key(1)}*")
    done = shop.attach(f"{product}/{variants[0]}", shop.images(1, 2), REPLACE)
    assert (shop.shown(product), shop.wears(variants), list(done.refused)) == ("ab2cd", "2", [key(1)])


def test_only_the_wanted_placement_replaces(shop: Desk) -> None:
    product, variants = shop.shirt("1", "2")
    shop.attach(f"{product}/{variants[0]}", shop.images(1), AFTER)
    shop.attach(f"{product}/{variants[1]}", shop.images(2), APPEND)
    assert (shop.shown(product), shop.wears(variants)) == ("ab1cd2", "bc")
    assert shop.shop.count("variant") == 0
