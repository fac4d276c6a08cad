"""Reading a shop: the check, the catalogue while it changes, and deltas that lose nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from connectors.testing.base import Contract
from connectors.testing.kit import ShopKit
from connectors.testing.looks import failure, looked_up, names, refresh, refusal, shown, stocked
from connectors.testing.pictures import Pictures
from connectors.types import Connector, ConnectorError, Gone, Placement, Product, Skipped

CHANGES = pytest.mark.parametrize("change", ["first ones removed", "last ones removed", "one added", "two changed"])


class Follower:
    """Keeps a copy of the catalogue by deltas alone, as the program does between two full reads."""

    def __init__(self, shop: ShopKit):
        self._shop = shop
        self._since: datetime | None = None
        self.titles: dict[str, str] = {}

    def read(self) -> None:
        """One full read the first time, then deltas, each from the moment at which the one before began."""
        since, self._since = self._since, self._shop.now()
        for item in self._shop.connector().products(since):
            if isinstance(item, Product):
                self.titles[item.id] = item.title
            elif isinstance(item, Gone):
                self.titles.pop(item.product_id, None)


class Crowd:
    """A catalogue of several pages, and something that happens to it."""

    def __init__(self, shop: ShopKit):
        self.shop = shop
        self.ids = [shop.add_product(f"Mug {number}") for number in range(shop.several_pages)]
        self.happened: list[str] = []
        self.titles: dict[str, str] = {}
        shop.advance(1)

    def suffer(self, change: str) -> None:
        """Carries one of CHANGES out, at the ends of the catalogue: what lies between shifts, if it can."""
        if change == "one added":
            self.happened.append(self.shop.add_product("Late mug"))
            self.ids += self.happened
        elif change == "two changed":
            self.happened = [self.ids[0], self.ids[-1]]
            self.titles = {product_id: self.shop.touch(product_id) for product_id in self.happened}
        else:
            few = len(self.ids) // 5
            self.happened = self.ids[:few] if change.startswith("first") else self.ids[-few:]
            self.ids = [product_id for product_id in self.ids if product_id not in self.happened]
            for product_id in self.happened:
                self.shop.remove_product(product_id)


class ReadingContract(Contract):
    """check, products, product."""

    def test_the_check_of_a_good_shop_finds_no_problem_and_changes_nothing(self, shop: ShopKit) -> None:
        product_id = stocked(shop)
        before = shop.snapshot()
        info = shop.connector().check()
        assert info.problems == ()
        assert info.name
        assert shop.snapshot() == before, "a check must not change the shop"
        assert looked_up(shop, product_id)

    def test_it_is_a_connector(self, shop: ShopKit) -> None:
        assert isinstance(shop.connector(), Connector)

    @pytest.mark.parametrize("pictures", [1, 3])
    def test_a_product_is_read_with_its_pictures_in_order(self, shop: ShopKit, pictures: int) -> None:
        product_id = shop.add_product('Steel mug & bowl, 12" 钢杯', pictures)
        (product,) = refresh(shop)
        has = shown(shop, product_id)
        assert len(has) == pictures
        assert (product.id, product.title) == (product_id, 'Steel mug & bowl, 12" 钢杯')
        assert names(product.images) == has
        assert product.main_image is not None
        assert names([product.main_image]) == has[:1]
        assert product.updated_at is None or product.updated_at.utcoffset() == timedelta(0), "updated_at is aware UTC"

    def test_asking_for_one_product_gives_what_the_catalogue_gives(self, shop: ShopKit) -> None:
        product_id = stocked(shop)
        (streamed,) = refresh(shop)
        asked = shop.connector().product(product_id)
        assert (asked.id, asked.title, asked.images) == (streamed.id, streamed.title, streamed.images)

    def test_a_product_is_read_fresh_each_time(self, shop: ShopKit) -> None:
        product_id = stocked(shop)
        connector = shop.connector()
        connector.product(product_id)
        title = shop.touch(product_id)
        assert connector.product(product_id).title == title, "a connector must not answer from memory"

    def test_a_product_without_a_picture_is_told_and_not_lost(self, shop: ShopKit) -> None:
        bare, good = shop.add_product("Bare mug", 0), shop.add_product("Good mug")
        found = list(shop.connector().products(None))
        told = [item.product_id for item in found if isinstance(item, Skipped)]
        told += [item.id for item in found if isinstance(item, Product) and item.main_image is None]
        assert told == [bare], "give it with main_image=None, or a Skipped that has its product_id"
        assert good in [item.id for item in found if isinstance(item, Product)]

    def test_an_unknown_product_is_an_error_for_good(self, shop: ShopKit) -> None:
        product_id = stocked(shop)
        shop.remove_product(product_id)
        assert refusal(shop, lambda: shop.connector().product(product_id)).permanent

    def test_every_page_is_read_and_every_product_given_once(self, shop: ShopKit) -> None:
        crowd = Crowd(shop)
        given = Counter(product.id for product in refresh(shop))
        assert given == Counter(crowd.ids)

    @CHANGES
    def test_a_full_read_loses_nothing_while_the_catalogue_changes(self, shop: ShopKit, change: str) -> None:
        crowd = Crowd(shop)
        shop.while_reading(lambda: crowd.suffer(change))
        started, connector = shop.now(), shop.connector()
        given = {product.id: product.title for product in _products(connector.products(None))}
        assert crowd.happened, "the kit did not call back while the catalogue was read"
        lost = set(crowd.ids) - given.keys() - set(crowd.happened)
        assert not lost, f"{len(lost)} products were there all the time and were not given"
        shop.advance(1)
        given |= {product.id: product.title for product in _products(shop.connector().products(started))}
        assert set(crowd.ids) <= given.keys(), "what came meanwhile is in this read, or in the delta since it began"
        assert crowd.titles.items() <= given.items(), "a change meanwhile was lost"

    def test_a_full_read_does_not_give_what_is_gone(self, shop: ShopKit) -> None:
        kept, removed = stocked(shop), stocked(shop)
        shop.remove_product(removed)
        shop.advance(1)
        found = list(shop.connector().products(None))
        assert [item.id for item in found if isinstance(item, Product)] == [kept]
        assert kept not in [item.product_id for item in found if isinstance(item, Gone)]

    def test_a_delta_gives_what_changed_and_what_is_new(self, shop: ShopKit) -> None:
        changed, removed = stocked(shop), stocked(shop)
        since = shop.now()
        refresh(shop)
        shop.advance(90)
        title, new = shop.touch(changed), shop.add_product("New mug")
        shop.remove_product(removed)
        shop.advance(1)
        found = list(shop.connector().products(since))
        given = {item.id: item.title for item in found if isinstance(item, Product)}
        assert (given.get(changed), new in given) == (title, True)
        assert removed not in given
        assert {item.product_id for item in found if isinstance(item, Gone)} <= {removed}, "a product that is there"

    def test_a_delta_has_what_changed_in_the_very_moment_it_counts_from(self, shop: ShopKit) -> None:
        """Clocks have steps of a second: a change may bear the same time as the read that just missed it."""
        product_id = stocked(shop)
        since = shop.now()
        refresh(shop)
        title = shop.touch(product_id)
        shop.advance(1)
        given = {product.id: product.title for product in _products(shop.connector().products(since))}
        assert given.get(product_id) == title

    def test_what_happens_during_a_delta_is_in_the_next_one(self, shop: ShopKit) -> None:
        crowd, follower = Crowd(shop), Follower(shop)
        follower.read()
        shop.advance(60)
        truth = {product_id: shop.touch(product_id) for product_id in crowd.ids}
        shop.while_reading(lambda: crowd.suffer("two changed"))
        shop.advance(60)
        follower.read()
        assert crowd.happened, "the kit did not call back while the catalogue was read"
        follower.read()
        assert follower.titles == truth | crowd.titles

    def test_deltas_one_after_the_other_keep_a_copy_true(self, shop: ShopKit) -> None:
        truth = {shop.add_product(f"Mug {number}"): f"Mug {number}" for number in range(6)}
        follower = Follower(shop)
        for step, product_id in enumerate(list(truth)):
            follower.read()
            truth[product_id] = shop.touch(product_id)
            truth[shop.add_product(f"New {step}")] = f"New {step}"
            shop.advance(step % 3)
            truth[product_id] = shop.touch(product_id)
            shop.advance(step % 2)
        follower.read()
        assert follower.titles == truth

    def test_our_own_writes_do_not_hide_a_change(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        since = shop.now()
        refresh(shop)
        title = shop.touch(product_id)
        shop.connector().attach(product_id, pictures.new(), Placement.APPEND, lambda _: None)
        shop.advance(1)
        given = {product.id: product.title for product in _products(shop.connector().products(since))}
        assert given.get(product_id) == title

    def test_a_read_that_is_throttled_in_the_middle_is_whole_or_an_error(self, shop: ShopKit) -> None:
        crowd = Crowd(shop)
        refresh(shop)
        shop.while_reading(lambda: shop.throttle(600))
        found = failure(shop, lambda: _products(shop.connector().products(None)))
        assert isinstance(found, ConnectorError) or {product.id for product in found} == set(crowd.ids)
        assert not (isinstance(found, ConnectorError) and found.permanent), "throttling passes"
        shop.advance(600)
        assert {product.id for product in refresh(shop)} == set(crowd.ids)

    def test_a_read_that_loses_its_rights_in_the_middle_is_whole_or_an_error(self, shop: ShopKit) -> None:
        crowd = Crowd(shop)
        refresh(shop)
        shop.while_reading(shop.revoke)
        found = failure(shop, lambda: _products(shop.connector().products(None)))
        assert isinstance(found, ConnectorError) or {product.id for product in found} == set(crowd.ids)
        shop.grant()
        assert {product.id for product in refresh(shop)} == set(crowd.ids)


def _products(found: Iterable[Product | Skipped | Gone]) -> list[Product]:
    return [item for item in found if isinstance(item, Product)]
