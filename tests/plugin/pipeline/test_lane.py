"""The dispatcher, with lanes of numbers instead of the real ones."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy.exc import OperationalError

from plugin.pipeline import lane as lane_module
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


class Faulty(Numbers):
    """Raises what it is told to when it is asked for work, or stores some."""

    name = "faulty"

    def __init__(self, waiting: Sequence[int]):
        super().__init__(waiting)
        self.claiming: Exception | None = None
        self.storing: Exception | None = None

    def claim(self, limit: int) -> Sequence[int]:
        if self.claiming is not None:
            raise self.claiming
        return super().claim(limit)

    def store(self, outcomes: Sequence[tuple[int, int]]) -> None:
        if self.storing is not None:
            raise self.storing
        super().store(outcomes)


def locked() -> OperationalError:
    return OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked"))


@pytest.fixture
def _without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "REST", 0.0)


@pytest.mark.usefixtures("_without_rest")
def test_what_a_locked_database_did_not_take_is_stored_later() -> None:
    lane = Faulty([1])
    with driving(lane) as dispatcher:
        dispatcher.tick()
        dispatcher.wait(NOW, 2)
        lane.storing = locked()
        for _ in range(3):
            with pytest.raises(OperationalError):
                dispatcher.tick()
            assert dispatcher.in_flight == 1
        lane.storing = None
        drain(dispatcher)
    assert lane.stored == [(1, 2)]


@pytest.mark.usefixtures("_without_rest")
def test_a_lane_that_breaks_does_not_hold_up_the_others() -> None:
    broken, sound = Faulty([1]), Numbers([2])
    broken.claiming = ValueError("nobody foresaw this")
    with driving(broken, sound) as dispatcher:
        with pytest.raises(ValueError, match="foresaw"):
            dispatcher.tick()
        dispatcher.wait(NOW, 2)
        with pytest.raises(ValueError, match="foresaw"):
            dispatcher.tick()
        assert sound.stored == [(2, 4)]


@pytest.mark.usefixtures("_without_rest")
def test_an_outcome_that_cannot_be_stored_at_all_is_left_to_its_lease() -> None:
    lane = Faulty([1, 2, 3])
    with driving(lane) as dispatcher:
        dispatcher.tick()
        lane.storing = ValueError("nobody foresaw this")
        with pytest.raises(ValueError, match="foresaw"):
            drain(dispatcher)
        lane.storing = None
        drain(dispatcher)
        assert (3, 6) in lane.stored
        assert dispatcher.in_flight == 0


def test_a_lane_that_raised_rests_for_a_moment() -> None:
    lane = Faulty([1])
    lane.claiming = locked()
    with driving(lane) as dispatcher:
        with pytest.raises(OperationalError):
            dispatcher.tick()
        dispatcher.tick()
        assert dispatcher.is_resting
        assert dispatcher.in_flight == 0


def test_draining_stores_and_starts_nothing() -> None:
    lane = Numbers(range(6))
    with driving(lane) as dispatcher:
        dispatcher.tick()
        while dispatcher.in_flight:
            dispatcher.wait(NOW, 0.02)
            dispatcher.drain()
        assert sorted(lane.stored) == [(0, 0), (1, 2)]
        assert len(lane.waiting) == 4


def test_a_hurried_tick_asks_a_lane_that_had_nothing() -> None:
    lane = Numbers([])
    with driving(lane) as dispatcher:
        dispatcher.tick()
        lane.waiting = [1]
        dispatcher.tick()
        assert dispatcher.in_flight == 0
        dispatcher.hurry()
        dispatcher.tick()
        assert dispatcher.in_flight == 1
        drain(dispatcher)
    assert lane.stored == [(1, 2)]
