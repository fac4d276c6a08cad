"""A store whose pictures cannot be fetched does not hold up the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from plugin.config import store_settings
from plugin.models import Event, Product, Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import FAILURES, PlanLane, Trouble
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.states import ProductState
from tests.plugin.pipeline.world import World, step

NOW = datetime.fromisoformat("2026-11-22T09:00:00+00:00")
DEAD = 40


@pytest.fixture
def two(shop: World) -> Iterator[Parts]:
    """A dead store of 40 products that are due first, and a sound one of three; both are read."""
    lines = [f"d{number}\tDead {number}\thttp://127.0.0.1:1/{number}.jpg\n" for number in range(DEAD)]
    (shop.folder / "dead.tsv").write_text("id\ttitle\timage_link\n" + "".join(lines), encoding="utf-8")
    for number in range(3):
        shop.product(f"p{number}")
    with shop.parts() as parts:
        table = {"name": "dead", "kind": "feed", "path": "dead.tsv", "output": "dead-out.tsv", "pack": "mini"}
        with parts.db.write() as session:
            stores.add(session, parts, store_settings(table, "a test"), read_now=True)
        shop.drive(parts, lanes=(RefreshLane,))
        shop.clock.advance(60)
        with parts.db.write() as session:
            session.execute(update(Store).values(refresh_due_at=shop.clock.now()))
        shop.drive(parts, lanes=(RefreshLane,))
        yield parts


def count(parts: Parts, state: ProductState) -> int:
    with parts.db.read() as session:
        return session.scalar(select(func.count()).where(Product.state == state)) or 0


def test_a_dead_host_of_pictures_holds_up_no_other_store(shop: World, two: Parts) -> None:
    lane = PlanLane(two)
    assert step(lane)
    assert count(two, ProductState.READY) == 3  # of the eight at once, the stores take turns
    assert count(two, ProductState.NEW) == DEAD


def test_after_a_rest_one_picture_is_tried_at_a_time(shop: World, two: Parts) -> None:
    lane = PlanLane(two)
    while step(lane):
        pass
    shop.clock.advance(10)
    assert len(lane.claim(8)) == 1
    assert lane.claim(8) == []


def test_a_run_does_not_wait_for_a_dead_host_and_says_so_once(shop: World, two: Parts) -> None:
    began = shop.clock.now()
    shop.drive(two, lanes=(PlanLane,))
    assert shop.clock.now() - began < timedelta(minutes=5)
    assert count(two, ProductState.NEW) == DEAD
    with two.db.read() as session:
        told = session.scalars(select(Event.data).where(Event.trouble)).all()
    assert len(told) == 1
    assert "the new pictures of this store wait until one can be fetched" in told[0]["reason"]


def test_a_host_that_is_back_is_fetched_from_as_before(shop: World, two: Parts) -> None:
    lane = PlanLane(two)
    while step(lane):
        pass
    shop.draw("back.png", seed="back")
    with two.db.write() as session:
        dead = Product.store_id == session.scalars(select(Store.id).where(Store.name == "dead")).one()
        found = {"reference_url": str(shop.folder / "back.png"), "reference_local": True}
        session.execute(update(Product).where(dead).values(found))
    shop.clock.advance(10)
    assert step(lane)
    assert len(lane.claim(8)) == 8


def test_rests_grow_and_what_was_under_way_does_not_count() -> None:
    trouble = Trouble()
    assert [trouble.fail(NOW) for _ in range(FAILURES)] == [False, False, True]
    assert not any(trouble.fail(NOW + timedelta(seconds=5)) for _ in range(5))
    waits, now = [], NOW
    for _ in range(5):
        assert trouble.until is not None
        waits.append((trouble.until - now).total_seconds())
        now = trouble.until
        trouble.try_one(now)
        now += timedelta(seconds=60)
        assert trouble.fail(now)
    assert waits == [10, 60, 300, 1800, 1800]
