"""Tasks in doubt, with all that a person needs to say whether they were accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.models import GenerationTask
from plugin.pipeline.submitting.doubt import needs_person
from plugin.pipeline.views.rows import ReadingView, TaskView
from plugin.pipeline.views.work import readings_of, task_view
from plugin.states import TaskState


@dataclass(frozen=True, slots=True)
class DoubtView:
    """One task in doubt. note: what is known of it, in the pipeline's words. asks: only a person can settle it."""

    task: TaskView
    since: datetime | None
    note: str | None
    retry_of: int | None
    asks: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Readings in a row that say the same of `used`, from one time to another. change: since before the sending.

    alone: nothing else of ours had been sent by then, so that a change can tell of this task.
    """

    first_at: datetime
    last_at: datetime
    times: int
    used: int | None
    change: int | None
    alone: bool


@dataclass(frozen=True, slots=True)
class DoubtDetail:
    """shots: the pictures at stake. used_before, read_at: the quota just before it was sent; None: not known.

    change: how `used` had moved at the last reading before anything else of ours was sent. others: other tasks of
    the account that are not finished.
    """

    doubt: DoubtView
    shots: tuple[str, ...]
    pack: str
    used_before: int | None
    read_at: datetime | None
    looks: tuple[Look, ...]
    others: int

    @property
    def change(self) -> int | None:
        known = [look.change for look in self.looks if look.alone and look.change is not None]
        return known[-1] if known else None


def doubts(session: Session, fingerprint: str) -> tuple[DoubtView, ...]:
    """Every task in doubt, those that wait for a person first, the oldest first. fingerprint: of the key in use."""
    chosen = select(GenerationTask).where(GenerationTask.state == TaskState.IN_DOUBT).order_by(GenerationTask.id)
    asking = set(session.scalars(select(GenerationTask.id).where(needs_person(fingerprint))))
    found = [_doubt(task, asks=task.id in asking) for task in session.scalars(chosen)]
    return tuple(sorted(found, key=lambda one: not one.asks))


def doubts_to_decide(session: Session, fingerprint: str) -> int:
    """How many tasks in doubt wait for a person."""
    return session.scalar(select(func.count()).select_from(GenerationTask).where(needs_person(fingerprint))) or 0


def doubt_detail(session: Session, fingerprint: str, task: GenerationTask) -> DoubtDetail:
    """All about one task in doubt."""
    mine = needs_person(fingerprint) & (GenerationTask.id == task.id)
    asks = session.scalar(select(GenerationTask.id).where(mine)) is not None
    return DoubtDetail(
        doubt=_doubt(task, asks=asks),
        shots=tuple(image.shot for image in task.images),
        pack=task.round.pack,
        used_before=task.baseline_used,
        read_at=task.baseline_at,
        looks=_looks(task, readings_of(session, task), _next_sent(session, task)),
        others=accounts.open_tasks(session, task.account_id, but=task.id) if task.account_id else 0,
    )


def _doubt(task: GenerationTask, *, asks: bool) -> DoubtView:
    return DoubtView(task_view(task), task.doubt_at, task.doubt_note, task.parent_id, asks)


def _next_sent(session: Session, task: GenerationTask) -> datetime | None:
    """When the account sent the next task after this one."""
    if task.sent_at is None:
        return None
    other = GenerationTask
    later = (other.account_id == task.account_id) & (other.sent_at > task.sent_at) & (other.id != task.id)
    return session.scalar(select(func.min(other.sent_at)).where(later))


def _looks(task: GenerationTask, readings: Sequence[ReadingView], next_sent: datetime | None) -> tuple[Look, ...]:
    """The readings after the sending, equal ones in a row taken together."""
    after = [row for row in readings if task.sent_at is not None and row.at > task.sent_at]
    alone = {row.at: next_sent is None or row.at < next_sent for row in after}
    found = []
    for (used, is_alone), rows in groupby(after, key=lambda row: (row.used, alone[row.at])):
        same = list(rows)
        change = None if used is None or task.baseline_used is None else used - task.baseline_used
        found.append(Look(same[0].at, same[-1].at, len(same), used, change, is_alone))
    return tuple(found)
