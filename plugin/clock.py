"""The one clock: wall time that never jumps while the process lives."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the program learns the time. Injected, so that tests need not wait."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


class SystemClock:
    """Wall time read once, then carried on by the monotonic clock.

    Intervals between two readings of one process are therefore true even when the machine's clock is set
    meanwhile: the polling limits (vendor document §6) are judged by intervals.
    """

    def __init__(self) -> None:
        self._wall = datetime.now(UTC)
        self._monotonic = time.monotonic()

    def now(self) -> datetime:
        return self._wall + timedelta(seconds=time.monotonic() - self._monotonic)
