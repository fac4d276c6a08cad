from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.hebo import Odd
from plugin.models import Account, Event, GeneratedImage, GenerationTask, LostImage
from plugin.pipeline.parts import Parts
from plugin.pipeline.polling.poll import START_WITHIN, PollLane
from plugin.pipeline.polling.polled import Polled
from plugin.pipeline.run import begin
from plugin.states import ImageState, TaskState
from tests.plugin.pipeline.world import World, step, worked, world


def images(shop: World) -> Sequence[GeneratedImage]:
    with shop.parts() as parts, parts.db.read() as session:
        return session.scalars(select(GeneratedImage).order_by(GeneratedImage.id)).all()


def the_task(shop: World) -> GenerationTask:
    with shop.parts() as parts, parts.db.read() as session:
        return session.scalars(select(GenerationTask)).one()


@pytest.mark.parametrize(
    "fault",
    [
        "http_500:x3",
        "drop_before:x3",
        "html:x2",
        "truncated:x2",
        "unknown_status:x3",
        "no_results:x2",
        "rate_limited:x2",
    ],
)
def test_trouble_with_a_poll_never_loses_or_resubmits(shop: World, fault: str) -> None:
    shop.faults(f"poll:{fault}")
    shop.product("p1")
    report = shop.run()
    assert (report.submitted, report.published) == (1, 2)
    assert shop.accepted() == 1


def test_a_429_waits_as_the_body_says_and_polls_the_same_task(shop: World) -> None:
    shop.faults("poll:rate_limited=17:x1")
    shop.product("p1")
    shop.run()
    assert the_task(shop).refused_polls == 1
    polls = shop.state()["tasks"][0]["polls"]
    assert len(polls) >= 1


def test_an_odd_answer_is_shown_once(shop: World) -> None:
    shop.faults("poll:unknown_status:x3")
    shop.product("p1")
    report = shop.run()
    assert [error["code"] for error in report.errors] == ["task_odd"]
    assert the_task(shop).error is None


def test_shuffled_results_go_to_their_own_prompts(shop: World) -> None:
    shop.faults("poll:shuffled")
    shop.product("p1")
    shop.run()
    [task] = shop.state()["tasks"]
    made = {item["id"]: item["prompt"] for item in task["items"]}
    for image in images(shop):
        assert image.prompt_known
        assert made[image.item_id or ""] == image.prompt


def test_without_any_order_a_partial_success_is_in_no_slot(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=0.5, seed=4) as shop:
        shop.hebo["item_retries"] = 0
        shop.faults("poll:no_items", "poll:shuffled")
        for number in range(6):
            shop.product(f"p{number}")
        shop.run(approve=False)
        for task in shop.state()["tasks"]:
            mine = [image for image in images(shop) if image.item_id in {item["id"] for item in task["items"]}]
            whole = all(item["status"] == "success" for item in task["items"])
            assert all(image.prompt_known == whole for image in mine)


def test_failed_items_keep_their_reason_and_the_money_is_told(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0) as shop:
        shop.hebo["item_retries"] = 0
        shop.product("p1")
        report = shop.run()
        assert (report.completed, report.failed, report.billable, report.refunded) == (0, 1, 0, 2)
        assert {image.state for image in images(shop)} == {ImageState.FAILED}
        assert all(image.error and image.retry_allowed for image in images(shop))
        assert the_task(shop).state is TaskState.FAILED


def test_a_partial_failure_publishes_what_succeeded(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=0.5, seed=2) as shop:
        shop.hebo["item_retries"] = 0
        for number in range(6):
            shop.product(f"p{number}")
        report = shop.run()
        assert report.billable + report.refunded == 12
        assert report.published == report.billable
        assert report.refunded > 0


def test_a_task_past_the_deadline_is_shown_and_polled_rarely(tmp_path: Path) -> None:
    with world(tmp_path, duration=(5_000, 5_000)) as shop:
        shop.hebo["stall_after"] = 600
        shop.product("p1")
        report = shop.run()
        assert (report.stalled, report.completed) == (1, 0)
        polls = len(shop.state()["tasks"][0]["polls"])
        shop.clock.advance(6_000)
        later = shop.run(approve=False)
        assert (later.stalled, later.completed) == (0, 1)
        assert len(shop.state()["tasks"][0]["polls"]) == polls + 1


def test_a_claimed_poll_moves_its_time_on_before_the_call(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, until=lambda: shop.accepted() == 1)
        due = the_task(shop).due_at
        assert due is not None
        shop.clock.advance_to(due)
        lane, other = PollLane(parts), PollLane(parts)
        assert len(lane.claim(16)) == 1
        assert other.claim(16) == []
        moved = the_task(shop).due_at
        assert moved is not None
        assert moved > shop.clock.now() + timedelta(seconds=5)


def test_a_poll_that_leaves_too_late_to_be_legal_is_not_sent(tmp_path: Path) -> None:
    """At 29.9 s of age the short interval would be over the band's edge when it arrives."""
    with world(tmp_path, duration=(60, 60)) as shop:
        shop.product("p1")
        with shop.parts() as parts:
            begin(parts, None, shop.clock.now())
            shop.drive(parts, until=lambda: [len(task["polls"]) for task in shop.state()["tasks"]] == [4])
            task = the_task(shop)
            assert task.due_at is not None
            assert task.sent_at is not None
            shop.clock.advance_to(task.due_at)
            lane = PollLane(parts)
            [poll] = lane.claim(16)
            shop.clock.advance_to(task.sent_at + timedelta(seconds=29.9))
            [(_, polled)] = worked(lane, [poll])
            assert polled.answer is None
            lane.store([(poll, polled)])
            shop.drive(parts)
        assert shop.state()["totals"]["polls_refused"] == 0


@contextmanager
def polled_once(shop: World) -> Iterator[Parts]:
    """One long task, whose first poll is stored."""
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, until=lambda: [len(task["polls"]) for task in shop.state()["tasks"]] == [1])
        task = the_task(shop)
        assert task.due_at is not None
        shop.clock.advance_to(task.due_at)
        yield parts


def test_a_process_that_was_stopped_for_longer_than_its_lease_sends_nothing(tmp_path: Path) -> None:
    with world(tmp_path, duration=(600, 600)) as shop, polled_once(shop) as parts, shop.parts() as others:
        stopped, other = PollLane(parts), PollLane(others)
        [poll] = stopped.claim(16)
        shop.clock.advance(stopped.lease.total_seconds() + 1)
        assert step(other)
        stored = the_task(shop)
        [(_, late)] = worked(stopped, [poll])
        assert late.answer is None
        stopped.store([(poll, late)])
        after = the_task(shop)
        assert (after.due_at, after.polled_at, after.polls) == (stored.due_at, stored.polled_at, 2)
        assert shop.state()["totals"]["polls_refused"] == 0


def test_a_claim_that_is_not_sent_soon_is_given_back_at_once(tmp_path: Path) -> None:
    with world(tmp_path, duration=(600, 600)) as shop, polled_once(shop) as parts:
        lane = PollLane(parts)
        [poll] = lane.claim(16)
        shop.clock.advance(START_WITHIN.total_seconds() + 0.1)
        lane.store(worked(lane, [poll]))
        assert step(lane)
        assert (the_task(shop).polls, the_task(shop).remote_status) == (2, "processing")


def test_an_answer_that_is_stored_late_moves_nothing_back(tmp_path: Path) -> None:
    """It was stopped after it had sent: the other one's interval counts from its own, later poll."""
    with world(tmp_path, duration=(600, 600)) as shop, polled_once(shop) as parts, shop.parts() as others:
        stopped, other = PollLane(parts), PollLane(others)
        [poll] = stopped.claim(16)
        [(_, polled)] = worked(stopped, [poll])
        shop.clock.advance(stopped.lease.total_seconds() + 1)
        assert step(other)
        stored = the_task(shop)
        stopped.store([(poll, polled)])
        after = the_task(shop)
        assert (after.due_at, after.polled_at, after.polls) == (stored.due_at, stored.polled_at, 3)
        odd = Polled(polled.sent_at, polled.stamp, Odd("what is this"))
        stopped.store([(poll, odd)])
        last = the_task(shop)
        assert last.polled_at == stored.polled_at
        assert last.due_at is not None
        assert stored.due_at is not None
        assert last.due_at >= stored.due_at
        shop.drive(others, until=lambda: len(shop.state()["tasks"][0]["polls"]) == 6)
        assert shop.state()["totals"]["polls_refused"] == 0


def test_a_poll_that_a_dead_process_may_have_sent_late_keeps_its_interval(tmp_path: Path) -> None:
    with world(tmp_path, duration=(600, 600)) as shop, polled_once(shop) as parts, shop.parts() as others:
        shop.clock.advance(300)  # from here on the interval is the longest
        dying = PollLane(parts)
        [poll] = dying.claim(16)
        shop.clock.advance(START_WITHIN.total_seconds())
        [(_, polled)] = worked(dying, [poll])
        assert polled.answer is not None
        shop.drive(others, until=lambda: len(shop.state()["tasks"][0]["polls"]) == 4)
        assert shop.state()["totals"]["polls_refused"] == 0


def test_what_has_piled_up_is_spread_once(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    spreads: list[datetime] = []
    with polled_once(shop) as parts:
        monkeypatch.setattr("plugin.pipeline.polling.poll.spread", lambda *given: spreads.append(given[2]))
        lane = PollLane(parts)
        assert lane.claim(16)
        assert spreads == [shop.clock.now()]
        for seconds, times in ((4, 1), (4, 1), (30, 2)):
            shop.clock.advance(seconds)
            lane.claim(16)
            assert len(spreads) == times
        with parts.db.write() as session:
            account = session.scalars(select(Account)).one()
            account.wait_reason, account.wait_until = "key", shop.clock.now() + timedelta(seconds=2)
        assert lane.claim(16) == []
        assert lane.next_due() is None
        shop.clock.advance(25)
        lane.claim(16)
        assert len(spreads) == 3


def test_a_missing_task_is_kept_and_shown(shop: World) -> None:
    shop.product("p1")
    shop.faults("poll:http_404:x2")
    report = shop.run()
    assert report.published == 2
    with shop.parts() as parts, parts.db.read() as session:
        codes = [event.code for event in session.scalars(select(Event).where(Event.trouble))]
        assert "task_odd" in codes
        assert session.scalars(select(LostImage)).all() == []


def test_tasks_of_another_account_are_not_polled_with_this_key(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, until=lambda: shop.accepted() == 1)
    shop.control("keys", key="other-key", user="77")
    shop.key = "other-key"
    shop.clock.advance(60)
    with shop.parts() as parts:
        assert not step(PollLane(parts))
    assert the_task(shop).state is TaskState.GENERATING
