"""poll: ask for each running task when the limits allow it, and take what it became.

The next time is moved on in the transaction that claims a poll, before the call: a kill costs one interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Executable, bindparam, func, select, union_all, update
from sqlalchemy.orm import Session

from plugin.activity import record_task
from plugin.hebo import (
    Finished,
    HeboError,
    KeyRefusedError,
    Odd,
    Running,
    TaskMissingError,
    TooFrequentError,
)
from plugin.hebo.schedule import TERMINAL_INTERVAL
from plugin.models import Account, GeneratedImage, GenerationTask
from plugin.pipeline.due import update_due
from plugin.pipeline.ending import finish
from plugin.pipeline.lane import Lane
from plugin.pipeline.results import order_of
from plugin.pipeline.single_file import key_refused, wait_after
from plugin.states import TaskState

LEASE = timedelta(seconds=20)  # longer than the call's own deadline, so that a task is never polled twice at once
TROUBLE_PAUSES = (5, 10, 20, 40, 60)  # seconds, growing (API contract, "Errors": 500 on a poll)
STALLED_PAUSE = timedelta(minutes=10)
POLLED = (TaskState.GENERATING, TaskState.STALLED, TaskState.DONE, TaskState.FAILED)


@dataclass(frozen=True, slots=True)
class Poll:
    """A claimed poll. images: how many prompts the task has. ordered: its items' order is known already."""

    task_id: int
    remote_id: str
    sent_at: datetime
    polled_at: datetime | None
    state: TaskState
    images: int
    ordered: bool = False

    @property
    def ended(self) -> bool:
        return self.state in (TaskState.DONE, TaskState.FAILED)


@dataclass(frozen=True, slots=True)
class Polled:
    """answer None: it left too late to be legal, and was not sent. stamp: what the next interval counts from."""

    sent_at: datetime
    stamp: datetime
    answer: Running | Finished | Odd | HeboError | None


class PollLane(Lane[Poll, Polled]):
    """Polls the account's tasks. capacity: the setting hebo.max_connections."""

    name = "poll"
    punctual = True

    @property
    def capacity(self) -> int:  # type: ignore[override]  # a setting here, a constant elsewhere
        return self.parts.settings.hebo.max_connections

    def claim(self, limit: int) -> Sequence[Poll]:
        if self.parts.hebo is None:
            return []
        now = self.now
        account = select(Account.id).where(Account.key_fingerprint == self.parts.key_fingerprint)
        where = GenerationTask.state.in_(POLLED) & GenerationTask.account_id.in_(account)
        with self.parts.db.read() as session:
            due = select(GenerationTask.id).where(where, GenerationTask.due_at <= now).limit(1)
            if session.scalar(due) is None or key_refused(session, self.parts.key_fingerprint, now):
                return []  # the first look is taken ten times a second, and mostly finds nothing
        with self.parts.db.write() as session:
            return _polls(session, self.claim_rows(session, GenerationTask, where, LEASE, limit))

    def work(self, item: Poll) -> Polled:
        hebo, schedule = self.parts.hebo, self.parts.schedule
        assert hebo is not None  # noqa: S101  # claim() gives nothing without a client
        sent = self.now
        if item.polled_at is not None:
            last, age = _age(item.polled_at, item), _age(sent, item)
            if not schedule.allows(last, age):
                return Polled(sent, item.polled_at, None)
        try:
            answer: Running | Finished | Odd | HeboError = hebo.poll(item.remote_id)
        except HeboError as error:
            answer = error
        # The service stamps a poll's arrival, which lies between sending and the answer.
        stamp = max(sent, self.now - timedelta(seconds=schedule.margin))
        return Polled(sent, stamp, answer)

    def moves(self, outcomes: Sequence[tuple[Poll, Polled]]) -> bool:
        return not all(_is_quiet(item, polled) for item, polled in outcomes)

    def store(self, outcomes: Sequence[tuple[Poll, Polled]]) -> None:
        quiet = [self._quiet(item, polled) for item, polled in outcomes if _is_quiet(item, polled)]
        orders = [seen for item, polled in outcomes if (seen := _order(item, polled))]
        with self.parts.db.write() as session:
            if quiet:
                session.connection().execute(_QUIET, quiet)
            if orders:
                session.connection().execute(_ORDER, orders)
            for item, polled in outcomes:
                if not _is_quiet(item, polled):
                    self._store_one(session, item, polled)
            self._stall(session, [item for item, _ in outcomes])

    def next_due(self) -> datetime | None:
        if self.parts.hebo is None:
            return None
        with self.parts.db.read() as session:
            if key_refused(session, self.parts.key_fingerprint, self.now):
                return None
            due: datetime | None = session.scalar(_SOONEST, {"key": self.parts.key_fingerprint})
            return due

    def _store_one(self, session: Session, item: Poll, polled: Polled) -> None:
        task = session.get_one(GenerationTask, item.task_id)
        answer, now = polled.answer, self.now
        task.polls, task.polled_at = task.polls + 1, polled.stamp
        if isinstance(answer, TooFrequentError):
            task.refused_polls += 1
            task.due_at = now + timedelta(seconds=answer.retry_after or TERMINAL_INTERVAL)
        elif isinstance(answer, Finished):
            task.troubles = 0
            finish(session, task, answer, now)
            update_due(session, task.round, now, self.parts.policy)
        elif isinstance(answer, KeyRefusedError):
            self._rest(session, task, answer)
        elif item.ended:
            task.due_at = None  # it was asked again for fresh addresses only; the download asks once more
        else:
            self._trouble(session, task, item, polled)

    def _rest(self, session: Session, task: GenerationTask, error: KeyRefusedError) -> None:
        """The key is refused: all its work stops and is kept (API contract, "Errors": 401, 403)."""
        account = session.get_one(Account, task.account_id)
        wait_after(session, account, error, self.now)
        task.due_at = account.wait_until

    def _trouble(self, session: Session, task: GenerationTask, item: Poll, polled: Polled) -> None:
        """Odd, missing or no answer: the task is kept and asked for again, with growing pauses; never resubmitted."""
        pause = TROUBLE_PAUSES[min(task.troubles, len(TROUBLE_PAUSES) - 1)]
        task.due_at = max(self._next_poll(item, polled), self.now + timedelta(seconds=pause))
        task.troubles += 1
        reason = polled.answer.what if isinstance(polled.answer, Odd) else str(polled.answer)
        known, task.error = task.error, reason
        if isinstance(polled.answer, (Odd, TaskMissingError)) and known != reason:
            record_task(session, task, self.now, "task_odd", trouble=True, reason=reason)

    def _quiet(self, item: Poll, polled: Polled) -> dict[str, object]:
        answer = polled.answer
        return {
            "task": item.task_id,
            "due": self._next_poll(item, polled),
            "stamp": polled.stamp,
            "status": answer.status if isinstance(answer, Running) else None,
            "sent": 1 if answer is not None else 0,
        }

    def _next_poll(self, item: Poll, polled: Polled) -> datetime:
        """The soonest legal time; past the deadline rarely."""
        age = _age(polled.stamp, item)
        if age > self.parts.settings.hebo.stall_after:
            return polled.stamp + STALLED_PAUSE
        schedule = self.parts.schedule
        soonest = schedule.next_age(age)
        if polled.answer is None:  # it missed the short interval before a band's edge: the longer one counts now
            longer = schedule.required(age, _age(polled.sent_at, item)) + schedule.margin
            soonest = max(soonest, age + longer)
        return item.sent_at + timedelta(seconds=soonest)

    def _stall(self, session: Session, polls: Sequence[Poll]) -> None:
        """Past the deadline a task is marked and shown (API contract, "the most polls a task may have")."""
        now, after = self.now, self.parts.settings.hebo.stall_after
        late = [item.task_id for item in polls if item.state is TaskState.GENERATING and _age(now, item) > after]
        if not late:
            return
        still = GenerationTask.id.in_(late) & (GenerationTask.state == TaskState.GENERATING)
        for task in session.scalars(select(GenerationTask).where(still)):
            task.state = TaskState.STALLED
            record_task(session, task, now, "task_stalled", trouble=True, hours=round(after / 3600, 1))


_QUIET = (
    update(GenerationTask.__table__)  # type: ignore[arg-type]  # a Table, at run time
    .where(GenerationTask.__table__.c.id == bindparam("task"), GenerationTask.__table__.c.ended_at.is_(None))
    .values(
        due_at=bindparam("due"),
        polled_at=bindparam("stamp"),
        remote_status=bindparam("status"),
        polls=GenerationTask.__table__.c.polls + bindparam("sent"),
        troubles=0,
    )
)
_ORDER = (
    update(GenerationTask.__table__)  # type: ignore[arg-type]  # a Table, at run time
    .where(GenerationTask.__table__.c.id == bindparam("task"), GenerationTask.__table__.c.item_order.is_(None))
    .values(item_order=bindparam("order"))
)


def _is_quiet(item: Poll, polled: Polled) -> bool:
    """Nothing happened: only the times move on (the great majority, so it is one statement for all of them)."""
    return not item.ended and (polled.answer is None or isinstance(polled.answer, Running))


def _soonest() -> Executable:
    """The soonest poll of the key's account: a look at the head of the index for each state.

    min() over the states would read every row of them, at every tick.
    """
    account = select(Account.id).where(Account.key_fingerprint == bindparam("key"))
    mine = GenerationTask.account_id.in_(account) & GenerationTask.due_at.is_not(None)
    due = select(GenerationTask.due_at).where(mine).order_by(GenerationTask.due_at).limit(1)
    states = (TaskState.GENERATING, TaskState.DONE, TaskState.FAILED)
    heads = (due.where(GenerationTask.state == state).subquery() for state in states)
    return select(union_all(*(select(head.c.due_at) for head in heads)).subquery().c.due_at).order_by("due_at").limit(1)


_SOONEST = _soonest()


def _age(at: datetime, item: Poll) -> float:
    return (at - item.sent_at).total_seconds()


def _polls(session: Session, ids: Sequence[int]) -> list[Poll]:
    count = (
        select(func.count())
        .where(GeneratedImage.task_id == GenerationTask.id)
        .correlate(GenerationTask)
        .scalar_subquery()
    )
    task = GenerationTask
    ordered = task.item_order.is_not(None)
    columns = (task.id, task.remote_id, task.sent_at, task.polled_at, task.state, count, ordered)
    rows = session.execute(select(*columns).where(GenerationTask.id.in_(ids), GenerationTask.remote_id.is_not(None)))
    return [Poll(*row) for row in rows]


def _order(item: Poll, polled: Polled) -> dict[str, object] | None:
    """The items' order the first time that it is complete: it is the prompts' order."""
    if item.ordered or not isinstance(polled.answer, Running):
        return None
    order = order_of(polled.answer.items, item.images)
    return None if order is None else {"task": item.task_id, "order": order}
