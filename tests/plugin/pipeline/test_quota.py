"""The money report over a real small world: what the service counted beside what we know of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from plugin.models import Account, GenerationTask
from plugin.money import Level
from plugin.pipeline import views
from plugin.pipeline.parts import Parts
from plugin.pipeline.quota import MoneyReport, ask_quota, money_report, service_days, submission_of
from plugin.reconcile import Sent, ServiceDay
from plugin.states import TaskState
from tests.plugin.pipeline.world import World
from tests.plugin.rows import NOW


def read(parts: Parts) -> MoneyReport:
    """Ask for the quota, well after whatever was before, and report."""
    parts.clock.advance(60)  # type: ignore[attr-defined]  # the world's clock
    ask_quota(parts)
    parts.clock.advance(60)  # type: ignore[attr-defined]
    with parts.db.read() as session:
        return money_report(session, parts)


def today(report: MoneyReport) -> ServiceDay:
    return report.days[-1]


def test_our_own_tasks_explain_what_the_service_counted(shop: World) -> None:
    for name in ("p1", "p2", "p3"):
        shop.product(name)
    with shop.parts() as parts:
        read(parts)
    shop.run()
    with shop.parts() as parts:
        report = read(parts)
        with parts.db.read() as session:
            assert views.ledger_problems(session) == []
    used = shop.state()["totals"]["used"]
    assert (today(report).counted, today(report).low, today(report).high) == (used, used, used)
    assert (today(report).difference, report.undelivered, report.plans) == (0, (), ())


@pytest.mark.parametrize(("images", "difference"), [(3, 3), (40, 40)])
def test_what_somebody_else_spends_is_shown(shop: World, images: int, difference: int) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        read(parts)
    shop.control("spend", images=images, user="3")
    shop.run()
    with shop.parts() as parts:
        assert today(read(parts)).difference == difference


def test_the_services_day_is_learned_from_its_figures(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        read(parts)
    shop.run()
    with shop.parts() as parts:
        read(parts)
        shop.control("day")
        read(parts)
        shop.control("spend", images=5, user="3")
        days = read(parts).days
    assert [(day.turned, day.difference) for day in days] == [(False, 0), (True, 5)]


def test_a_lost_answer_makes_a_range_of_it(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        read(parts)
    shop.faults("submit:drop_after:x1")
    shop.run()
    with shop.parts() as parts:
        with parts.db.read() as session:
            assert session.scalars(select(GenerationTask.state)).all() == [TaskState.LOST]
        day = today(read(parts))
    assert (day.counted, day.low, day.high, day.difference) == (2, 0, 2, 0)


def test_a_doubt_is_not_in_flight(shop: World) -> None:
    shop.hebo |= {"exclusive": False, "doubt_wait": 30}
    shop.product("p1")
    shop.faults("submit:drop_before:x1")
    shop.run()
    with shop.parts() as parts:
        view = ask_quota(parts)
    assert (view.in_flight, view.in_doubt) == (0, 2)


def test_a_wait_names_the_budget_only_while_there_is_one(shop: World) -> None:
    shop.hebo["daily_budget"] = 1
    shop.product("p1")
    shop.run()
    with shop.parts() as parts:
        assert (ask_quota(parts).waits_reason, ask_quota(parts).waits_level) == ("budget", Level.KEY_DAY)
    del shop.hebo["daily_budget"]
    with shop.parts() as parts:
        assert (ask_quota(parts).waits_reason, ask_quota(parts).waits_level) == ("budget", None)


def test_budgets_and_plans_say_what_waits(shop: World) -> None:
    shop.hebo["daily_budget"] = 3
    shop.store["daily_budget"] = 2
    for name in ("p1", "p2"):
        shop.product(name)
    shop.run()
    with shop.parts() as parts:
        report = read(parts)
    limits = {(row.store, row.limit.level): (row.limit.most, row.limit.spent) for row in report.budgets}
    assert limits[None, Level.KEY_DAY] == (3, 2)
    assert limits["shop", Level.STORE_DAY] == (2, 2)
    (plan,) = report.plans
    assert (plan.store, plan.planned, plan.paused, plan.left) == ("shop", 2, False, 0)
    assert plan.binding is not None
    assert plan.binding.level is Level.STORE_DAY
    assert plan.smallest == 2


class TestSubmissions:
    """A task's columns as reconciling needs them."""

    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            ({"state": TaskState.GENERATING, "answered_at": NOW}, {"accepted_by": NOW, "unsettled": 4}),
            ({"state": TaskState.STALLED, "answered_at": NOW}, {"accepted_by": NOW, "unsettled": 4}),
            ({"state": TaskState.IN_DOUBT}, {"accepted_by": None, "sure": False, "unsettled": 4}),
            ({"state": TaskState.SUBMITTING}, {"accepted_by": None, "sure": False, "unsettled": 4}),
            (
                {"state": TaskState.LOST, "ended_at": NOW},
                {"accepted_by": NOW, "sure": False, "unsettled": 4, "ended_at": NOW + timedelta(hours=24)},
            ),
            (
                {"state": TaskState.DONE, "answered_at": NOW, "ended_at": NOW, "billable": 2, "refunded": 1},
                {"accepted_by": NOW, "refunded": 1, "unsettled": 1, "ended_at": NOW},
            ),
            (
                {"state": TaskState.FAILED, "answered_at": NOW, "ended_at": NOW, "billable": 0, "refunded": 5},
                {"accepted_by": NOW, "refunded": 5, "more": 1, "ended_at": NOW},
            ),
        ],
    )
    def test_table(self, columns: dict[str, object], expected: dict[str, object]) -> None:
        task = GenerationTask(id=7, reserved=4, sent_at=NOW, **columns)
        values = {"key": 7, "images": 4, "sent_at": NOW, **expected}
        assert submission_of(task) == Sent(**values)  # type: ignore[arg-type]  # of the right kinds


def test_an_account_without_readings_has_no_days(shop: World) -> None:
    with shop.parts() as parts, parts.db.write() as session:
        account = Account(created_at=NOW)
        session.add(account)
        session.flush()
        assert service_days(session, account.id, NOW) == ()
