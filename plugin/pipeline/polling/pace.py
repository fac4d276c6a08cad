"""Pace: polls that a busy machine held up for a second do not leave all at once when it is free again."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Float, case, cast, func, literal, select
from sqlalchemy.orm import Session

from plugin.hebo import PollSchedule
from plugin.models import GenerationTask
from plugin.pipeline.polling.polled import polls_of
from plugin.pipeline.polling.spread import RATE

FASTER = 1.25  # times the polls a second that the tasks call for: so soon a backlog is gone
AT_ONCE = 0.2  # seconds' worth that may leave together; a tick comes every tenth of one
COUNT_AGAIN = timedelta(seconds=10)


class Pace:
    """How many polls may leave, by time. For one lane of one process."""

    def __init__(self) -> None:
        self._rate = RATE * FASTER
        self._counted_at: datetime | None = None
        self._room = self._most
        self._since: datetime | None = None

    def room(self, now: datetime, need: Callable[[], float]) -> int:
        """What may leave at that time. need: gives how many a second the tasks call for; asked now and then."""
        if self._counted_at is None or not now - COUNT_AGAIN < self._counted_at <= now:
            self._rate, self._counted_at = max(RATE, need()) * FASTER, now
        passed = (now - self._since).total_seconds() if self._since is not None else math.inf
        # A clock that was put back has nothing to say of the time that passed.
        self._room = min(self._most, self._room + passed * self._rate) if passed >= 0 else self._most
        self._since = now
        return int(self._room)

    def take(self, polls: int) -> None:
        """So many leave."""
        self._room -= polls

    @property
    def _most(self) -> float:
        return self._rate * AT_ONCE


def need_of(session: Session, account_id: int, schedule: PollSchedule, now: datetime) -> float:
    """Polls a second that the account's tasks call for, by their ages (vendor document §6)."""
    ages = [
        (GenerationTask.sent_at > now - timedelta(seconds=until), 1 / (interval + schedule.margin))
        for until, interval in schedule.bands
        if math.isfinite(until)
    ]
    last = 1 / (schedule.bands[-1][1] + schedule.margin)
    each = case(*ages, else_=last) if ages else literal(last)
    return session.scalar(select(func.sum(cast(each, Float))).where(polls_of(account_id))) or 0.0
