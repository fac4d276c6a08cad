"""The one clock: wall time that never jumps while the process lives."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


def _ticks() -> float:
    """Seconds, the machine's sleep included where the system can tell (on Linux `monotonic` stands still then)."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Clock(Protocol):
    """Where the program learns the time. Injected, so that tests need not wait."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


class SystemClock:
    """Wall time read once, then carried on by a clock that only goes forward.

    Intervals between two readings of one process are therefore true even when the machine's clock is set
    meanwhile: the polling limits (vendor document §6) are judged by intervals. ticks: that clock, in seconds.
    """

    def __init__(self, ticks: Callable[[], float] = _ticks) -> None:
        self._ticks = ticks
        self._wall = datetime.now(UTC)
        self._start = ticks()

    def now(self) -> datetime:
        return self._wall + timedelta(seconds=self._ticks() - self._start)
