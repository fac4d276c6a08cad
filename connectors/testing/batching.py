"""For connectors that are `Batching`: all of a batch, or nothing of it."""

from __future__ import annotations

import pytest

from connectors.testing.base import Contract
from connectors.testing.kit import ShopKit
from connectors.testing.looks import (
    Memory,
    arranged,
    attach,
    failure,
    keys,
    looked_up,
    persist,
    published,
    refusal,
    shown,
    stocked,
)
from connectors.testing.pictures import Pictures
from connectors.types import Batching, Connector, NewImage, Placement


class AbandonedError(Exception):
    """The program gave up inside a batch."""


class Two:
    """Two products, and pictures to attach to both in one batch."""

    def __init__(self, shop: ShopKit, pictures: Pictures):
        self._shop = shop
        self.ids = [stocked(shop), stocked(shop)]
        self.images: list[list[NewImage]] = [pictures.new(2), pictures.new(1)]
        self.had = self.shown()
        self.wanted = [
            arranged(had, keys(images), Placement.AFTER_MAIN) for had, images in zip(self.had, self.images, strict=True)
        ]

    def shown(self) -> list[list[str]]:
        """What the shop has of both."""
        return [shown(self._shop, product_id) for product_id in self.ids]

    def looked_up(self) -> list[list[str]]:
        """The same, once connector and shop agree on it."""
        return [looked_up(self._shop, product_id) for product_id in self.ids]

    def publish(self, *, abandon: bool = False) -> None:
        """Both in one batch of a fresh connector."""
        connector = self._shop.connector()
        with batching(connector).batch():
            for product_id, images in zip(self.ids, self.images, strict=True):
                connector.attach(product_id, images, Placement.AFTER_MAIN, Memory(self._shop, product_id))
            if abandon:
                raise AbandonedError


def batching(connector: Connector) -> Batching:
    """The connector as what it must be here."""
    assert isinstance(connector, Batching), "BatchingContract is for connectors that implement Batching"
    return connector


class BatchingContract(Contract):
    """batch."""

    def test_a_batch_is_there_when_it_ends(self, shop: ShopKit, pictures: Pictures) -> None:
        two = Two(shop, pictures)
        two.publish()
        assert two.shown() == two.wanted
        assert two.looked_up() == two.wanted
        two.publish()
        assert two.looked_up() == two.wanted, "twice is once in a batch too"

    def test_a_batch_that_is_abandoned_leaves_nothing(self, shop: ShopKit, pictures: Pictures) -> None:
        two = Two(shop, pictures)
        with pytest.raises(AbandonedError):
            two.publish(abandon=True)
        assert two.looked_up() == two.had
        two.publish()
        assert two.looked_up() == two.wanted

    @pytest.mark.parametrize("skip", range(5))
    def test_a_batch_that_fails_leaves_nothing(self, shop: ShopKit, pictures: Pictures, skip: int) -> None:
        two = Two(shop, pictures)
        shop.fail_next_write(skip)
        failed = failure(shop, two.publish)
        shop.calm()
        assert two.looked_up() == (two.wanted if failed is None else two.had)
        persist(shop, two.publish)
        assert two.looked_up() == two.wanted

    @pytest.mark.parametrize("skip", range(5))
    def test_a_batch_whose_answer_is_lost_can_be_sent_again(self, shop: ShopKit, pictures: Pictures, skip: int) -> None:
        two = Two(shop, pictures)
        shop.lose_next_answer(skip)
        persist(shop, two.publish)
        shop.calm()
        assert two.looked_up() == two.wanted

    def test_a_batch_that_loses_its_rights_leaves_nothing(self, shop: ShopKit, pictures: Pictures) -> None:
        two = Two(shop, pictures)
        shop.revoke()
        refusal(shop, two.publish)
        shop.grant()
        assert two.looked_up() == two.had

    def test_publications_are_undone_in_a_batch(self, shop: ShopKit, pictures: Pictures) -> None:
        two = Two(shop, pictures)
        done = [
            published(shop, product_id, images, Placement.AFTER_MAIN)
            for product_id, images in zip(two.ids, two.images, strict=True)
        ]
        connector = shop.connector()
        with batching(connector).batch():
            for product_id, (before, after), images in zip(two.ids, done, two.images, strict=True):
                connector.restore(product_id, before, after, keys(images))
        assert two.shown() == two.had
        assert two.looked_up() == two.had

    def test_after_a_batch_each_write_counts_by_itself_again(self, shop: ShopKit, pictures: Pictures) -> None:
        two = Two(shop, pictures)
        two.publish()
        (more,) = pictures.new()
        attach(shop, two.ids[0], [more], Placement.APPEND)
        assert two.shown()[0] == [*two.wanted[0], more.key]
