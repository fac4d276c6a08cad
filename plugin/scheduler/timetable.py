"""Which stores are read when: decided purely from a store's row, its schedule and the time, then noted in the row.

`Store.scheduled_at` says up to where a store's times have been seen to. It moves on in the same transaction that
makes the refresh due, and only if nobody else moved it meanwhile: a kill loses no time, and two machines on one
database fire once. Times that were missed (the program was down) are made up for by one refresh at once. A schedule
that is new or was changed while the program runs counts from then on; one that was changed in the configuration
file while the program was down counts from where the last one had got to.

Where the machine's clock was set while the program was down: times of a cron line go by the clock on the wall. Those
that were seen to are not seen to again when it shows them once more, and those that it left out are one. An interval
is elapsed time: it begins anew where its last time is still to come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from plugin.config import StoreSettings
from plugin.models import Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.scheduler.trigger import Line
from plugin.schedules import EPOCH, Interval, parse

Lines = Mapping[int, Line]
# The alarm goes off by the machine's clock and is judged by the program's (`plugin.clock`), which may differ a little.
EARLY = timedelta(seconds=1)
# A note from further ahead was made under a wrong clock. Clocks are set back by an hour for the wrong time zone, or by
# a winter time that is set by hand.
AHEAD = timedelta(hours=1, minutes=5)


@dataclass(frozen=True, slots=True)
class Row:
    """What a store's row says of its refreshes."""

    scheduled_at: datetime | None
    refreshed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Move:
    """What follows: scheduled_at becomes `seen_to`; refresh: the store is to be read now.

    unless_seen: the time being served; nothing happens where somebody has seen to it already. None: no such time.
    """

    seen_to: datetime | None = None
    refresh: bool = False
    unless_seen: datetime | None = None


def reconcile(parts: Parts, known: Lines | None) -> tuple[dict[int, Line], bool]:
    """Look at all stores, and see to what is due. Gives the lines as they are now, and whether any refresh became due.

    known: the lines of the last look; None: the program has just started.
    """
    now = parts.clock.now()
    with parts.db.read() as session:
        found = _scheduled(parts, session)
    lines: dict[int, Line] = {}
    moves: dict[int, Move] = {}
    for store_id, (config, row) in found.items():
        line = line_of(parts, config, row.scheduled_at)
        anew = known is not None and not _same(known.get(store_id), line)
        move = decide(line, row, now, anew=anew, starting=known is None)
        seen_to = row.scheduled_at if move.seen_to is None else move.seen_to
        moves[store_id], lines[store_id] = move, line_of(parts, config, seen_to)
    return lines, make(parts, {store_id: move for store_id, move in moves.items() if move != Move()}, now)


def fire(parts: Parts, store_id: int, line: Line) -> bool:
    """An alarm of a store went off: see to it if it is due. Gives whether its refresh became due."""
    now = parts.clock.now()
    with parts.db.read() as session:
        store = session.get(Store, store_id)
    if store is None or store.paused:
        return False
    move = decide(line, Row(store.scheduled_at, store.refreshed_until), now, anew=False, starting=False)
    return move != Move() and make(parts, {store_id: move}, now)


def decide(line: Line, row: Row, now: datetime, *, anew: bool, starting: bool) -> Move:
    """What is to be done about one store. anew: its schedule counts from now on. starting: the program just started."""
    unread = starting and row.refreshed_until is None
    seen = row.scheduled_at
    ahead = EARLY if isinstance(line.schedule, Interval) else AHEAD
    if anew or seen is None or seen > now + ahead:
        return Move(seen_to=now, refresh=unread)
    first = line.next_after(seen)
    if first > now + EARLY:
        return Move(refresh=unread)
    return Move(seen_to=line.schedule.seen_to(max(now, first), seen), refresh=True, unless_seen=first)


def line_of(parts: Parts, config: StoreSettings, scheduled_at: datetime | None) -> Line:
    """The line of a store with a schedule, in its own time zone or the app's."""
    schedule = parse(config.schedule)
    zone = ZoneInfo(config.timezone or parts.settings.app.timezone)
    return Line(schedule, zone, schedule.row(EPOCH if scheduled_at is None else scheduled_at))


def _same(known: Line | None, line: Line) -> bool:
    return known is not None and (known.schedule, known.zone) == (line.schedule, line.zone)


def _scheduled(parts: Parts, session: Session) -> dict[int, tuple[StoreSettings, Row]]:
    """The stores that are set up, not paused, and have a schedule."""
    wanted = {store_id: config for store_id, config in stores.configured(parts, session).items() if config.schedule}
    rows = session.scalars(select(Store).where(Store.id.in_(wanted)))
    return {row.id: (wanted[row.id], Row(row.scheduled_at, row.refreshed_until)) for row in rows}


def make(parts: Parts, moves: Mapping[int, Move], now: datetime) -> bool:
    """Commit the moves; gives whether any refresh became due."""
    if not moves:
        return False
    with parts.db.write() as session:
        due = [_move(session, store_id, move, now) for store_id, move in moves.items()]
    return any(due)


def _move(session: Session, store_id: int, move: Move, now: datetime) -> bool:
    if move.seen_to is not None:
        note = update(Store).where(Store.id == store_id).values(scheduled_at=move.seen_to)
        if move.unless_seen is not None:
            note = note.where(or_(Store.scheduled_at.is_(None), Store.scheduled_at < move.unless_seen))
        if session.scalar(note.returning(Store.id)) is None:
            return False
    return move.refresh and _make_due(session, store_id, now)


def _make_due(session: Session, store_id: int, now: datetime) -> bool:
    """Have the store read now; False: it is being read, or due already."""
    free = or_(Store.refresh_due_at.is_(None), Store.refresh_owner.is_(None) & (Store.refresh_due_at > now))
    due = update(Store).where(Store.id == store_id, free).values(refresh_due_at=now, refresh_owner=None)
    return session.scalar(due.returning(Store.id)) is not None
