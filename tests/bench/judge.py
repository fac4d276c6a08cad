"""A service's side of the polling limits: when each poll was permitted, and how long after that it came.

Times are seconds of a clock that all processes of the machine share. Strict: an interval must be legal under both
readings of the vendor's table (§6), the band of the age at this poll and at the last one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.rows import percentile

BANDS = ((30.0, 5.0), (180.0, 10.0), (float("inf"), 20.0))  # age below, least interval


@dataclass(slots=True)
class Known:
    """A task as the service knows it. last: its last poll; before the first one, when it was accepted."""

    accepted: float
    last: float


def write_seeds(path: Path, seeds: Mapping[str, tuple[float, float | None]]) -> None:
    """seeds: id -> when it was accepted, and when it was last polled."""
    path.write_text(json.dumps(seeds), encoding="utf-8")


def read_seeds(path: Path) -> dict[str, Known]:
    seeds = json.loads(path.read_text(encoding="utf-8"))
    return {task: Known(accepted, accepted if last is None else last) for task, (accepted, last) in seeds.items()}


def interval(age: float) -> float:
    """The least interval of the band that an age lies in; on a border the longer one."""
    return next(least for until, least in BANDS if age < until)


def permitted(known: Known) -> float:
    """The first moment at which the task may be polled again, whichever way the table is read."""
    start = interval(known.last - known.accepted)
    steps = (least for _, least in BANDS if least >= start)
    return next(known.last + step for step in steps if interval(known.last + step - known.accepted) <= step)


def refused_until(known: Known, now: float) -> float | None:
    """Until when a poll that arrives now would have to wait; None: it is welcome. A legal one can be refused later,
    past a band's edge."""
    least = max(interval(known.last - known.accepted), interval(now - known.accepted))
    return None if now - known.last >= least else known.last + least


class Judge:
    """Polls of known tasks. Any other task counts as refused."""

    def __init__(self, tasks: dict[str, Known]):
        self._tasks = tasks
        self._polls: list[tuple[float, float]] = []  # when, and how long after it was permitted
        self._refused: list[float] = []

    def arrive(self, task: str, now: float) -> float | None:
        """Note a poll; gives for how long it is refused."""
        known = self._tasks.get(task)
        until = refused_until(known, now) if known else now + 1
        if known is None or until is not None:
            self._refused.append(now)
            return max(0.0, (until or now) - now)
        self._polls.append((now, now - permitted(known)))
        known.last = now
        return None

    def seen(self, since: float, until: float) -> dict[str, Any]:
        """What arrived in that time. waiting: tasks that are permitted at its end, and for how long at most."""
        polls = [(at, late) for at, late in self._polls if since <= at < until]
        late = [late for _, late in polls]
        seconds = Counter(int(at - since) for at, _ in polls)
        overdue = [until - due for known in self._tasks.values() if (due := permitted(known)) < until]
        return {
            "polls": len(polls),
            "refused": sum(since <= at < until for at in self._refused),
            "first": min((at for at, _ in polls), default=None),
            "late_p50": percentile(late, 0.5),
            "late_p99": percentile(late, 0.99),
            "late_most": max(late, default=0.0),
            "longest_waiting": max(overdue, default=0.0),
            "seconds": [seconds[number] for number in range(int(until - since) + 1)],
        }
