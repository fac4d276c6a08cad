from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.hebo import PollSchedule
from plugin.hebo.schedule import TERMINAL_INTERVAL, VENDOR_BANDS

Bands = Sequence[tuple[float, float]]
SCHEDULE = PollSchedule()
AGES = st.floats(0, 100_000)


@st.composite
def bands(draw: st.DrawFn, *, rising: bool = False) -> Bands:
    """Ascending ages, the last endless; the intervals rise with them or are as they like."""
    edges = sorted(draw(st.sets(st.integers(1, 500), max_size=5)))
    intervals = [draw(st.integers(1, 100)) for _ in range(len(edges) + 1)]
    ages = [*map(float, edges), math.inf]
    return list(zip(ages, map(float, sorted(intervals) if rising else intervals), strict=True))


def least(of: Bands, age: float) -> float:
    """The table, read anew: the interval of the band that an age lies in."""
    return next(interval for until, interval in of if age < until)


def polls(schedule: PollSchedule) -> Iterator[float]:
    age = schedule.first_age()
    while True:
        yield age
        age = schedule.next_age(age)


def ideal() -> Iterator[float]:
    """5, 10, 15, 20, 25, 35, 45 … 175, 195, 215 …: the ideal poller of the API contract."""
    yield from (5.0, 10.0, 15.0, 20.0)
    yield from (float(age) for age in range(25, 176, 10))
    age = 195.0
    while True:
        yield age
        age += 20


def mean_wait(poller: Sequence[float], ends: Sequence[float]) -> float:
    return sum(next(age for age in poller if age >= end) - end for end in ends) / len(ends)


def until(poller: Iterator[float], age: float) -> list[float]:
    found = []
    for poll in poller:
        found.append(poll)
        if poll > age:
            return found
    raise AssertionError


class TestBands:
    @pytest.mark.parametrize(
        ("age", "interval"),
        [(0, 5), (29.99, 5), (30, 10), (30.01, 10), (179.99, 10), (180, 20), (180.01, 20), (1e9, 20)],
    )
    def test_the_vendors_figures(self, age: float, interval: float) -> None:
        assert SCHEDULE.interval(age) == interval

    def test_after_the_end(self) -> None:
        assert TERMINAL_INTERVAL == 10

    @pytest.mark.parametrize(
        ("last", "age", "legal"),
        [
            (10, 15, True),
            (10, 14.9, False),
            (27, 32, False),  # the vendor's sample loop waits 5 s here, and is refused
            (27, 37, True),
            (175, 185, False),
            (175, 195, True),
            (24.7, 29.9, False),  # it may arrive past the edge
            (24.6, 29.6, True),
        ],
    )
    def test_legal_under_both_readings(self, last: float, age: float, legal: bool) -> None:
        assert SCHEDULE.allows(last, age) is legal


class TestNextAge:
    @given(AGES)
    def test_is_legal_and_minimal(self, last: float) -> None:
        age = SCHEDULE.next_age(last)
        assert SCHEDULE.allows(last, age)
        assert age - last >= max(least(VENDOR_BANDS, last), least(VENDOR_BANDS, age))
        assert not SCHEDULE.allows(last, age - 2 * SCHEDULE.margin - 0.01)

    @given(bands(), st.floats(0, 1_000), st.floats(0, 2))
    def test_is_legal_for_any_bands(self, of: Bands, last: float, margin: float) -> None:
        schedule = PollSchedule(of, margin)
        age = schedule.next_age(last)
        assert age - last >= max(least(of, last), least(of, age)) - 1e-6
        assert schedule.allows(last, age)

    @given(bands(rising=True), st.integers(0, 100_000).map(lambda n: n / 100))
    def test_no_sooner_age_is_legal(self, of: Bands, last: float) -> None:
        schedule = PollSchedule(of, 0.0)
        age = schedule.next_age(last)
        sooner = (last + step / 4 for step in range(int((age - last) * 4)))
        assert not any(schedule.allows(last, earlier) for earlier in sooner if earlier < age - 0.001)

    @given(st.integers(0, 2**32), st.floats(0, 0.3))
    def test_no_poll_is_early_with_jitter_up_to_the_margin(self, seed: int, travel: float) -> None:
        """The service's clock starts when the submit arrives; each poll arrives up to a margin after it was sent."""
        dice, poller = random.Random(seed), polls(SCHEDULE)
        arrivals = [next(poller) - travel + dice.uniform(0, SCHEDULE.margin) for _ in range(40)]
        for earlier, later in pairwise(arrivals):
            assert later - earlier >= max(least(VENDOR_BANDS, earlier), least(VENDOR_BANDS, later))


class TestFirstAge:
    def test_lets_the_first_bands_polls_end_with_it(self) -> None:
        assert [round(age, 1) for age in until(polls(SCHEDULE), 39)] == [7.8, 13.1, 18.4, 23.7, 29.0, 39.3]

    @pytest.mark.parametrize(("low", "high"), [(6, 42), (10, 120)])
    def test_waits_as_little_as_the_ideal_poller(self, low: int, high: int) -> None:
        ends = [low + (high - low) * step / 5_000 for step in range(5_001)]
        ours = mean_wait(until(polls(SCHEDULE), high), ends)
        assert ours <= mean_wait(until(ideal(), high), ends) + 0.5

    @given(bands(), st.floats(0, 2))
    def test_is_at_least_one_interval(self, of: Bands, margin: float) -> None:
        schedule = PollSchedule(of, margin)
        assert of[0][1] <= schedule.first_age() < math.inf

    def test_endless_single_band(self) -> None:
        assert PollSchedule(((math.inf, 4.0),), 0.5).first_age() == 4.5
