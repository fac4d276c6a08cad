"""The ledger as people see it: a task's moves, and what became of all that was reserved. Counted in images.

A row of totals is about what was *reserved* in its period, and says what became of it up to now, whenever that was.
So every row balances, and days agree with how budgets and the image service count:

    reserved = released + charged + refunded + lost + in doubt + still reserved + unaccounted
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from plugin.ledger import Bucket, Said
from plugin.models import GeneratedImage, GenerationTask, LedgerEntry, LostImage, Round
from plugin.states import TaskState

UNDER_WAY = (TaskState.SUBMITTING, TaskState.GENERATING, TaskState.STALLED)
SAID_BY = {
    Said.US: "hebo-sync",
    Said.SERVICE: "the image service",
    Said.QUOTA: "the quota's readings",
    Said.PERSON: "a person",
}


@dataclass(frozen=True, slots=True)
class LedgerMove:
    """One move of a task's images. said: on whose word; the same in words: `said_by`."""

    at: datetime
    images: int
    source: str
    target: str
    said: str

    @property
    def said_by(self) -> str:
        return SAID_BY[Said(self.said)]


def ledger_of(session: Session, task_id: int) -> tuple[LedgerMove, ...]:
    """A task's moves, oldest first; none: nothing was ever reserved for it."""
    row = LedgerEntry
    columns = row.at, row.images, row.source, row.target, row.said
    found = session.execute(select(*columns).where(row.task_id == task_id).order_by(row.id))
    return tuple(LedgerMove(*move) for move in found)


@dataclass(frozen=True, slots=True)
class Totals:
    """What became of the images that were reserved; `reserved` is the sum of the seven after it.

    released: surely not taken by the service. unaccounted: their task has ended, and the service charged and refunded
    fewer (or, negative, more) than were reserved. not_had: of the charged ones, those that it never delivered.
    """

    reserved: int = 0
    released: int = 0
    charged: int = 0
    refunded: int = 0
    lost: int = 0
    in_doubt: int = 0
    still_reserved: int = 0
    unaccounted: int = 0
    not_had: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Span:
    """When images were reserved: from `since` until before `until`; None: no such bound."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def bounded(self) -> bool:
        return self.since is not None or self.until is not None


EVER = Span()
Group = InstrumentedAttribute[int] | InstrumentedAttribute[str]


def totals(session: Session, span: Span = EVER, *, store_id: int | None = None) -> Totals:
    """Of one store, or of all."""
    return _totals(session, span, store_id, None).get(None, Totals())


def totals_by_store(session: Session, span: Span = EVER) -> dict[int, Totals]:
    """By the stores' row ids; without those for which nothing was reserved in that time."""
    return _totals(session, span, None, LedgerEntry.store_id)


def totals_by_pack(session: Session, span: Span = EVER, *, store_id: int | None = None) -> dict[str, Totals]:
    """By the packs' names, of one store or of all."""
    return _totals(session, span, store_id, LedgerEntry.pack)


def _totals(session: Session, span: Span, store_id: int | None, group: Group | None) -> dict[Any, Totals]:
    # As an expression, since by the index of a column SQLite would jump about in the whole ledger, much slower.
    keys = [func.coalesce(group, group)] if group is not None else []
    found = {}
    for row in session.execute(_within([*keys, *_sums()], span, store_id).group_by(*keys)):
        found[row[0] if keys else None] = Totals(*row[len(keys) :])
    missing = _not_had(session, span, store_id, group)
    return {key: of + Totals(not_had=missing.get(key, 0)) for key, of in found.items()}


def _sums() -> list[ColumnElement[int]]:
    """In the order of `Totals`, but for its last."""
    row, open_now = LedgerEntry, GenerationTask.state.in_(UNDER_WAY)
    into = {bucket: case((row.target == bucket, row.images), else_=0) for bucket in Bucket}
    out_of = {bucket: case((row.source == bucket, row.images), else_=0) for bucket in Bucket}
    held = {bucket: into[bucket] - out_of[bucket] for bucket in Bucket}
    columns: list[ColumnElement[int]] = [
        out_of[Bucket.FREE],
        into[Bucket.FREE],
        *(held[bucket] for bucket in (Bucket.CHARGED, Bucket.REFUNDED, Bucket.LOST, Bucket.DOUBT)),
        case((open_now, held[Bucket.RESERVED]), else_=0),
        case((open_now, 0), else_=held[Bucket.RESERVED]),
    ]
    return [func.coalesce(func.sum(column), 0) for column in columns]


def _within(columns: Sequence[Any], span: Span, store_id: int | None) -> Select[Any]:
    """The moves of what was reserved in that time: each reservation with what follows it, up to the next one."""
    row = LedgerEntry
    chosen: Select[Any] = select(*columns).join(GenerationTask, GenerationTask.id == row.task_id)
    if store_id is not None:
        chosen = chosen.where(row.store_id == store_id)
    if not span.bounded:
        return chosen
    begin, other = aliased(LedgerEntry), aliased(LedgerEntry)
    between = (other.task_id == row.task_id) & (other.source == Bucket.FREE)
    later = select(other.id).where(between, other.id > begin.id, other.id <= row.id)
    chosen = chosen.join(begin, (begin.task_id == row.task_id) & (begin.id <= row.id)).where(~later.exists())
    return chosen.where(*_reserved_in(begin, span, store_id))


def _reserved_in(begin: type[LedgerEntry], span: Span, store_id: int | None) -> Iterator[ColumnElement[bool]]:
    yield begin.source == Bucket.FREE
    yield from made_in(begin, span, store_id)


def made_in(row: type[LedgerEntry], span: Span, store_id: int | None) -> Iterator[ColumnElement[bool]]:
    """That a move was made in that time, and in that store (None: any)."""
    if span.since is not None:
        yield row.at >= span.since
    if span.until is not None:
        yield row.at < span.until
    if store_id is not None:
        yield row.store_id == store_id


def _not_had(session: Session, span: Span, store_id: int | None, group: Group | None) -> dict[Any, int]:
    """Pictures that the service charges for and never delivered: a short list, whatever the ledger's length."""
    row, lost = LedgerEntry, aliased(LostImage)
    begun = select(row.task_id).where(*_reserved_in(row, span, store_id), row.task_id == lost.task_id)
    groups = {"store_id": lost.store_id, "pack": Round.pack}
    keys = [groups[group.key]] if group is not None else []
    chosen = select(*keys, func.count(lost.id)).join(GenerationTask, GenerationTask.id == lost.task_id)
    chosen = chosen.join(Round, Round.id == GenerationTask.round_id).where(lost.billed.is_(True), begun.exists())
    return {key[0] if keys else None: count for *key, count in session.execute(chosen.group_by(*keys))}


def planned_by_store(session: Session) -> dict[int, int]:
    """Images that are planned and not sent, by the stores' row ids."""
    return _planned(session, GenerationTask.store_id, None)


def smallest_planned(session: Session) -> dict[int, int]:
    """Images of each store's smallest task that is planned and not sent, by the stores' row ids."""
    task, image = GenerationTask, GeneratedImage
    sizes = select(task.store_id, func.count(image.id).label("images")).join(image, image.task_id == task.id)
    each = sizes.where(task.state == TaskState.PLANNED).group_by(task.id, task.store_id).subquery()
    return dict(session.execute(select(each.c.store_id, func.min(each.c.images)).group_by(each.c.store_id)).all())


def planned_by_pack(session: Session, *, store_id: int | None = None) -> dict[str, int]:
    return _planned(session, Round.pack, store_id)


def _planned(session: Session, group: Group, store_id: int | None) -> dict[Any, int]:
    task = GenerationTask
    counted = select(group, func.count(GeneratedImage.id)).join(task, GeneratedImage.task_id == task.id)
    counted = counted.join(Round, Round.id == task.round_id).where(task.state == TaskState.PLANNED)
    if store_id is not None:
        counted = counted.where(task.store_id == store_id)
    return dict(session.execute(counted.group_by(group)).all())


def first_entry(session: Session) -> datetime | None:
    """When the ledger begins."""
    return session.scalar(select(func.min(LedgerEntry.at)))
