"""A model of the image service, as strict as the contract, without HTTP; and a ledger without a database."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

from plugin.hebo import FailedItem, Finished, Item, Result
from plugin.hebo.schedule import PollSchedule
from plugin.hebo.wire import TaskMoney
from plugin.ledger import Bucket
from plugin.models import LedgerEntry


@dataclass
class Remote:
    """A task of the service. intent: which of ours it is; None: somebody else's."""

    id: str
    intent: int
    images: int
    day: int
    accepted: float
    ends: float
    failed: frozenset[int]
    polls: list[float] = field(default_factory=list)
    settled: bool = False


class Service:
    """The image service, as strict as the contract."""

    def __init__(self, limit: int, dice: random.Random):
        self.limit, self.dice = limit, dice
        self.used = self.foreign = self.day = 0
        self.tasks: dict[str, Remote] = {}
        self.refused = 0  # polls
        self.late: list[tuple[float, int, int]] = []

    def advance(self, now: float) -> None:
        """Let late acceptances and ends happen, each at its time."""
        while True:
            ends = [(task.ends, 1, task) for task in self.tasks.values() if not task.settled and task.ends <= now]
            late = [(time, 0, (intent, images)) for time, intent, images in self.late if time <= now]
            if not ends and not late:
                return
            time, kind, what = min([*ends, *late], key=lambda one: one[:2])
            if kind:
                self._settle(cast(Remote, what))
            else:
                intent, images = cast(tuple[int, int], what)
                self.late.remove((time, intent, images))
                self.accept(intent, images, time)

    def accept(self, intent: int, images: int, now: float) -> Remote | None:
        """Reserve; None: beyond the quota."""
        if self.used + images > self.limit:
            return None
        failed = frozenset(place for place in range(images) if self.dice.random() < 0.3)
        name, ends = f"r{len(self.tasks)}", now + self.dice.choice([3, 12, 40, 200])
        task = self.tasks[name] = Remote(name, intent, images, self.day, now, ends, failed)
        self.used += images
        return task

    def _settle(self, task: Remote) -> None:
        task.settled = True
        if task.day == self.day:
            self.used -= len(task.failed)

    def owed(self) -> int:
        """Images reserved or billed, of all that was ever accepted."""
        return sum(task.images - (len(task.failed) if task.settled else 0) for task in self.tasks.values())

    def paid(self) -> Counter[int]:
        """How often each intent is paid for: what was given back entirely costs nothing."""
        return Counter(
            task.intent for task in self.tasks.values() if not task.settled or len(task.failed) < task.images
        )

    def polled(self, task: Remote, arrival: float) -> None:
        """Refused if it comes too soon, by either reading of the table."""
        bands = PollSchedule(margin=0).interval
        last = task.polls[-1] if task.polls else task.accepted
        least = max(bands(arrival - task.accepted), bands(last - task.accepted))
        if task.polls and arrival - last < least - 1e-6:
            self.refused += 1
        task.polls.append(arrival)

    def answer(self, task: Remote, now: float, *, in_order: bool) -> Finished | None:
        """None: it is still at it. The order of what has ended is any, where the items tell it."""
        if now < task.ends:
            return None
        names = [f"{task.id}-{place}" for place in range(task.images)]
        made = [
            Result(task_id=name, status="success", image_url="u")
            for i, name in enumerate(names)
            if i not in task.failed
        ]
        failed = [FailedItem(task_id=name, status="failed") for i, name in enumerate(names) if i in task.failed]
        if not in_order:
            self.dice.shuffle(made)
        items = () if in_order else tuple(Item(task_id=name, status="x") for name in names)
        told = TaskMoney(billable=len(made), refunded=len(failed)) if self.dice.random() < 0.7 else TaskMoney()
        return Finished("partial_failed", tuple(made), tuple(failed), items, told)


class Books:
    """What the ledger is written into, in place of a session."""

    def __init__(self) -> None:
        self.held: Counter[tuple[int, str]] = Counter()

    def add(self, entry: LedgerEntry) -> None:
        self.held[entry.task_id, entry.target] += entry.images
        self.held[entry.task_id, entry.source] -= entry.images

    def all(self, *buckets: Bucket) -> int:
        return sum(images for (_, bucket), images in self.held.items() if bucket in buckets)
