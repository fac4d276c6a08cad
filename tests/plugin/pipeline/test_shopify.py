"""The whole walk on a sandbox Shopify shop: from its catalogue to its listings and back, and what changes there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.publishing import library
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.states import ImageState, ProductState, TaskState
from tests.plugin.pictures.drawn import drawn, encoded
from tests.plugin.pipeline.shopify_checks import (
    OWN,
    count_of,
    demand_nothing_new,
    demand_published,
    rename_ours,
    writes,
)
from tests.plugin.pipeline.shopify_world import ShopifyWorld, shopify_world
from tests.plugin.pipeline.world import task_states


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ShopifyWorld]:
    with shopify_world(tmp_path) as made:
        yield made


# -- there and back ------------------------------------------------------------------------------------------------


def test_from_the_catalogue_to_the_listing_and_back_without_an_echo(shop: ShopifyWorld) -> None:
    mug, bowl = shop.listing("mug"), shop.listing("bowl", 1)
    before = shop.shopify.store.media_ids(mug), shop.shopify.store.media_ids(bowl)
    assert shop.run().published == 4
    demand_published(shop, mug, OWN)
    demand_published(shop, bowl, ["bowl-1.jpg"])
    assert shop.run().submitted == 0
    with shop.parts() as parts:
        demand_nothing_new(shop, parts)
        demand_nothing_new(shop, parts, full=True)
        shop.undo(parts)
        assert (shop.shopify.store.media_ids(mug), shop.shopify.store.media_ids(bowl)) == before
        demand_nothing_new(shop, parts)
        assert shop.states(parts) == {str(mug): ProductState.READY, str(bowl): ProductState.READY}
    assert len(task_states(parts)) == 2
    assert shop.shopify.access.grants == {"client_credentials": 1}  # kept from process to process


def test_a_replaced_main_image_is_not_taken_for_a_new_photo(shop: ShopifyWorld) -> None:
    shop.placement = "replace-main"
    mug = shop.listing("mug")
    before = shop.shopify.store.media_ids(mug)
    shop.run()
    names = shop.names(mug)
    assert [name for name in names if name in OWN] == OWN
    assert names[1] == OWN[0]  # the old main picture is the second
    assert len(shop.keys(mug)) == 2
    with shop.parts() as parts:
        demand_nothing_new(shop, parts)
        demand_nothing_new(shop, parts, full=True)
        shop.shopify.store.set_media_order(mug, shop.shopify.store.media_ids(mug)[:1])  # only ours is left
        demand_nothing_new(shop, parts)
        shop.shopify.store.set_media_order(mug, [*shop.shopify.store.media_ids(mug), *before])
        demand_nothing_new(shop, parts)
        shop.undo(parts)
        assert shop.shopify.store.media_ids(mug) == before
        demand_nothing_new(shop, parts)
    assert shop.accepted() == 1


def test_a_picture_of_ours_that_somebody_renamed_is_no_new_photo(shop: ShopifyWorld) -> None:
    shop.placement, store = "replace-main", shop.shopify.store
    mug = shop.listing("mug")
    before = store.media_ids(mug)
    shop.run()
    rename_ours(shop, mug)
    with shop.parts() as parts:
        demand_nothing_new(shop, parts)
        demand_nothing_new(shop, parts, full=True)
        shop.undo(parts)
        assert store.media_ids(mug) == before
    assert shop.accepted() == 1


def test_a_renamed_picture_that_several_variants_show_is_no_new_photo(shop: ShopifyWorld) -> None:
    shop.variants, shop.placement, store = True, "replace-main", shop.shopify.store
    shoe = shop.listing("shoe", 1)
    red = shop.photo("red.jpg")
    store.attach(shoe, red)
    for size in ("41", "42", "43"):
        store.add_variant(shoe, {"Color": "Red", "Size": size}, red)
    before = store.snapshot()["products"][shoe]
    shop.run()
    rename_ours(shop, shoe)
    with shop.parts() as parts:
        demand_nothing_new(shop, parts)
        demand_nothing_new(shop, parts, full=True)
        shop.undo(parts)
    after = store.snapshot()["products"][shoe]
    assert (after["media"], after["variants"]) == (before["media"], before["variants"])
    assert shop.accepted() == 2


def test_what_an_undo_leaves_among_the_files_is_found_and_deleted_on_request(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.run()
    left = set(shop.keys(mug))
    with shop.parts() as parts:
        config = parts.settings.stores[0]
        assert library.orphans(parts, config) == []
        shop.undo(parts)
        found = library.orphans(parts, config)
        assert {orphan.file.key for orphan in found} == left
        assert [orphan.kept for orphan in found] == ["", ""]
        assert library.delete(parts, 1, config, found) == {}
        assert library.orphans(parts, config) == []
    assert shop.shopify.store.file_names() == OWN


def test_pictures_of_variants_are_paid_once_for_each_photo(shop: ShopifyWorld) -> None:
    shop.variants = True
    store = shop.shopify.store
    shoe = shop.listing("shoe", 1)
    red, blue = shop.photo("red.jpg"), shop.photo("blue.jpg")
    store.attach(shoe, red)
    store.attach(shoe, blue)
    shown = [("Red", "41", red), ("Red", "42", red), ("Blue", "41", blue), ("Plain", "41", store.media_ids(shoe)[0])]
    numbers = [store.add_variant(shoe, {"Color": color, "Size": size}, media) for color, size, media in shown]
    before = store.snapshot()["products"][shoe]
    shop.run()
    assert shop.accepted() == 3  # the product's, red, and blue
    with shop.parts() as parts:
        assert set(shop.states(parts)) == {str(shoe), f"{shoe}/{numbers[0]}", f"{shoe}/{numbers[2]}"}
        assert len(shop.keys(shoe)) == 6
        demand_nothing_new(shop, parts)
        shop.undo(parts)
        demand_nothing_new(shop, parts, full=True)
    after = store.snapshot()["products"][shoe]
    assert (after["media"], after["variants"]) == (before["media"], before["variants"])


# -- what changes in the shop --------------------------------------------------------------------------------------


def test_what_is_sold_or_described_otherwise_is_no_reason_to_pay(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.run()
    with shop.parts() as parts:
        shop.shopify.store.change_inventory(mug)
        demand_nothing_new(shop, parts)
        shop.shopify.store.update(mug, title="Mug, large")
        demand_nothing_new(shop, parts)
    assert shop.accepted() == 1


def test_a_photo_that_is_only_compressed_anew_is_not_paid_for_again(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    store = shop.shopify.store
    shop.run()
    photo = store.media[store.media_ids(mug)[0]]
    address = store.address(photo)
    seed = sum(ord(letter) * (place + 3) for place, letter in enumerate(photo.name))
    store.replace_bytes(photo, encoded(drawn(160, 160, seed=seed), quality=60))
    shop.clock.advance(60)
    assert store.address(photo) != address
    with shop.parts() as parts:
        spent = shop.accepted(), task_states(parts), writes(shop)
        shop.read(parts)
        assert (shop.accepted(), task_states(parts), writes(shop)) == spent
        demand_nothing_new(shop, parts)


@pytest.mark.parametrize("how", ["another file", "other bytes"])
def test_a_new_main_photo_is_planned_anew(shop: ShopifyWorld, how: str) -> None:
    mug = shop.listing("mug")
    store = shop.shopify.store
    shop.run()
    if how == "another file":
        store.attach(mug, shop.photo("mug-new.jpg"), 0)
    else:
        store.replace_bytes(store.media[store.media_ids(mug)[0]], encoded(drawn(160, 160, seed=4711)))
        shop.clock.advance(60)
    assert shop.run().published == 2
    assert shop.accepted() == 2
    assert len(set(shop.keys(mug))) == 4


def test_a_product_that_customers_cannot_see_any_more_is_gone_and_comes_back_for_nothing(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    shop.run()
    with shop.parts() as parts:
        shop.shopify.store.update(mug, status="DRAFT")
        demand_nothing_new(shop, parts)
        assert shop.states(parts) == {str(mug): ProductState.GONE}
        shop.shopify.store.update(mug, status="ACTIVE")
        shop.read(parts)
        assert shop.states(parts) == {str(mug): ProductState.READY}
        assert shop.accepted() == 1
    demand_published(shop, mug, OWN)


@pytest.mark.parametrize("status", ["ARCHIVED", "deleted"])
def test_an_undo_reaches_also_a_product_that_is_not_sold_any_more(shop: ShopifyWorld, status: str) -> None:
    mug = shop.listing("mug")
    shop.run()
    if status == "deleted":
        shop.shopify.store.remove(mug)
    else:
        shop.shopify.store.update(mug, status=status)
    with shop.parts() as parts:
        shop.read(parts)
        shop.undo(parts)
        assert count_of(parts, ImageState.WITHDRAWN) == 2
    assert status == "deleted" or shop.names(mug) == OWN


def test_what_is_only_planned_for_a_product_is_cancelled_where_it_becomes_a_draft(shop: ShopifyWorld) -> None:
    mug = shop.listing("mug")
    with shop.parts() as parts:
        for status, state in (("ACTIVE", TaskState.PLANNED), ("DRAFT", TaskState.CANCELLED)):
            shop.shopify.store.update(mug, status=status)
            shop.read(parts, lanes=(RefreshLane, PlanLane))
            assert task_states(parts) == [state]
    assert shop.accepted() == 0
