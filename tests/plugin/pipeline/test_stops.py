"""The stop switch for all stores: nothing new begins, what is under way comes to its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from plugin.models import Event, GeneratedImage, Product, Publication, Stop, Store
from plugin.pipeline import stops, stores
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.polling.collect import CollectLane
from plugin.pipeline.polling.poll import PollLane
from plugin.pipeline.publishing.publish import PublishLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import LANES, begin, report
from plugin.pipeline.submitting.doubt import DoubtLane
from plugin.pipeline.submitting.intent import Submission
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.states import ImageState, TaskState
from tests.plugin.pipeline.submitting.test_budgets import planned, submit_all
from tests.plugin.pipeline.world import World, approve_everything, step, task_states


def stop(shop: World, parts: Parts, reason: str = "the prices are wrong") -> Stop:
    with parts.db.write() as session:
        return stops.stop_all(session, "Ann", reason, shop.clock.now())[0]


def resume(parts: Parts) -> Stop | None:
    with parts.db.write() as session:
        return stops.resume_all(session, parts, "Bo")


def test_it_is_told_with_who_and_why_and_kept_as_it_was(shop: World) -> None:
    with shop.parts() as parts:
        first = stop(shop, parts)
        shop.clock.advance(60)
        assert stop(shop, parts, "another reason").at == first.at
        assert stops.in_words(first) == (
            "everything is stopped since 2026-11-22 09:00 UTC by Ann (the prices are wrong): nothing new is read, "
            "planned, sent or published. To go on: hebo-sync resume"
        )
        with parts.db.read() as session:
            known = stores.stopped(session)
            assert known is not None
            assert (known.by, known.reason) == ("Ann", "the prices are wrong")
            assert stores.configured(parts, session) == {}
            assert len(stores.set_up(parts, session)) == 1
        assert resume(parts) is not None
        assert resume(parts) is None
        with parts.db.read() as session:
            assert stores.stopped(session) is None
            assert len(stores.configured(parts, session)) == 1
            assert list(session.scalars(select(Event.code).order_by(Event.id))) == ["all_stopped", "all_resumed"]


@pytest.mark.parametrize("lane", [RefreshLane, PlanLane, SubmitLane, PublishLane])
def test_nothing_new_begins(shop: World, lane: type[Lane[Any, Any]]) -> None:
    """Right before each step that begins something; once it goes on, that happens."""
    shop.store["review"] = False
    with shop.parts() as parts:
        shop.product("p1")
        begin(parts, None, shop.clock.now())
        before = LANES[: LANES.index(lane)] if lane is not PublishLane else (*LANES[:5], CollectLane)
        shop.drive(parts, lanes=[one for one in before if one is not DoubtLane])
        approve_everything(parts)
        stop(shop, parts)
        made = lane(parts)
        if lane is SubmitLane:
            step(made)  # at most the quota is read
        assert made.claim(8) == []
        assert made.next_due() is None
        resume(parts)
        assert made.claim(8) != []


def test_what_the_service_has_is_collected_and_then_goes_on(shop: World) -> None:
    with shop.parts() as parts:
        planned(shop, parts, 2)
        lane = SubmitLane(parts)
        step(lane)
        step(lane)
        stop(shop, parts)
        shop.drive(parts)
        assert task_states(parts) == [TaskState.DONE, TaskState.PLANNED]
        assert approve_everything(parts) == 2
        shop.drive(parts)
        with parts.db.read() as session:
            assert session.scalar(select(func.count()).select_from(Publication)) == 0
            states = list(session.scalars(select(GeneratedImage.state).order_by(GeneratedImage.id)))
        assert states == [*[ImageState.APPROVED] * 2, *[ImageState.WAITING] * 2]
        resume(parts)
        shop.drive(parts)
        assert len(shop.published("p0")) == 2
        assert task_states(parts) == [TaskState.DONE, TaskState.DONE]


def test_a_doubt_is_settled_meanwhile(shop: World) -> None:
    with shop.parts() as parts:
        shop.control("spend", images=20)
        planned(shop, parts, 1)
        shop.faults("submit:drop_before:x1")
        lane = SubmitLane(parts)
        step(lane)
        step(lane)
        assert task_states(parts) == [TaskState.IN_DOUBT]
        stop(shop, parts)
        shop.drive(parts)
        assert (task_states(parts), shop.accepted()) == ([TaskState.PLANNED], 0)
        resume(parts)
        shop.drive(parts, lanes=(SubmitLane, PollLane))
        assert shop.accepted() == 1


def test_the_claim_s_own_transaction_decides(shop: World) -> None:
    """The switch is set after a process has chosen its task, and before it commits to sending it."""
    with shop.parts() as one, shop.parts() as other:
        planned(shop, one, 1)
        lane = SubmitLane(one)
        step(lane)
        with one.db.read() as session:
            chosen = lane._look(session)
        assert chosen is not None
        assert chosen.task_id is not None
        stop(shop, other)
        with one.db.write() as session:
            account = lane._account(session)
            assert account is not None
            assert lane._next(session, account, chosen) is None
        assert task_states(one) == [TaskState.PLANNED]
        resume(other)
        [sent] = lane.claim(1)
        assert isinstance(sent, Submission)
        stop(shop, other)  # a call that was committed to comes to its end
        lane.store([(sent, lane.work(sent))])
        assert (task_states(one), shop.accepted()) == ([TaskState.GENERATING], 1)


def test_a_reading_that_was_due_stays_due(shop: World) -> None:
    with shop.parts() as parts:
        shop.product("p1")
        begin(parts, None, shop.clock.now())
        stop(shop, parts)
        shop.drive(parts)
        with pytest.raises(stores.StoreChangeError, match="everything is stopped"), parts.db.write() as session:
            stores.refresh(session, parts, session.scalars(select(Store)).one(), full=False)
        resume(parts)
        shop.drive(parts, lanes=(RefreshLane,))
        with parts.db.read() as session:
            assert session.scalars(select(Product.external_id)).all() == ["p1"]


@pytest.mark.parametrize(("hours", "read"), [(1, False), (30, True)])
def test_a_time_of_the_schedule_that_was_missed_is_made_up_for(shop: World, hours: int, *, read: bool) -> None:
    shop.store["schedule"] = "0 3 * * *"
    with shop.parts() as parts:
        seen = shop.clock.now()
        stop(shop, parts)
        with parts.db.write() as session:
            session.execute(update(Store).values(scheduled_at=seen, refresh_due_at=None))
        shop.clock.advance(timedelta(hours=hours).total_seconds())
        resume(parts)
        with parts.db.read() as session:
            due = session.scalars(select(Store.refresh_due_at)).one()
        assert (due == shop.clock.now()) == read


def test_a_run_says_so(shop: World) -> None:
    with shop.parts() as parts:
        planned(shop, parts, 1)
        stop(shop, parts)
        assert submit_all(shop, parts) == 0
        done = report(parts, 0)
    assert not done.clean
    [error] = [error for error in done.errors if error["code"] == "stopped"]
    assert "by Ann (the prices are wrong)" in error["message"]
