"""The arithmetic of points, against a bucket that works as Shopify's does."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.shopify.governor import Bucket, Cost
from tests.connectors.shopify_bucket import ShopBucket


@dataclass(frozen=True)
class Job:
    """A request: points, and seconds to the shop, in the shop, and back."""

    requested: float
    actual: float
    there: float
    work: float
    back: float


@dataclass
class World:
    """Several workers who share one bucket of ours and one of the shop's, in order of time."""

    shop: ShopBucket
    ours: Bucket = field(default_factory=Bucket)
    events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    count: int = 0
    done: int = 0

    def later(self, when: float, what: Callable[[float], None]) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, self.count, what))

    def work(self, jobs: Sequence[Job], start: float) -> None:
        def begin(now: float) -> None:
            job = jobs[0]
            wait = self.ours.wait(job.requested, now)
            if wait > 0:
                self.later(now + wait, begin)
                return
            number = self.ours.send(job.requested, now)
            self.later(now + job.there, lambda at: arrive(at, number))

        def arrive(now: float, number: int) -> None:
            if self.shop.take(jobs[0].requested, now):
                self.later(now + jobs[0].work, lambda at: done(at, number))
            else:
                told = self.shop.cost(jobs[0].requested, None, now)
                self.later(now + jobs[0].back, lambda at: self.land(number, told, at, lambda: begin(at)))

        def done(now: float, number: int) -> None:
            job = jobs[0]
            self.shop.give(job.requested - job.actual, now)
            told = self.shop.cost(job.requested, job.actual, now)
            self.later(now + job.back, lambda at: self.land(number, told, at, lambda: self.following(jobs, at)))

        self.later(start, begin)

    def following(self, jobs: Sequence[Job], now: float) -> None:
        self.done += 1
        if jobs[1:]:
            self.work(jobs[1:], now)

    def land(self, number: int, told: Cost, now: float, then: Callable[[], None]) -> None:
        self.ours.land(number, told, now)
        then()

    def run(self) -> float:
        now = 0.0
        while self.events:
            now, _, what = heapq.heappop(self.events)
            what(now)
        return now


@st.composite
def jobs(draw: st.DrawFn, most: float = 60.0) -> Job:
    requested = draw(st.integers(1, int(most)))
    actual = draw(st.integers(0, requested))
    there, work, back = (draw(st.floats(0, 0.3)) for _ in range(3))
    return Job(requested, actual, there, work, back)


def known_world(maximum: float, rate: float, level: float) -> World:
    """A world in which one answer has come already."""
    world = World(ShopBucket(maximum, rate, level))
    world.ours.land(world.ours.send(1, 0.0), world.shop.cost(1, 0, 0.0), 0.0)
    return world


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(jobs(), min_size=1, max_size=12), min_size=1, max_size=5),
    st.floats(20, 200),
    st.integers(0, 100),
)
def test_alone_nothing_is_ever_refused(workers: list[list[Job]], rate: float, level: int) -> None:
    world = known_world(100, rate, level)
    for position, worker in enumerate(workers):
        world.work(worker, position * 0.01)

    world.run()

    assert world.shop.refused == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(jobs(), min_size=1, max_size=30), st.floats(20, 200))
def test_one_worker_takes_no_longer_than_points_and_travel_demand(work: list[Job], rate: float) -> None:
    world = known_world(100, rate, 100)
    world.work(work, 0.0)

    took = world.run()

    # The reserve, and what must be there for the largest request, are waited for once; a rounded-down reading and the
    # way there and back stay in the bucket.
    largest = max(job.requested for job in work)
    travel = sum(job.there + job.work + job.back for job in work)
    demanded = sum(job.actual for job in work) / rate
    assert took <= demanded + travel + (largest + 5 + 2) / rate + 0.01 * len(work)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100), st.integers(1, 60), st.floats(1, 100), st.floats(0, 5))
def test_it_waits_as_long_as_the_points_need_and_no_longer(level: int, cost: int, rate: float, later: float) -> None:
    bucket = known_world(100, rate, level).ours

    wait = bucket.wait(cost, later)

    missing = min(cost + 5, 100) - min(level + later * rate, 100)
    assert wait == pytest.approx(max(missing / rate, 0), abs=0.0011)


def test_a_run_of_mutations_keeps_to_five_per_cent_of_what_the_bucket_demands() -> None:
    """100 points that return at 50 a second, 300 mutations of 10 points one after another."""
    world = known_world(100, 50, 100)
    world.work([Job(10, 10, 0.02, 0.05, 0.02)] * 300, 0.0)

    took = world.run()

    demanded = (300 * 10 - 100) / 50
    assert took <= demanded * 1.05
    assert world.shop.refused == 0


def test_four_workers_use_all_that_comes_back() -> None:
    world = known_world(100, 50, 100)
    for start in range(4):
        world.work([Job(14, 11, 0.05, 0.3, 0.05)] * 60, start * 0.02)

    took = world.run()

    assert took <= (240 * 11 - 100) / 50 * 1.05
    assert world.shop.refused == 0


def test_a_request_that_needs_the_whole_bucket_is_sent_when_it_is_full() -> None:
    bucket = known_world(100, 50, 20).ours

    assert bucket.wait(100, 0.0) == pytest.approx(80 / 50)
    assert bucket.wait(100, 1.6) == 0


def test_points_taken_by_others_are_seen_in_the_next_answer() -> None:
    bucket = known_world(100, 50, 100).ours
    bucket.land(bucket.send(10, 1.0), Cost(10, 10, 100, 0, 50), 1.0)

    assert bucket.wait(10, 1.0) == pytest.approx(15 / 50)


def test_an_answer_that_never_came_counts_as_spent() -> None:
    bucket = known_world(100, 50, 30).ours
    bucket.land(bucket.send(30, 0.0), None, 0.0)

    assert bucket.wait(20, 0.0) == pytest.approx(25 / 50)


def test_answers_that_overtake_each_other_within_a_tick_of_the_clock_promise_nothing_twice() -> None:
    bucket = known_world(100, 50, 100).ours
    first, second = bucket.send(10, 1.0), bucket.send(10, 1.0)
    bucket.land(second, Cost(10, 10, 100, 80, 50), 1.0)
    bucket.land(first, Cost(10, 10, 100, 90, 50), 1.0)

    assert bucket.level(1.0) == 80


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    bucket = known_world(100, 50, 0).ours

    assert bucket.level(100.0) == 100
    assert bucket.level(-1000.0) == 100
    assert bucket.wait(10, -1000.0) == 0
    bucket.block(5.0, 0.0)
    assert bucket.wait(10, -3600.0) == 0
    bucket.block(2.0, -3600.0)
    assert bucket.wait(10, -3600.0) == 2
    assert bucket.wait(10, -3598.0) == 0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(jobs(), min_size=1, max_size=8), min_size=1, max_size=4),
    st.lists(st.tuples(st.floats(0, 20), st.integers(1, 100)), max_size=20),
)
def test_with_others_at_the_same_bucket_all_is_done_in_the_end(
    workers: list[list[Job]], others: list[tuple[float, int]]
) -> None:
    world = known_world(100, 50, 100)
    for worker in workers:
        world.work(worker, 0.0)
    for when, points in others:
        world.later(when, partial(world.shop.take_what_is_there, points))

    world.run()

    assert world.done == sum(len(worker) for worker in workers)
    assert world.shop.refused <= 3 * (len(others) + 1) * len(workers)
