"""run: the whole walk without a server, until nothing can move by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from plugin.activity import sentence
from plugin.models import Event, GeneratedImage, GenerationTask, Product, Publication, PublicationImage, Store
from plugin.pipeline import stores
from plugin.pipeline.collect import CollectLane
from plugin.pipeline.doubt import DoubtLane
from plugin.pipeline.lane import Dispatcher
from plugin.pipeline.parts import Parts
from plugin.pipeline.plan import PlanLane
from plugin.pipeline.poll import PollLane
from plugin.pipeline.publish import PublishLane
from plugin.pipeline.refresh import RefreshLane
from plugin.pipeline.review import approve_all
from plugin.pipeline.submit import SubmitLane
from plugin.pipeline.undo import UndoLane
from plugin.states import ImageState, ProductState, PublicationState, TaskState

# The walk in its order, with the doubts first: while one is being settled its account submits nothing.
LANES = (RefreshLane, PlanLane, DoubtLane, SubmitLane, PollLane, CollectLane, PublishLane, UndoLane)
LONGEST_SLEEP = 0.25  # seconds
MOST_ERRORS = 200  # messages in a report


@dataclass(slots=True)
class Report:
    """What a run did, and what is left. Counts of tasks, pictures (images, in_review, published, billable, refunded)
    and products; errors: what a person should see, newest last."""

    products: int = 0
    planned: int = 0
    submitted: int = 0
    completed: int = 0
    failed: int = 0
    in_doubt: int = 0
    lost: int = 0
    stalled: int = 0
    waiting: int = 0
    images: int = 0
    in_review: int = 0
    published: int = 0
    billable: int = 0
    refunded: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """All went through: nothing failed, waits, or needs a person."""
        left = self.failed, self.in_doubt, self.lost, self.stalled, self.waiting, self.in_review
        return not any(left) and not self.errors


def dispatcher(parts: Parts) -> Dispatcher:
    return Dispatcher([lane(parts) for lane in LANES])


def run(
    parts: Parts,
    *,
    store: str | None = None,
    until_idle: bool = True,
    watch: Callable[[Report], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Refresh the stores (or one), then let everything move.

    until_idle: wait for what is under way, until nothing can move without a person, money or another day; else
    one pass: what is not due yet is left to the next run. watch: called about once a second with the report so
    far. stop: asked all the time; True ends the run gracefully. Raises StoreUnknownError.
    """
    started = parts.clock.now()
    first_event = _begin(parts, store, started)
    lanes = dispatcher(parts)
    shown = started
    try:
        while not stop():
            lanes.tick()
            now = parts.clock.now()
            if watch is not None and (now - shown).total_seconds() >= 1:
                watch(report(parts, started, first_event))
                shown = now
            if not lanes.in_flight:
                due = lanes.next_due()
                if due is None or (not until_idle and due > now):
                    break
            lanes.wait(_pause(lanes, now))
    finally:
        lanes.close()
    return report(parts, started, first_event)


def _pause(lanes: Dispatcher, now: datetime) -> float:
    due = lanes.next_due()
    return LONGEST_SLEEP if due is None else min(LONGEST_SLEEP, (due - now).total_seconds())


def _begin(parts: Parts, store: str | None, now: datetime) -> int:
    """Make the refreshes due; a new run is a reason to try again what had to wait for a person."""
    with parts.db.write() as session:
        chosen = [stores.find(parts, session, store).id] if store else list(stores.configured(parts, session))
        session.execute(update(Store).where(Store.id.in_(chosen)).values(refresh_due_at=now, problem=None))
        if parts.policy.approve_all:
            approve_all(session, parts)
        return session.scalar(select(func.coalesce(func.max(Event.id), 0))) or 0


def report(parts: Parts, since: datetime, after_event: int) -> Report:
    """What happened since then, and how things stand."""
    with parts.db.read() as session:
        events = session.scalars(select(Event).where(Event.id > after_event).order_by(Event.id)).all()
        states = _states(session)
        return Report(
            products=_count(session, select(Product.id).where(Product.state != ProductState.GONE)),
            planned=_events(events, "task_planned", "retry_planned"),
            submitted=_events(events, "task_submitted"),
            completed=_ended(events, failed=False),
            failed=_ended(events, failed=True) + _events(events, "task_refused"),
            in_doubt=states.get(TaskState.IN_DOUBT, 0),
            lost=_events(events, "image_lost") + _lost_with_tasks(session, since),
            stalled=states.get(TaskState.STALLED, 0),
            waiting=states.get(TaskState.PLANNED, 0),
            images=_count(session, select(GeneratedImage.id).where(GeneratedImage.picture_sha.is_not(None))),
            in_review=_count(session, select(GeneratedImage.id).where(GeneratedImage.state == ImageState.IN_REVIEW)),
            published=_published(session, since),
            billable=sum(event.data["billable"] for event in events if event.code == "task_done"),
            refunded=sum(event.data["refunded"] for event in events if event.code == "task_done"),
            errors=[_error(event) for event in events if event.trouble][-MOST_ERRORS:],
        )


def _states(session: Session) -> dict[TaskState, int]:
    rows = session.execute(select(GenerationTask.state, func.count()).group_by(GenerationTask.state))
    return {row[0]: row[1] for row in rows}


def _count(session: Session, chosen: Any) -> int:
    return session.scalar(select(func.count()).select_from(chosen.subquery())) or 0


def _events(events: Sequence[Event], *codes: str) -> int:
    return sum(event.code in codes for event in events)


def _ended(events: Sequence[Event], *, failed: bool) -> int:
    return sum(event.code == "task_done" and (event.data["succeeded"] == 0) == failed for event in events)


def _lost_with_tasks(session: Session, since: datetime) -> int:
    lost = (GenerationTask.state == TaskState.LOST) & (GenerationTask.ended_at >= since)
    return _count(session, select(GeneratedImage.id).join(GenerationTask, GeneratedImage.task).where(lost))


def _published(session: Session, since: datetime) -> int:
    """Pictures that came onto a listing; one that several listings share counts for each."""
    done = (Publication.state == PublicationState.PUBLISHED) & (Publication.published_at >= since)
    taken = select(PublicationImage.id).join(Publication).where(done, PublicationImage.refused.is_(None))
    return _count(session, taken)


def _error(event: Event) -> dict[str, Any]:
    return {"code": event.code, "message": sentence(event), **event.data}
