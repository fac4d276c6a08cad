"""Attaching when it goes wrong: lost answers, failed writes, editors, pictures that are refused, lost rights, haste."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import pytest

from connectors.testing.base import Contract
from connectors.testing.kit import Killed, ShopKit
from connectors.testing.looks import (
    PLACEMENTS,
    Memory,
    agreed,
    arranged,
    attach,
    failure,
    keys,
    looked_up,
    persist,
    published,
    refresh,
    refusal,
    shown,
    stocked,
)
from connectors.testing.pictures import Pictures
from connectors.types import ConnectorError, Placement

T = TypeVar("T")
_MOST_TRIES = 30
_PAUSE = 60.0

# Which of the writes of one call it strikes (a call may have fewer), and where the pictures go.
WRITES = pytest.mark.parametrize("skip", [0, 1, 2])
STRIKES = pytest.mark.parametrize(
    ("placement", "skip"), [*((placement, 0) for placement in Placement), (Placement.APPEND, 1), (Placement.APPEND, 2)]
)


class TroubleContract(Contract):
    """attach and restore in a bad hour."""

    @STRIKES
    def test_a_lost_answer_does_not_double_a_picture(
        self, shop: ShopKit, pictures: Pictures, placement: Placement, skip: int
    ) -> None:
        product_id = stocked(shop)
        had, images, memory = shown(shop, product_id), pictures.new(2), Memory(shop, product_id)
        shop.lose_next_answer(skip)
        done = persist(shop, lambda: attach(shop, product_id, images, placement, memory))
        shop.calm()
        assert agreed(shop, done.listing) == arranged(had, keys(images), placement)
        assert memory.shown[0] == had
        shop.advance(3600)
        assert looked_up(shop, product_id) == arranged(had, keys(images), placement), "it came once more, later"

    @STRIKES
    def test_a_write_that_ends_after_the_client_gave_up_does_not_double_a_picture(
        self, shop: ShopKit, pictures: Pictures, placement: Placement, skip: int
    ) -> None:
        product_id = stocked(shop)
        had, images, memory = shown(shop, product_id), pictures.new(2), Memory(shop, product_id)
        shop.lose_next_answer(skip, late=shop.late)
        persist(shop, lambda: attach(shop, product_id, images, placement, memory))
        shop.calm()
        shop.advance(3600)
        assert looked_up(shop, product_id) == arranged(had, keys(images), placement)
        assert memory.shown[0] == had

    @pytest.mark.parametrize("late", [False, True])
    @STRIKES
    def test_a_program_that_dies_while_it_writes_goes_on_from_there(
        self, shop: ShopKit, pictures: Pictures, placement: Placement, skip: int, *, late: bool
    ) -> None:
        product_id = stocked(shop)
        had, images, memory = shown(shop, product_id), pictures.new(2), Memory(shop, product_id)
        shop.die_at_next_write(skip, late=shop.late if late else 0.0)
        with suppress(Killed):
            attach(shop, product_id, images, placement, memory)
        shop.calm()
        done = persist(shop, lambda: attach(shop, product_id, images, placement, memory))
        assert agreed(shop, done.listing) == arranged(had, keys(images), placement)
        shop.advance(3600)
        assert looked_up(shop, product_id) == arranged(had, keys(images), placement)
        left = shop.connector().restore(product_id, memory.before, done.listing, keys(images))
        assert memory.shown[0] == agreed(shop, left) == had

    @PLACEMENTS
    def test_a_program_that_dies_while_it_undoes_goes_on_from_there(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        shop.die_at_next_write()
        with suppress(Killed):
            shop.connector().restore(product_id, before, after, keys(images))
        shop.calm()
        left = persist(shop, lambda: shop.connector().restore(product_id, before, after, keys(images)))
        assert agreed(shop, left) == had
        assert looked_up(shop, product_id) == had

    @WRITES
    def test_a_lost_answer_can_be_undone(self, shop: ShopKit, pictures: Pictures, skip: int) -> None:
        product_id = stocked(shop)
        had, images, memory = shown(shop, product_id), pictures.new(2), Memory(shop, product_id)
        shop.lose_next_answer(skip)
        done = persist(shop, lambda: attach(shop, product_id, images, Placement.REPLACE_MAIN, memory))
        shop.calm()
        left = shop.connector().restore(product_id, memory.before, done.listing, keys(images))
        assert agreed(shop, left) == had
        assert looked_up(shop, product_id) == had

    @STRIKES
    def test_a_failed_write_leaves_nothing_half_done(
        self, shop: ShopKit, pictures: Pictures, placement: Placement, skip: int
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        wanted = arranged(had, keys(images), placement)
        shop.fail_next_write(skip)
        failure(shop, lambda: attach(shop, product_id, images, placement))
        assert looked_up(shop, product_id) in (had, wanted), "all of it, or nothing"
        done = persist(shop, lambda: attach(shop, product_id, images, placement))
        shop.calm()
        assert agreed(shop, done.listing) == wanted

    @pytest.mark.parametrize("trouble", ["answer lost", "failed", "answer lost, and late"])
    @PLACEMENTS
    def test_undo_survives_trouble(self, shop: ShopKit, pictures: Pictures, placement: Placement, trouble: str) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        _order(shop, trouble)
        persist(shop, lambda: shop.connector().restore(product_id, before, after, keys(images)))
        shop.calm()
        shop.advance(3600)
        assert looked_up(shop, product_id) == had

    @PLACEMENTS
    def test_an_editor_who_writes_at_the_same_time_loses_nothing_and_neither_do_we(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        theirs = shop.editor_overwrites_next_write(product_id)
        done = persist(shop, lambda: attach(shop, product_id, images, placement))
        assert done.listing.keys() == set(keys(images))
        has = looked_up(shop, product_id)
        assert [name for name in has if name != theirs] == arranged(had, keys(images), placement)
        assert has.count(theirs) == 1, f"the editor's {theirs} is on the listing once: {has}"

    @PLACEMENTS
    def test_an_editor_who_writes_during_an_undo_keeps_their_picture(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        before, after = published(shop, product_id, images, placement)
        theirs = shop.editor_overwrites_next_write(product_id)
        left = persist(shop, lambda: shop.connector().restore(product_id, before, after, keys(images)))
        assert left.keys() == frozenset()
        assert looked_up(shop, product_id) == [*had, theirs]

    @PLACEMENTS
    def test_one_picture_that_is_refused_does_not_lose_the_others(
        self, shop: ShopKit, pictures: Pictures, placement: Placement
    ) -> None:
        product_id = stocked(shop)
        images = pictures.new(3)
        bad = shop.refuse_one(product_id, images)
        had, memory = looked_up(shop, product_id), Memory(shop, product_id)
        good = [key for key in keys(images) if key != bad]
        done = persist(shop, lambda: attach(shop, product_id, images, placement, memory))
        assert list(done.refused) == [bad]
        assert done.refused[bad], "with a reason"
        assert agreed(shop, done.listing) == arranged(had, good, placement)
        again = persist(shop, lambda: attach(shop, product_id, images, placement))
        assert agreed(shop, again.listing) == arranged(had, good, placement)
        left = shop.connector().restore(product_id, memory.before, done.listing, good)
        assert agreed(shop, left) == had

    def test_a_picture_that_is_refused_alone_changes_nothing(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images = pictures.new()
        bad = shop.refuse_one(product_id, images)
        had = looked_up(shop, product_id)
        done = persist(shop, lambda: attach(shop, product_id, images, Placement.APPEND))
        assert list(done.refused) == [bad] == keys(images)
        assert agreed(shop, done.listing) == had

    def test_the_check_tells_that_the_right_to_write_is_lost(self, shop: ShopKit) -> None:
        stocked(shop)
        shop.revoke()
        info = failure(shop, shop.connector().check)
        assert isinstance(info, ConnectorError) or info.problems, "nothing may be spent for a shop that takes nothing"
        shop.grant()
        assert shop.connector().check().problems == ()

    def test_without_the_right_to_write_nothing_is_changed(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        had, images, connector = shown(shop, product_id), pictures.new(), shop.connector()
        shop.revoke()
        refusal(shop, lambda: connector.attach(product_id, images, Placement.APPEND, Memory(shop, product_id)))
        assert shown(shop, product_id) == had
        refusal(shop, lambda: attach(shop, product_id, images, Placement.APPEND))
        assert shown(shop, product_id) == had
        shop.grant()
        done = attach(shop, product_id, images, Placement.APPEND)
        assert agreed(shop, done.listing) == [*had, *keys(images)]

    def test_without_the_right_to_write_asking_again_is_no_use(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        images = pictures.new()
        shop.revoke()
        error = refusal(shop, lambda: attach(shop, product_id, images, Placement.APPEND))
        assert error.permanent, f"only a person can give the right back: {error}"

    def test_rights_that_are_lost_right_before_the_write_leave_the_listing_alone(
        self, shop: ShopKit, pictures: Pictures
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        refusal(shop, lambda: attach(shop, product_id, images, Placement.AFTER_MAIN, lambda _: shop.revoke()))
        assert shown(shop, product_id) == had
        shop.grant()
        done = attach(shop, product_id, images, Placement.AFTER_MAIN)
        assert agreed(shop, done.listing) == arranged(had, keys(images), Placement.AFTER_MAIN)

    def test_without_the_right_to_write_nothing_is_undone(self, shop: ShopKit, pictures: Pictures) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new()
        before, after = published(shop, product_id, images, Placement.REPLACE_MAIN)
        shop.revoke()
        refusal(shop, lambda: shop.connector().restore(product_id, before, after, keys(images)))
        assert shown(shop, product_id) == arranged(had, keys(images), Placement.REPLACE_MAIN)
        shop.grant()
        assert agreed(shop, shop.connector().restore(product_id, before, after, keys(images))) == had

    @pytest.mark.parametrize("seconds", [1, 20, 900])
    def test_a_throttled_shop_is_written_to_when_it_allows(
        self, shop: ShopKit, pictures: Pictures, seconds: float
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        before = Memory(shop, product_id)
        shop.throttle(seconds)
        done = _in_time(
            shop, product_id, seconds, lambda: attach(shop, product_id, images, Placement.AFTER_MAIN, before)
        )
        assert agreed(shop, done.listing) == arranged(had, keys(images), Placement.AFTER_MAIN)
        shop.throttle(seconds)
        left = _in_time(
            shop,
            product_id,
            seconds,
            lambda: shop.connector().restore(product_id, before.before, done.listing, keys(images)),
        )
        assert agreed(shop, left) == had

    def test_a_shop_that_throttles_right_before_the_write_is_written_to_later(
        self, shop: ShopKit, pictures: Pictures
    ) -> None:
        product_id = stocked(shop)
        had, images = shown(shop, product_id), pictures.new(2)
        failure(shop, lambda: attach(shop, product_id, images, Placement.APPEND, lambda _: shop.throttle(900)))
        assert shown(shop, product_id) in (had, [*had, *keys(images)]), "all of it, or nothing"
        done = _in_time(shop, product_id, 900, lambda: attach(shop, product_id, images, Placement.APPEND))
        assert agreed(shop, done.listing) == [*had, *keys(images)]

    @pytest.mark.parametrize("seconds", [1, 900])
    def test_a_throttled_shop_is_read_when_it_allows(self, shop: ShopKit, seconds: float) -> None:
        product_id = stocked(shop)
        shop.throttle(seconds)
        assert [product.id for product in _in_time(shop, product_id, seconds, lambda: refresh(shop))] == [product_id]


def _order(shop: ShopKit, trouble: str) -> None:
    if trouble == "failed":
        shop.fail_next_write()
    else:
        shop.lose_next_answer(late=shop.late if "late" in trouble else 0.0)


def _in_time(shop: ShopKit, product_id: str, seconds: float, act: Callable[[], T]) -> T:
    """What it gives once the shop allows it; until then it fails for now, changes nothing, and says for how long."""
    had, ends = shown(shop, product_id), shop.now() + timedelta(seconds=seconds)
    for _ in range(_MOST_TRIES):
        error = failure(shop, act)
        if not isinstance(error, ConnectorError):
            return error
        assert not error.permanent, f"throttling passes: {error}"
        assert shown(shop, product_id) == had
        left = (ends - shop.now()).total_seconds()
        told = error.retry_after or 0
        assert told >= left - 1 or not shop.names_the_wait, f"the shop asks for {left} s more, `retry_after` is {told}"
        shop.advance(told or _PAUSE)
    raise AssertionError(f"still throttled after {_MOST_TRIES} tries, though the shop asked for {seconds} s only")
