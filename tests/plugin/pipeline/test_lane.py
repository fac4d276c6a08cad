"""The dispatcher, with lanes of numbers instead of the real ones."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from plugin.pipeline.lane import Dispatcher, Lane
from plugin.pipeline.parts import Parts

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Numbers(Lane[int, int]):
    """Doubles numbers; -1 breaks; `gate` holds the workers back while it is not set."""

    name = "numbers"
    capacity = 2

    def __init__(self, waiting: Sequence[int]):
        super().__init__(cast("Parts", None))
        self.waiting = list(waiting)
        self.stored: list[tuple[int, int]] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def claim(self, limit: int) -> Sequence[int]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def work(self, item: int) -> int:
        assert self.gate.wait(5)
        if item < 0:
            raise ValueError("nobody foresaw this")
        return item * 2

    def store(self, outcomes: Sequence[tuple[int, int]]) -> None:
        self.threads.add(threading.current_thread().name)
        self.stored += outcomes

    def next_due(self) -> datetime | None:
        return NOW if self.waiting else None


class AtOnce(Numbers):
    name = "at-once"
    immediate = True


@contextmanager
def driving(*lanes: Lane[Any, Any]) -> Iterator[Dispatcher]:
    made = Dispatcher(lanes)
    try:
        yield made
    finally:
        made.close()


def drain(dispatcher: Dispatcher) -> None:
    for _ in range(500):
        dispatcher.tick()
        if not dispatcher.in_flight and dispatcher.next_due() is None:
            return
        dispatcher.wait(NOW, 0.02)
    raise AssertionError("it does not drain")


def test_everything_is_worked_on_and_stored_once() -> None:
    lane = Numbers(range(25))
    with driving(lane) as dispatcher:
        drain(dispatcher)
    assert sorted(lane.stored) == [(number, number * 2) for number in range(25)]


def test_no_more_than_the_capacity_is_in_flight() -> None:
    lane = Numbers(range(5))
    lane.gate.clear()
    with driving(lane) as dispatcher:
        dispatcher.tick()
        dispatcher.tick()
        assert dispatcher.in_flight == 2
        assert len(lane.waiting) == 3
        lane.gate.set()
        drain(dispatcher)


def test_an_unforeseen_error_is_logged_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    lane = Numbers([1, -1, 2])
    with caplog.at_level(logging.ERROR), driving(lane) as dispatcher:
        drain(dispatcher)
    assert sorted(lane.stored) == [(1, 2), (2, 4)]
    assert "nobody foresaw this" in caplog.text


def test_an_immediate_lane_stores_on_the_thread_that_got_the_answer() -> None:
    lane = AtOnce([1])
    with driving(lane) as dispatcher:
        drain(dispatcher)
    assert lane.stored == [(1, 2)]
    assert all(name.startswith("at-once") for name in lane.threads)


def test_closing_lets_running_work_end_and_starts_nothing_new() -> None:
    lane = Numbers(range(6))
    with driving(lane) as dispatcher:
        dispatcher.tick()
    assert sorted(lane.stored) == [(0, 0), (1, 2)]
    assert len(lane.waiting) == 4


def test_the_soonest_lane_is_the_next_due() -> None:
    with driving(Numbers([]), AtOnce([1])) as dispatcher:
        assert dispatcher.next_due() == NOW
        assert dispatcher.next_due("numbers") is None
        drain(dispatcher)


def test_waiting_ends_when_work_is_finished() -> None:
    lane = Numbers([1])
    with driving(lane) as dispatcher:
        dispatcher.tick()
        dispatcher.wait(NOW - timedelta(hours=1), 5.0)
        dispatcher.tick()
        assert lane.stored == [(1, 2)]
