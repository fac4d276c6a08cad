"""The engine: its jobs and its crews on a hand-moved clock, and a few short runs in real time."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.triggers.base import BaseTrigger
from pydantic import SecretStr
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from connectors import ConnectorError
from plugin import accounts, with_image_api
from plugin.models import Account, Admin, GenerationTask, QuotaReading, SignIn, Store
from plugin.pictures import PictureStore
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.scheduler import Engine, Pace, SchedulerTakenError
from plugin.states import TaskState
from tests.plugin.pipeline.world import World
from tests.plugin.pipeline.world import world as make_world

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TOMORROW_AT_3 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ALARM = "refresh:1"
FIXED = {"dispatch", "schedules", "quota", "housekeeping"}
QUICK = Pace(dispatch=0.02, schedules=0.05, watch=0.05)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path) as made:
        made.store["schedule"] = "0 3 * * *"
        made.product("p1")
        yield made


@contextmanager
def engine_of(parts: Parts, pace: Pace = QUICK) -> Iterator[Engine]:
    """An engine that is stopped at the end."""
    made = Engine(parts, with_image_api, pace)
    try:
        yield made
    finally:
        made.stop(5)


@contextmanager
def running(parts: Parts, pace: Pace = QUICK) -> Iterator[Engine]:
    with engine_of(parts, pace) as engine:
        engine.start()
        yield engine


def until(wanted: Callable[[], bool]) -> bool:
    """Whether it comes true within a few seconds."""
    ends = time.monotonic() + 5
    while not wanted() and time.monotonic() < ends:
        time.sleep(0.01)
    return wanted()


def alarms(engine: Engine) -> set[str]:
    return {job for job in engine.metronome.job_ids if job.startswith("refresh:")}


def sign_ins(parts: Parts) -> list[str]:
    with parts.db.read() as session:
        return list(session.scalars(select(SignIn.token_sha)))


def states(parts: Parts) -> list[TaskState]:
    with parts.db.read() as session:
        return list(session.scalars(select(GenerationTask.state)))


def saved_keys(*keys: str) -> Callable[[Parts], Parts]:
    """Opens the parts anew as after each of these keys was saved on the settings page, one after another."""
    coming = iter(keys)

    def reopen(parts: Parts) -> Parts:
        hebo = parts.provisioned.hebo.model_copy(update={"api_key": SecretStr(next(coming))})
        return with_image_api(replace(parts, provisioned=parts.provisioned.model_copy(update={"hebo": hebo})))

    return reopen


def beat_until(engine: Engine, wanted: Callable[[], bool]) -> bool:
    """Let the engine beat by hand."""

    def beaten() -> bool:
        engine.wake()
        engine.beat()
        return wanted()

    return until(beaten)


def pause(parts: Parts, *, paused: bool) -> None:
    with parts.db.write() as session:
        session.execute(update(Store).values(paused=paused))


def test_each_scheduled_store_has_a_job(world: World) -> None:
    with world.parts() as parts, engine_of(parts) as engine:
        assert engine.next_refresh(1) is None
        engine.stores_changed()
        assert alarms(engine) == {ALARM}
        assert engine.next_refresh(1) == TOMORROW_AT_3
        assert engine.next_refresh(2) is None


def test_a_paused_store_has_no_job_until_it_goes_on(world: World) -> None:
    with world.parts() as parts, engine_of(parts) as engine:
        engine.stores_changed()
        pause(parts, paused=True)
        engine.stores_changed()
        assert (alarms(engine), engine.next_refresh(1)) == (set(), None)
        pause(parts, paused=False)
        engine.reconcile()
        assert (alarms(engine), engine.next_refresh(1)) == ({ALARM}, TOMORROW_AT_3)


def test_an_interval_shows_its_next_time_without_drift(world: World) -> None:
    world.store["schedule"] = "every 30 minutes"
    with world.parts() as parts, engine_of(parts) as engine:
        engine.reconcile()
        world.clock.advance(45 * 60)
        assert engine.next_refresh(1) == NOW + timedelta(hours=1)
        engine.reconcile()
        assert engine.next_refresh(1) == NOW + timedelta(hours=1)


def test_a_beat_runs_the_lanes_and_the_fixed_jobs_are_there(world: World) -> None:
    with world.parts() as parts, running(parts) as engine:
        assert engine.metronome.job_ids >= FIXED
        assert until(lambda: states(parts) == [TaskState.GENERATING])
        assert engine.health().well
        with parts.db.read() as session:
            assert until(lambda: (session.scalar(select(func.count(QuotaReading.id))) or 0) > 0)


def test_a_start_tries_again_what_waited_for_other_settings(world: World) -> None:
    with world.parts() as parts:
        world.drive(parts, lanes=(RefreshLane, PlanLane))
        with parts.db.write() as session:
            account = accounts.current(session, parts.key_fingerprint, NOW)
            accounts.wait(account, "budget", "the daily budget is used up", NOW + timedelta(days=1))
            session.execute(update(GenerationTask).values(due_at=None))  # there was no public address for its photo
        with running(parts):
            assert until(lambda: states(parts) == [TaskState.GENERATING])
        with parts.db.read() as session:
            assert session.scalars(select(Account.wait_reason)).one() is None


def test_a_second_scheduler_on_the_same_folder_is_refused(world: World) -> None:
    with world.parts() as parts, running(parts):
        second = Engine(parts, with_image_api)
        with pytest.raises(SchedulerTakenError, match="another hebo-sync serve runs on"):
            second.start()
    with world.parts() as parts, running(parts) as third:
        assert third.metronome.alive


class Poison(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Kills the thread of whatever scheduler asks it for its second time."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        if previous_fire_time is not None:
            raise MemoryError("the scheduler's thread dies of this")
        return now


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_scheduler_is_told_and_replaced(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with world.parts() as parts, running(parts, Pace(dispatch=0.02, schedules=0.05, watch=0.5)) as engine:
        first = engine.metronome
        assert until(lambda: alarms(engine) == {ALARM})
        with caplog.at_level(logging.CRITICAL):
            first.at(Poison(), "poison", lambda: None)
            assert until(lambda: "has died" in engine.health().problems.get("scheduler", ""))
            assert until(lambda: engine.metronome is not first and engine.metronome.alive)
        assert engine.metronome.job_ids >= FIXED | {ALARM}
        assert until(lambda: engine.health().well)


def test_new_settings_take_over_and_the_old_client_ends_its_work(world: World) -> None:
    world.faults("submit:slow=0.5:x1")
    with world.parts() as parts, engine_of(parts) as engine:
        engine.reconcile()
        assert beat_until(engine, lambda: TaskState.SUBMITTING in states(parts))
        engine.settings_changed()
        assert engine.parts is not parts
        assert engine.parts.hebo is not parts.hebo
        assert beat_until(engine, lambda: states(parts) == [TaskState.GENERATING])
        assert beat_until(engine, lambda: not engine._retiring)
        assert world.state()["totals"]["submits_accepted"] == 1


def test_the_key_of_another_account_loses_no_answer_and_asks_for_no_foreign_task(tmp_path: Path) -> None:
    keys = {"first-key": "3", "second-key": "4"}
    with make_world(tmp_path, api_keys=keys) as world:
        world.key = "first-key"
        world.product("p1")
        world.store["schedule"] = "0 3 * * *"
        world.faults("submit:slow=0.5:x1")
        with world.parts() as parts:
            engine = Engine(parts, saved_keys("second-key", "first-key"), QUICK)
            engine.reconcile()
            assert beat_until(engine, lambda: TaskState.SUBMITTING in states(parts))
            engine.settings_changed()
            assert beat_until(engine, lambda: states(parts) == [TaskState.GENERATING] and not engine._retiring)
            world.clock.advance(120)
            for _ in range(5):
                engine.beat()
            assert world.state()["totals"]["polls"] == 0
            engine.settings_changed()
            assert beat_until(engine, lambda: states(parts) == [TaskState.DONE])
            assert engine.stop(5) == 0
        totals = world.state()["totals"]
        assert (totals["submits_accepted"], totals["polls_unknown"], totals["polls_refused"]) == (1, 0, 0)


def test_stopping_ends_in_time_and_the_answer_of_a_submit_is_not_lost(world: World) -> None:
    world.faults("submit:slow=1.2:x1")
    with world.parts() as parts, running(parts) as engine:
        assert until(lambda: TaskState.SUBMITTING in states(parts))
        began = time.monotonic()
        left = engine.stop(0.3)
        took = time.monotonic() - began
        assert left == 1
        assert took < 1.0
        assert engine.stop(5) == 0
        assert states(parts) == [TaskState.GENERATING]
        assert "scheduler" in engine.health().problems


def test_a_call_that_waits_for_its_store_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    work, waits = RefreshLane.work, threading.Event()

    def waiting(lane: RefreshLane, item: Any) -> Any:
        waits.set()
        with suppress(ConnectorError):
            lane.parts.reach.pauses.sleep(60)
        return work(lane, item)

    monkeypatch.setattr(RefreshLane, "work", waiting)
    with world.parts() as parts, running(parts) as engine:
        assert waits.wait(10)
        began = time.monotonic()
        assert engine.stop(10) == 0
        assert time.monotonic() - began < 8


def test_a_locked_database_is_told_once_and_tried_again(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_lane: RefreshLane, _limit: int) -> list[object]:
        raise OperationalError(
            "UPDATE store SET secret=?", {"secret": 1}, sqlite3.OperationalError("database is locked")
        )

    with world.parts() as parts, engine_of(parts) as engine, caplog.at_level(logging.WARNING):
        with monkeypatch.context() as patch:
            patch.setattr(RefreshLane, "claim", locked)
            engine.reconcile()
            for _ in range(3):
                engine.beat()
                assert "database is locked" in engine.health().problems["database"]
        assert beat_until(engine, lambda: "database" not in engine.health().problems)
        assert beat_until(engine, lambda: bool(states(parts)))
    told = [record.message for record in caplog.records if record.name == "plugin.scheduler.checkup"]
    assert len(told) == 2
    assert "UPDATE" not in "".join(told)


def test_a_locked_file_and_a_missing_one_are_trouble(world: World) -> None:
    with world.parts() as parts, engine_of(parts) as engine:
        file = Path(str(parts.db.engine.url.database))
        away = file.with_suffix(".away")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            parts.db.close()  # the lock is had only while nobody else has it open
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            assert "does not answer" in engine.health().problems["database"]
        file.rename(away)
        assert "is gone" in engine.health().problems["database"]
        assert not file.exists()
        away.rename(file)
        assert "database" not in engine.health().problems


def test_a_full_disk_is_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.parts() as parts, engine_of(parts) as engine:
        monkeypatch.setattr(PictureStore, "free_bytes", lambda _: 150_000_000)
        assert "Only 150 MB are free" in engine.health().problems["disk"]
        monkeypatch.undo()
        shutil.rmtree(world.folder / "data" / "pictures", ignore_errors=True)
        (world.folder / "data" / "pictures").write_text("a file where the folder should be")
        assert "cannot be used" in engine.health().problems["disk"]


def test_a_beat_never_runs_beside_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, looks = threading.Event(), threading.Event(), list[int]()

    def slow(_lane: RefreshLane, limit: int) -> list[object]:
        looks.append(limit)
        begun.set()
        go_on.wait(5)
        return []

    with world.parts() as parts, engine_of(parts) as engine:
        monkeypatch.setattr(RefreshLane, "claim", slow)
        first = threading.Thread(target=engine.beat)
        first.start()
        assert begun.wait(5)
        engine.beat()
        go_on.set()
        first.join()
        assert len(looks) == 1


def test_housekeeping_forgets_old_sign_ins_and_frees_what_the_dead_held(world: World) -> None:
    with world.parts() as parts, engine_of(parts) as engine:
        dead = parts.settings.app.data_dir / "instances" / "dead.lock"
        dead.touch()
        with parts.db.write() as session:
            session.add(Admin(id=1, name="a", password_hash="-", created_at=NOW))
            session.flush()
            for name, hours in (("old", 0), ("new", 1)):
                expires = NOW + timedelta(hours=hours)
                session.add(SignIn(admin_id=1, token_sha=name, created_at=NOW, seen_at=NOW, expires_at=expires))
            session.execute(update(Store).values(refresh_owner="dead", refresh_due_at=NOW + timedelta(minutes=30)))
        engine.start()
        assert until(lambda: sign_ins(parts) == ["new"])
        assert until(lambda: not dead.exists())  # a chore of its own
        with parts.db.read() as session:
            assert session.scalars(select(Store.refresh_owner)).one() != "dead"
