"""A full disk, a database that cannot be written, one that somebody else holds: nothing is lost or sent twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError as DamagedError
from sqlalchemy.exc import OperationalError

from plugin import db, open_parts, with_image_api
from plugin.models import GeneratedImage, GenerationTask, LostImage
from plugin.pipeline import lane as lane_module
from plugin.pipeline.lane import Dispatcher
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.polling.collect import CollectLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.run import begin
from plugin.pipeline.submitting import rescue
from plugin.pipeline.submitting.doubt import settle_by_person
from plugin.pipeline.submitting.intent import Answer
from plugin.pipeline.submitting.submit import SubmitLane
from plugin.scheduler import Engine, Pace
from plugin.schema import DatabaseError
from plugin.states import TaskState
from tests.plugin.pipeline.trouble import locked, no_room, read_only
from tests.plugin.pipeline.world import World, approve_everything, step, task_states

Trouble = Callable[[Parts], AbstractContextManager[None]]
TROUBLES = [
    pytest.param(lambda _: no_room(), id="full disk"),
    pytest.param(locked, id="locked"),
    pytest.param(read_only, id="read-only"),
]
QUICK = Pace(dispatch=0.02, schedules=0.05, watch=0.05)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pauses, in hundredths of a second."""
    monkeypatch.setattr(db, "BUSY_TIMEOUT", 0.02)
    monkeypatch.setattr(lane_module, "STORE_AGAIN", (0.01, 0.02))
    monkeypatch.setattr(lane_module, "REST", 0.01)


@contextmanager
def planned(shop: World, products: int = 1) -> Iterator[tuple[Parts, SubmitLane]]:
    """Tasks that are to be submitted next, the quota known."""
    for number in range(products):
        shop.product(f"p{number}")
    with shop.parts() as parts:
        begin(parts, None, shop.clock.now())
        shop.drive(parts, lanes=(RefreshLane, PlanLane))
        submit = SubmitLane(parts)
        assert step(submit)  # the quota
        assert task_states(parts) == [TaskState.PLANNED] * products
        yield parts, submit


@contextmanager
def after_the_answer(
    trouble: Trouble, parts: Parts, submit: SubmitLane, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Dispatcher]:
    """A task is taken by the service, and then the trouble begins; it ends with the block."""
    with ExitStack() as ends:
        real = submit.work

        def work(item: Any) -> Answer:
            answer = real(item)
            ends.enter_context(trouble(parts))
            return answer

        monkeypatch.setattr(submit, "work", work)
        dispatcher = Dispatcher([submit])
        dispatcher.tick()
        yield dispatcher


def until(wanted: Callable[[], bool]) -> None:
    ends = time.monotonic() + 5
    while not wanted():
        assert time.monotonic() < ends
        time.sleep(0.005)


def finish(shop: World, parts: Parts) -> None:
    shop.drive(parts)
    approve_everything(parts)
    shop.drive(parts)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_cannot_be_written_down_is_not_sent(shop: World, trouble: Trouble) -> None:
    with planned(shop) as (parts, submit):
        with trouble(parts):
            for _ in range(3):
                with pytest.raises(OperationalError):
                    step(submit)
        assert shop.accepted() == 0
        assert task_states(parts) == [TaskState.PLANNED]
        assert step(submit)
        assert task_states(parts) == [TaskState.GENERATING]
    assert shop.accepted() == 1


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_id_of_an_accepted_task_is_kept_until_it_can_be_stored(
    shop: World, trouble: Trouble, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with planned(shop, products=2) as (parts, submit):
        with after_the_answer(trouble, parts, submit, monkeypatch) as dispatcher:
            until(lambda: "took task" in caplog.text)
            time.sleep(0.1)  # several more tries
            dispatcher.tick()
            assert dispatcher.in_flight == 1
            assert shop.accepted() == 1  # nothing else is submitted meanwhile
        until(lambda: "is stored now" in caplog.text)
        dispatcher.close()
        assert sorted(task_states(parts)) == [TaskState.GENERATING, TaskState.PLANNED]
        assert rescue.files(parts) == []
    assert caplog.text.count("could not be stored yet") == 1
    assert shop.accepted() == 1


@contextmanager
def ended_before_it_was_stored(shop: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service took a task, the database was held by somebody, and the program was stopped meanwhile."""
    with planned(shop) as (parts, submit):
        with after_the_answer(locked, parts, submit, monkeypatch) as dispatcher:
            until(lambda: bool(rescue.files(parts)))
            dispatcher.close()
        assert task_states(parts) == [TaskState.SUBMITTING]
        [file] = rescue.files(parts)
        with shop.parts() as another:  # whose process still lives stores it itself
            assert task_states(another) == [TaskState.SUBMITTING]
            assert file.exists()
        yield


def test_the_next_start_stores_what_the_last_process_could_not(
    shop: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ended_before_it_was_stored(shop, monkeypatch):
        monkeypatch.undo()
    with shop.parts() as parts:
        assert task_states(parts) == [TaskState.GENERATING]
        assert rescue.files(parts) == []
        finish(shop, parts)
    assert "is stored now" in caplog.text
    assert shop.accepted() == 1
    assert len(shop.published("p0")) == 2


def test_a_doubt_that_was_settled_meanwhile_is_settled_by_the_answer(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ended_before_it_was_stored(shop, monkeypatch), shop.parts() as another:
        shop.clock.advance(3600)
        step(SubmitLane(another))  # the file is free again: what was being submitted is in doubt
        assert task_states(another) == [TaskState.IN_DOUBT]
        with another.db.write() as session:
            settle_by_person(session, session.scalars(select(GenerationTask)).one(), shop.clock.now(), accepted=True)
        assert task_states(another) == [TaskState.LOST]
        monkeypatch.undo()
    with shop.parts() as parts:
        assert task_states(parts) == [TaskState.GENERATING]
        finish(shop, parts)
    assert len(shop.published("p0")) == 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda note: json.dumps({**note, "about": "another task"}), id="another database"),
        pytest.param(lambda note: json.dumps({**note, "task_id": 99}), id="no such task"),
        pytest.param(lambda note: json.dumps(note)[:40], id="cut off"),
        pytest.param(lambda _: "[]", id="not ours"),
    ],
)
def test_a_note_that_fits_nothing_changes_nothing_and_stays(
    shop: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[dict[str, Any]], str],
) -> None:
    with ended_before_it_was_stored(shop, monkeypatch):
        monkeypatch.undo()
    [file] = (shop.folder / "data" / rescue.FOLDER).glob("*.json")
    file.write_text(change(json.loads(file.read_text(encoding="utf-8"))), encoding="utf-8")
    with shop.parts() as parts:
        assert task_states(parts) == [TaskState.SUBMITTING]
        assert rescue.files(parts) == [file]
    assert str(file) in caplog.text


def test_an_answer_that_the_database_refuses_for_good_is_noted_too(
    shop: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(_: object) -> None:
        raise DamagedError("x", {}, sqlite3.DatabaseError("database disk image is malformed"))

    with planned(shop) as (parts, submit):
        monkeypatch.setattr(submit, "store", damaged)
        dispatcher = Dispatcher([submit])
        dispatcher.tick()
        until(lambda: bool(rescue.files(parts)))
        dispatcher.close()
        [remote] = [task["id"] for task in shop.state()["tasks"]]
    assert remote in caplog.text
    with shop.parts() as parts:  # mended, or from a backup
        assert task_states(parts) == [TaskState.GENERATING]


def test_a_note_is_made_as_soon_as_there_is_room_for_one(
    shop: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with planned(shop) as (parts, submit), ExitStack() as full:

        @contextmanager
        def full_and_locked(parts: Parts) -> Iterator[None]:
            with locked(parts):
                full.enter_context(no_room())
                yield

        with after_the_answer(full_and_locked, parts, submit, monkeypatch):
            until(lambda: "nor can it be noted" in caplog.text)
            full.close()  # there is room now, and the database is still held
            until(lambda: bool(rescue.files(parts)))
        until(lambda: task_states(parts) == [TaskState.GENERATING])
        [remote] = [task["id"] for task in shop.state()["tasks"]]
    assert caplog.text.count(remote) == 1


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_running_program_says_so_once_and_goes_on(
    shop: World, trouble: Trouble, caplog: pytest.LogCaptureFixture
) -> None:
    """The trouble comes while pictures are being made; the service's time stands still until it is over."""
    with planned(shop) as (parts, submit):
        step(submit)
        engine = Engine(parts, with_image_api, QUICK)
        with trouble(parts):
            shop.clock.advance(60)
            for _ in range(5):
                engine.beat()
                time.sleep(0.02)
            problem = engine.health().problems["database"]
        assert "The database cannot be used" in problem
        engine.beat()
        time.sleep(0.02)
        engine.beat()
        assert "database" not in engine.health().problems
        engine.stop(5)
        finish(shop, parts)
        with parts.db.read() as session:
            assert session.scalars(select(LostImage)).all() == []
    told = [record.message for record in caplog.records if record.name == "plugin.scheduler.checkup"]
    assert len(told) == 2
    assert len(shop.published("p0")) == 2


def test_a_start_that_cannot_write_says_what_to_do(shop: World) -> None:
    with planned(shop) as (parts, _):
        settings = shop.settings()
        with (
            locked(parts),
            pytest.raises(DatabaseError, match=r"cannot be used now: .*nothing is lost: make room"),
            open_parts(settings, clock=shop.clock),
        ):
            raise AssertionError("it began")
    instances = shop.folder / "data" / "instances"
    shutil.rmtree(instances)
    instances.write_text("")  # as where the data folder cannot be written
    with pytest.raises(DatabaseError, match="give hebo-sync the right"), open_parts(settings, clock=shop.clock):
        raise AssertionError("it began")
    assert shop.accepted() == 0


def test_what_only_reads_works_on_a_full_disk(shop: World) -> None:
    with planned(shop):
        settings = shop.settings()
        with no_room(), open_parts(settings, clock=shop.clock) as reading:
            assert task_states(reading) == [TaskState.PLANNED]


def test_pictures_that_cannot_be_stored_are_fetched_soon_after_there_is_room(shop: World) -> None:
    """Minutes later, not an hour: nobody knows how long their addresses live."""
    with planned(shop) as (parts, _):
        shop.drive(parts, until=lambda: shop.state()["totals"]["polls"] > 0)
        pictures, away = shop.folder / "data" / "pictures", shop.folder / "data" / "away"
        pictures.rename(away)
        pictures.write_text("")  # nothing can be put there
        shop.drive(parts, until=lambda: _attempts(parts) >= 4)
        for _ in range(4):
            shop.clock.advance(61)
            step(CollectLane(parts))
        assert _attempts(parts) > 7
        pictures.unlink()
        away.rename(pictures)
        shop.clock.advance(61)
        finish(shop, parts)
    assert len(shop.published("p0")) == 2


def _attempts(parts: Parts) -> int:
    with parts.db.read() as session:
        return min(session.scalars(select(GeneratedImage.attempts)))
