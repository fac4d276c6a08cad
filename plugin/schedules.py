"""When a store is looked at by itself: a cron line or an interval as text, and the times that follow from it.

A cron line has five fields (minute, hour, day of month, month, day of week) and is read in the store's time zone.
Where the clocks change it keeps the rule of Debian's cron (cron(8), "Daylight Saving Time and other time changes"):

- Fixed times (neither the minute nor the hour begins with a star: `30 2 * * *`) run once a day for each time: one
  that falls into the hour that is left out runs right after it, one in the hour that comes twice runs the first time.
- Running times (`*/15 * * * *`, `0 * * * *`) follow the clock on the wall: nothing in the hour that is left out, and
  everything twice in the hour that comes twice.

The library cronsim reads the line and walks over wall times without a zone. The zone is added here: asked with a
zone, cronsim 2.8 gives times that are over already (from within the hour that comes twice) and leaves out times where
the clocks change by half an hour (Australia/Lord_Howe).

An interval (`every 6 hours`) is elapsed time, whatever the clocks do: an hour or a day of a changing clock counts 60
minutes or 24 hours. It is counted from an anchor, the last time that was served, so that a late start moves nothing.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LONGEST = timedelta(days=366)
UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": DAY}
FIELDS = ("minute", "hour", "day of month", "month", "day of week")
ALLOWED = ("0 to 59", "0 to 23", "1 to 31 (or L)", "1 to 12 (or JAN to DEC)", "0 to 7 (or SUN to SAT)")
EXAMPLES = "write five fields like '0 3 * * *' (every night at 3), or an interval like 'every 6 hours'"
_INTERVAL = re.compile(r"every(?: (?P<count>[0-9]{1,9}))? (?P<unit>minute|hour|day)s?")


class ScheduleError(ValueError):
    """The text is no schedule. The message says what to write instead, and never repeats what was given.

    code: what is wrong, for messages in other languages: "empty", "fields", "seconds", "field", "never", "interval",
    "short" or "long". field: which of FIELDS, where code is "field".
    """

    def __init__(self, code: str, message: str, field: str = ""):
        super().__init__(message)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Schedule(ABC):
    """text: as it was given, without needless spaces."""

    text: str

    @abstractmethod
    def next_after(self, moment: datetime, zone: ZoneInfo, anchor: datetime = EPOCH) -> datetime:
        """The first time strictly after `moment`; all are aware UTC. anchor: any time of an interval's row."""

    @abstractmethod
    def seen_to(self, moment: datetime, anchor: datetime) -> datetime:
        """Where the next time counts from, once everything up to `moment` is served: an interval keeps its row."""

    @abstractmethod
    def row(self, anchor: datetime) -> datetime:
        """The same for all anchors that give the same times."""


@dataclass(frozen=True, slots=True)
class Interval(Schedule):
    """Elapsed time: anchor + n x every."""

    every: timedelta

    def next_after(self, moment: datetime, zone: ZoneInfo, anchor: datetime = EPOCH) -> datetime:
        return self.seen_to(moment, anchor) + self.every

    def seen_to(self, moment: datetime, anchor: datetime) -> datetime:
        return anchor + (moment - anchor) // self.every * self.every

    def row(self, anchor: datetime) -> datetime:
        return EPOCH + (anchor - EPOCH) % self.every


@dataclass(frozen=True, slots=True)
class Cron(Schedule):
    """Five fields, read in the zone."""

    def next_after(self, moment: datetime, zone: ZoneInfo, anchor: datetime = EPOCH) -> datetime:
        minute, hour, *_ = self.text.split()
        running = minute.startswith("*") or hour.startswith("*")
        return self._running(moment, zone) if running else self._fixed(moment, zone)

    def seen_to(self, moment: datetime, anchor: datetime) -> datetime:
        return moment

    def row(self, anchor: datetime) -> datetime:
        return EPOCH

    def _fixed(self, moment: datetime, zone: ZoneInfo) -> datetime:
        walls = CronSim(self.text, moment.astimezone(zone).replace(tzinfo=None))
        return next(time for wall in walls if (time := _instant(wall, zone)) > moment)

    def _running(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """Under one offset after the other: times found beyond a change of the clocks are asked for anew there."""
        start = moment.replace(microsecond=0) + SECOND
        while True:
            offset = _offset(start, zone)
            wall = next(CronSim(self.text, (start + offset - SECOND).replace(tzinfo=None)))
            time = (wall - offset).replace(tzinfo=UTC)
            change = _first_change(zone, start, time)
            if change is None:
                return time
            start = change


def parse(text: str) -> Schedule:
    """The schedule that the text describes. Raises ScheduleError; also for an empty one ("only on demand")."""
    words = text.split()
    if not words:
        raise ScheduleError("empty", f"a schedule is missing: {EXAMPLES}")
    if words[0].casefold() == "every":
        return _interval(" ".join(words).casefold())
    return _cron(words)


def upcoming(text: str, zone: ZoneInfo, after: datetime, count: int, anchor: datetime | None = None) -> list[datetime]:
    """The next `count` times after a moment, in UTC. anchor: as of an interval (default: `after`).

    Raises ScheduleError.
    """
    return list(islice(_times(parse(text), zone, after, after if anchor is None else anchor), count))


def _times(schedule: Schedule, zone: ZoneInfo, after: datetime, anchor: datetime) -> Iterator[datetime]:
    while True:
        after = schedule.next_after(after, zone, anchor)
        yield after


def _interval(text: str) -> Interval:
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise ScheduleError("interval", "an interval is written in minutes, hours or days, like 'every 30 minutes'")
    count = int(found["count"] or 1)
    if count == 0:
        raise ScheduleError("short", "the shortest interval is 'every minute'")
    if count > LONGEST / UNITS[found["unit"]]:
        raise ScheduleError("long", f"the longest interval is 'every {LONGEST.days} days'")
    return Interval(text, count * UNITS[found["unit"]])


def _cron(words: list[str]) -> Cron:
    if len(words) == len(FIELDS) + 1:
        raise ScheduleError("seconds", "there are six fields, but a schedule has no seconds: begin with the minute")
    if len(words) != len(FIELDS):
        raise ScheduleError("fields", f"this is no schedule: {EXAMPLES}")
    for place, word in enumerate(words):
        alone = ["*"] * place + [word] + ["*"] * (len(FIELDS) - 1 - place)
        if not _is_good(alone):
            raise ScheduleError("field", f"the {FIELDS[place]} must be *, or in {ALLOWED[place]}", FIELDS[place])
    if not _is_good(words):
        raise ScheduleError("never", "this day never comes: no such month has so many days")
    return Cron(" ".join(words))


def _is_good(words: list[str]) -> bool:
    """Whether the line can be read, and ever fires (cronsim looks 50 years ahead)."""
    try:
        return next(CronSim(" ".join(words), EPOCH.replace(tzinfo=None)), None) is not None
    except CronSimError:
        return False


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the wall's clock shows it the first time; one that is left out: the moment when the clocks go forward."""
    time = wall.replace(tzinfo=zone).astimezone(UTC)
    if time.astimezone(zone).replace(tzinfo=None) == wall:
        return time
    # With fold=0 the old offset was taken, which leads behind the change; with fold=1 the new one, which leads before.
    return _first_change(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), time) or time


def _first_change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The first moment after `start`, up to `end`, at which the zone's offset is another one; None: there is none.

    Changes that are undone within a day are not seen; no zone has them.
    """
    offset = _offset(start, zone)
    low, high = start, min(start + DAY, end)
    while _offset(high, zone) == offset:
        if high >= end:
            return None
        low, high = high, min(high + DAY, end)
    while high - low > SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    return high
