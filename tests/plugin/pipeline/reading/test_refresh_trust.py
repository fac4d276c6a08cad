"""What a reading is believed, and what becomes of the other stores where one fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from connectors import ConnectorError
from plugin.config import store_settings
from plugin.models import Event, Product, Store
from plugin.pipeline import stores
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.reading.refresh import MANY, RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.states import ProductState, TaskState
from tests.plugin.pipeline.world import World, step, task_states

WEEK = 8 * 86_400
LANES: tuple[type[Lane[Any, Any]], ...] = (RefreshLane,)


def read(shop: World, parts: Parts, *, full: bool = False) -> None:
    """A reading becomes due, and is made; full: a person asks for all of it."""
    with parts.db.write() as session:
        stores.refresh(session, parts, session.scalars(select(Store)).one(), full=full)
    shop.drive(parts, lanes=LANES)


def gone(parts: Parts) -> int:
    with parts.db.read() as session:
        return session.scalar(select(func.count()).where(Product.state == ProductState.GONE)) or 0


def the_store(parts: Parts) -> Store:
    with parts.db.read() as session:
        return session.scalars(select(Store)).one()


@pytest.fixture
def swept(shop: World) -> Iterator[Parts]:
    """A store of MANY products, read a week ago; the feed tells of no removals, as a shop platform does not."""
    shop.draw("one.png", seed="one")
    for number in range(MANY):
        shop.product(f"p{number}", picture="one.png")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=LANES)
        shop.clock.advance(WEEK)
        yield parts


def keep(shop: World, products: int) -> None:
    """The feed has only so many products any more."""
    del shop.rows[products:]
    shop.write_feed()


def test_a_sweep_that_misses_most_products_is_believed_when_another_one_says_the_same(
    shop: World, swept: Parts
) -> None:
    keep(shop, MANY // 2 - 1)
    read(shop, swept)
    found = the_store(swept)
    assert gone(swept) == 0
    assert found.problem is not None
    assert f"11 of the {MANY} products were missing" in found.problem
    assert found.refresh_due_at == shop.clock.now() + timedelta(hours=1)
    assert found.refreshed_until is not None
    assert found.refreshed_until < shop.clock.now() - timedelta(days=7)
    shop.clock.advance(3600)
    shop.drive(swept, lanes=LANES)
    assert gone(swept) == MANY // 2 + 1
    assert the_store(swept).problem is None


def test_nothing_is_paid_for_while_a_sweep_is_doubted(shop: World, swept: Parts) -> None:
    keep(shop, 0)
    read(shop, swept)
    with swept.db.write() as session:
        product = session.scalars(select(Product).limit(1)).one()
        product.state, product.due_at = ProductState.NEW, shop.clock.now()
        session.execute(update(Product).where(Product.id != product.id).values(state=ProductState.EXCLUDED))
    shop.drive(swept, lanes=(PlanLane, SubmitLane))
    assert (task_states(swept), shop.accepted()) == ([TaskState.PLANNED], 0)
    with swept.db.write() as session:  # as if the sweep had been believed
        session.execute(update(Store).values(problem=None, swept_at=shop.clock.now(), refresh_due_at=None))
    shop.drive(swept, lanes=(SubmitLane,))
    assert shop.accepted() == 1


def test_products_that_only_seemed_to_be_missing_are_kept(shop: World, swept: Parts) -> None:
    rows = list(shop.rows)
    keep(shop, 0)
    read(shop, swept)
    shop.rows = rows
    shop.write_feed()
    shop.clock.advance(3600)
    shop.drive(swept, lanes=LANES)
    assert (gone(swept), the_store(swept).problem) == (0, None)
    with swept.db.read() as session:
        assert session.scalar(select(func.count()).where(Event.code == "store_failed")) == 1


@pytest.mark.parametrize(("products", "full"), [(MANY // 2, False), (0, True)])
def test_half_of_the_products_or_what_a_person_asked_for_is_believed_at_once(
    shop: World, swept: Parts, products: int, *, full: bool
) -> None:
    keep(shop, products)
    read(shop, swept, full=full)
    assert (gone(swept), the_store(swept).problem) == (MANY - products, None)


def test_a_small_catalogue_may_be_emptied(shop: World, swept: Parts) -> None:
    with swept.db.write() as session:
        first = session.scalars(select(Product).limit(1)).one()
        session.execute(update(Product).where(Product.id == first.id).values(state=ProductState.GONE))
    keep(shop, 0)
    read(shop, swept)
    assert gone(swept) == MANY


def add(parts: Parts, count: int) -> list[int]:
    """Stores of the settings page, which nobody has read yet; gives their ids."""
    with parts.db.write() as session:
        rows = []
        for number in range(count):
            table = {"name": f"s{number}", "kind": "feed", "path": "feed.tsv", "output": f"o{number}.tsv"}
            rows.append(stores.add(session, parts, store_settings(table, "a test"), read_now=False))
        return [row.id for row in rows]


def due(parts: Parts, store_id: int, at: datetime) -> None:
    with parts.db.write() as session:
        session.execute(update(Store).where(Store.id == store_id).values(refresh_due_at=at))


def test_stores_are_read_in_the_order_of_their_waiting(shop: World) -> None:
    with shop.parts() as parts:
        first, second, third = add(parts, 3)
        for minutes, store_id in enumerate((third, first, second)):
            due(parts, store_id, shop.clock.now() + timedelta(minutes=minutes))
        shop.clock.advance(600)
        lane = RefreshLane(parts)
        assert [lane.claim(1)[0].store_id for _ in range(3)] == [third, first, second]


def test_a_store_that_fails_is_asked_less_and_less_until_it_answers(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pauses(error: ConnectorError | None, times: int) -> list[float]:
        """Seconds until the next reading, one after another."""
        with monkeypatch.context() as patch:
            if error is not None:
                patch.setattr(stores, "connect", _raising(error))
            return [_pause(shop, parts, lane, shop_id) for _ in range(times)]

    with shop.parts() as parts:
        [shop_id], lane = add(parts, 1), RefreshLane(parts)
        due(parts, shop_id, shop.clock.now())
        assert pauses(ConnectorError("no answer"), 4) == [300, 1200, 3600, 3600]
        assert pauses(ConnectorError("overloaded", retry_after=7200), 1) == [7200]
        assert pauses(None, 1) == [0]
        assert pauses(ConnectorError("no answer"), 1) == [300]


def _pause(shop: World, parts: Parts, lane: RefreshLane, store_id: int) -> float:
    """Read the store once; seconds until it is due again (0: it is not), when we are then."""
    due(parts, store_id, shop.clock.now())
    assert step(lane)
    with parts.db.read() as session:
        at = session.get_one(Store, store_id).refresh_due_at
    seconds = (at - shop.clock.now()).total_seconds() if at else 0
    shop.clock.advance(seconds)
    return seconds


def _raising(error: ConnectorError) -> Any:
    def connect(*_: object) -> None:
        raise error

    return connect
