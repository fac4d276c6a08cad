"""APScheduler's view of a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
