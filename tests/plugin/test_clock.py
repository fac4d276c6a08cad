from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from plugin import clock
from plugin.clock import SystemClock


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
