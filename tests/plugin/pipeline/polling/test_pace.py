from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from plugin.db import Database
from plugin.hebo import PollSchedule
from plugin.models import GenerationTask
from plugin.pipeline.polling.pace import AT_ONCE, FASTER, Pace, need_of
from plugin.pipeline.polling.spread import RATE
from tests.plugin.pipeline.polling.test_spread import NOW, fill

USUAL = RATE * FASTER  # polls a second
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def most_in_a_second(pace: Pace, ticks: list[float], need: float) -> int:
    """Polls that leave within any second, where there are always more than may leave. ticks: rising seconds."""
    left = []
    for tick in ticks:
        left.append(pace.room(at(tick), lambda: need))
        pace.take(left[-1])
    within = (slice(first, bisect_left(ticks, start + 1)) for first, start in enumerate(ticks))
    return max(sum(left[part]) for part in within)


@given(st.lists(st.floats(0.01, 3.0), min_size=1, max_size=40))
def test_no_second_has_many_more_than_are_needed(pauses: list[float]) -> None:
    ticks = [sum(pauses[:count]) for count in range(1, len(pauses) + 1)]
    assert most_in_a_second(Pace(), ticks, need=10) <= USUAL * (1 + AT_ONCE) + len(ticks)


def test_a_backlog_is_gone_soon() -> None:
    pace, left = Pace(), 0
    for tick in range(50):
        room = pace.room(at(tick / 10), lambda: 0.0)
        pace.take(room)
        left += room
    assert left == pytest.approx(4.9 * USUAL + USUAL * AT_ONCE, abs=50)


def test_where_tasks_call_for_more_more_leave() -> None:
    assert most_in_a_second(Pace(), [tick / 10 for tick in range(100)], need=2_000) > 2_000


def test_the_need_is_counted_now_and_then() -> None:
    pace, asked = Pace(), list[float]()

    def need() -> float:
        asked.append(1)
        return 1.0

    for tick in range(250):
        pace.room(at(tick / 10), need)
    assert len(asked) == 3


def test_a_clock_that_is_put_back_stops_nothing() -> None:
    pace = Pace()
    pace.take(pace.room(at(3600), lambda: 0.0))
    assert pace.room(at(3600), lambda: 0.0) == 0
    assert pace.room(at(0), lambda: 0.0) == int(USUAL * AT_ONCE)


def test_the_need_follows_the_ages_of_the_tasks(database: Database) -> None:
    schedule = PollSchedule()
    with database.write() as session:
        account_id = fill(session, [0.0] * 30)
        for task in session.scalars(select(GenerationTask)):
            task.sent_at = NOW - timedelta(seconds=(10, 100, 1000)[task.id % 3])
        session.flush()
        need = need_of(session, account_id, schedule, NOW)
        assert need == pytest.approx(10 / 5.3 + 10 / 10.3 + 10 / 20.3)
        assert need_of(session, account_id + 1, schedule, NOW) == 0
        flat = PollSchedule(bands=((float("inf"), 4.0),), margin=1.0)
        assert need_of(session, account_id, flat, NOW) == pytest.approx(30 / 5)
