"""run: the whole walk without a server, until nothing can move by itself."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.activity import BY_ITSELF, sentence
from plugin.models import Event, GeneratedImage, GenerationTask, Product, Store
from plugin.pipeline import stores
from plugin.pipeline.away import PATIENCE, DatabaseNews, demanding
from plugin.pipeline.lane import Dispatcher
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.polling.collect import CollectLane
from plugin.pipeline.polling.poll import PollLane
from plugin.pipeline.publishing.publish import PublishLane
from plugin.pipeline.publishing.undo import UndoLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.review import approve_all
from plugin.pipeline.standing import count_of, standing
from plugin.pipeline.submitting.doubt import DoubtLane
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.pipeline.takeover import TakeOverLane
from plugin.states import ImageState, ProductState, TaskState

# The walk in its order, with the doubts first: while one is being settled its account submits nothing.
LANES = (RefreshLane, PlanLane, DoubtLane, SubmitLane, PollLane, CollectLane, PublishLane, UndoLane, TakeOverLane)
log = logging.getLogger(__name__)
LONGEST_SLEEP = 0.25  # seconds
MOST_ERRORS = 200  # messages in a report


@dataclass(slots=True)
class Report:
    """What a run did, and what is left.

    Counts of tasks, pictures (images, in_review, approved, published, billable, refunded) and products. waiting:
    tasks that are planned or under way. approved: pictures that are on no listing yet. errors: what a person
    should see: what happened in this run, then what stands from before.
    """

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
    approved: int = 0
    published: int = 0
    billable: int = 0
    refunded: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """All went through: nothing failed, waits, or needs a person."""
        left = self.failed, self.in_doubt, self.lost, self.stalled, self.waiting, self.in_review, self.approved
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

    until_idle: wait until nothing can move without a person, money or another day; else only for what the image
    service has in hand: what is to be tried again later is left to the next run. watch: called about once a
    second with the report so far. stop: asked all the time; True ends the run gracefully. Raises StoreUnknownError,
    DatabaseAwayError.
    """
    news = DatabaseNews(log, PATIENCE)
    with demanding():
        first_event = begin(parts, store, parts.clock.now())
    shows = _Shows(parts, first_event, watch)
    lanes = dispatcher(parts)
    try:
        while not stop():
            with news.watching():
                if _turn(parts, lanes, news, shows, until_idle=until_idle):
                    break
                continue
            parts.reach.sleep(LONGEST_SLEEP)  # the database is away
    finally:
        if stop():
            parts.reach.pauses.stop()  # a connector that waits for its store goes on at the next start
        with news.watching():
            lanes.close()
    with demanding():
        done = report(parts, first_event)
    done.errors += [{"code": "unforeseen", "store": "", "message": line} for line in lanes.unforeseen]
    return done


class _Shows:
    """Gives the report so far to who watches, about once a second."""

    def __init__(self, parts: Parts, first_event: int, watch: Callable[[Report], None] | None):
        self._parts, self._first_event, self._watch = parts, first_event, watch
        self._shown = parts.clock.now()

    def show(self, now: datetime) -> None:
        if self._watch is not None and (now - self._shown).total_seconds() >= 1:
            self._watch(report(self._parts, self._first_event))
            self._shown = now


def _turn(parts: Parts, lanes: Dispatcher, news: DatabaseNews, shows: _Shows, *, until_idle: bool) -> bool:
    """Let everything move that can move now; gives whether the run is over."""
    lanes.tick()
    if not lanes.is_resting:
        news.answered()
    now = parts.clock.now()
    shows.show(now)
    if not lanes.in_flight and _ended(lanes, now, until_idle=until_idle):
        return True
    lanes.wait(now, LONGEST_SLEEP)
    return False


def _ended(lanes: Dispatcher, now: datetime, *, until_idle: bool) -> bool:
    due = lanes.next_due()
    if due is None or until_idle:
        return due is None
    return due > now and lanes.next_due(PollLane.name, CollectLane.name) is None


def begin(parts: Parts, store: str | None, now: datetime) -> int:
    """Make the refreshes due; a new run is a reason to try again what had to wait for a person.

    Raises StoreUnknownError.
    """
    with parts.db.write() as session:
        chosen = [stores.find(parts, session, store).id] if store else list(stores.configured(parts, session))
        free = Store.refresh_owner.is_(None) | (Store.refresh_due_at <= now)  # else somebody reads it already
        wanted = update(Store).where(Store.id.in_(chosen), free)
        session.execute(wanted.values(refresh_due_at=now, refresh_owner=None, problem=None))
        try_again(session, parts, now)
        if parts.policy.approve_all:
            approve_all(session, parts)
        return session.scalar(select(func.coalesce(func.max(Event.id), 0))) or 0


def try_again(session: Session, parts: Parts, now: datetime) -> None:
    """What had to wait for a person or another day is due: settings may be others since the program was started."""
    held = (GenerationTask.state == TaskState.PLANNED) & GenerationTask.due_at.is_(None)
    session.execute(update(GenerationTask).where(held).values(due_at=now))
    if parts.hebo is not None:
        account = accounts.current(session, parts.key_fingerprint, now)
        accounts.resume(account)
        account.troubles = 0


def report(parts: Parts, after_event: int) -> Report:
    """What happened since that event, and how things stand."""
    with parts.db.read() as session:
        counts = _tally(session, after_event)
        states = _states(session)
        return Report(
            products=count_of(session, Product.state != ProductState.GONE),
            planned=counts["task_planned"] + counts["retry_planned"] + counts[BY_ITSELF],
            submitted=counts["task_submitted"],
            completed=counts["completed"],
            failed=counts["failed"] + counts["task_refused"],
            in_doubt=states[TaskState.IN_DOUBT],
            lost=counts["lost"] + counts["image_lost"],
            stalled=states[TaskState.STALLED],
            waiting=states[TaskState.PLANNED] + states[TaskState.SUBMITTING] + states[TaskState.GENERATING],
            images=count_of(session, GeneratedImage.picture_sha.is_not(None)),
            in_review=count_of(session, GeneratedImage.state == ImageState.IN_REVIEW),
            approved=count_of(session, GeneratedImage.state.in_((ImageState.APPROVED, ImageState.PUBLISHING))),
            published=counts["published_images"],
            billable=counts["billable"],
            refunded=counts["refunded"],
            errors=[*_errors(session, after_event), *standing(session, parts.key_fingerprint)],
        )


def _tally(session: Session, after_event: int) -> Counter[str]:
    """How often each thing happened, and the pictures and money in the events that count them."""
    since = Event.id > after_event
    counts = _pairs(session, select(Event.code, func.count()).where(since).group_by(Event.code))
    counting = Event.code.in_(("task_done", "published", "doubt_settled"))
    for code, data in session.execute(select(Event.code, Event.data).where(since, counting)):
        if code == "task_done":
            counts["completed" if data["succeeded"] else "retried" if data.get("retried") else "failed"] += 1
            counts["billable"] += data["billable"]
            counts["refunded"] += data["refunded"]
        elif code == "published":
            counts["published_images"] += data["images"]
        else:
            counts["lost"] += data["lost"]
    return counts


def _states(session: Session) -> Counter[TaskState]:
    return _pairs(session, select(GenerationTask.state, func.count()).group_by(GenerationTask.state))


def _pairs(session: Session, query: Select[Any, int]) -> Counter[Any]:
    return Counter({row[0]: row[1] for row in session.execute(query)})


def _errors(session: Session, after_event: int) -> list[dict[str, Any]]:
    troubles = select(Event).where(Event.id > after_event, Event.trouble).order_by(Event.id.desc()).limit(MOST_ERRORS)
    events = reversed(session.scalars(troubles).all())
    names = {row.id: row.name for row in session.scalars(select(Store))}
    return [_error(event, names.get(event.store_id or 0, "")) for event in events]


def _error(event: Event, store: str) -> dict[str, Any]:
    """message names the store too, since a run goes over all of them."""
    message = f"{store}: {sentence(event)}" if store else sentence(event)
    return {**event.data, "code": event.code, "store": store, "message": message}
