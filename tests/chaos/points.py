"""Points: the moments before and after a commit, an outgoing call or a rename, by kind and place."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

R = TypeVar("R")


class Mode(StrEnum):
    """What is done at a point. LOST: the call gets through, and its answer never arrives. LOST_KILLED: so, and the
    program is killed at the commit that follows: before it and after it in turn."""

    BEFORE = "killed before"
    AFTER = "killed after"
    LOST = "answer lost"
    LOST_KILLED = "lost, then killed"


class Kind(StrEnum):
    COMMIT = "commit"
    STATE = "state"  # a commit in a connector's own database
    CALL = "call"
    RENAME = "rename"


MODES: Mapping[Kind, tuple[Mode, ...]] = {
    Kind.COMMIT: (Mode.BEFORE, Mode.AFTER),
    Kind.STATE: (Mode.BEFORE, Mode.AFTER),
    Kind.RENAME: (Mode.BEFORE, Mode.AFTER),
    Kind.CALL: tuple(Mode),
}
KILLING = frozenset({Mode.BEFORE, Mode.AFTER, Mode.LOST_KILLED})


def kind_of(label: str) -> Kind:
    """A label begins with its kind."""
    return Kind(label.partition(" ")[0])


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """The so-and-so-many-th time (from 1) that a scenario, its lives counted together, passes a label."""

    label: str
    time: int
    mode: Mode

    def __str__(self) -> str:
        return f"{self.label}@{self.time}={self.mode}"


def target_from_text(text: str) -> Target:
    """Reads what `str` of a Target gives. Raises ValueError."""
    place, _, mode = text.rpartition("=")
    label, _, number = place.rpartition("@")
    kind_of(label)
    return Target(label, int(number), Mode(mode))


@dataclass(frozen=True, slots=True)
class Passed:
    """One line of a life's trace. mode None: it went by undisturbed. at: when, in microseconds of the clock."""

    label: str
    time: int
    mode: Mode | None = None
    at: int = 0

    def line(self) -> bytes:
        return f"{self.label}\t{self.time}\t{self.mode or ''}\t{self.at}\n".encode()


def passed_from_line(line: str) -> Passed:
    label, number, mode, at = line.split("\t")
    return Passed(label, int(number), Mode(mode) if mode else None, int(at))


class LostAnswerError(Exception):
    """The call got through; its answer is to be thrown away."""


class Director:
    """Decides at each point of one life what happens there, and writes the trace. For all threads of the process."""

    def __init__(
        self, targets: Mapping[tuple[str, int], Mode], counts: Mapping[str, int], trace: int, clock: Callable[[], int]
    ):
        """counts: how often earlier lives passed each label. trace: a file descriptor; lines as of `Passed`. clock:
        microseconds."""
        self._targets, self._counts, self._trace, self._clock = dict(targets), Counter(counts), trace, clock
        self._lock = threading.Lock()
        self._fuse: tuple[Passed, Mode | None] | None = None

    def passing(self, label: str, act: Callable[[], R]) -> R:
        """Do what is at the point, or be killed before or after it. Raises LostAnswerError after a call that got
        through."""
        with self._at(label):
            return act()

    async def passing_async(self, label: str, act: Callable[[], Awaitable[R]]) -> R:
        """The same in an event loop."""
        with self._at(label):
            return await act()

    @contextmanager
    def _at(self, label: str) -> Iterator[None]:
        passed, mode = self._enter(label)
        if mode is Mode.BEFORE:
            self._die(passed)
        yield
        if mode is Mode.AFTER:
            self._die(passed)
        if mode in (Mode.LOST, Mode.LOST_KILLED):
            self._lose(passed, mode)

    def _enter(self, label: str) -> tuple[Passed, Mode | None]:
        """What to tell of it, and what to do."""
        with self._lock:
            self._counts[label] += 1
            here = Passed(label, self._counts[label])
            self._tell(here)
            mode = self._targets.pop((label, here.time), None)
            if mode is not None:
                return replace(here, mode=mode), mode
            if self._fuse is not None and kind_of(label) is Kind.COMMIT:
                return self._fuse
            return here, None

    def _lose(self, passed: Passed, mode: Mode) -> None:
        with self._lock:
            if mode is Mode.LOST_KILLED:
                self._fuse = passed, (Mode.BEFORE, Mode.AFTER)[passed.time % 2]
            else:
                self._tell(passed)
        raise LostAnswerError

    def _die(self, passed: Passed) -> None:
        self._tell(passed)
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)  # the signal comes at once

    def _tell(self, passed: Passed) -> None:
        os.write(self._trace, replace(passed, at=self._clock()).line())
