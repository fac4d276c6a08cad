"""Circuit breakers of submitting and of reading stores: told once, probed without money, going on by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from plugin.models import Account, Event, GenerationTask, Store
from plugin.pipeline.parts import Parts
from plugin.pipeline.polling.poll import PollLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.submitting.intent import Submission
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.states import TaskState
from tests.plugin.pipeline.submitting.test_budgets import planned, read_again, serving, submit_all
from tests.plugin.pipeline.world import KEY, World, step, task_states

WORDS = ("account_waits", "account_goes_on", "store_failed", "store_works", "store_refreshed")


def heard(parts: Parts) -> list[str]:
    """What people were told, one word each."""
    with parts.db.read() as session:
        rows = session.execute(select(Event.code, Event.data).where(Event.code.in_(WORDS)).order_by(Event.id)).all()
    return [data.get("cause") or code for code, data in rows if code != "store_refreshed"]


def for_a_while(shop: World, parts: Parts, minutes: int) -> int:
    """The lane as the server runs it, with a look every half minute; gives how many submits were sent."""
    lane, sent = SubmitLane(parts), 0
    for _ in range(minutes * 2):
        for item in lane.claim(1):
            sent += isinstance(item, Submission)
            lane.store([(item, lane.work(item))])
        shop.clock.advance(30)
    return sent


def on_schedule(shop: World, parts: Parts, lane: RefreshLane) -> None:
    """The store's schedule has it read, an hour later."""
    shop.clock.advance(3600)
    with parts.db.write() as session:
        session.execute(update(Store).values(refresh_due_at=shop.clock.now()))
    assert step(lane)


@pytest.mark.parametrize(
    ("fault", "told"), [("quota:http_503", "service"), ("quota:drop_before", "service"), ("quota:http_401", "key")]
)
def test_an_outage_is_told_once_and_probed_by_the_quota_alone(shop: World, fault: str, told: str) -> None:
    with serving(shop) as parts:
        planned(shop, parts, 2)
        assert step(SubmitLane(parts))  # whose key it is
        shop.clock.advance(120)
        shop.faults(fault)
        assert for_a_while(shop, parts, 4) == 0
        assert heard(parts) == [told]
    with serving(shop) as parts:  # a restart is no reason to tell it again
        assert for_a_while(shop, parts, 4) == 0
        assert heard(parts) == [told]
        shop.faults()
        shop.clock.advance(900)
        assert submit_all(shop, parts) == 2
        with parts.db.read() as session:
            codes = session.scalars(select(Event.code).where(Event.code.in_(WORDS[:2])).order_by(Event.id)).all()
    assert codes == ["account_waits", "account_goes_on"]


def test_a_single_call_that_does_not_get_through_is_not_told(shop: World) -> None:
    with serving(shop) as parts:
        planned(shop, parts, 1)
        shop.faults("quota:http_503:x1")
        step(SubmitLane(parts))
        shop.clock.advance(3)
        assert submit_all(shop, parts) == 1
        assert heard(parts) == []


def test_a_service_that_takes_nothing_is_told_once(shop: World) -> None:
    """Key and quota are good, and it says no: what is refused costs nothing, and is tried rarely."""
    with serving(shop) as parts:
        planned(shop, parts, 5)
        shop.faults("submit:http_403")
        assert for_a_while(shop, parts, 60) <= 12
        assert heard(parts) == ["refused"]
        shop.faults()
        shop.clock.advance(1800)
        assert submit_all(shop, parts) == 5
        assert heard(parts) == ["refused", "refused"]  # and that it goes on
        assert task_states(parts) == [TaskState.GENERATING] * 5


def test_with_another_key_of_the_account_everything_goes_on_at_once(shop: World) -> None:
    with serving(shop) as parts:
        planned(shop, parts, 2)
        lane = SubmitLane(parts)
        step(lane)
        step(lane)
        shop.control("keys", key=KEY, user=None)
        shop.clock.advance(120)
        assert submit_all(shop, parts) == 0
        shop.drive(parts, lanes=(PollLane,))
        assert heard(parts) == ["key"]
    shop.key = "the-next-key"
    shop.control("keys", key=shop.key, user="3")
    with serving(shop) as parts:
        assert submit_all(shop, parts) == 1
        with parts.db.read() as session:
            account = session.scalars(select(Account).where(Account.user_id == "3")).one()
            first = select(GenerationTask.due_at).order_by(GenerationTask.id).limit(1)
            due = session.scalars(first).one()
        assert account.wait_reason is None
        assert due is not None
        assert due - shop.clock.now() < timedelta(seconds=21)
        shop.drive(parts, lanes=(PollLane,))
        assert task_states(parts) == [TaskState.DONE, TaskState.DONE]
        assert shop.state()["totals"]["polls_refused"] == 0


def test_quota_that_runs_out_again_and_again_is_told_once_a_day(shop: World) -> None:
    with serving(shop) as parts:
        planned(shop, parts, 3)
        shop.control("spend", images=398, user="3")
        assert submit_all(shop, parts) == 1
        for _ in range(2):
            shop.clock.advance(700)
            assert submit_all(shop, parts) == 0
        shop.control("spend", images=-2, user="3")  # somebody else's task failed
        shop.clock.advance(700)
        assert submit_all(shop, parts) == 1
        assert submit_all(shop, parts) == 0
        assert heard(parts) == ["quota"]


def test_a_store_that_cannot_be_read_is_told_once_for_each_reason(shop: World) -> None:
    shop.product("p1")
    with serving(shop) as parts:
        lane = RefreshLane(parts)
        read_again(shop, parts)
        feed, away = shop.folder / "feed.tsv", shop.folder / "away.tsv"
        feed.rename(away)
        read_again(shop, parts)
        for _ in range(3):
            on_schedule(shop, parts, lane)
        assert heard(parts) == ["store_failed"]
        feed.write_text("nonsense\n", encoding="utf-8")
        on_schedule(shop, parts, lane)
        assert heard(parts) == ["store_failed"] * 2
        away.replace(feed)
        on_schedule(shop, parts, lane)
        assert heard(parts) == ["store_failed", "store_failed", "store_works"]
        on_schedule(shop, parts, lane)
        assert heard(parts) == ["store_failed", "store_failed", "store_works"]


def test_a_person_who_has_it_read_is_told_again(shop: World) -> None:
    shop.product("p1")
    with serving(shop) as parts:
        (shop.folder / "feed.tsv").unlink()
        read_again(shop, parts)
        read_again(shop, parts)
        assert heard(parts) == ["store_failed"] * 2
