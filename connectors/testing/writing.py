"""Attaching: in all placements, once however often it is asked for, and never before the snapshot is kept."""

from __future__ import annotations

import pytest

from connectors.testing.base import Contract
from connectors.testing.kit import ShopKit
from connectors.testing.looks import (
    PLACEMENTS,
    Memory,
    agreed,
    arranged,
    attach,
    keys,
    looked_up,
    names,
    never,
    refusal,
    shown,
    stocked,
)
from connectors.testing.pictures import Pictures
from connectors.types import Listing, Placement


class SnapshotNotKeptError(RuntimeError):
    """The program could not keep the listing as it was."""


class WritingContract(Contract):
    """attach, as long as all goes well."""

    @PLACEMENTS
    @pytest.mark.parametrize(("own", "count"), [(1, 1), (3, 2), (3, 8)])
    def test_pictures_go_where_they_are_asked_to(
        self, shop: ShopKit, pictures: Pictures, placement: Placement, own: int, count: int
    ) -> None:
        product_id = stocked(shop, own)
        had, images = shown(shop, product_id), pictures.new(count)
        done = attach(shop, product_id, images, placement)
        assert done.refused == {}
        assert agreed(shop, done.listing) == arranged(had, keys(images), placement)
        assert looked_up(shop, product_id) == arranged(had, keys(images), placement)

    @PLACEMENTS
    def test_a_second_attachment_goes_where_it_is_asked_to(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        product_id = stocked(shop, 2)
        had, first, second = shown(shop, product_id), pictures.new(2), pictures.new(2)
        attach(shop, product_id, first, placement)
        done = attach(shop, product_id, second, placement)
        wanted = arranged(arranged(had, keys(first), placement), keys(second), placement)
        assert agreed(shop, done.listing) == wanted
        assert looked_up(shop, product_id) == wanted

    @PLACEMENTS
    def test_attaching_twice_is_attaching_once(self, shop: ShopKit, pictures: Pictures, placement: Placement) -> None:
        product_id = stocked(shop)
        had, images, connector = shown(shop, product_id), pictures.new(2), shop.connector()
        connector.attach(product_id, images, placement, Memory(shop, product_id))
        again = connector.attach(product_id, images, placement, never)
        assert agreed(shop, again.listing) == arranged(had, keys(images), placement)
        after_restart = attach(shop, product_id, images, placement, never)
        assert after_restart.refused == {}
        assert agreed(shop, after_restart.listing) == arranged(had, keys(images), placement)

    def test_what_is_there_already_is_not_written_again_with_what_is_new(
        self, shop: ShopKit, pictures: Pictures
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(3)
        attach(shop, product_id, images[:1], Placement.APPEND)
        done = attach(shop, product_id, images, Placement.APPEND)
        assert agreed(shop, done.listing) == [*had, *keys(images)]

    @PLACEMENTS
    def test_the_snapshot_is_kept_once_and_before_anything_changes(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        product_id = stocked(shop)
        had, memory = shown(shop, product_id), Memory(shop, product_id)
        attach(shop, product_id, pictures.new(2), placement, memory)
        assert len(memory.listings) == 1, "`remember` is called exactly once"
        assert memory.shown == [had], "`remember` is called before the listing is changed"
        assert names(memory.before.images) == had
        assert memory.before.product_id == product_id

    def test_nothing_is_written_if_the_snapshot_cannot_be_kept(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        had = shown(shop, product_id)

        def fail(_: Listing) -> None:
            raise SnapshotNotKeptError

        with pytest.raises(SnapshotNotKeptError):
            attach(shop, product_id, pictures.new(), Placement.APPEND, fail)
        assert looked_up(shop, product_id) == had

    def test_nothing_to_attach_writes_nothing(self, shop: ShopKit) -> None:
        product_id = stocked(shop)
        had = shown(shop, product_id)
        done = attach(shop, product_id, [], Placement.APPEND, never)
        assert agreed(shop, done.listing) == had

    def test_our_keys_are_found_back(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images, memory = pictures.new(2), Memory(shop, product_id)
        done = attach(shop, product_id, images, Placement.APPEND, memory)
        assert memory.before.keys() == frozenset()
        assert done.listing.keys() == set(keys(images))
        found = shop.connector().product(product_id).images
        assert {image.key for image in found if image.key} == set(keys(images))

    def test_alt_texts_arrive(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images = pictures.new(2)
        attach(shop, product_id, images, Placement.APPEND)
        alts = {image.key: image.alt for image in shop.connector().product(product_id).images}
        assert {key: alts.get(key) for key in keys(images)} == {image.key: image.alt for image in images}

    def test_other_products_stay_as_they_are(self, shop: ShopKit, pictures: Pictures) -> None:
        other, product_id = stocked(shop), stocked(shop)
        had = shown(shop, other)
        attach(shop, product_id, pictures.new(), Placement.REPLACE_MAIN)
        assert looked_up(shop, other) == had

    def test_an_unknown_product_gets_nothing(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        shop.remove_product(product_id)
        error = refusal(shop, lambda: attach(shop, product_id, pictures.new(), Placement.APPEND, never))
        assert error.permanent, "asking again does not bring the product back"
