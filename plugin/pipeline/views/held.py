"""What is planned and waits for a budget of its store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, GenerationTask, Store
from plugin.money import Limit
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting.budgets import rooms
from plugin.states import TaskState

LARGEST = 8  # prompts in a task (vendor document §3): with more room left, any task fits


@dataclass(frozen=True, slots=True)
class HeldStore:
    """A store whose budget leaves too little for what is planned next. images: its planned ones."""

    store: str
    images: int
    limit: Limit


def held_stores(session: Session, parts: Parts, store_id: int | None = None) -> tuple[HeldStore, ...]:
    """The stores that wait for a budget of their own, by name; store_id: only that one."""
    own = rooms(session, parts, parts.clock.now()).stores
    chosen = own if store_id is None else {key: room for key, room in own.items() if key == store_id}
    tight = {key: room.binding for key, room in chosen.items() if room.left is not None and room.left < LARGEST}
    planned = _planned(session, tight)
    names = {row.id: row.name for row in session.execute(select(Store.id, Store.name).where(Store.id.in_(planned)))}
    found = (
        HeldStore(names[key], images, limit)
        for key, (smallest, images) in planned.items()
        if (limit := tight[key]) is not None and limit.left < smallest
    )
    return tuple(sorted(found, key=lambda one: one.store))


def _planned(session: Session, store_ids: Collection[int]) -> Mapping[int, tuple[int, int]]:
    """The smallest planned task of each store, and all planned ones, in images."""
    if not store_ids:
        return {}
    task, image = GenerationTask, GeneratedImage
    mine = (task.state == TaskState.PLANNED) & task.store_id.in_(store_ids)
    sizes = select(task.store_id, func.count(image.id).label("images")).join(image, image.task_id == task.id)
    each = sizes.where(mine).group_by(task.id, task.store_id).subquery()
    sums = select(each.c.store_id, func.min(each.c.images), func.sum(each.c.images)).group_by(each.c.store_id)
    return {row[0]: (row[1], row[2]) for row in session.execute(sums)}
