"""Doubt against the API contract, "Settling doubt by the quota", rule by rule, with the sandbox over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.doctor.finding import Level
from plugin.doctor.work import check_work
from plugin.hebo import Accepted
from plugin.models import Account, GeneratedImage, GenerationTask, QuotaReading
from plugin.money import Reading
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.planning.retry import retry_failed
from plugin.pipeline.publishing.publish import PublishLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.standing import standing
from plugin.pipeline.submitting import doubt as doubt_module
from plugin.pipeline.submitting.doubt import HOLD_AT_MOST, DoubtLane, SettleError, doubt, settle_by_person
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.pipeline.views.doubts import doubt_detail, doubts, doubts_to_decide
from plugin.pipeline.views.gallery import gallery
from plugin.states import ImageState, TaskState
from tests.plugin.pipeline.world import World, approve_everything, step, world


def tasks(parts: Parts) -> list[GenerationTask]:
    with parts.db.read() as session:
        return list(session.scalars(select(GenerationTask).order_by(GenerationTask.id)))


def states(parts: Parts) -> list[TaskState]:
    return [task.state for task in tasks(parts)]


@contextmanager
def quick(shop: World) -> Iterator[Parts]:
    """The parts, with a minute instead of five: fewer looks."""
    shop.hebo["doubt_wait"] = 60
    with shop.parts() as parts:
        yield parts


def read_catalogue(shop: World, parts: Parts, *products: str) -> None:
    """Read the feed, and plan what is new."""
    for product in products:
        shop.product(product)
    begin(parts, None, shop.clock.now())
    while any([step(RefreshLane(parts)), step(PlanLane(parts))]):
        pass


def send(parts: Parts) -> None:
    """One submit, with the reading before it; its answer may be lost."""
    lane = SubmitLane(parts)
    while step(lane):
        if any(state not in (TaskState.PLANNED, TaskState.DONE, TaskState.FAILED) for state in states(parts)):
            return


def waits_for_person(parts: Parts, task_id: int = 1) -> bool:
    found = next(task for task in tasks(parts) if task.id == task_id)
    return found.state is TaskState.IN_DOUBT and found.due_at is None


ASKS = Level.ERROR, "hebo-sync tasks list --state in_doubt, then hebo-sync tasks settle ID"
LOOKS = Level.WARNING, "nothing: the quota is being read to settle it"


def held_tiles(session: Session, fingerprint: str | None) -> int:
    """How many pictures of the first product are shown as waiting for a person's word on their task."""
    shown = gallery(session, 1, fingerprint)
    assert shown is not None
    return sum(tile.held for planned in shown.rounds for tile in planned.tiles)


def look_until(shop: World, parts: Parts, ended: Callable[[], bool]) -> float:
    """Let the doubt lane look; seconds until then."""
    began, lane = shop.clock.seconds(), DoubtLane(parts)
    for _ in range(1000):
        if ended():
            return shop.clock.seconds() - began
        step(lane)
        shop.clock.advance(15)
    raise AssertionError("it does not end")


def test_not_accepted_needs_five_minutes_from_when_the_answer_was_given_up(shop: World) -> None:
    shop.control("spend", images=10, user="3")
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1")
        lane = SubmitLane(parts)
        step(lane)
        lane.claim(1)  # the program dies here, and its lease ends
        shop.clock.advance(200)
        SubmitLane(parts).claim(1)
        assert states(parts) == [TaskState.IN_DOUBT]
        took = look_until(shop, parts, lambda: states(parts) != [TaskState.IN_DOUBT])
        assert (states(parts), shop.accepted()) == ([TaskState.PLANNED], 0)
        assert 300 <= took < 360


def test_where_machines_share_a_database_only_what_was_seen_here_counts(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the machine that sent it may be minutes behind ours: its five minutes could be over at once."""
    monkeypatch.setattr(doubt_module, "is_shared", lambda _: True)
    shop.control("spend", images=10, user="3")
    shop.faults("submit:drop_before:x1")
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1")
        send(parts)
        behind = timedelta(minutes=10)
        with parts.db.write() as session:
            session.execute(update(GenerationTask).values(doubt_at=shop.clock.now() - behind))
            session.execute(update(QuotaReading).values(at=shop.clock.now() - behind + timedelta(seconds=1)))
        took = look_until(shop, parts, lambda: states(parts) != [TaskState.IN_DOUBT])
        assert (states(parts), shop.accepted()) == ([TaskState.PLANNED], 0)
        assert 300 <= took < 360


def test_a_turn_of_the_day_is_never_taken_for_not_accepted(shop: World) -> None:
    shop.control("spend", images=10, user="3")
    shop.faults("submit:drop_after:x1")
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1")
        send(parts)
        shop.control("day")
        look_until(shop, parts, lambda: waits_for_person(parts))
        assert "the day has turned" in (tasks(parts)[0].doubt_note or "")
        assert shop.accepted() == 1


def test_while_another_task_is_unfinished_nothing_is_concluded(tmp_path: Path) -> None:
    with world(tmp_path, duration=(150, 150)) as shop, quick(shop) as parts:
        shop.control("spend", images=10, user="3")
        read_catalogue(shop, parts, "p1")
        send(parts)
        shop.faults("submit:drop_before:x1")
        shop.clock.advance(1)
        read_catalogue(shop, parts, "p2")
        lane = SubmitLane(parts)
        while TaskState.IN_DOUBT not in states(parts):
            assert step(lane)
        look = DoubtLane(parts)
        for _ in range(6):
            step(look)
            shop.clock.advance(20)
        assert states(parts) == [TaskState.GENERATING, TaskState.IN_DOUBT]
        assert tasks(parts)[1].doubt_note == "1 other tasks are unfinished"
        shop.drive(parts)
        assert (states(parts), shop.accepted()) == ([TaskState.DONE] * 2, 2)


@pytest.mark.parametrize(("pause", "sent_again"), [(5, False), (90, True)])
def test_a_refund_about_the_time_of_the_baseline_is_not_overlooked(
    tmp_path: Path, pause: float, sent_again: bool
) -> None:
    """Clocks of several machines differ, and a service may count a refund a moment after it told of it."""
    with world(tmp_path, fail_rate=1.0) as shop, quick(shop) as parts:
        read_catalogue(shop, parts, "p1")
        shop.drive(parts)
        assert states(parts) == [TaskState.FAILED]
        shop.control("spend", images=10, user="3")
        shop.clock.advance(pause)
        shop.faults("submit:drop_before:x1")
        read_catalogue(shop, parts, "p2")
        shop.drive(parts)
        assert shop.accepted() == (2 if sent_again else 1)
        assert waits_for_person(parts, 2) == (not sent_again)


def test_while_the_quota_cannot_be_read_a_server_looks_on(shop: World) -> None:
    shop.control("spend", images=10, user="3")
    shop.hebo["doubt_wait"] = 60
    with shop.parts(unattended=False) as parts:
        shop.faults("submit:drop_before:x1")
        read_catalogue(shop, parts, "p1")
        send(parts)
        shop.faults("quota:http_503")
        look = DoubtLane(parts)
        for _ in range(10):  # half an hour without the service
            step(look)
            shop.clock.advance(180)
        assert not waits_for_person(parts)
        shop.faults()
        shop.drive(parts)
        assert (states(parts), shop.accepted()) == ([TaskState.DONE], 1)


def test_a_run_leaves_it_to_a_person_instead(shop: World) -> None:
    shop.faults("submit:drop_before:x1")
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1")
        send(parts)
        shop.faults("quota:http_503")
        took = look_until(shop, parts, lambda: waits_for_person(parts))
        assert HOLD_AT_MOST.total_seconds() <= took < HOLD_AT_MOST.total_seconds() + 90


def test_a_replaced_key_leaves_its_doubt_to_a_person_until_it_comes_back(tmp_path: Path) -> None:
    with world(tmp_path, api_keys={"sandbox-key": "3", "key-of-4": "4"}) as shop:
        shop.hebo["doubt_wait"] = 60
        shop.control("spend", images=10, user="3")
        with shop.parts() as parts:
            shop.faults("submit:drop_before:x1")
            read_catalogue(shop, parts, "p1")
            send(parts)
        shop.key = "key-of-4"
        with shop.parts() as parts, parts.db.read() as session:
            assert (DoubtLane(parts).claim(1), DoubtLane(parts).next_due()) == ([], None)
            [mine] = doubts(session, parts.key_fingerprint)
            assert (mine.asks, doubts_to_decide(session, parts.key_fingerprint)) == (True, 1)
            assert [line["code"] for line in standing(session, parts.key_fingerprint)] == ["tasks_in_doubt"]
            assert (held_tiles(session, parts.key_fingerprint), held_tiles(session, None)) == (2, 0)
            assert [(one.level, one.advice) for one in check_work(parts) if one.check == "tasks"] == [ASKS]
        shop.key = "sandbox-key"
        with shop.parts() as parts:
            with parts.db.read() as session:
                assert doubts_to_decide(session, parts.key_fingerprint) == 0
                assert list(standing(session, parts.key_fingerprint)) == []
                assert held_tiles(session, parts.key_fingerprint) == 0
            assert [(one.level, one.advice) for one in check_work(parts) if one.check == "tasks"] == [LOOKS]
            shop.drive(parts)
            assert (states(parts), shop.accepted()) == ([TaskState.DONE], 1)


def test_a_loss_is_never_the_reason_for_the_next_one(shop: World) -> None:
    """Others use the key. One task is lost, and may have given anything back: that explains no submit that never
    arrived, while an exact rise still settles one that did."""
    shop.hebo["exclusive"] = False
    shop.control("spend", images=10, user="3")
    with quick(shop) as parts:
        read_catalogue(shop, parts, "p1")
        shop.faults("submit:drop_after:x1")
        send(parts)
        look_until(shop, parts, lambda: states(parts) == [TaskState.LOST])
        assert tasks(parts)[0].doubt_note == "used rose by exactly 2"
        for number in (2, 3, 4):
            read_catalogue(shop, parts, f"p{number}")
            shop.clock.advance(60)
            shop.faults("submit:drop_before:x1")
            lane = SubmitLane(parts)
            while states(parts)[-1] is not TaskState.IN_DOUBT:
                assert step(lane)
            shop.control("spend", images=1, user="3")
            look_until(shop, parts, partial(waits_for_person, parts, number))
            assert (
                tasks(parts)[-1].doubt_note == "used changed by 1, which does not tell whether 2 prompts were accepted"
            )
        assert (states(parts), shop.accepted()) == ([TaskState.LOST] + [TaskState.IN_DOUBT] * 3, 1)


def test_on_a_key_of_its_own_a_rise_tells_although_others_gave_back(tmp_path: Path) -> None:
    """Pictures of the lost task, whose end nobody hears of, come back meanwhile: only the second submit can have raised
    what was used."""
    with world(tmp_path) as shop, quick(shop) as parts:
        shop.control("spend", images=10, user="3")
        for product in ("p1", "p2"):
            read_catalogue(shop, parts, product)
            shop.faults("submit:drop_after:x1")
            lane = SubmitLane(parts)
            while states(parts)[-1] is not TaskState.IN_DOUBT:
                assert step(lane)
            if product == "p2":
                shop.control("spend", images=-1, user="3")
            look_until(shop, parts, lambda: states(parts)[-1] is TaskState.LOST)
        told = [task.doubt_note for task in tasks(parts)]
        assert told == ["used rose by exactly 2", "used rose by 1, and nothing but these prompts can have raised it"]
        assert shop.accepted() == 2


def test_only_what_ended_well_between_the_readings_surely_came_back(shop: World) -> None:
    with quick(shop) as parts:
        read_catalogue(shop, parts, "p1", "p2", "p3")
        shop.drive(parts)
        shop.faults("submit:drop_after:x1")
        read_catalogue(shop, parts, "p4")
        send(parts)
        *others, asked = tasks(parts)
        assert (asked.state, asked.baseline_at is not None) == (TaskState.IN_DOUBT, True)
        base = asked.baseline_at or shop.clock.now()
        last = base + timedelta(minutes=4)
        ends = (base + timedelta(seconds=10), base + timedelta(minutes=2), last - timedelta(seconds=10))
        readings = [Reading(last, True, 400, 20, 380), Reading(last + timedelta(minutes=1), True, 400, None, None)]
        with parts.db.write() as session:
            account = session.scalars(select(Account)).one()
            for number, (other, end) in enumerate(zip(others, ends, strict=True)):
                changed = update(GenerationTask).where(GenerationTask.id == other.id)
                session.execute(changed.values(ended_at=end, refunded=10**number))
            doubtful = session.get_one(GenerationTask, asked.id)
            case = DoubtLane(parts)._case(session, doubtful, account, readings)
            assert (case.refunds, case.returned, case.alone) == (111, 10, True)
            changed = update(GenerationTask).where(GenerationTask.id == others[0].id)
            session.execute(changed.values(state=TaskState.SUBMITTING))
            assert not DoubtLane(parts)._case(session, doubtful, account, readings).alone


def test_two_doubts_at_once_never_settle_each_other(shop: World) -> None:
    shop.control("spend", images=10, user="3")
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1", "p2")
        shop.faults("submit:drop_before:x1")
        send(parts)
        with parts.db.write() as session:
            first, second = session.scalars(select(GenerationTask).order_by(GenerationTask.id)).all()
            second.state, second.account_id, second.reserved = TaskState.SUBMITTING, first.account_id, 2
            second.sent_at, second.baseline_used, second.baseline_at = first.sent_at, 10, first.baseline_at
            doubt(session, second, parts.clock.now(), "the answer was cut")
        look_until(shop, parts, lambda: waits_for_person(parts, 1) and waits_for_person(parts, 2))
        assert shop.accepted() == 0


@pytest.mark.parametrize(("fault", "retries"), [("drop_before", 1), ("drop_after", 1)])
def test_doubt_about_a_retry_concerns_its_items_alone(tmp_path: Path, fault: str, retries: int) -> None:
    with world(tmp_path, fail_rate=0.5, retry_fail_rate=0.0, seed=1) as shop, quick(shop) as parts:
        shop.control("spend", images=10, user="3")
        read_catalogue(shop, parts, "p1")
        shop.drive(parts)
        shop.clock.advance(120)
        with parts.db.write() as session:
            partial = session.get_one(GenerationTask, 1)
            failed = {image.id for image in partial.images if image.state is ImageState.FAILED}
            others = {image.id: image.state for image in partial.images}
            again = retry_failed(session, parts, partial).id
        assert (len(failed), len(others)) == (1, 2)
        shop.faults(f"retry:{fault}:x1")
        shop.drive(parts)
        with parts.db.read() as session:
            now = {image.id: image.state for image in session.scalars(select(GeneratedImage))}
            lost = fault == "drop_after"
            assert {now[one] for one in failed} == {ImageState.LOST if lost else ImageState.IN_REVIEW}
            assert {one: state for one, state in now.items() if one not in failed} == {
                one: state for one, state in others.items() if one not in failed
            }
            assert session.get_one(GenerationTask, again).state is (TaskState.LOST if lost else TaskState.DONE)
        assert shop.state()["totals"]["retries_accepted"] == retries


@pytest.mark.parametrize("accepted", [True, False])
def test_a_late_answer_beats_what_was_settled(shop: World, accepted: bool) -> None:
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1")
        lane = SubmitLane(parts)
        step(lane)
        [submission] = lane.claim(1)
        answer = lane.work(submission)
        assert isinstance(answer.result, Accepted)
        shop.clock.advance(200)
        SubmitLane(parts).claim(1)
        with parts.db.write() as session:
            task = session.get_one(GenerationTask, 1)
            settle_by_person(session, task, parts.clock.now(), accepted=accepted)
        assert states(parts) == [TaskState.LOST if accepted else TaskState.PLANNED]
        lane.store([(submission, answer)])
        assert states(parts) == [TaskState.GENERATING]
        shop.drive(parts)
        assert (states(parts), shop.accepted()) == ([TaskState.DONE], 1)


def test_a_late_answer_beats_a_refusal_of_what_was_sent_again(shop: World) -> None:
    """A person's "not accepted" was wrong, and the second one was refused: the pictures of the first are had."""
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1")
        lane = SubmitLane(parts)
        step(lane)
        [submission] = lane.claim(1)
        answer = lane.work(submission)
        shop.clock.advance(200)
        SubmitLane(parts).claim(1)
        with parts.db.write() as session:
            settle_by_person(session, session.get_one(GenerationTask, 1), parts.clock.now(), accepted=False)
        shop.faults("submit:http_400:x1")
        shop.drive(parts, lanes=(SubmitLane,), until=lambda: states(parts) == [TaskState.FAILED])
        lane.store([(submission, answer)])
        assert states(parts) == [TaskState.GENERATING]
        shop.drive(parts)
        assert (states(parts), shop.accepted()) == ([TaskState.DONE], 1)
        with parts.db.read() as session:
            assert {image.state for image in session.scalars(select(GeneratedImage))} == {ImageState.IN_REVIEW}


def test_a_word_counts_for_the_doubt_that_was_looked_at_and_once(shop: World) -> None:
    shop.hebo["exclusive"] = False
    shop.faults("submit:drop_before:x1")
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1")
        send(parts)
        seen, now = tasks(parts)[0].doubt_at, parts.clock.now()
        with parts.db.write() as session:
            task = session.get_one(GenerationTask, 1)
            with pytest.raises(SettleError, match="another doubt"):
                settle_by_person(session, task, now, accepted=False, seen=now - timedelta(hours=1))
            settle_by_person(session, task, now, accepted=False, seen=seen, by="mei")
            with pytest.raises(SettleError, match="not in doubt"):
                settle_by_person(session, task, now, accepted=False, seen=seen)
        assert tasks(parts)[0].doubt_note == "mei said so"


def test_what_a_person_sees_ends_where_other_tasks_were_sent(shop: World) -> None:
    shop.hebo["exclusive"] = False
    shop.control("spend", images=7, user="3")
    shop.faults("submit:drop_before:x1")
    with shop.parts() as parts:
        read_catalogue(shop, parts, "p1", "p2")
        shop.drive(parts)
        shop.clock.advance(60)
        with parts.db.write() as session:
            session.execute(update(Account).values(wait_until=None))
            detail = doubt_detail(session, parts.key_fingerprint, session.get_one(GenerationTask, 1))
        before = [look for look in detail.looks if look.alone]
        assert (detail.used_before, detail.change, detail.doubt.asks) == (7, 0, True)
        assert (len(before), before[0].used) == (1, 7)
        assert before[0].times > 10
        assert detail.looks[-1].change == 2  # the other task's, and it says so
        assert not detail.looks[-1].alone


def test_a_write_back_without_an_outcome_is_settled_by_the_listing(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts)
        assert approve_everything(parts) == 2
        shop.clock.advance(1)
        lane = PublishLane(parts)
        [batch] = lane.claim(1)
        lane.work(batch)  # the listing is written, and the program dies
        first = shop.published("p1")
        shop.clock.advance(3600)
        shop.drive(parts)
        assert len(first) == 2
        assert shop.published("p1") == first
