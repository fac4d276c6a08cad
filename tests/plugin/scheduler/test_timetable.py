"""When stores are read: decisions on a hand-moved clock, noted in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from plugin.db import Database
from plugin.models import Product, Store
from plugin.pipeline.parts import Parts
from plugin.scheduler import timetable
from plugin.scheduler.checkup import database_problem
from plugin.scheduler.timetable import Move, Row, decide
from plugin.scheduler.trigger import Line, ScheduleTrigger
from plugin.schedules import EPOCH, parse
from tests.plugin.pipeline.world import World, approve_everything
from tests.plugin.pipeline.world import world as make_world

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)  # where the world's clock starts
TODAY_AT_3 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TOMORROW_AT_3 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path) as made:
        made.store["schedule"] = "0 3 * * *"
        made.product("p1")
        yield made


def line(text: str, anchor: datetime = EPOCH) -> Line:
    schedule = parse(text)
    return Line(schedule, ZoneInfo("UTC"), schedule.row(anchor))


def store_of(parts: Parts) -> Store:
    with parts.db.read() as session:
        return session.scalars(select(Store)).one()


def products(parts: Parts) -> list[str]:
    with parts.db.read() as session:
        return list(session.scalars(select(Product.external_id).order_by(Product.external_id)))


def note(parts: Parts, **values: object) -> None:
    with parts.db.write() as session:
        row = session.scalars(select(Store)).one()
        for name, value in values.items():
            setattr(row, name, value)


def read_before(parts: Parts, *, scheduled_at: datetime | None) -> None:
    """The store was read, and its times were seen to up to then."""
    note(parts, refreshed_until=NOW, refresh_due_at=None, refresh_owner=None, scheduled_at=scheduled_at)


@pytest.mark.parametrize(
    ("row", "move"),
    [
        pytest.param(Row(None, NOW), Move(seen_to=NOW), id="first sight"),
        pytest.param(Row(TODAY_AT_3, NOW), Move(), id="nothing due"),
        pytest.param(
            Row(TODAY_AT_3 - timedelta(seconds=1), NOW),
            Move(NOW, refresh=True, unless_seen=TODAY_AT_3),
            id="missed once",
        ),
        pytest.param(
            Row(TODAY_AT_3 - timedelta(days=9), NOW),
            Move(NOW, refresh=True, unless_seen=TODAY_AT_3 - timedelta(days=8)),
            id="missed nine times",
        ),
        pytest.param(Row(NOW + timedelta(days=400), NOW), Move(seen_to=NOW), id="noted under a wrong clock"),
    ],
)
def test_what_is_to_be_done_follows_from_the_row(row: Row, move: Move) -> None:
    assert decide(line("0 3 * * *"), row, NOW, anew=False, starting=False) == move


def test_a_changed_schedule_counts_from_now_on() -> None:
    row = Row(TODAY_AT_3 - timedelta(days=9), NOW)
    assert decide(line("0 4 * * *"), row, NOW, anew=True, starting=False) == Move(seen_to=NOW)


def test_a_store_that_was_never_read_is_read_when_the_program_starts() -> None:
    for scheduled_at in (None, TODAY_AT_3):
        assert decide(line("0 3 * * *"), Row(scheduled_at, None), NOW, anew=False, starting=True).refresh
        assert not decide(line("0 3 * * *"), Row(scheduled_at, None), NOW, anew=False, starting=False).refresh


def test_an_alarm_a_little_early_is_the_time_itself() -> None:
    early = TOMORROW_AT_3 - timedelta(milliseconds=5)
    move = decide(line("0 3 * * *"), Row(TODAY_AT_3, NOW), early, anew=False, starting=False)
    assert move == Move(TOMORROW_AT_3, refresh=True, unless_seen=TOMORROW_AT_3)


def test_the_trigger_gives_the_next_time_however_many_were_missed() -> None:
    trigger = ScheduleTrigger(line("0 3 * * *"))
    assert trigger.get_next_fire_time(None, NOW) == TOMORROW_AT_3
    assert trigger.get_next_fire_time(TODAY_AT_3 - timedelta(days=9), NOW) == TOMORROW_AT_3
    assert trigger.get_next_fire_time(TOMORROW_AT_3, NOW) == TOMORROW_AT_3 + timedelta(days=1)


def test_a_late_interval_does_not_drift() -> None:
    since = NOW - timedelta(minutes=95)
    move = decide(line("every 30 minutes", since), Row(since, NOW), NOW, anew=False, starting=False)
    assert move.seen_to == NOW - timedelta(minutes=5)
    assert move.unless_seen == since + timedelta(minutes=30)


def test_the_first_look_reads_what_was_never_read(world: World) -> None:
    with world.parts() as parts:
        lines, due = timetable.reconcile(parts, None)
        row = store_of(parts)
        assert due
        assert (row.refresh_due_at, row.scheduled_at) == (NOW, NOW)
        assert [found.next_after(NOW) for found in lines.values()] == [TOMORROW_AT_3]


def test_a_time_that_was_missed_is_made_up_for_once(world: World) -> None:
    with world.parts() as parts:
        read_before(parts, scheduled_at=NOW - timedelta(days=3))
        lines, due = timetable.reconcile(parts, None)
        assert due
        read_before(parts, scheduled_at=store_of(parts).scheduled_at)
        assert timetable.reconcile(parts, lines) == (lines, False)
        assert timetable.reconcile(parts, None) == (lines, False)


def test_two_machines_fire_once(world: World) -> None:
    with world.parts() as ours, world.parts() as theirs:
        read_before(ours, scheduled_at=TODAY_AT_3)
        world.clock.advance_to(TOMORROW_AT_3)
        store_id = store_of(ours).id
        assert timetable.fire(ours, store_id, line("0 3 * * *"))
        note(ours, refresh_due_at=None)  # it is read already, when the other machine comes
        assert not timetable.fire(theirs, store_id, line("0 3 * * *"))
        assert store_of(ours).refresh_due_at is None


def test_whoever_looked_before_the_other_had_fired_does_not_fire_too(world: World) -> None:
    with world.parts() as parts:
        read_before(parts, scheduled_at=TODAY_AT_3)
        row = store_of(parts)
        world.clock.advance_to(TOMORROW_AT_3)
        late = world.clock.now() + timedelta(seconds=2)
        decided = decide(line("0 3 * * *"), Row(row.scheduled_at, NOW), late, anew=False, starting=False)
        assert decided.refresh
        timetable.fire(parts, row.id, line("0 3 * * *"))
        note(parts, refresh_due_at=None)
        assert not timetable.make(parts, {row.id: decided}, late)
        assert store_of(parts).scheduled_at == TOMORROW_AT_3


def test_a_store_that_is_being_read_is_not_read_twice_at_once(world: World) -> None:
    with world.parts() as parts:
        read_before(parts, scheduled_at=TODAY_AT_3)
        lease = TOMORROW_AT_3 + timedelta(minutes=30)
        note(parts, refresh_owner="somebody", refresh_due_at=lease)
        world.clock.advance_to(TOMORROW_AT_3)
        assert not timetable.fire(parts, store_of(parts).id, line("0 3 * * *"))
        row = store_of(parts)
        assert (row.refresh_owner, row.refresh_due_at) == ("somebody", lease)
        assert row.scheduled_at == TOMORROW_AT_3


def test_a_refresh_that_waits_after_a_failure_comes_at_the_scheduled_time(world: World) -> None:
    with world.parts() as parts:
        read_before(parts, scheduled_at=TODAY_AT_3)
        note(parts, refresh_due_at=TOMORROW_AT_3 + timedelta(minutes=4), problem="the feed is missing")
        world.clock.advance_to(TOMORROW_AT_3)
        assert timetable.fire(parts, store_of(parts).id, line("0 3 * * *"))
        assert store_of(parts).refresh_due_at == TOMORROW_AT_3


def test_a_paused_store_has_no_times_and_does_not_fire(world: World) -> None:
    with world.parts() as parts:
        read_before(parts, scheduled_at=TODAY_AT_3 - timedelta(days=2))
        note(parts, paused=True)
        assert timetable.reconcile(parts, None) == ({}, False)
        assert not timetable.fire(parts, store_of(parts).id, line("0 3 * * *"))
        note(parts, paused=False)
        lines, due = timetable.reconcile(parts, {})
        assert list(lines) == [store_of(parts).id]
        assert not due  # from now on: nobody wanted the times of the pause
        assert store_of(parts).scheduled_at == NOW


def test_a_store_without_a_schedule_is_left_alone(world: World) -> None:
    world.store["schedule"] = ""
    with world.parts() as parts:
        assert timetable.reconcile(parts, None) == ({}, False)
        assert store_of(parts).scheduled_at is None


def test_the_store_s_own_time_zone_counts(world: World) -> None:
    world.store["timezone"] = "Asia/Shanghai"
    with world.parts() as parts:
        lines, _ = timetable.reconcile(parts, None)
        assert [found.next_after(NOW) for found in lines.values()] == [datetime(2026, 11, 22, 19, 0, tzinfo=UTC)]


def test_a_scheduled_refresh_finds_a_new_product_and_makes_its_pictures(world: World) -> None:
    with world.parts() as parts:
        lines, _ = timetable.reconcile(parts, None)
        world.drive(parts)
        world.product("p2")
        world.drive(parts)
        assert products(parts) == ["p1"]
        world.clock.advance_to(TOMORROW_AT_3)
        ((store_id, found),) = lines.items()
        assert timetable.fire(parts, store_id, found)
        world.drive(parts)
        assert products(parts) == ["p1", "p2"]
        approve_everything(parts)  # a person, since the pictures of this service are too small for the rule
        world.drive(parts)
    assert len(world.published("p2")) == 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_machines_on_one_postgresql_fire_once(world: World, database: Database) -> None:
    world.database_url = database.engine.url.render_as_string(hide_password=False)
    with world.parts() as ours, world.parts() as theirs:
        read_before(ours, scheduled_at=TODAY_AT_3)
        world.clock.advance_to(TOMORROW_AT_3)
        store_id = store_of(ours).id
        with ThreadPoolExecutor(2) as pool:
            fired = pool.map(lambda parts: timetable.fire(parts, store_id, line("0 3 * * *")), (ours, theirs))
            assert sorted(fired) == [False, True]
        assert store_of(theirs).refresh_due_at == TOMORROW_AT_3
        assert database_problem(theirs.db) is None
