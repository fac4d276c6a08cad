"""Lanes and their dispatcher: claim, work outside, store.

A lane's claim is a lease: the due time is moved forward in the statement that takes the row, so a dead
worker's work comes back by itself and two workers never hold the same row. A row whose work breaks in a way
nobody foresaw keeps its lease, so that it cannot loop; the others go on. So do the other lanes where one breaks.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from datetime import datetime, timedelta
from itertools import chain, repeat
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, GenerationTask, Product, Publication
from plugin.pipeline.parts import Parts
from plugin.pipeline.workers import Finished, LoopWorkers, ThreadWorkers, Workers

log = logging.getLogger(__name__)
GATHER = 0.05  # seconds; a tick costs milliseconds of CPU, however little there is to do
STORE_AGAIN = (0.5, 1, 2, 5, 10, 20, 30)  # seconds between tries
LOOK_AGAIN = 0.25  # seconds until a lane that had nothing is asked again, if nothing moved meanwhile
REST = 1.0  # seconds for which a lane is left alone after it raised
MOST_UNFORESEEN = 100  # lines kept of a lane: a server runs for months
AWAY = (
    OperationalError,
    InterfaceError,
    NoConnectionError,
)  # the database is busy or cannot be had: what is at hand is kept
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
    def work(self, item: Item) -> Outcome | Awaitable[Outcome]:
        """The outside part, on a thread of the lane's own; what can go wrong comes back as an outcome."""

    @abstractmethod
    def store(self, outcomes: Sequence[tuple[Item, Outcome]]) -> None:
        """Decide what follows and commit it."""

    def moves(self, outcomes: Sequence[tuple[Item, Outcome]]) -> bool:
        """Whether storing these can have made work for other lanes."""
        return bool(outcomes)

    def set_aside(self, item: Item, outcome: Outcome, *, again: bool) -> None:
        """An immediate lane's outcome cannot be stored for now: note it elsewhere, should the process end before.

        again: it was asked for already, which may have failed.
        """

    def take_back(self, item: Item) -> None:
        """What was set aside is stored."""

    @abstractmethod
    def next_due(self) -> datetime | None:
        """When something can move here by itself; None: not without a person, money or another day."""


class AsyncLane(Lane[Item, Outcome]):
    """A lane with hundreds of items that do nothing but wait for the network: all of them wait in one event loop."""

    @abstractmethod
    def connected(self) -> AbstractAsyncContextManager[Any]:
        """What `work` needs, for as long as the lane is in use; entered in the event loop."""

    @abstractmethod
    def work(self, item: Item) -> Coroutine[Any, Any, Outcome]:
        """The outside part; it must not block."""


class _Runner(Generic[Item, Outcome]):
    """One lane with its workers, and what that has finished.

    moved: whether what it stored last can have made work for other lanes.
    """

    def __init__(self, lane: Lane[Item, Outcome], wakes: Sequence[threading.Event], look_again: float):
        self.lane = lane
        self._look_again = look_again
        self._wakes = wakes
        self._workers = self._workers_of(lane)
        self._finished: SimpleQueue[tuple[Item, Finished[Outcome]]] = SimpleQueue()
        self._outcomes: list[tuple[Item, Outcome]] = []  # finished, and not stored yet
        self._look_at = 0.0  # monotonic seconds; 0: it had work when it was last asked
        self._rest_until = 0.0
        self._running = 0
        self._closing = threading.Event()
        self.moved = False
        self.unforeseen: deque[str] = deque(maxlen=MOST_UNFORESEEN)

    @property
    def in_flight(self) -> int:
        """Items that are worked on, or finished and not stored yet."""
        return self._running + len(self._outcomes)

    @property
    def is_resting(self) -> bool:
        return time.monotonic() < self._rest_until

    def store_finished(self) -> None:
        """Store what is finished. While the database cannot be had it is kept for the next time, and that raised."""
        self.moved = False
        self._collect()
        if not self._outcomes:
            return
        outcomes, self._outcomes = self._outcomes, []
        self._rest_until = time.monotonic() + REST  # unless it gets through
        if not self.lane.immediate:
            try:
                self.lane.store(outcomes)
            except AWAY:
                self._outcomes = outcomes
                raise
        self._rest_until = 0.0
        self.moved = self.lane.moves(outcomes)

    def _collect(self) -> None:
        while True:
            try:
                item, finished = self._finished.get_nowait()
            except Empty:
                return
            self._running -= 1
            broken = finished.exception()
            if broken is None:
                self._outcomes.append((item, finished.result()))
            else:
                log.error("%s: unforeseen error; the item is tried again later", self.lane.name, exc_info=broken)
                self.unforeseen.append(f"{self.lane.name}: {type(broken).__name__}: {broken}")

    def start_due(self) -> None:
        free = self.lane.capacity - self.in_flight
        if free <= 0:
            return
        self._rest_until = time.monotonic() + REST  # unless it gets through
        items = self.lane.claim(free)
        self._rest_until = 0.0
        self._look_at = 0.0 if items else time.monotonic() + self._look_again
        if items:
            self._running += len(items)
            self._workers.begin(items)

    def _workers_of(self, lane: Lane[Item, Outcome]) -> Workers[Item]:
        if isinstance(lane, AsyncLane):
            return LoopWorkers(lane.name, lane.connected, lane.work, self._done)
        return ThreadWorkers(lane.name, lane.capacity, self._work, self._done)

    def _work(self, item: Item) -> Outcome:
        outcome = self.lane.work(item)
        assert not isinstance(outcome, Awaitable)  # noqa: S101  # only an AsyncLane's is, whose workers are others
        if self.lane.immediate:
            self._store_surely(item, outcome)
        return outcome

    def _store_surely(self, item: Item, outcome: Outcome) -> None:
        """An answer that cannot be asked for again is not given up because the database is busy or away: it is tried
        for as long as the process lives, and set aside meanwhile. Told once."""
        for tries, pause in enumerate(chain(STORE_AGAIN, repeat(STORE_AGAIN[-1]))):
            try:
                self.lane.store([(item, outcome)])
            except AWAY as error:
                if not tries:
                    log.warning("%s: an answer could not be stored yet: %s", self.lane.name, first_line(error))
                self.lane.set_aside(item, outcome, again=tries > 0)
                if self._closing.is_set():
                    log.warning("%s: the program ends before an answer could be stored", self.lane.name)
                    return
            except SQLAlchemyError:
                self.lane.set_aside(item, outcome, again=tries > 0)
                raise
            else:
                if tries:
                    log.warning("%s: the answer is stored now", self.lane.name)
                    self.lane.take_back(item)
                return
            self._closing.wait(pause)

    def is_idle(self) -> bool:
        """Whether it had nothing a moment ago: asking costs more than most ticks have to do."""
        return not self.lane.punctual and time.monotonic() < self._look_at

    def _done(self, item: Item, finished: Finished[Outcome]) -> None:
        self._finished.put((item, finished))
        for wake in self._wakes:
            wake.set()

    def close(self) -> None:
        self._closing.set()
        self._workers.close()  # what is claimed is worked on: an intent that is never sent would be a doubt


class Dispatcher:
    """Drives the lanes. `tick()` stores what is finished and starts what is due; it never waits for the network."""

    def __init__(self, lanes: Sequence[Lane[Any, Any]], look_again: float = LOOK_AGAIN):
        """look_again: as LOOK_AGAIN; `hurry` does not wait for it."""
        self._wake, self._at_once, self._hurry = threading.Event(), threading.Event(), threading.Event()
        self._runners = [_Runner(lane, self._wakes(lane), look_again) for lane in lanes]
        self._ticked = time.monotonic()

    def _wakes(self, lane: Lane[Any, Any]) -> Sequence[threading.Event]:
        return (self._wake,) if lane.punctual else (self._wake, self._at_once)

    def tick(self) -> None:
        """Raises what a lane raised, once every lane has had its turn; that one then rests for a moment."""
        self._ticked = time.monotonic()
        hurry = self._hurry.is_set()
        self._hurry.clear()
        with ExitStack() as turns:  # each turn is taken, whatever those before it raise; the last one pushed is first
            for runner in reversed(self._runners):
                turns.callback(self._start, runner, hurry=hurry)
            self._store_all(turns)

    def drain(self) -> None:
        """A tick that starts nothing: what is under way ends, and is stored. Raises as `tick`."""
        with ExitStack() as turns:
            self._store_all(turns)

    def hurry(self) -> None:
        """Have the next tick ask every lane, since work may have come from outside. From any thread, at no cost."""
        self._hurry.set()

    def _store_all(self, turns: ExitStack) -> None:
        for runner in reversed(self._runners):
            if not runner.is_resting:
                turns.callback(runner.store_finished)

    def _start(self, runner: _Runner[Any, Any], *, hurry: bool) -> None:
        moved = hurry or any(other.moved for other in self._runners)
        if not runner.is_resting and (moved or not runner.is_idle()):
            runner.start_due()

    @property
    def unforeseen(self) -> list[str]:
        """What broke in a way that nobody foresaw, a line each."""
        return [line for runner in self._runners for line in runner.unforeseen]

    @property
    def is_resting(self) -> bool:
        """Whether a lane is left alone for a moment, since it raised when it was last asked."""
        return any(runner.is_resting for runner in self._runners)

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
        with ExitStack() as turns:
            for runner in reversed(self._runners):
                turns.callback(runner.store_finished)
                turns.callback(runner.close)


def first_line(error: Exception) -> str:
    """What a database error says, without its statement and values."""
    return str(error).partition("\n")[0]
