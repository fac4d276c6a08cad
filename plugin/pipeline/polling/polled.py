"""Polls as rows: what is claimed for one, and how its outcome is stored.

The row may have changed hands meanwhile (a process that was stopped for longer than its lease, and goes on later):
what it stores then only ever moves the task's times forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import ColumnElement, Executable, Table, and_, bindparam, case, func, select, union_all, update
from sqlalchemy.orm import Session

from plugin.hebo import Finished, HeboError, NoAnswerError, NotSentError, Odd, Running
from plugin.models import GeneratedImage, GenerationTask, UTCDateTime
from plugin.pipeline.polling.results import order_of
from plugin.states import TaskState

POLLED = (TaskState.GENERATING, TaskState.STALLED, TaskState.DONE, TaskState.FAILED)


@dataclass(frozen=True, slots=True)
class Poll:
    """A claimed poll. images: how many prompts the task has. ordered: its items' order is known already.

    owner, until: the lease, as it stands in the row. send_by: after that somebody else may have it. probe: of an
    outage, until when this is its only probe.
    """

    task_id: int
    remote_id: str
    sent_at: datetime
    polled_at: datetime | None
    state: TaskState
    images: int
    ordered: bool
    owner: str
    until: datetime
    send_by: datetime
    probe: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.state in (TaskState.DONE, TaskState.FAILED)

    @property
    def last(self) -> datetime:
        """What the interval before this poll counts from: the first one's from the submit."""
        return self.polled_at or self.sent_at

    def age(self, at: datetime) -> float:
        """The task's age then, in seconds."""
        return (at - self.sent_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Polled:
    """answer None: it left too late to be legal, and was not sent. stamp: what the next interval counts from."""

    sent_at: datetime
    stamp: datetime
    answer: Running | Finished | Odd | HeboError | None

    @property
    def silent(self) -> bool:
        """Whether the service gave no answer. A refusal, or words that are not understood, are one."""
        return isinstance(self.answer, (NoAnswerError, NotSentError))

    @property
    def answered(self) -> bool:
        return self.answer is not None and not self.silent


def read_polls(session: Session, ids: Sequence[int], send_by: datetime, probe: datetime | None) -> list[Poll]:
    """The claimed rows."""
    found = session.connection().execute(_CLAIMED, {"ids": ids}) if ids else ()
    return [Poll(*(*row, send_by, probe)) for row in found]


@lru_cache(maxsize=8)  # made ten times a second otherwise, which costs more than the look
def polls_of(account_id: int) -> ColumnElement[bool]:
    """The account's tasks that are polled. A database must look for what is due among them by its time: by the
    account it would find all tasks that there ever were."""
    return GenerationTask.state.in_(POLLED) & (func.coalesce(GenerationTask.account_id, 0) == account_id)


def is_quiet(item: Poll, polled: Polled) -> bool:
    """Nothing happened: only the times move on (the great majority, so it is one statement for all of them)."""
    return not item.ended and isinstance(polled.answer, Running)


def store_quiet(session: Session, outcomes: Sequence[tuple[Poll, Polled, datetime]]) -> None:
    """Running tasks, each with the time of its next poll."""
    if outcomes:
        session.connection().execute(_QUIET, [_times(*outcome) for outcome in outcomes])
    if orders := [order for item, polled, _ in outcomes if (order := _order(item, polled))]:
        session.connection().execute(_ORDER, orders)


def give_back(session: Session, outcomes: Sequence[tuple[Poll, datetime]]) -> None:
    """Polls that were not sent, each with the time when it may be; where somebody else has it by now, it is theirs."""
    if outcomes:
        rows = [{"task": item.task_id, "me": item.owner, "lease": item.until, "due": due} for item, due in outcomes]
        session.connection().execute(_GIVE_BACK, rows)


def move_on(task: GenerationTask, item: Poll, due: datetime | None) -> None:
    """Set the time of the next poll, never back from what somebody else has stored since the claim."""
    mine = task.owner == item.owner and task.due_at == item.until
    later = due is not None and task.due_at is not None and task.due_at < due
    if mine or later:
        task.due_at = due


def soonest(account_id: int) -> Executable:
    """The soonest poll of an account: a look at the head of the index for each state.

    min() over the states would read every row of them, at every tick.
    """
    mine = (func.coalesce(GenerationTask.account_id, 0) == account_id) & GenerationTask.due_at.is_not(None)
    due = select(GenerationTask.due_at).where(mine).order_by(GenerationTask.due_at).limit(1)
    heads = (due.where(GenerationTask.state == state).subquery() for state in POLLED if state is not TaskState.STALLED)
    return select(union_all(*(select(head.c.due_at) for head in heads)).subquery().c.due_at).order_by("due_at").limit(1)


def _times(item: Poll, polled: Polled, due: datetime) -> dict[str, object]:
    status = polled.answer.status if isinstance(polled.answer, Running) else None
    times = {"due": due, "stamp": polled.stamp, "status": status}
    return {"task": item.task_id, "me": item.owner, "lease": item.until, **times}


def _order(item: Poll, polled: Polled) -> dict[str, object] | None:
    """The items' order the first time that it is complete: it is the prompts' order."""
    if item.ordered or not isinstance(polled.answer, Running):
        return None
    order = order_of(polled.answer.items, item.images)
    return None if order is None else {"task": item.task_id, "order": order}


def _table(model: type[GenerationTask] | type[GeneratedImage]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101  # what a mapped class has
    return table


def _mine(row: Table) -> ColumnElement[bool]:
    return and_(row.c.owner == bindparam("me"), row.c.due_at == bindparam("lease"))


_ROW, _IMAGE = _table(GenerationTask), _table(GeneratedImage)
_DUE, _STAMP = bindparam("due", type_=UTCDateTime()), bindparam("stamp", type_=UTCDateTime())
_COUNT = select(func.count()).where(_IMAGE.c.task_id == _ROW.c.id).scalar_subquery()
_CLAIMED = select(  # the columns in the order of Poll's fields
    _ROW.c.id,
    _ROW.c.remote_id,
    _ROW.c.sent_at,
    _ROW.c.polled_at,
    _ROW.c.state,
    _COUNT,
    _ROW.c.item_order.is_not(None),
    _ROW.c.owner,
    _ROW.c.due_at,
).where(_ROW.c.id.in_(bindparam("ids", expanding=True)), _ROW.c.remote_id.is_not(None))
_QUIET = (
    update(_ROW)
    .where(_ROW.c.id == bindparam("task"), _ROW.c.ended_at.is_(None))
    .values(
        due_at=case((_mine(_ROW) | (_ROW.c.due_at < _DUE), _DUE), else_=_ROW.c.due_at),
        polled_at=case((_ROW.c.polled_at > _STAMP, _ROW.c.polled_at), else_=_STAMP),
        remote_status=bindparam("status"),
        polls=_ROW.c.polls + 1,
        troubles=0,
    )
)
_GIVE_BACK = update(_ROW).where(_ROW.c.id == bindparam("task"), _mine(_ROW)).values(due_at=_DUE)
_ORDER = (
    update(_ROW)
    .where(_ROW.c.id == bindparam("task"), _ROW.c.item_order.is_(None))
    .values(item_order=bindparam("order"))
)
