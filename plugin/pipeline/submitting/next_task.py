"""next_task: which planned task is sent next: the stores share the key fairly, each store's best product first.

Between stores the one goes next that has had the fewest images in the key's day. Within a store what a person asked
for and the retries of failed pictures come first, then what a person ranked, then the order that the store is set to.
A store without room does not hold up the others, and a task that is too large for what remains lets smaller ones pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, exists, false, func, or_, select, update
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.config import StoreSettings
from plugin.models import Account, GeneratedImage, GenerationTask, Product, Store
from plugin.money import Limit, Room, day_of
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.reading.ranking import product_order
from plugin.pipeline.submitting.budgets import Rooms
from plugin.states import TaskState

LARGEST = 8  # prompts in a task (vendor document §3)
BY_HAND = 1  # GenerationTask.priority of what a person asked for
MANY = 64  # tasks
GOOD_FOR = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Choice:
    """task_id None: nothing can be sent now. waits: the stores whose due tasks do not fit, and which limit stops it."""

    task_id: int | None = None
    waits: Mapping[int, Limit] = field(default_factory=dict)


class Shortlist:
    """The best of the last search: where very many tasks are due, each search reads all of them (a tenth of a second
    for 100,000), so that its first ones are good for a moment."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._of = frozenset[int]()  # the stores that were searched
        self._until: datetime | None = None

    def keep(self, task_ids: Sequence[int], store_ids: Collection[int], now: datetime) -> None:
        full = len(task_ids) >= MANY
        self._ids, self._of, self._until = list(task_ids), frozenset(store_ids), now + GOOD_FOR if full else None

    def first(self, session: Session, account: Account, store_ids: Collection[int], now: datetime) -> int | None:
        """The best one of just these stores that is due still; None: they have to be searched."""
        if self._until is None or now >= self._until or self._of != store_ids:
            return None
        mine = select(GenerationTask.id).where(GenerationTask.id.in_(self._ids), _is_due(account, now))
        still = set(session.scalars(mine))
        return next((task_id for task_id in self._ids if task_id in still), None)


def choose(
    session: Session, parts: Parts, account: Account, rooms: Rooms, now: datetime, known: Shortlist | None = None
) -> Choice:
    """The task that is sent next by this account, and what else waits for room. Only reads.

    known: keeps what a search of many tasks found; None: all are searched.
    """
    working = working_stores(session, parts, now)
    due = _with_tasks(session, _is_due(account, now), working)
    wide = {store_id for store_id in due if _is_wide(rooms.of(store_id))}
    tight = {store_id: rooms.of(store_id) for store_id in due - wide if rooms.of(store_id).left != 0}
    fitting = wide | _with_tasks(session, _is_due(account, now) & _fits(tight), tight)
    limits = ((store_id, rooms.of(store_id).binding) for store_id in sorted(due - fitting))
    waits = {store_id: limit for store_id, limit in limits if limit is not None}
    if not fitting:
        return Choice(None, waits)
    next_up = _least_served(session, parts, account, fitting, now)
    known = known if known is not None and next_up <= wide else Shortlist()
    task_id = known.first(session, account, next_up, now)
    if task_id is None:
        where = _is_due(account, now) & (_in(wide & next_up) | _fits(_only(tight, next_up)))
        best = select(GenerationTask.id).join(Product, Product.id == GenerationTask.product_id).join(Store)
        found = session.scalars(best.where(where).order_by(*_best_first(_only(working, next_up))).limit(MANY)).all()
        known.keep(found, next_up, now)
        task_id = next(iter(found), None)
    return Choice(task_id, waits)


def can_be_sent(session: Session, parts: Parts, account: Account, task_id: int, now: datetime) -> GenerationTask | None:
    """The task, if it is (still) due and its store works; room is not looked at."""
    mine = (GenerationTask.id == task_id) & _is_due(account, now)
    task = session.scalars(select(GenerationTask).where(mine)).first()
    return task if task is not None and task.store_id in working_stores(session, parts, now) else None


def next_due(session: Session, parts: Parts, account: Account, rooms: Rooms, now: datetime) -> datetime | None:
    """When a task of a store with room comes due that is put off; None: there is none."""
    roomy = [store_id for store_id in working_stores(session, parts, now) if rooms.of(store_id).left != 0]
    later = _is_planned(account) & (GenerationTask.due_at > now) & _in(roomy)
    return session.scalar(select(func.min(GenerationTask.due_at)).where(later))


def working_stores(session: Session, parts: Parts, now: datetime) -> dict[int, StoreSettings]:
    """The stores whose tasks may be sent.

    A store that is being read (or about to be) waits: its product may prove to be gone. So does one whose full reading
    has failed or is not believed.
    """
    doubted = Store.swept_at.is_(None) & Store.problem.is_not(None) & Store.refreshed_until.is_not(None)
    reading = Store.refresh_owner.is_not(None) | (Store.refresh_due_at <= now) | doubted
    away = set(session.scalars(select(Store.id).where(reading)))
    known = stores.configured(parts, session)
    return {store_id: config for store_id, config in known.items() if store_id not in away}


def _is_planned(account: Account) -> ColumnElement[bool]:
    """Never one that was accepted already, nor a retry of another account's."""
    task = GenerationTask
    mine = task.account_id.is_(None) | (task.account_id == account.id)
    return (task.state == TaskState.PLANNED) & task.remote_id.is_(None) & mine


def _is_due(account: Account, now: datetime) -> ColumnElement[bool]:
    return _is_planned(account) & (GenerationTask.due_at <= now)


def _in(store_ids: Collection[int]) -> ColumnElement[bool]:
    return GenerationTask.store_id.in_(store_ids) if store_ids else false()


def _only(some: Mapping[int, Any], store_ids: Collection[int]) -> dict[int, Any]:
    return {store_id: value for store_id, value in some.items() if store_id in store_ids}


def _with_tasks(session: Session, where: ColumnElement[bool], store_ids: Collection[int]) -> set[int]:
    """Those of the stores that have such a task: one look into the index for each of them."""
    if not store_ids:
        return set()
    has = exists().where(GenerationTask.store_id == Store.id, where)
    return set(session.scalars(select(Store.id).where(Store.id.in_(store_ids), has)))


def _is_wide(room: Room) -> bool:
    """Whether any task fits."""
    return room.left is None or room.left >= LARGEST


def _fits(tight: Mapping[int, Room]) -> ColumnElement[bool]:
    """The tasks of these stores that fit what remains to them, once they are split where they never could."""
    groups: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    for store_id, room in tight.items():
        groups[room.left or 0, room.ceiling].append(store_id)
    images = select(func.count()).where(GeneratedImage.task_id == GenerationTask.id).correlate(GenerationTask)
    count = images.scalar_subquery()
    parts = (_in(ids) & ((count <= left) | _splits(count, left, ceiling)) for (left, ceiling), ids in groups.items())
    return or_(false(), *parts)


def _splits(count: ColumnElement[int], left: int, ceiling: int | None) -> ColumnElement[bool]:
    if ceiling is None or ceiling > left:
        return false()
    return (count > ceiling) & GenerationTask.parent_id.is_(None)


def _least_served(
    session: Session, parts: Parts, account: Account, store_ids: Iterable[int], now: datetime
) -> set[int]:
    """The stores that have had the fewest images in the key's day: all that are level."""
    since, _ = day_of(now, parts.settings.app.timezone)
    had = accounts.spent_by_store(session, account.id, since)
    return level_stores({store_id: had.get(store_id, 0) for store_id in store_ids})


def level_stores(had: Mapping[int, int]) -> set[int]:
    """Max-min fairness, one task at a time: who has had the least goes next. had: images by store."""
    least = min(had.values(), default=0)
    return {store_id for store_id, images in had.items() if images == least}


def _best_first(working: Mapping[int, StoreSettings]) -> tuple[Any, ...]:
    """Urgent ones, then a person's rank, then store by store its own order; at last in the order of planning."""
    urgent = case((or_(GenerationTask.attempt > 0, GenerationTask.priority > 0), 1), else_=0)
    own = product_order(working)
    return (urgent.desc(), Product.priority.desc(), Store.name, *own, GenerationTask.id)


def size_in(task: GenerationTask, ceiling: int | None) -> int:
    """How many images a task has once it is split; a retry's items are sent as they are. ceiling None: no limit."""
    images = len(task.images)
    return images if ceiling is None or ceiling < 1 or task.parent_id is not None else min(images, ceiling)


def split(session: Session, task: GenerationTask, most: int) -> None:
    """Cut a task down to `most` images (1 or more), where it has more; the rest becomes the round's next part."""
    if len(task.images) <= most:
        return
    last = select(func.max(GenerationTask.part)).where(GenerationTask.round_id == task.round_id)
    copied = ("round_id", "store_id", "product_id", "state", "due_at", "priority", "model", "size", "aspect_ratio")
    values = {name: getattr(task, name) for name in (*copied, "created_at")}
    rest = GenerationTask(part=(session.scalar(last) or 1) + 1, **values)
    session.add(rest)
    session.flush()
    moved = [image.id for image in task.images[most:]]
    session.execute(update(GeneratedImage).where(GeneratedImage.id.in_(moved)).values(task_id=rest.id))
    session.expire(task)
