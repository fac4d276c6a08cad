"""What writing to stores has in common, whether pictures are put on listings or taken off again.

A store has one writer at a time, for a lease that is renewed before each write: a connector ends one write well
within it. Where the connector makes writes durable together, many are done under one claim; else one listing is
written for each claim, so that stores take turns. A store whose writes fail one after another in a way that may pass
rests: nobody writes to it for a while, a longer one each time, and the others go on.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from connectors import Batching, Connector, ConnectorError
from plugin.config import StoreSettings
from plugin.models import Publication
from plugin.pipeline import stores
from plugin.pipeline.lane import AWAY, Lane, first_line
from plugin.pipeline.parts import Parts
from plugin.pipeline.publications import with_pictures
from plugin.states import PublicationState

LEASE = timedelta(minutes=10)  # the slowest connector ends one write within 6
BATCH = 100  # listings at once where the connector makes them durable together
PAUSES = (10, 60, 300, 1800)  # seconds between tries after an error that may pass
PATIENT_TRIES = 3  # so many are waited for by a run
# Seconds for which a store is left alone after failures in a row: one alone may be the listing's, two are the store's.
RESTS = (0, *PAUSES[:PATIENT_TRIES])


class LostLeaseError(Exception):
    """Somebody else writes to the store by now (this machine slept, say): what was claimed is theirs."""


class StoreWrite(Protocol):
    """One listing to write."""

    @property
    def publication_id(self) -> int: ...


Write = TypeVar("Write", bound=StoreWrite)
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Batch(Generic[Write]):
    """What one claim writes to one store."""

    store_id: int
    config: StoreSettings
    writes: tuple[Write, ...]


@dataclass(slots=True)
class Written(Generic[Done]):
    """What became of each write, by publication id; of those that are missing nothing is known."""

    results: dict[int, Done | ConnectorError] = field(default_factory=dict)


class StoreWriteLane(Lane[Batch[Write], Written[Done]], Generic[Write, Done]):
    """Claims stores and writes to them, several side by side. waiting: the state of publications that are its work."""

    capacity = 4
    waiting: ClassVar[PublicationState]

    def __init__(self, parts: Parts):
        super().__init__(parts)
        self._failures: Counter[int] = Counter()  # by store: writes in a row that failed and may pass

    @abstractmethod
    def take(self, session: Session, store_id: int, config: StoreSettings, size: int) -> Sequence[Write]:
        """Claim up to `size` of the store's writes; its writer is ours already."""

    @abstractmethod
    def write(self, connector: Connector, one: Write) -> Done:
        """Write one listing. Raises ConnectorError."""

    @abstractmethod
    def settle(self, session: Session, results: Sequence[tuple[Publication, Done | ConnectorError]]) -> None:
        """Store what became of them; each is still `waiting`."""

    def due_times(self, session: Session, store_ids: Collection[int], by: datetime | None) -> dict[int, datetime]:
        """When the first work of each of these stores is due: what is due by then, or (None) what a run waits for."""
        mine = (Publication.state == self.waiting) & Publication.store_id.in_(store_ids)
        wanted = Publication.attempts <= PATIENT_TRIES if by is None else Publication.due_at <= by
        first = select(Publication.store_id, func.min(Publication.due_at)).where(mine, wanted)
        rows = session.execute(first.group_by(Publication.store_id)).all()
        return {store_id: at for store_id, at in rows if at is not None}

    def claim(self, limit: int) -> Sequence[Batch[Write]]:
        due = self._due_stores(limit)
        if not due:
            return []
        with self.parts.db.write() as session:
            known = stores.configured(self.parts, session)
            sizes = ((store_id, size) for store_id, size in due.items() if store_id in known)
            claimed = (self._claim_store(session, store_id, known[store_id], size) for store_id, size in sizes)
            return [batch for batch in claimed if batch is not None]

    def work(self, item: Batch[Write]) -> Written[Done]:
        done: Written[Done] = Written()
        try:
            connector = stores.connect(self.parts, item.config)
            with _batch_of(connector):
                for one in item.writes:
                    self._renew(item)
                    done.results[one.publication_id] = self._attempt(connector, one)
        except LostLeaseError:  # a batch that was left did not become durable, and a single write was not begun
            done.results.clear()
        except ConnectorError as error:  # the batch as a whole did not become durable
            done.results = _all_failed(item, error)
        except AWAY as error:  # the listings will tell what became of it
            away = ConnectorError(f"the database could not be used: {first_line(error)}")
            done.results = _all_failed(item, away)
        return done

    def store(self, outcomes: Sequence[tuple[Batch[Write], Written[Done]]]) -> None:
        with self.parts.db.write() as session:
            for batch, done in outcomes:
                rows = with_pictures(session, done.results)
                results = [(row, done.results[row.id]) for row in rows]
                self.settle(session, [pair for pair in results if self._counts(*pair)])
                rest = self._rest(batch.store_id, done.results.values())
                until = self.now + timedelta(seconds=rest) if rest else None
                stores.release_writer(session, batch.store_id, self.parts.instance, until)

    def next_due(self) -> datetime | None:
        with self.parts.db.read() as session:
            known = stores.configured(self.parts, session)
            patient = [store_id for store_id in known if self._failures[store_id] <= len(RESTS)]
            times = self.due_times(session, patient, None)
            rests = stores.resting(session, times)
        return min((max(at, rests.get(store_id, at)) for store_id, at in times.items()), default=None)

    def _due_stores(self, limit: int) -> dict[int, int]:
        """The stores to claim and how many writes of each, the one that waits longest first."""
        with self.parts.db.read() as session:
            known = stores.configured(self.parts, session)
            times = self.due_times(session, known, self.now)
            free = stores.without_writer(session, times, self.now)
        chosen = sorted(free, key=lambda store_id: (times[store_id], store_id))[:limit]
        return {store_id: BATCH if _is_batching(self.parts, known[store_id]) else 1 for store_id in chosen}

    def _claim_store(self, session: Session, store_id: int, config: StoreSettings, size: int) -> Batch[Write] | None:
        owner = self.parts.instance
        if not stores.take_writer(session, store_id, owner, self.now, LEASE):
            return None
        writes = self.take(session, store_id, config, size)
        if not writes:
            stores.release_writer(session, store_id, owner)
            return None
        return Batch(store_id, config, tuple(writes))

    def _renew(self, batch: Batch[Write]) -> None:
        """Hold on to the store and the batch for another lease. Raises LostLeaseError."""
        until, owner = self.now + LEASE, self.parts.instance
        mine = Publication.id.in_([one.publication_id for one in batch.writes]) & (Publication.owner == owner)
        with self.parts.db.write() as session:
            if not stores.renew_writer(session, batch.store_id, owner, until):
                raise LostLeaseError
            session.execute(update(Publication).where(mine).values(due_at=until))

    def _attempt(self, connector: Connector, one: Write) -> Done | ConnectorError:
        try:
            return self.write(connector, one)
        except ConnectorError as error:
            return error

    def _counts(self, row: Publication, result: Done | ConnectorError) -> bool:
        """What was written is so whoever has the row by now; a failure is only for whom holds it."""
        mine = row.owner == self.parts.instance or not isinstance(result, ConnectorError)
        return row.state is self.waiting and mine

    def _rest(self, store_id: int, results: Collection[Done | ConnectorError]) -> float:
        """Seconds for which the store is left alone after these results."""
        passing = [one for one in results if isinstance(one, ConnectorError) and not one.permanent]
        if len(passing) < len(results):
            del self._failures[store_id]  # it answered
        elif results:
            self._failures[store_id] += 1
        in_a_row = self._failures[store_id]
        rest = RESTS[min(in_a_row, len(RESTS)) - 1] if in_a_row else 0
        return max(rest, *(one.retry_after or 0 for one in passing), 0)


def try_later(row: Publication, error: ConnectorError, now: datetime) -> None:
    """An error that may pass: the row stays as it is, and is looked at again after a pause."""
    pause = PAUSES[min(row.attempts, len(PAUSES) - 1)]
    row.attempts, row.error = row.attempts + 1, str(error)
    row.due_at = now + timedelta(seconds=max(pause, error.retry_after or 0))


def _all_failed(batch: Batch[Write], error: ConnectorError) -> dict[int, Done | ConnectorError]:
    return {one.publication_id: error for one in batch.writes}


def _batch_of(connector: Connector) -> AbstractContextManager[None]:
    return connector.batch() if isinstance(connector, Batching) else nullcontext()


def _is_batching(parts: Parts, config: StoreSettings) -> bool:
    try:
        return isinstance(stores.connect(parts, config), Batching)
    except ConnectorError:
        return False  # the write itself will say what is wrong
