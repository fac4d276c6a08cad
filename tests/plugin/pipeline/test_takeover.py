"""What dead processes held goes on at once, while others live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from plugin import instances
from plugin.hebo import Accepted
from plugin.models import Account, Event, GenerationTask, Store
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.submitting import rescue
from plugin.pipeline.submitting.intent import Submission
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.pipeline.takeover import EVERY, TakeOverLane
from plugin.states import TaskState
from tests.plugin.pipeline.world import World, approve_everything, step, task_states

DEAD = "0123456789abcdef"
HOURS = timedelta(hours=9)


def dies(parts: Parts) -> None:
    """What a killed process leaves: a lock file that nobody holds."""
    [ours] = (parts.settings.app.data_dir / instances.FOLDER).glob("*.lock")
    ours.with_name(ours.name.replace(parts.instance, DEAD)).touch()


@contextmanager
def submitted_by_another(shop: World) -> Iterator[Parts]:
    """The service took a task; the process that sent it could not store the answer, and noted it."""
    shop.product("p0")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=(RefreshLane, PlanLane))
        step(SubmitLane(parts))  # asks for the quota
        other = replace(parts, instance=DEAD)
        submit = SubmitLane(other)
        [item] = submit.claim(1)
        assert isinstance(item, Submission)
        answer = submit.work(item)
        assert isinstance(answer.result, Accepted)
        rescue.keep(other, item, answer, answer.result, again=False)
        assert task_states(parts)[0] is TaskState.SUBMITTING
        yield parts


def test_a_store_waits_no_longer_for_a_writer_that_died(shop: World) -> None:
    shop.product("p0")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts)
        with parts.db.write() as session:
            store = session.scalars(select(Store)).one()
            store.write_owner, store.write_until = DEAD, shop.clock.now() + HOURS
        approve_everything(parts)
        dies(parts)
        begun = shop.clock.now()
        shop.drive(parts)
        assert shop.clock.now() - begun < timedelta(minutes=5)
    assert len(shop.published("p0")) == 2


def test_an_id_that_an_ended_process_set_aside_is_stored(shop: World, caplog: pytest.LogCaptureFixture) -> None:
    with submitted_by_another(shop) as parts:
        shop.drive(parts, until=lambda: task_states(parts) == [TaskState.GENERATING])
        assert rescue.files(parts) == []
        shop.drive(parts)
    assert shop.accepted() == 1
    assert "is stored now" in caplog.text


def test_it_is_stored_before_the_deads_lease_ends(shop: World) -> None:
    """Else the task would be in doubt, and might be settled wrongly meanwhile."""
    with submitted_by_another(shop) as parts:
        dies(parts)
        assert step(TakeOverLane(parts))
        assert task_states(parts) == [TaskState.GENERATING]


def test_a_turn_of_our_own_does_not_end_with_it(shop: World) -> None:
    """Else another process could submit beside us."""
    shop.product("p1")
    with submitted_by_another(shop) as parts:
        shop.clock.advance(200)  # the other one's turn is over
        with parts.db.write() as session:
            task = session.get_one(GenerationTask, 1)
            task.state = TaskState.IN_DOUBT
            task.due_at = None
        assert SubmitLane(parts).claim(1)
        assert step(TakeOverLane(parts))
        assert task_states(parts)[0] is TaskState.GENERATING
        with parts.db.read() as session:
            assert session.scalars(select(Account.lane_owner)).one() == parts.instance


def test_what_was_accepted_twice_is_told_and_both_ids_are_kept(shop: World) -> None:
    with submitted_by_another(shop) as parts:
        [note] = rescue.files(parts)
        with parts.db.write() as session:
            task = session.get_one(GenerationTask, 1)
            task.state, task.remote_id = TaskState.GENERATING, "ecom_second"
        assert step(TakeOverLane(parts))
        with parts.db.read() as session:
            [odd] = session.scalars(select(Event).where(Event.code == "task_odd"))
        assert "ecom_second" in odd.data["reason"]
        assert rescue.files(parts) == []
        [kept] = note.parent.iterdir()
        assert shop.state()["tasks"][0]["id"] in kept.read_text(encoding="utf-8")


def test_an_answer_that_is_stored_already_is_no_second_task(shop: World) -> None:
    """A commit may have got through although the database's word for it did not."""
    with submitted_by_another(shop) as parts:
        [note] = rescue.files(parts)
        content = note.read_bytes()
        assert step(TakeOverLane(parts))
        note.write_bytes(content)
        assert step(TakeOverLane(parts))
        with parts.db.read() as session:
            assert session.scalars(select(Event).where(Event.code == "task_odd")).all() == []
        assert list(note.parent.iterdir()) == []


def test_a_note_that_cannot_be_read_is_told_once(shop: World, caplog: pytest.LogCaptureFixture) -> None:
    with shop.parts() as parts:
        note = parts.settings.app.data_dir / rescue.FOLDER / f"{DEAD}-7.json"
        note.parent.mkdir()
        note.write_text("{", encoding="utf-8")
        lane = TakeOverLane(parts)
        assert step(lane)
        shop.clock.advance(EVERY.total_seconds())
        assert not step(lane)
        assert note.exists()
    assert caplog.text.count(str(note)) == 1


def test_it_looks_every_few_seconds(shop: World) -> None:
    with shop.parts() as parts:
        lane = TakeOverLane(parts)
        assert not step(lane)
        dies(parts)
        assert not step(lane)
        shop.clock.advance(EVERY.total_seconds())
        assert step(lane)
        shop.clock.advance(EVERY.total_seconds())
        assert not step(lane)
        assert lane.next_due() is None
