"""Submitting: single file, budgets, refusals, doubt. Against the sandbox over real HTTP."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.hebo import Accepted
from plugin.models import Account, GenerationTask, LostImage, QuotaReading
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.submitting.intent import Answer, ReadQuota, Submission
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.states import TaskState
from tests.plugin.pipeline.world import World, step, world


def tasks(shop: World) -> list[GenerationTask]:
    with shop.parts() as parts, parts.db.read() as session:
        return list(session.scalars(select(GenerationTask).order_by(GenerationTask.id)))


def test_a_small_quota_is_used_up_and_the_rest_waits(tmp_path: Path) -> None:
    with world(tmp_path, daily_limit=7) as shop:
        for number in range(6):
            shop.product(f"p{number}")
        report = shop.run()
        assert (report.submitted, report.waiting, report.published) == (3, 3, 6)
        assert "quota" in report.errors[-1]["message"]
        shop.control("day")
        shop.clock.advance(3600)
        later = shop.run()
        assert (later.submitted, later.waiting) == (3, 0)
        assert shop.state()["totals"]["polls_refused"] == 0


@pytest.mark.parametrize("status", [400, 402, 403, 429])
def test_a_submit_beyond_the_quota_is_judged_by_the_quota(tmp_path: Path, status: int) -> None:
    """Somebody else uses the key: the service refuses although our last reading had room."""
    with world(tmp_path, daily_limit=40, quota_status=status) as shop:
        shop.faults("submit:foreign_spend=37:x1")
        shop.product("p1")
        shop.product("p2")
        report = shop.run()
        assert (report.submitted, report.waiting, report.failed) == (1, 1, 0)


def test_a_task_larger_than_the_whole_day_is_split(tmp_path: Path) -> None:
    with world(tmp_path, daily_limit=1) as shop:
        shop.product("p1")
        report = shop.run()
        assert (report.submitted, report.waiting, report.images) == (1, 1, 1)
        shop.control("day")
        shop.clock.advance(3600)
        later = shop.run()
        assert (later.submitted, later.images) == (1, 2)
        assert [task.part for task in tasks(shop)] == [1, 2]
        assert len(shop.published("p1")) == 2


def test_our_own_daily_budget_holds(shop: World) -> None:
    shop.hebo["daily_budget"] = 4
    for number in range(3):
        shop.product(f"p{number}")
    report = shop.run()
    assert (report.submitted, report.waiting) == (2, 1)
    assert "daily budget of 4" in report.errors[-1]["message"]
    shop.clock.advance(86_400)
    assert shop.run().submitted == 1


def test_no_limit_where_the_quota_is_not_enabled(tmp_path: Path) -> None:
    with world(tmp_path, daily_limit=None) as shop:
        shop.product("p1")
        assert shop.run().published == 2


@pytest.mark.parametrize("spelling", ["first", "second", "literal", "mixed"])
def test_every_spelling_of_the_quota_is_read(tmp_path: Path, spelling: str) -> None:
    with world(tmp_path, daily_limit=3, spelling=spelling) as shop:
        shop.product("p1")
        shop.product("p2")
        report = shop.run()
        assert (report.submitted, report.waiting) == (1, 1)


def test_a_wrong_key_is_said_once_and_nothing_is_marked_failed(shop: World) -> None:
    shop.key = "wrong-key-of-mine"
    shop.product("p1")
    shop.product("p2")
    report = shop.run()
    assert (report.waiting, report.failed, report.planned) == (2, 0, 2)
    [error] = report.errors
    assert "API key" in error["message"]
    assert "wrong-key-of-mine" not in str(report.errors)
    shop.key = "sandbox-key"
    assert shop.run().published == 4


def test_a_service_that_is_not_there_is_said_and_the_run_ends(shop: World) -> None:
    shop.product("p1")
    shop.base_url = "http://127.0.0.1:1"
    report = shop.run()
    assert (report.waiting, report.in_doubt) == (1, 0)
    assert "cannot be reached" in report.errors[0]["message"]


def test_a_refused_request_fails_with_the_service_s_words(shop: World) -> None:
    shop.faults("submit:http_400:x1")
    shop.product("p1")
    shop.product("p2")
    report = shop.run()
    assert (report.failed, report.completed) == (1, 1)
    assert "nothing was spent" in report.errors[0]["message"]


@pytest.mark.parametrize("fault", ["drop_before", "http_503", "html_before", "redirect", "success_false_before"])
def test_a_lost_answer_to_a_submit_that_was_not_accepted_is_settled_by_the_quota(shop: World, fault: str) -> None:
    """Exclusive key: two equal readings, the last five minutes after sending; only then is it sent again."""
    shop.control("spend", images=20)  # before all this: a turn of the day would show
    shop.faults(f"submit:{fault}:x1")
    shop.product("p1")
    shop.product("p2")
    began = shop.clock.seconds()
    report = shop.run()
    assert (report.in_doubt, report.lost, report.published) == (0, 0, 4)
    assert shop.accepted() == 2
    assert shop.clock.seconds() - began > 300


def test_a_doubt_of_a_key_that_has_used_next_to_nothing_is_left_to_a_person(shop: World) -> None:
    """It might have been accepted, and the day have turned at once: never is that sent again by itself."""
    shop.faults("submit:drop_before:x1")
    shop.product("p1")
    report = shop.run()
    assert (report.in_doubt, report.lost, shop.accepted()) == (1, 0, 0)
    with shop.parts() as parts, parts.db.read() as session:
        assert "the day may have turned" in (session.scalars(select(GenerationTask.doubt_note)).one() or "")


@pytest.mark.parametrize("fault", ["drop_after", "http_500_after", "truncated", "html", "no_task_id", "bad_task_id"])
def test_a_lost_answer_to_an_accepted_submit_is_never_sent_again(shop: World, fault: str) -> None:
    shop.faults(f"submit:{fault}:x1")
    shop.product("p1")
    shop.product("p2")
    report = shop.run()
    assert (report.lost, report.in_doubt, report.published) == (2, 0, 2)
    assert shop.accepted() == 2
    assert shop.run().submitted == 0
    with shop.parts() as parts, parts.db.read() as session:
        assert len(session.scalars(select(LostImage)).all()) == 2


def test_a_late_acceptance_is_not_paid_twice(shop: World) -> None:
    shop.faults("submit:late_accept=120:x1")
    shop.product("p1")
    report = shop.run()
    assert report.lost == 2
    assert shop.accepted() == 1


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_doubt_about_a_key_that_others_use_is_left_to_a_person(shop: World, fault: str) -> None:
    shop.hebo["exclusive"] = False
    shop.faults(f"submit:{fault}:x1")
    shop.product("p1")
    shop.product("p2")
    report = shop.run()
    known = fault == "drop_after"  # used rose by exactly the prompts' number
    assert (report.lost, report.in_doubt) == ((2, 0) if known else (0, 1))
    assert report.published == 2
    assert not report.clean


def test_other_users_spending_never_fakes_a_not_accepted(shop: World) -> None:
    """`used` moved in a way that our prompts do not explain: a person decides, nothing is sent again."""
    shop.faults("submit:drop_before:x1")
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        for lane in (RefreshLane(parts), PlanLane(parts)):
            step(lane)
        submit = SubmitLane(parts)
        step(submit)
        step(submit)
        shop.control("spend", images=1, user="3")
        shop.drive(parts)
    [task] = tasks(shop)
    assert (task.state, task.due_at) == (TaskState.IN_DOUBT, None)
    assert shop.accepted() == 0


def prepared(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        step(RefreshLane(parts))
        step(PlanLane(parts))


def test_the_intent_is_committed_before_the_call(shop: World) -> None:
    prepared(shop)
    with shop.parts() as parts:
        lane = SubmitLane(parts)
        [reading] = lane.claim(1)
        assert isinstance(reading, ReadQuota)
        lane.store([(reading, lane.work(reading))])
        [submission] = lane.claim(1)
        assert isinstance(submission, Submission)
        [task] = tasks(shop)
        assert (task.state, task.reserved, task.baseline_used) == (TaskState.SUBMITTING, 2, 0)
        assert shop.accepted() == 0


def test_two_processes_submit_in_single_file(shop: World) -> None:
    prepared(shop)
    with shop.parts() as one, shop.parts() as other:
        first = SubmitLane(one)
        step(first)
        assert len(first.claim(1)) == 1
        assert SubmitLane(other).claim(1) == []


def test_a_submitter_that_died_leaves_a_doubt_not_a_second_submit(shop: World) -> None:
    prepared(shop)
    with shop.parts() as parts:
        lane = SubmitLane(parts)
        step(lane)
        [submission] = lane.claim(1)
        assert isinstance(lane.work(submission).result, Accepted)  # and the answer is never stored
    report = shop.run()
    assert (report.lost, report.submitted) == (2, 0)
    assert shop.accepted() == 1


def test_an_answer_that_comes_late_settles_the_doubt(shop: World) -> None:
    prepared(shop)
    with shop.parts() as parts:
        lane = SubmitLane(parts)
        step(lane)
        [submission] = lane.claim(1)
        answer = lane.work(submission)
        shop.clock.advance(200)  # the lease is over
        other = SubmitLane(parts)
        assert other.claim(1) == []
        assert tasks(shop)[0].state is TaskState.IN_DOUBT
        lane.store([(submission, answer)])
        assert tasks(shop)[0].state is TaskState.GENERATING
        shop.drive(parts)
    assert tasks(shop)[0].state is TaskState.DONE
    assert shop.accepted() == 1


def test_a_claim_that_comes_to_run_too_late_sends_nothing(shop: World) -> None:
    prepared(shop)
    with shop.parts() as parts:
        lane = SubmitLane(parts)
        step(lane)
        [submission] = lane.claim(1)
        shop.clock.advance(30)
        answer = lane.work(submission)
        lane.store([(submission, answer)])
    assert shop.accepted() == 0
    assert tasks(shop)[0].state is TaskState.PLANNED


def test_a_second_acceptance_is_shown_not_followed(shop: World) -> None:
    prepared(shop)
    with shop.parts() as parts:
        lane = SubmitLane(parts)
        step(lane)
        [submission] = lane.claim(1)
        now = shop.clock.now()
        lane.store([(submission, Answer(now, now, Accepted("one")))])
        lane.store([(submission, Answer(now, now, Accepted("two")))])
    assert tasks(shop)[0].remote_id == "one"


def test_no_prompt_is_ever_submitted_twice_under_faults(tmp_path: Path) -> None:
    with world(tmp_path, daily_limit=None) as shop:
        shop.faults("submit:drop_after:0.2", "submit:drop_before:0.2", "submit:http_500_after:0.1", "poll:http_500:0.2")
        for number in range(12):
            shop.product(f"p{number}")
        shop.run()
        prompts = Counter(tuple(task["prompts"]) for task in shop.state()["tasks"])
        assert max(prompts.values()) == 1


def test_every_submit_leaves_a_reading(shop: World) -> None:
    shop.product("p1")
    shop.run()
    with shop.parts() as parts, parts.db.read() as session:
        readings = session.scalars(select(QuotaReading).order_by(QuotaReading.id)).all()
        assert [(row.source, row.used) for row in readings] == [("quota", 0), ("submit", 2)]
        assert session.scalars(select(Account.user_id)).one() == "3"


def test_a_task_that_was_planned_with_a_public_url_is_held_without_one(shop: World) -> None:
    prepared(shop)
    shop.public_url = None
    report = shop.run()
    assert (report.waiting, report.submitted) == (1, 0)
    assert "app.public_url" in report.errors[0]["message"]
    shop.public_url = "http://127.0.0.1:9"
    assert shop.run().published == 2


def test_nothing_is_sent_for_a_store_that_is_being_read(shop: World) -> None:
    """A product that is planned since the last run may prove to be gone."""
    prepared(shop)
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        lane = SubmitLane(parts)
        step(lane)  # whose key it is
        assert lane.claim(1) == []
        [reading] = RefreshLane(parts).claim(1)
        assert lane.claim(1) == []
        refresh = RefreshLane(parts)
        refresh.store([(reading, refresh.work(reading))])
        assert len(lane.claim(1)) == 1
