"""One frame of time for all processes of a machine, whatever becomes of the machine's clock."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin import open_parts
from plugin.clock import CountingClock, SystemClock, offset_to
from plugin.config import load_settings
from plugin.db import Database
from plugin.hebo import PollSchedule
from plugin.machine_clock import (
    DUE,
    HAPPENED,
    LITTLE,
    STALE,
    Begin,
    Column,
    Machine,
    ahead_of_database,
    decide,
    how_far,
    join,
    set_by,
    spread,
    this_machine,
)
from plugin.models import (
    Base,
    ClockAnchor,
    GenerationTask,
    Publication,
    QuotaReading,
    Store,
    UTCDateTime,
)
from plugin.states import TaskState
from tests.plugin.rows import NOW, Shop, account, image, saved
from tests.plugin.schema import migrated

HOUR = timedelta(hours=1)
VENDOR = PollSchedule()
# Times that no decision compares with the present, or that go by another clock than ours.
HISTORY = {
    "account.created_at",
    "admin.created_at",
    "clock_anchor.taken_at",
    "data_folder.met_at",
    "event.at",
    "image.created_at",
    "ledger.at",
    "lost_image.at",
    "picture.created_at",
    "picture.dropped_at",
    "product.created_at",
    "product.listed_at",  # the store's clock
    "product.updated_at",  # the store's clock
    "round.created_at",
    "settings_page.changed_at",
    "sign_in.created_at",
    "sign_in.expires_at",
    "sign_in.seen_at",
    "stop.at",
    "store.created_at",
    "store.scheduled_at",  # by the wall: see `plugin.scheduler.timetable`
    "task.created_at",
}


class HandMadeMachine:
    """A machine whose clock and boots are done by hand."""

    def __init__(self) -> None:
        self.boot: str | None = "boot-1"
        self.seconds = 1_000.0
        self.shown = NOW

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.shown += timedelta(seconds=seconds)

    def reboot(self, *, shown: datetime) -> None:
        self.boot, self.seconds, self.shown = "boot-2", 5.0, shown

    @property
    def machine(self) -> Machine:
        return Machine(self.boot, lambda: self.seconds, lambda: self.shown)

    def start(self, db: Database, *, alone: bool = True) -> SystemClock:
        """A process of ours begins: gives its clock."""
        return SystemClock(lambda: self.seconds, join(db, self.machine, VENDOR, alone=alone))


@pytest.fixture
def hand() -> HandMadeMachine:
    return HandMadeMachine()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """Where the machine's own clock is the authority."""
    (tmp_path / "test.db").write_bytes(migrated())
    with closing(Database(f"sqlite:///{tmp_path}/test.db")) as made:
        yield made


def name_of(column: Column) -> str:
    return f"{column.class_.__tablename__}.{column.key}"


def fill(session: Session) -> None:
    """A row of each kind whose every time is a minute apart from the others."""
    shop = Shop(session)
    owner, task = account(session), shop.task(session, state=TaskState.GENERATING)
    rows: list[Any] = [shop.store, shop.product, shop.round, owner, task, image(session, task)]
    listing = {"store_id": shop.store.id, "product_id": shop.product.id, "round_id": shop.round.id}
    rows.append(saved(session, Publication(**listing, placement="append", created_at=NOW)))
    rows.append(saved(session, QuotaReading(account_id=owner.id, at=NOW, source="quota", enabled=True)))
    minutes = itertools.count(1)
    for row in rows:
        for column in row.__table__.columns:
            if isinstance(column.type, UTCDateTime):
                setattr(row, column.key, NOW - timedelta(minutes=next(minutes)))


def times(db: Database) -> dict[str, datetime]:
    """Every time of every row that `fill` made."""
    found: dict[str, datetime] = {}
    with db.read() as session:
        for mapper in Base.registry.mappers:
            for row in session.scalars(select(mapper.class_)):
                for column in mapper.columns:
                    value = getattr(row, column.key)
                    if isinstance(value, datetime):
                        found[str(column)] = value
    return found


def moved(before: Mapping[str, datetime], after: Mapping[str, datetime]) -> dict[str, timedelta]:
    return {name: after[name] - moment for name, moment in before.items() if after[name] != moment}


class TestDecision:
    @given(st.integers(-10_000_000, 10_000_000), st.booleans(), st.booleans())
    def test_follows_from_what_is_known(self, shift: int, alone: bool, exact: bool) -> None:
        known, offset = timedelta(hours=4), timedelta(hours=4, milliseconds=shift)
        begin = decide(known, offset, alone=alone, exact=exact)
        assert decide(None, offset, alone=alone, exact=exact) is Begin.ANEW
        assert (begin is Begin.GO_ON) == (not alone or abs(shift) < 1000)
        assert (begin is Begin.MOVE) <= exact

    def test_every_time_of_the_tables_is_thought_of(self) -> None:
        timely = {name_of(column) for column in (*HAPPENED, *DUE, QuotaReading.at, Store.refreshed_until)}
        columns = (column for table in Base.metadata.tables.values() for column in table.columns)
        assert {str(column) for column in columns if isinstance(column.type, UTCDateTime)} == timely | HISTORY
        assert not timely & HISTORY


class TestProcesses:
    def test_all_count_by_the_first_ones_anchor(self, sqlite: Database, hand: HandMadeMachine) -> None:
        first = hand.start(sqlite)
        assert first.now() == NOW
        hand.wait(60)
        hand.shown += HOUR  # somebody sets the clock
        second = hand.start(sqlite, alone=False)
        assert second.now() == first.now() == NOW + timedelta(seconds=60)

    def test_a_clock_that_is_set_does_not_touch_running_ones(self, sqlite: Database, hand: HandMadeMachine) -> None:
        ours = hand.start(sqlite)
        assert set_by(sqlite, ours, hand.machine) == timedelta()
        hand.shown -= HOUR
        hand.wait(12.5)
        assert ours.now() == NOW + timedelta(seconds=12.5)
        assert set_by(sqlite, ours, hand.machine) == -HOUR
        hand.shown += HOUR + timedelta(milliseconds=900)  # corrected, but for a little
        assert set_by(sqlite, ours, hand.machine) == timedelta()

    def test_a_clock_without_ticks_was_never_set(self, sqlite: Database, hand: HandMadeMachine) -> None:
        class Fixed:
            def now(self) -> datetime:
                return NOW

        assert set_by(sqlite, Fixed(), hand.machine) == timedelta()

    @pytest.mark.parametrize("shift", [HOUR, -HOUR], ids=["ahead", "back"])
    def test_a_start_alone_follows_and_moves_what_waits_along(
        self, sqlite: Database, hand: HandMadeMachine, shift: timedelta, caplog: pytest.LogCaptureFixture
    ) -> None:
        hand.start(sqlite)
        with sqlite.write() as session:
            fill(session)
        before = times(sqlite)
        hand.shown += shift
        assert hand.start(sqlite).now() == NOW + shift
        expected = dict.fromkeys((name_of(column) for column in (*HAPPENED, *DUE, QuotaReading.at)), shift)
        if shift < timedelta():
            expected["store.refreshed_until"] = shift  # reading too much again is harmless, too little is not
        expected["clock_anchor.taken_at"] = shift
        assert moved(before, times(sqlite)) == expected
        assert how_far(shift) in caplog.text
        assert hand.start(sqlite).now() == NOW + shift
        assert len(caplog.records) == 1

    def test_times_keep_their_fractions(self, sqlite: Database, hand: HandMadeMachine) -> None:
        hand.start(sqlite)
        polled = [NOW - timedelta(microseconds=number) for number in (1, 999_999, 1_000_000, 500_000)]
        with sqlite.write() as session:
            shop = Shop(session)
            for moment in polled:
                shop.task(session, state=TaskState.GENERATING, polled_at=moment)
        hand.shown -= HOUR - timedelta(milliseconds=300)  # the rest is left alone
        assert hand.start(sqlite).now() == NOW - HOUR
        assert [task.polled_at for task in polls(sqlite)] == [moment - HOUR for moment in polled]

    def test_old_history_stays(self, sqlite: Database, hand: HandMadeMachine) -> None:
        hand.start(sqlite)
        long_ago = NOW - timedelta(days=30)
        with sqlite.write() as session:
            Shop(session).task(session, state=TaskState.DONE, sent_at=long_ago, ended_at=long_ago)
        hand.shown += HOUR
        hand.start(sqlite)
        assert times(sqlite)["task.sent_at"] == long_ago

    @pytest.mark.parametrize("alone", [True, False])
    def test_little_is_left_alone(self, sqlite: Database, hand: HandMadeMachine, alone: bool) -> None:
        hand.start(sqlite)
        hand.shown += LITTLE - timedelta(milliseconds=1)
        assert hand.start(sqlite, alone=alone).now() == NOW

    def test_a_machine_without_a_name_for_its_boot(self, sqlite: Database, hand: HandMadeMachine) -> None:
        hand.boot = None
        hand.start(sqlite)
        hand.wait(60)
        assert hand.start(sqlite, alone=False).now() == NOW + timedelta(minutes=1)
        hand.seconds = 3.0  # started anew
        assert hand.start(sqlite).now() == NOW + timedelta(minutes=1)
        with sqlite.read() as session:
            assert session.scalars(select(ClockAnchor.boot)).all() == ["unknown"]


def polls(db: Database) -> list[GenerationTask]:
    with db.read() as session:
        return list(session.scalars(select(GenerationTask).order_by(GenerationTask.id)))


class TestAnotherBoot:
    """How far the clock was set while the machine was down cannot be known."""

    @pytest.mark.parametrize("shift", [HOUR, timedelta(), -HOUR], ids=["ahead", "right", "back"])
    def test_every_poll_waits_for_the_longest_interval(
        self, sqlite: Database, hand: HandMadeMachine, shift: timedelta
    ) -> None:
        with sqlite.write() as session:
            shop = Shop(session)
            for number in range(40):
                sent = NOW - timedelta(seconds=number * 10)
                stamps = {"sent_at": sent, "polled_at": NOW, "due_at": NOW + timedelta(seconds=5 + number % 16)}
                shop.task(session, state=TaskState.GENERATING, remote_id=f"t{number}", **stamps)
        hand.reboot(shown=NOW + shift)
        now = hand.start(sqlite).now()
        for task in polls(sqlite):
            assert task.polled_at == now
            assert task.sent_at is not None
            assert task.due_at is not None
            last, due = ((moment - task.sent_at).total_seconds() for moment in (now, task.due_at))
            assert VENDOR.allows(last, due)
            assert task.due_at - now >= timedelta(seconds=20)
        waits = sorted((task.due_at - now).total_seconds() for task in polls(sqlite) if task.due_at)
        assert waits[0] <= 21
        assert waits[-1] - waits[0] >= 15  # spread, no burst
        assert waits[-1] <= 41 or shift == -HOUR

    def test_what_cannot_be_is_pulled_back(self, sqlite: Database, hand: HandMadeMachine) -> None:
        hand.start(sqlite)
        with sqlite.write() as session:
            fill(session)
            for row in session.scalars(select(GenerationTask)):
                row.state = TaskState.DONE
        hand.reboot(shown=NOW - timedelta(days=400))
        now = hand.start(sqlite).now()
        after = times(sqlite)
        assert {after[name_of(column)] for column in HAPPENED if column is not Store.run_at} == {now}
        assert after["store.run_at"] <= now
        assert all(now <= after[name_of(column)] <= now + longest for column, longest in DUE.items())
        assert after["store.refreshed_until"] == now
        assert after["quota_reading.at"] == now - STALE

    def test_what_can_be_stays(self, sqlite: Database, hand: HandMadeMachine) -> None:
        hand.start(sqlite)
        with sqlite.write() as session:
            fill(session)
            session.scalars(select(GenerationTask)).one().remote_id = None
        before = times(sqlite)
        hand.reboot(shown=NOW + timedelta(minutes=1))
        hand.start(sqlite)
        assert moved(before, times(sqlite)).keys() <= {"clock_anchor.taken_at"}

    @pytest.mark.parametrize("shift", [HOUR, -HOUR], ids=["ahead", "back"])
    def test_a_doubt_is_judged_by_what_comes_from_now_on(
        self, sqlite: Database, hand: HandMadeMachine, shift: timedelta
    ) -> None:
        with sqlite.write() as session:
            shop = Shop(session)
            sent = {"sent_at": NOW - timedelta(minutes=1), "baseline_at": NOW - timedelta(minutes=2), "due_at": NOW}
            for state in (TaskState.SUBMITTING, TaskState.IN_DOUBT):
                shop.task(session, state=state, baseline_used=3, **sent)
            shop.task(session, state=TaskState.IN_DOUBT, **{**sent, "due_at": None})  # a person is asked already
        hand.reboot(shown=NOW + shift)
        now = hand.start(sqlite).now()
        submitting, doubt, asked = polls(sqlite)
        assert submitting.sent_at == doubt.sent_at == now
        assert (doubt.baseline_at is None) == (shift < timedelta())
        assert asked.sent_at == min(now, NOW - timedelta(minutes=1))

    def test_what_a_store_has_spent_in_its_run_still_counts(self, sqlite: Database, hand: HandMadeMachine) -> None:
        with sqlite.write() as session:
            shop = Shop(session)
            shop.store.run_at = NOW
            shop.task(session, state=TaskState.GENERATING, remote_id="t", sent_at=NOW, due_at=NOW)
        hand.reboot(shown=NOW + timedelta(seconds=30))
        hand.start(sqlite)
        with sqlite.read() as session:
            counted = select(GenerationTask.id).join(Store).where(GenerationTask.sent_at >= Store.run_at)
            assert len(session.scalars(counted).all()) == 1


class TestAuthority:
    def test_machines_that_share_a_database_go_by_its_servers_clock(
        self, database: Database, hand: HandMadeMachine
    ) -> None:
        shared = database.engine.dialect.name == "postgresql"
        hand.shown = datetime.now(UTC) - HOUR
        assert abs(hand.start(database).now() - datetime.now(UTC) + (timedelta() if shared else HOUR)) < LITTLE
        assert abs(ahead_of_database(database, hand.machine) + (HOUR if shared else timedelta())) < LITTLE

    def test_others_may_go_on_so_that_nothing_is_moved(self, database: Database, hand: HandMadeMachine) -> None:
        if database.engine.dialect.name != "postgresql":
            assert decide(timedelta(), HOUR, alone=True, exact=True) is Begin.MOVE
            return
        now = datetime.now(UTC)
        with database.write() as session:
            stamps = {"sent_at": now - HOUR, "polled_at": now, "due_at": now + timedelta(seconds=20)}
            Shop(session).task(session, state=TaskState.GENERATING, remote_id="t", **stamps)
            anchor = offset_to(now + HOUR, hand.seconds) // timedelta(microseconds=1)
            session.add(ClockAnchor(boot="boot-1", offset_us=anchor, taken_at=now))
        assert abs(hand.start(database).now() - datetime.now(UTC)) < LITTLE
        [task] = polls(database)
        assert task.sent_at == now - HOUR
        assert task.due_at is not None
        assert task.due_at >= now + timedelta(seconds=20)

    def test_a_machine_that_joins_does_not_hold_up_the_others(self, database: Database, hand: HandMadeMachine) -> None:
        now = datetime.now(UTC)
        due = now + timedelta(seconds=20)
        with database.write() as session:
            stamps = {"sent_at": now - HOUR, "polled_at": now, "due_at": due}
            Shop(session).task(session, state=TaskState.GENERATING, remote_id="t", **stamps)
        hand.shown = now
        hand.start(database)
        [task] = polls(database)
        assert (task.due_at == due) == (database.engine.dialect.name == "postgresql")


class TestBoot:
    def test_has_a_name_here(self) -> None:
        assert this_machine().boot == this_machine().boot
        assert abs(offset_to(this_machine().wall(), this_machine().ticks()) - SystemClock().offset) < LITTLE

    def test_a_container_with_a_clock_of_its_own_has_a_frame_of_its_own(self, tmp_path: Path) -> None:
        assert this_machine(tmp_path).boot is None
        (tmp_path / "sys/kernel/random").mkdir(parents=True)
        (tmp_path / "sys/kernel/random/boot_id").write_text("abc\n")
        assert this_machine(tmp_path).boot == "abc"
        (tmp_path / "self").mkdir()
        offsets = tmp_path / "self/timens_offsets"
        offsets.write_text("monotonic           0         0\nboottime            0         0\n")
        assert this_machine(tmp_path).boot == "abc"
        offsets.write_text("monotonic          60         0\nboottime           60         5\n")
        assert this_machine(tmp_path).boot == "abc+60.5"

    @given(st.integers(0, 50))
    def test_times_are_spread_evenly(self, count: int) -> None:
        found = spread(NOW, count, timedelta(minutes=1))
        assert len(found) == count
        assert found == sorted(found)
        assert not found or (found[0] == NOW and found[-1] < NOW + timedelta(minutes=1))


# A process with a machine's clock that is set by so many seconds; its time is told until its standard input ends.
CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
from plugin import clock, machine_clock
from plugin.db import Database
from plugin.hebo import PollSchedule
from plugin.instances import Instance
real, shift = clock.wall, timedelta(seconds=float(sys.argv[3]))
clock.wall = lambda: real() + shift
db, instance = Database(sys.argv[1]), Instance(Path(sys.argv[2]))
with instance.looking() as alone:
    offset = machine_clock.join(db, machine_clock.this_machine(), PollSchedule(), alone=alone)
ours = clock.SystemClock(offset=offset)
print((ours.now() - real()).total_seconds(), alone, flush=True)
sys.stdin.read()
print((ours.now() - real()).total_seconds(), flush=True)
instance.close()
db.close()
"""


@contextmanager
def process(db: Database, folder: Path, shift: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CHILD, str(db.engine.url), str(folder), str(shift)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        try:
            yield child
        finally:
            child.kill()


def line(child: subprocess.Popen[str]) -> list[str]:
    assert child.stdout is not None
    return child.stdout.readline().split()


def test_real_processes_agree_although_the_clock_is_set_between_their_starts(sqlite: Database, tmp_path: Path) -> None:
    with process(sqlite, tmp_path, 0) as first:
        assert float(line(first)[0]) == pytest.approx(0, abs=0.5)
        with process(sqlite, tmp_path, 3600) as second:  # the clock was set an hour ahead meanwhile
            ahead, alone = line(second)
            assert alone == "False"
            assert float(ahead) == pytest.approx(0, abs=0.5)
        told, _ = first.communicate()
        assert float(told) == pytest.approx(0, abs=0.5)
    with process(sqlite, tmp_path, 3600) as third:
        ahead, alone = line(third)
        assert alone == "True"
        assert float(ahead) == pytest.approx(3600, abs=0.5)


def test_the_programs_parts_count_by_the_anchor(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[app]\ndata_dir = "data"\n', encoding="utf-8")
    settings = load_settings(tmp_path / "c.toml", {})
    with open_parts(settings) as first, open_parts(settings) as second:
        assert isinstance(first.clock, CountingClock)
        assert isinstance(second.clock, CountingClock)
        assert first.clock.offset == second.clock.offset
        with first.db.read() as session:
            anchor = session.scalars(select(ClockAnchor)).one()
        assert timedelta(microseconds=anchor.offset_us) == first.clock.offset
        assert abs(first.clock.now() - datetime.now(UTC)) < LITTLE
        with first.db.write() as session:  # as if the clock had been set an hour ahead since the anchor was taken
            session.get_one(ClockAnchor, anchor.boot).offset_us -= 3_600_000_000
        with open_parts(settings) as third:  # not alone
            assert abs(third.clock.now() - datetime.now(UTC) + HOUR) < LITTLE
    with open_parts(settings) as alone:
        assert abs(alone.clock.now() - datetime.now(UTC)) < LITTLE
