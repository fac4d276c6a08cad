"""APScheduler's view of a schedule, and of a pace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger

from plugin.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Line:
    """The times of one store. row: as of `Schedule.row`, so that lines with the same times are equal."""

    schedule: Schedule
    zone: ZoneInfo
    row: datetime

    def next_after(self, moment: datetime) -> datetime:
        """The first time strictly after a moment; both aware UTC."""
        return self.schedule.next_after(moment, self.zone, self.row)


class ScheduleTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fires at a line's times; however many were missed, they are one."""

    def __init__(self, line: Line):
        self.line = line

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return self.line.next_after(now if previous_fire_time is None else max(previous_fire_time, now))


class PaceTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fires at once, and then every so many seconds.

    However many times were missed, they are one: APScheduler's own trigger names each of them, which takes all
    memory where a machine without a battery begins in 1970 and then learns the time.
    """

    def __init__(self, seconds: float):
        self.pause = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        if previous_fire_time is None:
            return now
        following = previous_fire_time + self.pause
        return following if following > now else now + self.pause
