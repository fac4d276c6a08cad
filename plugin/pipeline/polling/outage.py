"""An outage of the image service, as its polls show it: when it begins, how it is probed, when it is over.

A service that is down is not helped by hundreds of polls a second, and tasks are not to blame for it. So their
polling stops, but for one gentle probe at a time; the first answer of any kind lets all of them go on.

    well ── no answer ──> suspected ── to several tasks, for a minute ──> begun ──┐ a probe without an answer:
     ^                        │                                            │      │ the next one comes later
     └─────── an answer ──────┴───────────────── an answer ────────────────┴<─────┘
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from plugin.activity import About, record
from plugin.models import Account, Event, GenerationTask
from plugin.states import TaskState

PATIENCE = timedelta(minutes=1)  # without any answer
ACROSS = 2  # tasks: the trouble of a single one may be its own
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(seconds=60)
WAITING = (TaskState.GENERATING, TaskState.STALLED)
BEGUN, OVER = "service_silent", "service_answers"  # codes of events


@dataclass(frozen=True, slots=True)
class Outage:
    """since: the first call of those without an answer; None: all is well. probe_at: when the next probe may leave,
    or until when one is under way; None: it is only suspected so far."""

    since: datetime | None = None
    probe_at: datetime | None = None

    @property
    def begun(self) -> bool:
        return self.probe_at is not None


@dataclass(frozen=True, slots=True)
class Heard:
    """What some polls came to. answered: whether one had an answer, be it a refusal. silent: how many tasks had none
    since the last answer. probe: the `probe_at` of the probe among them."""

    answered: bool
    silent: int = 0
    probe: datetime | None = None


def outage_of(account: Account) -> Outage:
    return Outage(account.outage_since, account.outage_probe_at)


def judge(outage: Outage, heard: Heard, now: datetime) -> Outage:
    """How the outage stands after that. Of calls without an answer only the probe under way moves a begun one on."""
    if heard.answered:
        return Outage()
    if outage.begun:
        return _probe_later(outage, now) if heard.probe == outage.probe_at else outage
    if not heard.silent:
        return outage
    since = outage.since or now
    suspected = Outage(since)
    return _probe_later(suspected, now) if heard.silent >= ACROSS and now - since >= PATIENCE else suspected


def begin_probe(outage: Outage, now: datetime, lease: timedelta) -> Outage | None:
    """A probe leaves now, and nobody sends another one within its lease; None: it is not time for one."""
    if outage.probe_at is None or outage.probe_at > now:
        return None
    return Outage(outage.since, now + lease)


def pause_after(since: datetime, now: datetime) -> timedelta:
    """Until the next probe: 5, 10, 20, 40, 60, 60 … s, as long again as it has been probed. It follows from the time
    alone, so that a program that starts anew begins no more eagerly than it ended."""
    return min(LONGEST_PAUSE, max(FIRST_PAUSE, now - since - PATIENCE + FIRST_PAUSE))


def _probe_later(outage: Outage, now: datetime) -> Outage:
    return Outage(outage.since, now + pause_after(outage.since or now, now))


class ServiceWatch:
    """Keeps the outage of a lane's account. Suspicion needs several tasks, whose count is this process's alone."""

    def __init__(self) -> None:
        self._silent: set[int] = set()

    @property
    def suspicious(self) -> bool:
        return bool(self._silent)

    def hear(
        self,
        session: Session,
        account: Account,
        now: datetime,
        *,
        answered: bool,
        silent: Collection[int],
        probe: datetime | None,
    ) -> Outage:
        """Judge polls that came back, and store and tell what changed. silent: the tasks without an answer."""
        self._silent = set() if answered else self._silent.union(silent)
        before = outage_of(account)
        after = judge(before, Heard(answered, len(self._silent), probe), now)
        account.outage_since, account.outage_probe_at = after.since, after.probe_at
        if after.begun and not before.begun:
            self._begin(session, account, now)
        elif before.begun and not after.begun and before.since is not None:
            _end(session, account, before.since, now)
        return after

    def _begin(self, session: Session, account: Account, now: datetime) -> None:
        """The troubles that tasks had since the last answer were the service's, not theirs."""
        if self._silent:
            session.connection().execute(_FORGIVE, [{"task": task_id} for task_id in sorted(self._silent)])
        words = _words(session, account, account.outage_since or now)
        record(session, now, BEGUN, words, About(), trouble=True)


def last_outage(session: Session, account_id: int) -> tuple[datetime, datetime] | None:
    """From when to when the image service last gave no answer, as far as it was told; None: it never did."""
    last = select(Event.at, Event.data).where(Event.code == OVER).order_by(Event.id.desc()).limit(20)
    for at, data in session.execute(last):
        if data["account"] == account_id:
            return at - timedelta(seconds=data["seconds"]), at
    return None


def _end(session: Session, account: Account, since: datetime, now: datetime) -> None:
    seconds = (now - since).total_seconds()
    words = {"seconds": round(seconds, 3), "minutes": max(1, round(seconds / 60))}
    record(session, now, OVER, {**_words(session, account, since), **words}, About())


def _words(session: Session, account: Account, since: datetime) -> dict[str, object]:
    mine = (GenerationTask.account_id == account.id) & GenerationTask.state.in_(WAITING)
    tasks = session.scalar(select(func.count()).where(mine)) or 0
    return {"account": account.id, "since": f"{since:%Y-%m-%d %H:%M} UTC", "tasks": tasks}


_TASK = GenerationTask.__table__
_FORGIVE = (
    update(_TASK)  # type: ignore[arg-type]  # a Table, at run time
    .where(_TASK.c.id == bindparam("task"), _TASK.c.ended_at.is_(None))
    .values(troubles=0, error=None)
)
