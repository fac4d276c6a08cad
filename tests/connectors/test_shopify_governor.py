"""The pace of requests to one shop: threads, and documents whose cost is learnt."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from connectors.shopify.errors import ShopError
from connectors.shopify.governor import Governor, cost_of, shape_of
from tests.connectors.shopify_bucket import ShopBucket


def answer(requested: float, actual: float | None, available: float, maximum: float = 100) -> dict[str, Any]:
    status = {"maximumAvailable": maximum, "currentlyAvailable": available, "restoreRate": 50.0}
    return {
        "extensions": {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}}
    }


class Clock:
    """Seconds that pass only where somebody waits."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def test_before_anything_is_known_it_just_sends() -> None:
    clock = Clock()
    governor = Governor(clock)

    for _ in range(3):
        with governor.turn("products", {"first": 5}, clock.sleep):
            pass

    assert clock.waits == []
    assert governor.maximum is None


def test_it_learns_what_a_document_needs_and_waits_for_that() -> None:
    clock = Clock()
    governor = Governor(clock)
    with governor.turn("change", {}, clock.sleep) as turn:
        turn.answered(answer(30, 30, 10))

    with governor.turn("change", {}, clock.sleep):
        pass

    assert sum(clock.waits) == pytest.approx((30 + 5 - 10) / 50)


def test_a_document_that_was_never_sent_waits_for_half_the_bucket() -> None:
    clock = Clock()
    governor = Governor(clock)
    with governor.turn("change", {}, clock.sleep) as turn:
        turn.answered(answer(10, 10, 10))

    with governor.turn("another", {}, clock.sleep):
        pass

    assert sum(clock.waits) == pytest.approx((50 + 5 - 10) / 50)


def test_larger_pages_are_taken_to_cost_more_in_proportion() -> None:
    clock = Clock()
    governor = Governor(clock)
    with governor.turn("status", {"ids": ["a"]}, clock.sleep) as turn:
        turn.answered(answer(10, 10, 20))

    with governor.turn("status", {"ids": ["a", "b", "c"]}, clock.sleep) as turn:
        turn.answered(answer(12, 12, 20))
    with governor.turn("status", {"ids": ["a", "b"]}, clock.sleep):
        pass

    assert clock.waits == pytest.approx([(30 + 5 - 20) / 50])  # three need 30 at most, two no more than three


def test_a_request_that_can_never_be_sent_is_an_error_at_once() -> None:
    clock = Clock()
    governor = Governor(clock)
    with governor.turn("products", {"first": 250}, clock.sleep) as turn:
        turn.answered(answer(500, None, 100))

    with pytest.raises(ShopError) as caught, governor.turn("products", {"first": 250}, clock.sleep):
        pass

    assert caught.value.code == "MAX_COST_EXCEEDED"
    assert caught.value.permanent
    assert clock.waits == []


def test_a_smaller_page_of_the_same_document_can_still_be_sent() -> None:
    clock = Clock()
    governor = Governor(clock)
    with governor.turn("products", {"first": 250}, clock.sleep) as turn:
        turn.answered(answer(500, None, 100))

    with governor.turn("products", {"first": 10}, clock.sleep) as turn:
        turn.answered(answer(20, 20, 80))
    with governor.turn("products", {"first": 10}, clock.sleep):
        pass

    assert clock.waits == []


def test_a_pause_that_the_shop_asked_for_holds_everybody() -> None:
    clock = Clock()
    governor = Governor(clock)
    governor.pause(3.0)

    with governor.turn("any", {}, clock.sleep):
        pass

    assert sum(clock.waits) == pytest.approx(3.0)


def test_a_wait_that_is_broken_off_lets_the_others_through() -> None:
    clock = Clock()
    governor = Governor(clock)
    governor.pause(1.0)

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), governor.turn("any", {}, stop):
        pass
    with governor.turn("any", {}, clock.sleep):
        pass

    assert sum(clock.waits) == pytest.approx(1.0)


def test_threads_do_not_overdraw_together() -> None:
    """Eight threads over a real lock; the clock is the only thing that is not real."""
    lock, clock = threading.Lock(), Clock()
    shop, done = ShopBucket(100, 50, 100), list[int]()

    def sleep(seconds: float) -> None:
        with lock:
            clock.now += seconds / 8

    governor = Governor(clock)
    with governor.turn("change", {}, sleep) as turn:
        turn.answered(answer(10, 10, 100))

    def run() -> None:
        for _ in range(10):
            with governor.turn("change", {}, sleep) as turn, lock:
                taken = shop.take(10, clock.now)
                turn.answered(answer(10, 10 if taken else None, int(shop.level)))
        done.append(10)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (shop.refused, done) == (0, [10] * 8)


@pytest.mark.parametrize(
    ("maximum", "most", "each", "fixed", "page"),
    [
        (None, 250, 10, 0, 5),  # nothing is known: as for the smallest bucket
        (100, 250, 10, 0, 5),
        (100, 250, 10, 20, 3),
        (100, 250, 70, 0, 1),
        (2000, 250, 3, 10, 250),
        (2000, 250, 10, 0, 100),
        (20_000, 250, 10, 0, 100),  # one query may cost 1,000 points
        (2000, 20, 0, 0, 20),
    ],
)
def test_page_sizes(maximum: float | None, most: int, each: int, fixed: int, page: int) -> None:
    clock = Clock()
    governor = Governor(clock)
    if maximum:
        with governor.turn("first", {}, clock.sleep) as turn:
            turn.answered(answer(1, 1, maximum, maximum))

    assert governor.page(most, each, fixed) == page


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"extensions": None},
        {"extensions": {"cost": {"requestedQueryCost": 1}}},
        {"extensions": {"cost": {"requestedQueryCost": 1, "throttleStatus": {"maximumAvailable": 100}}}},
        answer(1, 1, 5, 0),
        answer(1, 1, float("nan")),
        answer(-1, 1, 5),
        answer(10**400, 1, 5),
    ],
)
def test_costs_that_cannot_be_used_are_not(body: dict[str, Any]) -> None:
    assert cost_of(body) is None


def test_pages_that_were_refused_become_smaller_as_far_as_it_is_of_use() -> None:
    governor = Governor(lambda: 0.0)
    with governor.turn("first", {}, lambda _: None) as turn:
        turn.answered(answer(1, 1, 4000, 4000))
    seen = [(governor.page(250, 10), governor.shrink()) for _ in range(5)]

    assert seen == [(100, True), (50, True), (25, True), (12, False), (12, False)]


def test_sizes_of_variables() -> None:
    variables = {"first": 5, "ids": ["a", "b"], "after": None, "reverse": True, "query": "x"}

    assert shape_of(variables) == (("first", 5), ("ids", 2))
