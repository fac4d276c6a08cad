"""Lanes and their dispatcher: claim, work outside, store.

A lane's claim is a lease: the due time is moved forward in the statement that takes the row, so a dead
worker's work comes back by itself and two workers never hold the same row. A row whose work breaks in a way
nobody foresaw keeps its lease, so that it cannot loop; the others go on.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, GenerationTask, Product, Publication
from plugin.pipeline.parts import Parts

log = logging.getLogger(__name__)
GATHER = 0.05  # seconds; a tick costs milliseconds of CPU, however little there is to do
STORE_AGAIN = (0.5, 1, 2, 5, 10, 20, 30)  # seconds between tries
LOOK_AGAIN = 0.25  # seconds until a lane that had nothing is asked again, if nothing moved meanwhile
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Claimable = type[GenerationTask] | type[GeneratedImage] | type[Product] | type[Publication]


class Lane(ABC, Generic[Item, Outcome]):
    """One step of the walk.

    capacity: how many items are worked on at once. punctual: being late costs here. immediate: each outcome is
    committed by the thread that got it, without waiting for a tick: for answers that cannot be asked for again.
    """

    name: str
    capacity: int = 1
    punctual: bool = False
    immediate: bool = False

    def __init__(self, parts: Parts):
        self.parts = parts

    @property
    def now(self) -> datetime:
        return self.parts.clock.now()

    def claim_rows(
        self, session: Session, model: Claimable, where: ColumnElement[bool], lease: timedelta, limit: int
    ) -> list[int]:
        """Take due rows by one conditional UPDATE; gives their ids."""
        now = self.now
        due = where & (model.due_at <= now)
        chosen = select(model.id).where(due).order_by(model.due_at, model.id).limit(limit)
        taken = (
            update(model)
            .where(model.id.in_(chosen.scalar_subquery()), due)
            .values(due_at=now + lease, owner=self.parts.instance)
            .returning(model.id)
            .execution_options(synchronize_session=False)
        )
        return sorted(session.execute(taken).scalars())

    @abstractmethod
    def claim(self, limit: int) -> Sequence[Item]:
        """Take up to `limit` due items; from then on they are this process's until the lease ends."""

    @abstractmethod
    def work(self, item: Item) -> Outcome:
        """The outside part, on a thread of the lane's own; what can go wrong comes back as an outcome."""

    @abstractmethod
    def store(self, outcomes: Sequence[tuple[Item, Outcome]]) -> None:
        """Decide what follows and commit it."""

    def moves(self, outcomes: Sequence[tuple[Item, Outcome]]) -> bool:
        """Whether storing these can have made work for other lanes."""
        return bool(outcomes)

    @abstractmethod
    def next_due(self) -> datetime | None:
        """When something can move here by itself; None: not without a person, money or another day."""


class _Runner(Generic[Item, Outcome]):
    """One lane with its threads and what they have finished."""

    def __init__(self, lane: Lane[Item, Outcome], wakes: Sequence[threading.Event]):
        self.lane = lane
        self._wakes = wakes
        self._pool = ThreadPoolExecutor(lane.capacity, thread_name_prefix=lane.name)
        self._finished: SimpleQueue[tuple[Item, Future[Outcome]]] = SimpleQueue()
        self._look_at = 0.0  # monotonic seconds; 0: it had work when it was last asked
        self.in_flight = 0
        self.unforeseen: list[str] = []

    def store_finished(self) -> bool:
        """Store what is finished; gives whether that can have made work for other lanes."""
        outcomes: list[tuple[Item, Outcome]] = []
        while True:
            try:
                item, future = self._finished.get_nowait()
            except Empty:
                break
            self.in_flight -= 1
            broken = future.exception()
            if broken is None:
                outcomes.append((item, future.result()))
            else:
                log.error("%s: unforeseen error; the item is tried again later", self.lane.name, exc_info=broken)
                self.unforeseen.append(f"{self.lane.name}: {type(broken).__name__}: {broken}")
        if outcomes and not self.lane.immediate:
            self.lane.store(outcomes)
        return self.lane.moves(outcomes)

    def start_due(self) -> None:
        free = self.lane.capacity - self.in_flight
        if free <= 0:
            return
        items = self.lane.claim(free)
        self._look_at = 0.0 if items else time.monotonic() + LOOK_AGAIN
        for item in items:
            self.in_flight += 1
            future = self._pool.submit(self._work, item)
            future.add_done_callback(lambda done, item=item: self._done(item, done))  # type: ignore[misc]

    def _work(self, item: Item) -> Outcome:
        outcome = self.lane.work(item)
        if self.lane.immediate:
            self._store_surely(item, outcome)
        return outcome

    def _store_surely(self, item: Item, outcome: Outcome) -> None:
        """An answer that cannot be asked for again is not given up because the database is busy or away for a while."""
        for pause in STORE_AGAIN:
            try:
                self.lane.store([(item, outcome)])
            except OperationalError as error:
                log.warning("%s: an answer could not be stored yet: %s", self.lane.name, error.orig)
                time.sleep(pause)
            else:
                return
        log.error("%s: tried for the last time to store %r", self.lane.name, outcome)
        self.lane.store([(item, outcome)])

    def is_idle(self) -> bool:
        """Whether it had nothing a moment ago: asking costs more than most ticks have to do."""
        return not self.lane.punctual and time.monotonic() < self._look_at

    def _done(self, item: Item, future: Future[Outcome]) -> None:
        self._finished.put((item, future))
        for wake in self._wakes:
            wake.set()

    def close(self) -> None:
        self._pool.shutdown(wait=True)  # what is claimed is worked on: an intent that is never sent would be a doubt


class Dispatcher:
    """Drives the lanes. `tick()` stores what is finished and starts what is due; it never waits for the network."""

    def __init__(self, lanes: Sequence[Lane[Any, Any]]):
        self._wake, self._at_once = threading.Event(), threading.Event()
        self._runners = [_Runner(lane, self._wakes(lane)) for lane in lanes]
        self._ticked = time.monotonic()

    def _wakes(self, lane: Lane[Any, Any]) -> Sequence[threading.Event]:
        return (self._wake,) if lane.punctual else (self._wake, self._at_once)

    def tick(self) -> None:
        self._ticked = time.monotonic()
        moved = [runner.store_finished() for runner in self._runners]
        for runner in self._runners:
            if any(moved) or not runner.is_idle():
                runner.start_due()

    @property
    def unforeseen(self) -> list[str]:
        """What broke in a way that nobody foresaw, a line each."""
        return [line for runner in self._runners for line in runner.unforeseen]

    @property
    def in_flight(self) -> int:
        return sum(runner.in_flight for runner in self._runners)

    def next_due(self, *names: str) -> datetime | None:
        """The soonest time at which any lane (or one of these) can move by itself."""
        chosen = [runner.lane for runner in self._runners if not names or runner.lane.name in names]
        return min((due for lane in chosen if (due := lane.next_due()) is not None), default=None)

    def wait(self, now: datetime, at_most: float) -> None:
        """Until some work is finished or a punctual lane has work, at most so many seconds.

        A punctual lane has hundreds of small items a second: what it has within GATHER is one tick's work.
        """
        times = [
            due for runner in self._runners if runner.lane.punctual and (due := runner.lane.next_due()) is not None
        ]
        seconds = min([at_most, *((due - now).total_seconds() for due in times)])
        gather = min(at_most, self._ticked + GATHER - time.monotonic())
        if not self._at_once.wait(max(0.0, gather)):
            self._wake.wait(max(0.0, seconds - max(0.0, gather)))
        self._at_once.clear()
        self._wake.clear()

    def close(self) -> None:
        """Let the running work end, store it, start nothing new."""
        for runner in self._runners:
            runner.close()
            runner.store_finished()
