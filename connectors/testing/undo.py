"""Undo: what we added goes, what we moved goes back, what others did since stays; and twice is once."""

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
    failure,
    keys,
    looked_up,
    published,
    shown,
    stocked,
)
from connectors.testing.pictures import Pictures
from connectors.types import ConnectorError, Listing, Placement


class UndoContract(Contract):
    """restore."""

    @PLACEMENTS
    @pytest.mark.parametrize("own", [1, 3])
    def test_the_listing_is_as_before(self, shop: ShopKit, pictures: Pictures, placement: Placement, own: int) -> None:
        product_id = stocked(shop, own)
        had, images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        left = shop.connector().restore(product_id, before, after, keys(images))
        assert agreed(shop, left) == had
        assert looked_up(shop, product_id) == had

    @PLACEMENTS
    def test_undoing_twice_is_undoing_once(self, shop: ShopKit, pictures: Pictures, placement: Placement) -> None:
        product_id = stocked(shop)
        had, images, connector = shown(shop, product_id), pictures.new(2), shop.connector()
        memory = Memory(shop, product_id)
        after = connector.attach(product_id, images, placement, memory).listing
        for same in (connector, connector, shop.connector()):
            assert agreed(shop, same.restore(product_id, memory.before, after, keys(images))) == had
        assert looked_up(shop, product_id) == had

    @PLACEMENTS
    def test_what_was_undone_can_be_published_again(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        shop.connector().restore(product_id, before, after, keys(images))
        before, after = published(shop, product_id, images, placement)
        assert agreed(shop, after) == arranged(had, keys(images), placement)
        assert agreed(shop, shop.connector().restore(product_id, before, after, keys(images))) == had

    @PLACEMENTS
    def test_an_editors_new_picture_stays(self, shop: ShopKit, pictures: Pictures, placement: Placement) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        theirs = shop.editor_adds(product_id)
        assert theirs in looked_up(shop, product_id)
        left = shop.connector().restore(product_id, before, after, keys(images))
        assert agreed(shop, left) == [*had, theirs]
        assert looked_up(shop, product_id) == [*had, theirs]

    @PLACEMENTS
    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_a_picture_that_an_editor_took_off_stays_away(
        self, shop: ShopKit, pictures: Pictures, placement: Placement, which: int
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        shop.editor_removes(product_id, had[which])
        assert had[which] not in looked_up(shop, product_id)
        left = shop.connector().restore(product_id, before, after, keys(images))
        assert agreed(shop, left) == [name for name in had if name != had[which]]

    @PLACEMENTS
    def test_an_order_that_an_editor_made_stays(self, shop: ShopKit, pictures: Pictures, placement: Placement) -> None:
        product_id = stocked(shop)
        (main, second, third), images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        shop.editor_moves(product_id, third, looked_up(shop, product_id).index(second))
        left = shop.connector().restore(product_id, before, after, keys(images))
        assert agreed(shop, left) == [main, third, second]

    @PLACEMENTS
    def test_a_main_picture_that_an_editor_chose_stays(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        product_id = stocked(shop)
        (main, second, third), images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        shop.editor_moves(product_id, third, 0)
        left = shop.connector().restore(product_id, before, after, keys(images))
        assert agreed(shop, left) == [third, main, second]

    @PLACEMENTS
    @pytest.mark.parametrize("which", [0, 1])
    def test_one_of_ours_that_an_editor_took_off_already_is_no_trouble(
        self, shop: ShopKit, pictures: Pictures, placement: Placement, which: int
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        ours = next(name for name in shop.listing(product_id) if images[which].key in name)
        shop.editor_removes(product_id, ours)
        assert images[which].key not in shown(shop, product_id)
        left = shop.connector().restore(product_id, before, after, keys(images))
        assert agreed(shop, left) == had

    @PLACEMENTS
    def test_two_publications_are_undone_in_either_order(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        for newest_first in (True, False):
            product_id = stocked(shop)
            had, rounds = shown(shop, product_id), [pictures.new(2), pictures.new(1)]
            done = [(*published(shop, product_id, images, placement), images) for images in rounds]
            undone, kept = (1, 0) if newest_first else (0, 1)
            left = _restore(shop, product_id, *done[undone][:2], keys(rounds[undone]))
            assert left == arranged(had, keys(rounds[kept]), placement)
            assert _restore(shop, product_id, *done[kept][:2], keys(rounds[kept])) == had

    def test_what_was_never_published_is_undone_by_changing_nothing(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images, memory = pictures.new(2), Memory(shop, product_id)
        memory(attach(shop, product_id, [], Placement.APPEND).listing)
        before = shop.snapshot()
        shop.connector().restore(product_id, memory.before, memory.before, keys(images))
        assert shop.snapshot() == before

    def test_undo_leaves_other_products_as_they_are(self, shop: ShopKit, pictures: Pictures) -> None:
        other, product_id = stocked(shop), stocked(shop)
        had, images = shown(shop, other), pictures.new(2)
        attach(shop, other, images, Placement.APPEND)
        before, after = published(shop, product_id, images, Placement.APPEND)
        shop.connector().restore(product_id, before, after, keys(images))
        assert looked_up(shop, other) == [*had, *keys(images)]

    def test_a_product_that_is_gone_is_undone_or_an_error_for_good(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images = pictures.new(2)
        before, after = published(shop, product_id, images, Placement.APPEND)
        shop.remove_product(product_id)
        left = failure(shop, lambda: shop.connector().restore(product_id, before, after, keys(images)))
        assert left.permanent if isinstance(left, ConnectorError) else left.keys() == frozenset()


def _restore(shop: ShopKit, product_id: str, before: Listing, after: Listing, added: list[str]) -> list[str]:
    return agreed(shop, shop.connector().restore(product_id, before, after, added))
