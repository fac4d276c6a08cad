"""One frame of time for all processes of a machine, from one boot to the next.

Stored times are compared by many processes: when a task was polled, when a lease ends. So all of them count from one
anchor, a row of the database: UTC = the clock that counts since the boot + an offset. The first process of a boot
takes the offset from the machine's clock (with PostgreSQL: from the database server's, which several machines
share), the others from the row. Intervals are true then, however the machine's clock is set meanwhile.

A clock that was set is followed at a start at which no other process of ours is alive on this machine. Within one
boot it is known exactly by how much it was set, and the stored times are moved along. After a reboot (or with
PostgreSQL, where others may go on by the old time) it is not: times that cannot be are pulled back, and whatever
must not come too early waits once more for as long as it ever has to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from sqlalchemy import String, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from plugin import clock
from plugin.clock import EPOCH, Clock, CountingClock, offset_to
from plugin.db import Database
from plugin.hebo import PollSchedule
from plugin.models import (
    Account,
    ClockAnchor,
    GeneratedImage,
    GenerationTask,
    Product,
    Publication,
    QuotaReading,
    Round,
    Store,
)
from plugin.states import TaskState

log = logging.getLogger(__name__)
LITTLE = timedelta(seconds=1)  # so small a difference is left alone
RECENT = timedelta(days=2)  # older times are history: nothing compares them with others any more
STALE = timedelta(minutes=5)  # a reading of the quota as old as this is never decided by
SPREAD = timedelta(minutes=1)  # over which work that was pulled back comes due
UNKNOWN_BOOT = "unknown"
LENGTH_TO_SECONDS = len("2026-11-22 09:00:00")  # of a time as SQLite keeps it
ASKED = 3  # looks at the database server's clock, of which the quickest counts

Column = InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
# Times of what has happened, which decisions compare with the present or with one another.
HAPPENED: tuple[Column, ...] = (
    Account.outage_since,
    Store.swept_at,
    Store.run_at,
    Product.seen_at,
    Round.decided_at,
    GenerationTask.sent_at,
    GenerationTask.answered_at,
    GenerationTask.polled_at,
    GenerationTask.baseline_at,
    GenerationTask.doubt_at,
    GenerationTask.ended_at,
    GeneratedImage.decided_at,
    Publication.created_at,
    Publication.published_at,
    Publication.withdrawn_at,
)
# Times to come, and how far ahead each may lie: leases and pauses, but for the rare long ones, which are only tries
# that are made sooner. A budget may wait for the next month.
DUE: Mapping[Column, timedelta] = {
    Account.lane_until: timedelta(minutes=10),
    Account.wait_until: timedelta(days=32),
    Account.outage_probe_at: timedelta(minutes=10),
    Store.refresh_due_at: timedelta(hours=1),
    Store.write_until: timedelta(minutes=10),
    Product.due_at: timedelta(minutes=10),
    Round.publish_due_at: timedelta(minutes=10),
    GenerationTask.due_at: timedelta(minutes=10),
    GeneratedImage.due_at: timedelta(minutes=15),
    Publication.due_at: timedelta(minutes=30),
}
POLLED = (TaskState.GENERATING, TaskState.STALLED, TaskState.DONE, TaskState.FAILED)
UNANSWERED = (TaskState.SUBMITTING, TaskState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Machine:
    """boot: names the time from this boot to the next; None: the system has no name for it. ticks: seconds since
    then, wall: what the machine's clock shows."""

    boot: str | None
    ticks: Callable[[], float]
    wall: Callable[[], datetime]


class Begin(Enum):
    """How a process begins: in the frame that is there, in one whose shift is known exactly, or in an unrelated one."""

    GO_ON = "go on"
    MOVE = "move"
    ANEW = "anew"


def this_machine(proc: Path = Path("/proc")) -> Machine:
    """The machine that this process runs on. proc: where Linux tells about it."""
    return Machine(_boot(proc), clock.ticks, clock.wall)


def join(db: Database, machine: Machine, schedule: PollSchedule, *, alone: bool) -> timedelta:
    """Gives the offset that all processes of this machine count by (see `clock.SystemClock`).

    alone: no other process of ours is alive on this machine, and none begins until this returns.
    """
    offset, exact = shown(db, machine), machine.boot is not None and not is_shared(db)
    with db.read() as session:
        known = _known(session, machine)
    if known is not None and decide(known, offset, alone=alone, exact=exact) is Begin.GO_ON:
        return known
    with db.write() as session:
        known = _known(session, machine)  # another one may have made it meanwhile
        begin = decide(known, offset, alone=alone, exact=exact)
        if known is not None and begin is Begin.GO_ON:
            return known
        if known is not None and begin is Begin.MOVE:
            offset = known + timedelta(seconds=round((offset - known).total_seconds()))
            move(session, offset - known, _at(machine, offset))
        else:
            pull_back(session, _at(machine, offset), schedule, hold_polls=known is not None or not is_shared(db))
        _anchor(session, machine, offset)
    if known is not None:
        _tell(offset - known, _at(machine, offset))
    return offset


def decide(known: timedelta | None, offset: timedelta, *, alone: bool, exact: bool) -> Begin:
    """known: what the processes of this boot count by; None: this is the first one. offset: by the clock as it stands.

    exact: the difference between them is how far the clock was set, no more and no less.
    """
    if known is None:
        return Begin.ANEW
    if abs(offset - known) < LITTLE or not alone:
        return Begin.GO_ON
    return Begin.MOVE if exact else Begin.ANEW


def shown(db: Database, machine: Machine) -> timedelta:
    """The offset by the clock that is the authority, as it stands now: the database server's, or this machine's.

    Raises SQLAlchemyError.
    """
    if not is_shared(db):
        return offset_to(machine.wall(), machine.ticks())
    _, offset = min(_ask(db, machine) for _ in range(ASKED))
    return offset


def set_by(db: Database, ours: Clock, machine: Machine) -> timedelta:
    """How far that clock was set since the processes of this boot count: ahead, or (negative) back; zero: it was not.

    Raises SQLAlchemyError.
    """
    if not isinstance(ours, CountingClock):
        return timedelta()
    difference = shown(db, machine) - ours.offset
    return difference if abs(difference) >= LITTLE else timedelta()


def ahead_of_database(db: Database, machine: Machine) -> timedelta:
    """How far this machine's clock is ahead of (negative: behind) the database server's; zero: they are one.

    Raises SQLAlchemyError.
    """
    return offset_to(machine.wall(), machine.ticks()) - shown(db, machine)


def how_far(difference: timedelta) -> str:
    """In words: "3,600 s ahead" or "3,600 s back"."""
    return f"{abs(difference).total_seconds():,.0f} s {'ahead' if difference > timedelta() else 'back'}"


def move(session: Session, shift: timedelta, now: datetime) -> None:
    """Move the stored times that work depends on. shift: whole seconds. now: by the clock as it was set. SQLite only.

    What a store has told up to some time is only moved back: reading too much again is harmless.
    """
    columns = [*HAPPENED, *DUE, QuotaReading.at]
    if shift < timedelta():
        columns.append(Store.refreshed_until)
    by = f"{shift // timedelta(seconds=1):+d} seconds"
    for column in columns:
        seconds = func.substr(column, 1, LENGTH_TO_SECONDS, type_=String)  # the fraction behind them stays as it is
        moved = func.datetime(seconds, by, type_=String).concat(
            func.substr(column, LENGTH_TO_SECONDS + 1, type_=String)
        )
        recent = update(column.class_).where(column >= now - shift - RECENT)
        session.execute(recent.values({column.key: moved}).execution_options(synchronize_session=False))


def pull_back(session: Session, now: datetime, schedule: PollSchedule, *, hold_polls: bool) -> None:
    """What was stored under a clock that has nothing to do with this one: times that cannot be become ones that can.

    hold_polls: how long ago anything was is not known at all, so that every poll waits for the longest interval.
    """
    for column in HAPPENED:
        session.execute(update(column.class_).where(column > now + LITTLE).values({column.key: now}))
    for column, longest in DUE.items():
        late = session.scalars(select(column.class_.id).where(column > now + longest).order_by(column)).all()
        _set(session, column, list(zip(late, spread(now, len(late), SPREAD), strict=True)))
    session.execute(update(Store).where(Store.refreshed_until > now).values(refreshed_until=now))
    session.execute(update(QuotaReading).where(QuotaReading.at > now - STALE).values(at=now - STALE))
    _begin_doubts_anew(session, now)
    if hold_polls:
        _hold_polls(session, now, schedule)


def spread(start: datetime, count: int, over: timedelta) -> list[datetime]:
    """So many times at equal distances, the first at `start`."""
    return [start + over * (number / count) for number in range(count)]


def _begin_doubts_anew(session: Session, now: datetime) -> None:
    """A doubt is settled by how long ago it was sent, and by readings since: both count from now on. Whether the
    service's day turned since the reading before it can then not be told."""
    doubt = GenerationTask.state.in_(UNANSWERED) & GenerationTask.due_at.is_not(None)
    session.execute(update(GenerationTask).where(doubt, GenerationTask.sent_at.is_not(None)).values(sent_at=now))
    waits = (GenerationTask.state == TaskState.IN_DOUBT) & (GenerationTask.due_at > now)
    session.execute(update(GenerationTask).where(waits).values(due_at=now))
    unsure = doubt & (GenerationTask.baseline_at >= now)
    session.execute(update(GenerationTask).where(unsure).values(baseline_at=None))


def _hold_polls(session: Session, now: datetime, schedule: PollSchedule) -> None:
    """As if each task had just been polled and was old: the longest interval is legal at any age (vendor document
    §6). The polls are spread over one more of them."""
    age = timedelta(seconds=max((until for until, _ in schedule.bands[:-1]), default=0.0) + schedule.margin)
    longest = timedelta(seconds=max(interval for _, interval in schedule.bands) + schedule.margin)
    polled = (
        GenerationTask.state.in_(POLLED) & GenerationTask.remote_id.is_not(None) & GenerationTask.due_at.is_not(None)
    )
    rows = session.execute(select(GenerationTask.id, GenerationTask.due_at).where(polled).order_by("due_at")).all()
    held = spread(now + longest, len(rows), longest)
    due = [(row.id, max(soonest, row.due_at)) for row, soonest in zip(rows, held, strict=True)]
    session.execute(update(GenerationTask).where(polled).values(polled_at=now))
    session.execute(update(GenerationTask).where(polled, GenerationTask.sent_at > now - age).values(sent_at=now - age))
    session.execute(
        update(Store).where(Store.run_at > now - age).values(run_at=now - age)
    )  # what it spent still counts
    _set(session, GenerationTask.due_at, due)


def _set(session: Session, column: Column, values: Sequence[tuple[int, datetime]]) -> None:
    if values:
        session.execute(update(column.class_), [{"id": row_id, column.key: moment} for row_id, moment in values])


def _known(session: Session, machine: Machine) -> timedelta | None:
    row = session.get(ClockAnchor, _key(machine))
    return None if row is None else timedelta(microseconds=row.offset_us)


def _anchor(session: Session, machine: Machine, offset: timedelta) -> None:
    microseconds = offset // timedelta(microseconds=1)
    session.merge(ClockAnchor(boot=_key(machine), offset_us=microseconds, taken_at=_at(machine, offset)))


def _at(machine: Machine, offset: timedelta) -> datetime:
    """Now, by that offset."""
    return EPOCH + offset + timedelta(seconds=machine.ticks())


def _key(machine: Machine) -> str:
    return machine.boot or UNKNOWN_BOOT


def is_shared(db: Database) -> bool:
    """Whether several machines may work on it."""
    return db.engine.dialect.name != "sqlite"


def _ask(db: Database, machine: Machine) -> tuple[float, timedelta]:
    """The seconds that the question took, and the offset that follows from the answer."""
    with db.read() as session:
        session.connection()  # without the time that connecting takes
        before = machine.ticks()
        there = session.execute(select(func.clock_timestamp())).scalar_one()
        after = machine.ticks()
    return after - before, offset_to(there, (before + after) / 2)


def _tell(shift: timedelta, now: datetime) -> None:
    log.warning(
        "the clock was set %s since hebo-sync was started last; from now on (%s UTC) it goes by the new time. What "
        "waits was moved along, nothing is lost",
        how_far(shift),
        now.strftime("%Y-%m-%d %H:%M:%S"),
    )


def _boot(proc: Path) -> str | None:
    """Linux's name of this boot; in a container with a clock of its own, with that clock's distance."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    try:
        lines = (proc / "self/timens_offsets").read_text(encoding="ascii").splitlines()
    except OSError:
        return boot
    distance = next((line.split()[1:] for line in lines if line.startswith("boottime")), ["0", "0"])
    return boot if distance == ["0", "0"] else f"{boot}+{'.'.join(distance)}"
