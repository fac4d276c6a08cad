"""Tasks, their pictures, the write-backs, and what happened."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from plugin.activity import BY_ITSELF, sentence
from plugin.models import Event, GeneratedImage, GenerationTask, Publication, QuotaReading, Round, RoundMember
from plugin.pipeline.publications import remaining
from plugin.pipeline.views.ledger import ledger_of
from plugin.pipeline.views.rows import EventView, ImageView, Page, PublicationView, ReadingView, TaskDetail, TaskView
from plugin.states import ImageState, TaskState

MOST_EVENTS = 50
MOST_READINGS = 400  # one every 15 s while a doubt is being settled, and the first of what came after


def list_tasks(
    session: Session, *, store_id: int | None = None, state: TaskState | None = None, limit: int = 50
) -> Page[TaskView]:
    """Tasks, newest first."""
    where = [GenerationTask.store_id == store_id] if store_id is not None else []
    where += [GenerationTask.state == state] if state is not None else []
    chosen = select(GenerationTask).where(*where).order_by(GenerationTask.id.desc()).limit(limit)
    rows = session.scalars(chosen).all()
    return Page(tuple(task_view(row) for row in rows), total(session, GenerationTask, where))


def task_detail(session: Session, task: GenerationTask) -> TaskDetail:
    """All about one task."""
    return TaskDetail(
        task=task_view(task),
        remote_id=task.remote_id,
        remote_status=task.remote_status,
        retry_of=task.parent_id,
        model=task.model,
        size=task.size,
        aspect_ratio=task.aspect_ratio,
        created_at=task.created_at,
        answered_at=task.answered_at,
        polled_at=task.polled_at,
        polls=task.polls,
        tried_by_itself=tried_by_itself(session, task),
        retried_by=_retried_by(session, task),
        baseline_used=task.baseline_used,
        baseline_at=task.baseline_at,
        doubt_at=task.doubt_at,
        doubt_note=task.doubt_note,
        images=tuple(image_view(image) for image in task.images),
        readings=readings_of(session, task),
        moves=ledger_of(session, task.id),
        events=events_where(session, Event.task_id == task.id),
    )


def list_images(
    session: Session,
    *,
    store_id: int | None = None,
    product_id: int | None = None,
    state: ImageState | None = None,
    limit: int = 50,
) -> Page[ImageView]:
    """Pictures, newest first. product_id: those of every round that the product takes part in."""
    where: list[ColumnElement[bool]] = []
    if store_id is not None:
        where.append(GeneratedImage.round_id.in_(select(Round.id).where(Round.store_id == store_id)))
    if product_id is not None:
        member = select(RoundMember.round_id).where(RoundMember.product_id == product_id)
        where.append(GeneratedImage.round_id.in_(member))
    if state is not None:
        where.append(GeneratedImage.state == state)
    chosen = select(GeneratedImage).where(*where).order_by(GeneratedImage.id.desc()).limit(limit)
    rows = session.scalars(chosen.options(joinedload(GeneratedImage.picture), joinedload(GeneratedImage.task))).all()
    return Page(tuple(image_view(row) for row in rows), total(session, GeneratedImage, where))


def image_view(row: GeneratedImage) -> ImageView:
    """One picture as it is shown."""
    task, picture = row.task, row.picture
    return ImageView(
        id=row.id,
        task_id=row.task_id,
        store=task.store.name,
        product_id=task.product_id,
        external_id=task.product.external_id,
        title=task.product.title,
        pack=task.round.pack,
        shot=row.shot,
        state=row.state,
        warnings=tuple(row.warnings),
        prompt=row.prompt,
        prompt_known=row.prompt_known,
        alt=row.alt,
        key=row.key,
        item_id=row.item_id,
        mime=picture.mime if picture else None,
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        size=picture.size if picture else None,
        error=row.error,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )


def publication_view(row: Publication) -> PublicationView:
    """One publication as it is shown."""
    return PublicationView(
        id=row.id,
        store=row.store.name,
        product_id=row.product_id,
        external_id=row.product.external_id,
        title=row.product.title,
        state=row.state,
        placement=row.placement,
        images=tuple(entry.image_id for entry in row.images),
        refused={entry.image_id: entry.refused for entry in row.images if entry.refused is not None},
        remaining=remaining(row),
        error=row.error,
        created_at=row.created_at,
        published_at=row.published_at,
        withdrawn_at=row.withdrawn_at,
    )


def reading_view(row: QuotaReading) -> ReadingView:
    """One look at the quota as it is shown."""
    return ReadingView(row.at, row.source, row.daily_limit, row.used, row.remaining)


def retryable(task: GenerationTask) -> list[GeneratedImage]:
    """The pictures that a retry of this task would make again; each is reserved anew. Empty: it cannot be retried."""
    if task.state not in (TaskState.DONE, TaskState.FAILED):
        return []
    failed = [image for image in task.images if image.state is ImageState.FAILED]
    if task.remote_id is None:
        return failed
    return [image for image in failed if image.retry_allowed and image.item_id]


def retryable_tasks(session: Session, *, store_id: int | None = None) -> list[GenerationTask]:
    """Every task with failed pictures that may be tried again, oldest first."""
    failed = select(GeneratedImage.task_id).where(GeneratedImage.state == ImageState.FAILED)
    where = [GenerationTask.store_id == store_id] if store_id is not None else []
    chosen = select(GenerationTask).where(GenerationTask.id.in_(failed), *where).order_by(GenerationTask.id)
    return [task for task in session.scalars(chosen) if retryable(task)]


def tried_by_itself(session: Session, task: GenerationTask) -> int:
    """How many of the retries that led to this task were made without being asked for."""
    return len(made_by_themselves(session, list(chain(task))))


def chain(task: GenerationTask | None) -> Iterator[GenerationTask]:
    """A task, the one that it retries, and so on."""
    while task is not None:
        yield task
        task = task.parent


def made_by_themselves(session: Session, tasks: Collection[GenerationTask]) -> set[int]:
    """The ids of those of the tasks that are retries which nobody asked for; their events say so."""
    products = {task.product_id for task in tasks}
    told = Event.product_id.in_(products) & (Event.code == BY_ITSELF) & Event.task_id.in_([task.id for task in tasks])
    return {row for row in session.scalars(select(Event.task_id).where(told)) if row is not None}


def _retried_by(session: Session, task: GenerationTask) -> tuple[int, ...]:
    mine = (GenerationTask.round_id == task.round_id) & (GenerationTask.parent_id == task.id)
    return tuple(session.scalars(select(GenerationTask.id).where(mine).order_by(GenerationTask.id)))


def images_of_tasks(session: Session, states: Collection[TaskState], *, account_id: int | None = None) -> int:
    """How many pictures the tasks in these states have (of one account, or of all)."""
    where: list[ColumnElement[bool]] = [GenerationTask.state.in_(states)]
    if account_id is not None:
        where.append(GenerationTask.account_id == account_id)
    chosen = select(func.count()).select_from(GeneratedImage).join(GenerationTask, GeneratedImage.task).where(*where)
    return session.scalar(chosen) or 0


def last_event(session: Session) -> int:
    """The id of the newest event; 0: there is none."""
    return session.scalar(select(func.coalesce(func.max(Event.id), 0))) or 0


def events_since(session: Session, after_event: int, *, store_id: int | None = None) -> tuple[EventView, ...]:
    """What was recorded after that event, oldest first; of one store, or of all."""
    where = [Event.id > after_event] + ([Event.store_id == store_id] if store_id is not None else [])
    rows = session.scalars(select(Event).where(*where).order_by(Event.id))
    return tuple(_event(row) for row in rows)


def events_where(session: Session, where: ColumnElement[bool]) -> tuple[EventView, ...]:
    newest = select(Event).where(where).order_by(Event.id.desc()).limit(MOST_EVENTS)
    rows = list(session.scalars(newest))
    return tuple(_event(row) for row in reversed(rows))


def _event(row: Event) -> EventView:
    return EventView(row.id, row.at, row.trouble, row.code, sentence(row), row.data)


def total(session: Session, model: type[Any], where: Sequence[ColumnElement[bool]]) -> int:
    return session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def task_view(row: GenerationTask) -> TaskView:
    """One task as it is shown."""
    return TaskView(
        id=row.id,
        store=row.store.name,
        product_id=row.product_id,
        external_id=row.product.external_id,
        title=row.product.title,
        pack=row.round.pack,
        round=row.round.number,
        state=row.state,
        images=len(row.images),
        reserved=row.reserved,
        billable=row.billable,
        refunded=row.refunded,
        due_at=row.due_at,
        sent_at=row.sent_at,
        ended_at=row.ended_at,
        error=row.error,
    )


def readings_of(session: Session, task: GenerationTask) -> tuple[ReadingView, ...]:
    """What the service said of the quota from just before a task was sent on, oldest first."""
    since = task.baseline_at or task.sent_at
    if since is None or task.account_id is None:
        return ()
    mine = (QuotaReading.account_id == task.account_id) & (QuotaReading.at >= since)
    chosen = select(QuotaReading).where(mine).order_by(QuotaReading.at, QuotaReading.id).limit(MOST_READINGS)
    return tuple(reading_view(row) for row in session.scalars(chosen))
