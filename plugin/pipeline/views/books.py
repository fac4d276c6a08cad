"""Whether the ledger is right: it must say of each task what the task's own state and figures say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from plugin.ledger import HELD_IN, Bucket
from plugin.models import Account, GeneratedImage, GenerationTask, LedgerEntry, LostImage
from plugin.states import ImageState, TaskState

MOST_PROBLEMS = 20
ENDED = (TaskState.DONE, TaskState.FAILED)
HELD = [bucket for bucket in Bucket if bucket is not Bucket.FREE]
WORDS = {
    Bucket.RESERVED: "reserved",
    Bucket.DOUBT: "in doubt",
    Bucket.CHARGED: "charged",
    Bucket.REFUNDED: "refunded",
    Bucket.LOST: "lost",
}


def ledger_problems(session: Session) -> list[str]:
    """Where the ledger and the tasks disagree, in plain words; empty: every image is accounted for.

    Each task's buckets must hold what its state and its own figures say. At most `MOST_PROBLEMS` of a kind are named.
    """
    return [*_task_problems(session), *_entry_problems(session)]


def _task_problems(session: Session) -> Iterator[str]:
    """Tasks whose buckets do not hold what their state says."""
    task = GenerationTask
    books = select(LedgerEntry.task_id, *(_held(bucket).label(bucket) for bucket in HELD)).group_by(LedgerEntry.task_id)
    kept = books.subquery()
    has = [func.coalesce(kept.c[bucket], 0) for bucket in HELD]
    should = [_should_hold(bucket) for bucket in HELD]
    wrong = or_(*(one != other for one, other in zip(has, should, strict=True)))
    joined = select(task.id, task.state, *has, *should).outerjoin(kept, kept.c.task_id == task.id)
    rows = session.execute(joined.where(wrong).order_by(task.id).limit(MOST_PROBLEMS + 1)).all()
    for task_id, state, *figures in rows[:MOST_PROBLEMS]:
        yield _disagreement(task_id, state, figures[: len(HELD)], figures[len(HELD) :])
    if len(rows) > MOST_PROBLEMS:
        yield "and the ledger of more tasks is wrong"


def _held(bucket: Bucket) -> ColumnElement[int]:
    """What lies in a bucket: what went into it, less what went out of it."""
    row = LedgerEntry
    return func.sum(case((row.target == bucket, row.images), (row.source == bucket, -row.images), else_=0))


def _should_hold(bucket: Bucket) -> ColumnElement[int]:
    """What a task's own figures say that it has in a bucket."""
    task = GenerationTask
    charged, refunded = func.coalesce(task.billable, 0), func.coalesce(task.refunded, 0)
    at_the_end: dict[Bucket, Any] = {
        Bucket.CHARGED: charged,
        Bucket.REFUNDED: refunded,
        Bucket.RESERVED: task.reserved - charged - refunded,
    }
    ended = and_(task.state.in_(ENDED), task.remote_id.is_not(None))
    holding = task.state.in_([state for state, held in HELD_IN.items() if held is bucket])
    return case((ended, at_the_end.get(bucket, 0)), (holding, task.reserved), else_=0)


def _disagreement(task_id: int, state: TaskState, has: Sequence[int], should: Sequence[int]) -> str:
    compared = zip(HELD, has, should, strict=True)
    parts = [f"{mine} {WORDS[bucket]} where the task says {its}" for bucket, mine, its in compared if mine != its]
    return f"task {task_id} ({state}): the ledger has {', '.join(parts)}"


def _entry_problems(session: Session) -> Iterator[str]:
    """Entries that cannot be: of no images, from a bucket into itself, of another store than their task."""
    row, task = LedgerEntry, GenerationTask
    known = list(Bucket)
    odd = or_(row.images < 1, row.source == row.target, row.source.not_in(known), row.target.not_in(known))
    elsewhere = exists().where(task.id == row.task_id, task.store_id != row.store_id)
    for where, what in ((odd, "is no move of images"), (elsewhere, "names another store than its task")):
        for entry in session.scalars(select(row.id).where(where).order_by(row.id).limit(MOST_PROBLEMS)):
            yield f"entry {entry} of the ledger {what}"


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A task for which the service charges another number of pictures than we have of it.

    pictures: had, still to be fetched, or listed as lost although paid for.
    """

    task: int
    store: str
    product: str
    billable: int
    pictures: int


def undelivered(session: Session, since: datetime, *, limit: int = MOST_PROBLEMS) -> tuple[Undelivered, ...]:
    """Ended tasks, sent since then, whose bill is not for the pictures that came; newest first."""
    task = GenerationTask
    recent = task.account_id.in_(select(Account.id)) & (task.sent_at >= since)  # as the index has it
    came = _count(GeneratedImage.task_id == task.id, _came()) + _count(
        LostImage.task_id == task.id, LostImage.billed.is_(True)
    )
    ended = task.state.in_(ENDED) & task.remote_id.is_not(None)
    chosen = select(task, came.label("came")).where(recent, ended, func.coalesce(task.billable, 0) != came)
    rows = session.execute(chosen.order_by(task.id.desc()).limit(limit)).all()
    return tuple(
        Undelivered(row.id, row.store.name, row.product.external_id, row.billable or 0, pictures)
        for row, pictures in rows
    )


def _came() -> ColumnElement[bool]:
    """A picture whose bytes we have, or whose address we were given."""
    image = GeneratedImage
    fetching = (image.state == ImageState.WAITING) & image.result_url.is_not(None)
    return or_(image.picture_sha.is_not(None), fetching)


def _count(*where: ColumnElement[bool]) -> Any:
    return select(func.count()).where(*where).correlate(GenerationTask).scalar_subquery()
