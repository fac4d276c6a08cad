from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from plugin import clock
from plugin.clock import EPOCH, CountingClock, SystemClock, offset_to, ticks


def test_tells_the_time() -> None:
    before = datetime.now(UTC)
    told = SystemClock().now()
    assert told.utcoffset() == timedelta(0)
    assert before <= told <= datetime.now(UTC)


def test_does_not_follow_a_machines_clock_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = [100.0]
    ours = SystemClock(lambda: ticks[0])
    start = ours.now()

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Later:
            return cls(2099, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(clock, "datetime", Later)
    ticks[0] += 12.5
    assert ours.now() - start == timedelta(seconds=12.5)


def test_never_goes_back() -> None:
    ours = SystemClock()
    told = [ours.now() for _ in range(1_000)]
    assert told == sorted(told)


def test_two_that_count_from_one_offset_agree() -> None:
    first = SystemClock()
    second = SystemClock(offset=first.offset)
    assert first.now() <= second.now() <= first.now()
    assert SystemClock(lambda: 5.0, timedelta(seconds=10)).now() == EPOCH + timedelta(seconds=15)


def test_its_offset_can_be_asked_for() -> None:
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    ours = SystemClock(lambda: 100.0, offset_to(now, 100.0))
    assert ours.now() == now
    assert isinstance(ours, CountingClock)
    assert ours.offset == now - EPOCH - timedelta(seconds=100)


def test_ticks_go_forward() -> None:
    told = [ticks() for _ in range(1_000)]
    assert told == sorted(told)
