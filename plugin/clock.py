"""The one clock: UTC that never jumps, counted on by a clock of the machine that only goes forward.

Which UTC: `plugin.machine_clock` gives all processes of a machine the same, from one boot to the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ticks() -> float:
    """Seconds since the machine's boot, its sleep included where the system can tell (on Linux `monotonic` stands
    still then)."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


def wall() -> datetime:
    """What the machine's clock shows now; it can be set at any time."""
    return datetime.now(UTC)


class Clock(Protocol):
    """Where the program learns the time. Injected, so that tests need not wait."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


@runtime_checkable
class CountingClock(Clock, Protocol):
    """A clock that counts by ticks: now = EPOCH + offset + ticks."""

    @property
    def offset(self) -> timedelta: ...


class SystemClock:
    """UTC by ticks.

    Intervals between two readings are therefore true even when the machine's clock is set meanwhile: the polling
    limits (vendor document §6) are judged by intervals. ticks: that clock, in seconds. offset: from EPOCH + ticks to
    UTC; None: by what the machine's clock shows now.
    """

    def __init__(self, ticks: Callable[[], float] = ticks, offset: timedelta | None = None) -> None:
        self._ticks = ticks
        self._start = EPOCH + (offset_to(wall(), ticks()) if offset is None else offset)

    @property
    def offset(self) -> timedelta:
        return self._start - EPOCH

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._ticks())


def offset_to(moment: datetime, seconds: float) -> timedelta:
    """What a clock counts from that shows this moment at these ticks."""
    return moment - EPOCH - timedelta(seconds=seconds)
