"""Which task goes next: stores in fair turns, each store's best product first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from plugin.models import Account, GenerationTask, Product, Store
from plugin.money import Level, Room, budget
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.offer import draw_up, take_up
from plugin.pipeline.planning.retry import retry_failed
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.submitting import next_task
from plugin.pipeline.submitting.budgets import Rooms
from plugin.pipeline.submitting.next_task import BY_HAND, Shortlist, choose, level_stores
from plugin.states import ImageState, TaskState
from tests.plugin.pipeline.submitting.test_budgets import add_store, planned
from tests.plugin.pipeline.world import World

NO_LIMIT = Rooms()


def sequence(
    shop: World, parts: Parts, rooms: Rooms = NO_LIMIT, most: int = 50, known: Shortlist | None = None
) -> list[str]:
    """The products in the order in which their tasks are chosen; each is sent at once, with its images reserved."""
    found: list[str] = []
    with parts.db.write() as session:
        account = session.scalars(select(Account)).first() or Account(key_fingerprint="k", created_at=shop.clock.now())
        session.add(account)
        session.flush()
        while len(found) < most:
            chosen = choose(session, parts, account, rooms, shop.clock.now(), known).task_id
            if chosen is None:
                break
            task = session.get_one(GenerationTask, chosen)
            found.append(task.product.external_id)
            task.state, task.account_id = TaskState.SUBMITTING, account.id
            task.sent_at, task.reserved = shop.clock.now(), len(task.images)
            session.flush()
    return found


def tell(parts: Parts, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Facts of products, by their id in the store."""
    with parts.db.write() as session:
        for external_id, values in facts.items():
            session.execute(update(Product).where(Product.external_id == external_id).values(**values))


@pytest.mark.parametrize(
    ("order", "expected"),
    [("newest", "p2 p1 p0 p3"), ("changed", "p1 p2 p0 p3"), ("sales", "p3 p1 p0 p2"), ("priority", "p0 p1 p2 p3")],
)
def test_the_order_that_the_store_is_set_to(shop: World, order: str, expected: str) -> None:
    """A product without the fact comes last; one that the store does not date is as old as we know it."""
    shop.store["order"] = order
    now = shop.clock.now()
    with shop.parts() as parts:
        planned(shop, parts, 4)
        tell(parts, {
            "p0": {"listed_at": now - timedelta(days=3), "updated_at": now - timedelta(days=3)},
            "p1": {"listed_at": now - timedelta(days=2), "updated_at": now, "sales_rank": -5},
            "p2": {"listed_at": None, "updated_at": now - timedelta(days=1)},
            "p3": {"listed_at": now - timedelta(days=9), "updated_at": None, "sales_rank": -70},
        })  # fmt: skip
        assert " ".join(sequence(shop, parts)) == expected


def test_what_a_person_ranked_beats_the_order(shop: World) -> None:
    with shop.parts() as parts:
        planned(shop, parts, 4)
        tell(parts, {"p3": {"priority": -1}, "p1": {"priority": 2}, "p2": {"priority": 7}})
        assert sequence(shop, parts) == ["p2", "p1", "p0", "p3"]


def test_what_a_person_asked_for_and_retries_come_before_the_rest(shop: World) -> None:
    with shop.parts() as parts:
        planned(shop, parts, 4)
        tell(parts, {"p0": {"priority": 9}})
        with parts.db.write() as session:
            asked, refused = session.scalars(select(Product).where(Product.external_id.in_(["p2", "p3"])))
            task = session.scalars(select(GenerationTask).where(GenerationTask.product_id == refused.id)).one()
            task.state = TaskState.SUBMITTING
            task.state = TaskState.FAILED
            for image in task.images:
                image.state = ImageState.FAILED
            session.flush()
            retry_failed(session, parts, task)
            [candidate] = draw_up(session, parts, {asked.id: None})
            assert candidate.terms is not None
            take_up(session, parts, [candidate.terms])
            assert max(session.scalars(select(GenerationTask.priority))) == BY_HAND
        assert sequence(shop, parts) == ["p3", "p2", "p0", "p1", "p2"]


def test_a_small_store_is_not_starved_by_a_large_one(shop: World) -> None:
    with shop.parts() as parts:
        planned(shop, parts, 8)
        planned(shop, parts, 2, "late")
        assert sequence(shop, parts) == ["late0", "p0", "late1", "p1", *(f"p{number}" for number in range(2, 8))]


def test_one_that_came_later_catches_up(shop: World) -> None:
    """It has had nothing today, the other one three tasks."""
    with shop.parts() as parts:
        planned(shop, parts, 8)
        assert sequence(shop, parts, most=3) == ["p0", "p1", "p2"]
        planned(shop, parts, 4, "late")
        assert sequence(shop, parts, most=5) == ["late0", "late1", "late2", "late3", "p3"]


def test_of_level_stores_the_one_with_the_best_product_goes_first(shop: World) -> None:
    with shop.parts() as parts:
        planned(shop, parts, 1)
        planned(shop, parts, 1, "late")
        tell(parts, {"p0": {"priority": 1}})
        assert sequence(shop, parts) == ["p0", "late0"]


def test_new_products_are_looked_at_in_the_same_order_and_in_turns(shop: World) -> None:
    """Else a small budget would be spent on what happens to be planned first."""
    with shop.parts() as parts:
        for number in range(3):
            shop.product(f"p{number}")
        add_store(shop, parts, "ranked", 4, ranks=("7", "1", "", "#3"), order="sales")
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=(RefreshLane,))
        with parts.db.read() as session:
            due = select(Product.external_id).where(Product.due_at.is_not(None))
            looked_at = list(session.scalars(due.order_by(Product.due_at, Product.external_id)))
    assert looked_at == ["p0", "ranked1", "p1", "ranked3", "p2", "ranked0", "ranked2"]


@pytest.mark.parametrize(("left", "expected"), [(0, []), (1, []), (2, ["late0"])])
def test_a_store_without_room_lets_others_go(shop: World, left: int, expected: list[str]) -> None:
    with shop.parts() as parts:
        planned(shop, parts, 2)
        planned(shop, parts, 1, "late")
        with parts.db.read() as session:
            ids = {row.name: row.id for row in session.scalars(select(Store))}
        none, some = (Room((budget(Level.STORE_DAY, 9, 9 - images),)) for images in (0, left))
        rooms = Rooms(stores={ids["shop"]: none, ids["late"]: some})
        assert sequence(shop, parts, rooms, most=1) == expected


STORES = st.lists(st.lists(st.integers(1, 8), max_size=40), min_size=1, max_size=6)


@settings(max_examples=80)
@given(STORES, st.integers(0, 200))
def test_no_store_gets_more_than_another_that_wants_more(work: list[list[int]], quota: int) -> None:
    """Max-min: tasks of 1 to 8 images each; every store gets all it wants, or as much as any other but for one task."""
    had = dict.fromkeys(range(len(work)), 0)
    queues = {store: list(tasks) for store, tasks in enumerate(work)}
    left = quota
    while waiting := {store: had[store] for store, tasks in queues.items() if tasks and tasks[0] <= left}:
        store = min(level_stores(waiting))
        images = queues[store].pop(0)
        had[store], left = had[store] + images, left - images
    assert sum(had.values()) + left == quota
    assert left >= 0
    unserved = [store for store, tasks in queues.items() if tasks]
    for store in unserved:
        assert all(had[store] >= had[other] - 8 for other in had) or queues[store][0] > left
    if not unserved:
        assert had == {store: sum(tasks) for store, tasks in enumerate(work)}


@settings(max_examples=30)
@given(st.integers(1, 7), st.integers(0, 300))
def test_stores_with_enough_work_get_equal_shares(count: int, tasks: int) -> None:
    had = dict.fromkeys(range(count), 0)
    for _ in range(tasks):
        had[min(level_stores(had))] += 4
    assert max(had.values()) - min(had.values()) <= 4
    assert all(abs(images - tasks * 4 / count) <= 4 for images in had.values())


def test_of_very_many_tasks_the_best_are_remembered_for_a_moment(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer, each choice sees at once what a person asked for meanwhile."""
    monkeypatch.setattr(next_task, "MANY", 3)
    with shop.parts() as parts:
        planned(shop, parts, 5)
        best = Shortlist()
        assert sequence(shop, parts, most=1, known=best) == ["p0"]
        tell(parts, {"p4": {"priority": 1}})
        assert sequence(shop, parts, most=1, known=best) == ["p1"]
        with parts.db.write() as session:  # another process took it
            third = select(GenerationTask).join(Product).where(Product.external_id == "p2")
            session.scalars(third).one().state = TaskState.CANCELLED
        shop.clock.advance(2)
        assert sequence(shop, parts, known=best) == ["p4", "p3"]
