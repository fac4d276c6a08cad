"""One time for the program and the services: it runs as time does, and leaps over what everybody only waits for.

The vendor's real intervals and the program's real pauses are kept so, and cost nothing. A process may leap only when
nothing of it is under way, and only as far as the first process that wants to be woken.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROCESSES = 2  # that work at once, at most
BUSY, GONE = -1, 0
STEP = 0.002  # real seconds between two looks
LOOKS = 25
_LAYOUT = struct.Struct(f"<{2 + PROCESSES}q")  # the leaps so far, when it was made, each process's wish; microseconds
_ONE = struct.Struct("<q")


class Dial:
    """The time, shared through a file by all processes."""

    def __init__(self, file: Path):
        """file: made by `make`."""
        self._file = os.open(file, os.O_RDWR)
        self._memory = mmap.mmap(self._file, _LAYOUT.size)
        self._made = self._get(1)

    @staticmethod
    def make(file: Path) -> Dial:
        """A new one, at START."""
        file.write_bytes(_LAYOUT.pack(0, time.monotonic_ns() // 1000, *[GONE] * PROCESSES))
        return Dial(file)

    def micros(self) -> int:
        """Microseconds since START."""
        return time.monotonic_ns() // 1000 - self._made + self._get(0)

    def now(self) -> datetime:
        """Aware UTC."""
        return START + timedelta(microseconds=self.micros())

    def seconds(self) -> float:
        """Seconds since START."""
        return self.micros() / 1e6

    def stamp(self) -> float:
        """Seconds since 1970."""
        return (self.now() - EPOCH).total_seconds()

    def wish(self, process: int, until: int) -> None:
        """What a process waits for: a time as of `micros`, BUSY, or GONE."""
        self._put(2 + process, until)

    def leap(self) -> None:
        """To the first wish, unless somebody is busy."""
        with self._alone():
            wishes = [wish for process in range(PROCESSES) if (wish := self._get(2 + process)) != GONE]
            if wishes and BUSY not in wishes:
                self._put(0, self._get(0) + max(0, min(wishes) - self.micros()))

    def close(self) -> None:
        self._memory.close()
        os.close(self._file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX)  # a killed process lets go of it
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _get(self, place: int) -> int:
        found: int = _ONE.unpack_from(self._memory, place * _ONE.size)[0]
        return found

    def _put(self, place: int, value: int) -> None:
        _ONE.pack_into(self._memory, place * _ONE.size, value)


class ChaosClock:
    """The program's clock in a run. `sleep` is how connectors wait; `idle` is called where nothing is under way.

    under_way: how many items of work are claimed and not stored, those that sleep included.
    """

    def __init__(self, dial: Dial, process: int, under_way: Callable[[], int]):
        self._dial, self._process, self._under_way = dial, process, under_way
        self._asleep: dict[int, int] = {}
        self._lock = threading.Lock()
        self.busy()

    def now(self) -> datetime:
        return self._dial.now()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds of this clock; it leaps once all that is under way sleeps."""
        wake = self._dial.micros() + round(seconds * 1e6)
        me = threading.get_ident()
        with self._lock:
            self._asleep[me] = wake
        try:
            while self._dial.micros() < wake:
                self._look()
                time.sleep(STEP)
        finally:
            with self._lock:
                del self._asleep[me]
                self.busy()

    def busy(self) -> None:
        self._dial.wish(self._process, BUSY)

    def idle(self, until: datetime) -> None:
        """Nothing is under way until then: leap there, as far as others allow; for a moment only."""
        wish = (until - START) // timedelta(microseconds=1) + 1
        for _ in range(LOOKS):
            self._dial.wish(self._process, wish)
            self._dial.leap()
            if self._dial.micros() >= wish:
                break
            time.sleep(STEP)
        self.busy()

    def _look(self) -> None:
        with self._lock:
            if self._under_way() > len(self._asleep):
                self.busy()
            else:
                self._dial.wish(self._process, min(self._asleep.values()))
                self._dial.leap()
