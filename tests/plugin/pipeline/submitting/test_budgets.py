"""Budgets of the key, of stores and of a run: never more than remains, and going on by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.config import store_settings
from plugin.models import Account, Event, GenerationTask, Store
from plugin.money import Level
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.polling.poll import PollLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.submitting.budgets import rooms
from plugin.pipeline.submitting.intent import ReadQuota, Submission
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.states import TaskState
from tests.plugin.pipeline.world import World, step, task_states, told, world


def planned(shop: World, parts: Parts, count: int, store: str = "") -> None:
    """So many products of two pictures each, planned. store: another one than the file's."""
    if store:
        add_store(shop, parts, store, count)
    else:
        for number in range(count):
            shop.product(f"p{number}")
    begin(parts, None, shop.clock.now())
    shop.drive(parts, lanes=(RefreshLane, PlanLane))


def add_store(shop: World, parts: Parts, name: str, count: int, *, ranks: Sequence[str] = (), **more: Any) -> None:
    """A store of the settings page with a feed of its own. ranks: what its column sales_rank says, row by row."""
    rows = ["id\ttitle\timage_link\tsales_rank\n"]
    for number in range(count):
        shop.draw(f"{name}{number}.png", seed=f"{name}-{number}")
        rank = ranks[number] if ranks else ""
        rows.append(f"{name}{number}\tThing {number}\t{name}{number}.png\t{rank}\n")
    (shop.folder / f"{name}.tsv").write_text("".join(rows), encoding="utf-8")
    table = {"name": name, "kind": "feed", "path": f"{name}.tsv", "output": f"{name}-out.tsv", "pack": "mini", **more}
    with parts.db.write() as session:
        stores.add(session, parts, store_settings(table, "a test"), read_now=True)


def read_again(shop: World, parts: Parts) -> None:
    shop.clock.advance(3600)
    begin(parts, None, shop.clock.now())
    step(RefreshLane(parts))


def submit_all(shop: World, parts: Parts, lane: SubmitLane | None = None) -> int:
    """Submit until nothing more can be now; gives how many tasks were sent."""
    lane, sent = lane or SubmitLane(parts), 0
    for _ in range(200):
        items = lane.claim(1)
        if not items:
            return sent
        sent += isinstance(items[0], Submission)
        lane.store([(items[0], lane.work(items[0]))])
    raise AssertionError("submitting does not end")


def events(parts: Parts, code: str) -> list[dict[str, Any]]:
    with parts.db.read() as session:
        return list(session.scalars(select(Event.data).where(Event.code == code).order_by(Event.id)))


@contextmanager
def serving(shop: World) -> Iterator[Parts]:
    """Parts as the server has them: what was told stays told, over restarts too."""
    with shop.parts(unattended=False) as parts:
        yield parts


class TestKey:
    def test_a_monthly_budget_holds_until_the_month_is_over(self, shop: World) -> None:
        shop.hebo["monthly_budget"] = 4
        with serving(shop) as parts:
            planned(shop, parts, 3)
            assert submit_all(shop, parts) == 2
            [event] = events(parts, "account_waits")
            assert event["reason"] == "the monthly budget of 4 images (hebo.monthly_budget) is used up"
            shop.clock.advance_to(datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
            assert submit_all(shop, parts) == 0
            shop.clock.advance_to(datetime(2026, 12, 1, tzinfo=UTC))
            assert submit_all(shop, parts) == 1

    def test_a_raised_budget_and_a_refund_let_it_go_on_at_once(self, shop: World) -> None:
        shop.hebo["daily_budget"] = 3
        with serving(shop) as parts:
            planned(shop, parts, 4)
            assert submit_all(shop, parts) == 1
            assert submit_all(shop, parts) == 0
            assert [event["cause"] for event in events(parts, "account_waits")] == ["budget"]
            with parts.db.write() as session:  # the first of its pictures was not made
                session.execute(update(GenerationTask).where(GenerationTask.sent_at.is_not(None)).values(refunded=1))
            shop.clock.advance(10)
            assert submit_all(shop, parts) == 1
        shop.hebo["daily_budget"] = 6
        with serving(shop) as parts:
            assert submit_all(shop, parts) == 1
            assert len(events(parts, "account_waits")) == 1

    def test_what_does_not_fit_lets_smaller_ones_pass(self, shop: World) -> None:
        shop.hebo["daily_budget"] = 3
        with serving(shop) as parts:
            planned(shop, parts, 3)
            with parts.db.write() as session:
                first, second, third = session.scalars(select(GenerationTask).order_by(GenerationTask.id))
                second.images[1].task_id = third.id  # now of 2, 1 and 3 images
                third.images[1].position = 2
                session.flush()
                ids = first.id, second.id
            assert submit_all(shop, parts) == 2
            with parts.db.read() as session:
                sent = select(GenerationTask.id).where(GenerationTask.state == TaskState.GENERATING)
                assert set(session.scalars(sent)) == set(ids)


class TestStores:
    def test_a_day_is_the_store_s_own(self, shop: World) -> None:
        """09:00 UTC is 17:00 in Shanghai: its day is over at 16:00 UTC."""
        shop.store.update(daily_budget=2, timezone="Asia/Shanghai")
        with serving(shop) as parts:
            planned(shop, parts, 2)
            assert submit_all(shop, parts) == 1
            shop.clock.advance_to(datetime(2026, 11, 22, 15, 59, tzinfo=UTC))
            assert submit_all(shop, parts) == 0
            shop.clock.advance_to(datetime(2026, 11, 22, 16, tzinfo=UTC))
            assert submit_all(shop, parts) == 1

    def test_a_month_is_the_store_s_own(self, shop: World) -> None:
        shop.store.update(monthly_budget=2, timezone="America/Santiago")
        with serving(shop) as parts:
            planned(shop, parts, 2)
            assert submit_all(shop, parts) == 1
            shop.clock.advance_to(datetime(2026, 12, 1, 2, 59, tzinfo=UTC))
            assert submit_all(shop, parts) == 0
            shop.clock.advance_to(datetime(2026, 12, 1, 3, tzinfo=UTC))
            assert submit_all(shop, parts) == 1

    def test_a_run_budget_is_for_one_reading(self, shop: World) -> None:
        shop.store["run_budget"] = 3
        with serving(shop) as parts:
            planned(shop, parts, 3)
            assert submit_all(shop, parts) == 1
            [event] = events(parts, "store_waits")
            assert "its budget of 3 images from one reading to the next leaves 1, too few" in event["reason"]
            feed = shop.folder / "feed.tsv"
            feed.rename(shop.folder / "away.tsv")
            read_again(shop, parts)
            assert submit_all(shop, parts) == 0  # the reading has failed, so that nothing is renewed
            (shop.folder / "away.tsv").rename(feed)
            read_again(shop, parts)
            assert submit_all(shop, parts) == 1

    def test_one_without_room_holds_up_no_other_and_says_so_once(self, shop: World) -> None:
        shop.store["daily_budget"] = 2
        with serving(shop) as parts:
            planned(shop, parts, 3)
            planned(shop, parts, 2, "other")
            assert submit_all(shop, parts) == 3
            shop.clock.advance(60)
            assert submit_all(shop, parts) == 0
        with serving(shop) as parts:
            shop.clock.advance(60)
            assert submit_all(shop, parts) == 0
            assert [event["level"] for event in events(parts, "store_waits")] == ["store_day"]
            assert events(parts, "account_waits") == []
            lane = SubmitLane(parts)
            assert submit_all(shop, parts, lane) == 0
            assert lane.next_due() is None
            shop.clock.advance(86_400)
            assert submit_all(shop, parts) == 1
            assert len(events(parts, "store_waits")) == 2

    @pytest.mark.parametrize("name", ["daily_budget", "monthly_budget", "run_budget"])
    def test_a_task_larger_than_a_budget_is_split(self, shop: World, name: str) -> None:
        shop.store[name] = 1
        with serving(shop) as parts:
            planned(shop, parts, 1)
            assert submit_all(shop, parts) == 1
            assert task_states(parts) == [TaskState.GENERATING, TaskState.PLANNED]


class TestRun:
    def test_a_run_reserves_no_more_than_its_budget(self, shop: World) -> None:
        for number in range(3):
            shop.product(f"p{number}")
        report = shop.run(budget=3, approve=False)
        assert (report.submitted, report.waiting) == (1, 2)
        assert [error["cause"] for error in told(report)] == ["run"]
        assert "the budget of 3 images for this run (--budget) leaves 1, too few" in told(report)[0]["message"]
        assert shop.run(approve=False).submitted == 2

    def test_it_is_no_limit_for_others(self, shop: World) -> None:
        with shop.parts(budget=2) as one, serving(shop) as other:
            planned(shop, one, 3)
            assert submit_all(shop, one) == 1
            assert submit_all(shop, other) == 2

    def test_what_is_given_back_may_be_spent_again(self, shop: World) -> None:
        with shop.parts(budget=2) as parts:
            planned(shop, parts, 2)
            lane = SubmitLane(parts)
            assert submit_all(shop, parts, lane) == 1
            with parts.db.write() as session:
                session.execute(update(GenerationTask).where(GenerationTask.sent_at.is_not(None)).values(refunded=2))
            shop.clock.advance(10)
            assert submit_all(shop, parts, lane) == 1


def test_the_room_is_decided_in_the_transaction_that_reserves(shop: World) -> None:
    """Two processes saw room for one task; the second finds none."""
    shop.hebo["daily_budget"] = 2
    with serving(shop) as one, serving(shop) as other:
        planned(shop, one, 2)
        first = SubmitLane(one)
        step(first)  # the quota
        with one.db.read() as session:
            seen = first._look(session)
        assert seen is not None
        assert seen.task_id is not None
        second = SubmitLane(other)
        [sent] = second.claim(1)
        assert isinstance(sent, Submission)
        second.store([(sent, second.work(sent))])
        with one.db.write() as session:
            account = session.scalars(select(Account)).one()
            chosen = first._next(session, account, seen)
            if isinstance(chosen, ReadQuota):
                pytest.fail("the reading was fresh")
        assert task_states(one) == [TaskState.GENERATING, TaskState.PLANNED]


def test_quota_that_returns_is_used_without_anybody(tmp_path: Path) -> None:
    """The day turns at the service; a refund comes: both are learned from the quota itself."""
    with world(tmp_path, daily_limit=2) as shop, serving(shop) as parts:
        planned(shop, parts, 3)
        assert submit_all(shop, parts) == 1
        shop.drive(parts, lanes=(PollLane,))
        assert submit_all(shop, parts) == 0
        shop.control("day")
        shop.clock.advance(601)
        assert submit_all(shop, parts) == 1
        assert [event["cause"] for event in events(parts, "account_waits")] == ["quota"]


def test_rooms_for_pages(shop: World) -> None:
    shop.hebo.update(daily_budget=10, monthly_budget=20)
    shop.store.update(daily_budget=5, run_budget=4, timezone="Asia/Shanghai")
    with serving(shop) as parts:
        planned(shop, parts, 1)
        planned(shop, parts, 0, "free")
        submit_all(shop, parts)
        with parts.db.write() as session:
            session.execute(update(Store).where(Store.name == "free").values(paused=True))
        with parts.db.read() as session:
            found = rooms(session, parts, shop.clock.now())
            ids = {row.name: row.id for row in session.scalars(select(Store))}
    assert [(limit.level, limit.most, limit.spent, limit.left) for limit in found.key.limits] == [
        (Level.QUOTA, 400, 2, 398),
        (Level.KEY_DAY, 10, 2, 8),
        (Level.KEY_MONTH, 20, 2, 18),
    ]
    own = found.stores[ids["shop"]]
    assert [(limit.level, limit.left) for limit in own.limits] == [(Level.STORE_DAY, 3), (Level.STORE_RUN, 2)]
    assert own.limits[0].until == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert found.of(ids["shop"]).left == 2
    assert found.stores[ids["free"]].limits == ()
    assert found.of(ids["free"]).left == 8
