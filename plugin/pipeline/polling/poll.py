"""poll: ask for each running task when the limits allow it, and take what it became.

The next time is moved on in the transaction that claims a poll, before the call: a kill costs one interval. A
process that was stopped between the two for longer than that (a suspended machine, a debugger) sends nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.activity import record_task
from plugin.hebo import Finished, HeboError, KeyRefusedError, Odd, Running, TaskMissingError, TooFrequentError
from plugin.hebo.schedule import TERMINAL_INTERVAL
from plugin.models import Account, GenerationTask
from plugin.pipeline.due import update_due
from plugin.pipeline.lane import AsyncLane
from plugin.pipeline.parts import Parts
from plugin.pipeline.polling.ending import finish
from plugin.pipeline.polling.outage import Outage, ServiceWatch, begin_probe, last_outage, outage_of
from plugin.pipeline.polling.pace import Pace, need_of
from plugin.pipeline.polling.polled import (
    Poll,
    Polled,
    give_back,
    is_quiet,
    move_on,
    polls_of,
    read_polls,
    soonest,
    store_quiet,
)
from plugin.pipeline.polling.spread import spread
from plugin.pipeline.submitting.single_file import wait_after, waits
from plugin.states import TaskState

START_WITHIN = timedelta(seconds=4)  # a claim whose call has not begun by then is given back, unsent
CALL = timedelta(seconds=16)  # the call's own deadline, and a little
GAP = timedelta(seconds=5)  # without a look at what is due: since then a backlog may have come about
# Seconds, growing (API contract, "Errors": 500 on a poll). The first outlasts TERMINAL_INTERVAL: an answer that was
# lost may have been the one that told the task's end, after which so much must pass (vendor document §6).
TROUBLE_PAUSES = (11, 11, 20, 40, 60)
STALLED_PAUSE = timedelta(minutes=10)


class PollLane(AsyncLane[Poll, Polled]):
    """Polls the account's tasks. capacity: the setting hebo.max_connections."""

    name = "poll"
    punctual = True

    def __init__(self, parts: Parts):
        super().__init__(parts)
        # Made before the first claim: what has been claimed is to leave at once.
        self._polls = None if parts.hebo is None else parts.hebo.polls(self.capacity)
        self._watch = ServiceWatch()
        self._pace = Pace()
        self._troubled = True  # an outage was begun or suspected when the account was last looked at
        self._held_back = True  # polls may have piled up: they did not go out for a while
        self._looked_at: datetime | None = None

    @property
    def capacity(self) -> int:  # type: ignore[override]  # a setting here, a constant elsewhere
        return self.parts.settings.hebo.max_connections

    @property
    def lease(self) -> timedelta:
        """So long that a poll which was sent as late as it may be, by a process that died then, keeps its interval;
        and longer than the call, so that a task is never polled twice at once."""
        longest = max(interval for _, interval in self.parts.schedule.bands) + self.parts.schedule.margin
        return START_WITHIN + max(CALL, timedelta(seconds=longest))

    def claim(self, limit: int) -> Sequence[Poll]:
        now = self.now
        since, self._looked_at = self._looked_at, now
        self._held_back |= since is None or now - since > GAP
        with self.parts.db.read() as session:  # this look is taken ten times a second, and mostly finds nothing
            account = self._account(session)
            if account is None or self._rests(account, now):
                return []
            due = select(GenerationTask.id).where(polls_of(account.id), GenerationTask.due_at <= now).limit(1)
            if session.scalar(due) is None:
                self._held_back = False
                return []
            limit = min(limit, self._pace.room(now, partial(need_of, session, account.id, self.parts.schedule, now)))
            if not limit:
                return []
        with self.parts.db.write() as session:
            if account.outage_probe_at is not None:
                return self._probe(session, account.id, now)
            if self._held_back:
                spread(session, account.id, now)
            ids = self.claim_rows(session, GenerationTask, polls_of(account.id), self.lease, limit)
            polls = read_polls(session, ids, now + START_WITHIN, None)
        self._pace.take(len(polls))
        self._held_back = False
        return polls

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """The connections to the image service."""
        assert self._polls is not None  # noqa: S101  # claim() gives nothing without a client
        async with self._polls:
            yield

    async def work(self, item: Poll) -> Polled:
        """Looks at the clock where nothing lies between that and the sending."""
        assert self._polls is not None  # noqa: S101  # as above
        sent = self.now
        if sent > item.send_by or not self.parts.schedule.allows(item.age(item.last), item.age(sent)):
            return Polled(sent, item.last, None)
        try:
            answer: Running | Finished | Odd | HeboError = await self._polls.poll(item.remote_id)
        except HeboError as error:
            answer = error
        # The service stamps a poll's arrival, which lies between sending and the answer.
        stamp = max(sent, self.now - timedelta(seconds=self.parts.schedule.margin))
        return Polled(sent, stamp, answer)

    def moves(self, outcomes: Sequence[tuple[Poll, Polled]]) -> bool:
        return not all(polled.answer is None or is_quiet(item, polled) for item, polled in outcomes)

    def store(self, outcomes: Sequence[tuple[Poll, Polled]]) -> None:
        sent = [(item, polled) for item, polled in outcomes if polled.answer is not None]
        quiet = [(item, polled, self._next_poll(item, polled)) for item, polled in sent if is_quiet(item, polled)]
        with self.parts.db.write() as session:
            outage = self._hear(session, sent)
            give_back(session, [(item, self._next_try(item, out)) for item, out in outcomes if out.answer is None])
            store_quiet(session, quiet)
            for item, polled in sent:
                if not is_quiet(item, polled):
                    self._store_one(session, item, polled, outage)
            self._stall(session, [item for item, polled in sent if not (polled.silent and outage.begun)])

    def next_due(self) -> datetime | None:
        with self.parts.db.read() as session:
            account = self._account(session)
            if account is None or _key_refused(account, self.now):
                return None
            due: datetime | None = session.scalar(soonest(account.id))
            probe = account.outage_probe_at
            return due if due is None or probe is None else max(due, probe)

    def _account(self, session: Session) -> Account | None:
        if self.parts.hebo is None:
            return None
        return session.scalar(select(Account).where(Account.key_fingerprint == self.parts.key_fingerprint))

    def _rests(self, account: Account, now: datetime) -> bool:
        """Whether nothing is polled now: the key is refused, or the next probe of an outage is not due."""
        outage = outage_of(account)
        self._troubled = outage.since is not None
        refused = _key_refused(account, now)
        self._held_back |= refused or outage.begun
        return refused or (outage.begun and begin_probe(outage, now, self.lease) is None)

    def _probe(self, session: Session, account_id: int, now: datetime) -> Sequence[Poll]:
        """Claim the outage's next probe, if it is time for it and no other process has it."""
        account = session.get_one(Account, account_id)
        outage = begin_probe(outage_of(account), now, self.lease)
        if outage is None:
            return []
        ids = self.claim_rows(session, GenerationTask, polls_of(account_id), self.lease, 1)
        if ids:
            account.outage_probe_at = outage.probe_at
        return read_polls(session, ids, now + START_WITHIN, outage.probe_at)

    def _hear(self, session: Session, sent: Sequence[tuple[Poll, Polled]]) -> Outage:
        """What these say about the service as a whole."""
        silent = [item.task_id for item, polled in sent if polled.silent]
        account = self._account(session) if silent or self._troubled or self._watch.suspicious else None
        if account is None or not sent:
            return Outage()
        answered, probe = len(silent) < len(sent), next((item.probe for item, _ in sent if item.probe), None)
        outage = self._watch.hear(session, account, self.now, answered=answered, silent=silent, probe=probe)
        self._troubled = outage.since is not None
        return outage

    def _store_one(self, session: Session, item: Poll, polled: Polled, outage: Outage) -> None:
        task = session.get_one(GenerationTask, item.task_id)
        answer, now = polled.answer, self.now
        task.polls, task.polled_at = task.polls + 1, max(polled.stamp, task.polled_at or polled.stamp)
        if isinstance(answer, TooFrequentError):
            task.refused_polls += 1
            move_on(task, item, now + timedelta(seconds=answer.retry_after or TERMINAL_INTERVAL))
        elif isinstance(answer, Finished):
            task.troubles = 0
            finish(session, task, answer, now, retries=self.parts.settings.hebo.item_retries)
            update_due(session, task.round, now, self.parts.policy)
        elif isinstance(answer, KeyRefusedError):
            self._rest(session, task, item, answer)
        elif item.ended:
            move_on(task, item, None)  # asked again for fresh addresses only; the download asks once more
        elif polled.silent and outage.begun:
            move_on(task, item, self._next_poll(item, polled))  # the service's trouble, not the task's
        else:
            self._trouble(session, task, item, polled)

    def _rest(self, session: Session, task: GenerationTask, item: Poll, error: KeyRefusedError) -> None:
        """The key is refused: all its work stops and is kept (API contract, "Errors": 401, 403)."""
        account = session.get_one(Account, task.account_id)
        wait_after(session, account, error, self.now)
        move_on(task, item, account.wait_until)

    def _trouble(self, session: Session, task: GenerationTask, item: Poll, polled: Polled) -> None:
        """Odd, missing or no answer: the task is kept and asked for again, with growing pauses; never resubmitted."""
        pause = TROUBLE_PAUSES[min(task.troubles, len(TROUBLE_PAUSES) - 1)]
        move_on(task, item, max(self._next_poll(item, polled), self.now + timedelta(seconds=pause)))
        task.troubles += 1
        reason = polled.answer.what if isinstance(polled.answer, Odd) else str(polled.answer)
        known, task.error = task.error, reason
        if isinstance(polled.answer, (Odd, TaskMissingError)) and known != reason:
            record_task(session, task, self.now, "task_odd", trouble=True, reason=reason)

    def _next_poll(self, item: Poll, polled: Polled) -> datetime:
        """The soonest legal time after a poll; past the deadline rarely."""
        if item.state is TaskState.STALLED:
            return polled.stamp + STALLED_PAUSE
        return item.sent_at + timedelta(seconds=self.parts.schedule.next_age(item.age(polled.stamp)))

    def _next_try(self, item: Poll, polled: Polled) -> datetime:
        """The soonest legal time of a poll that was not sent: where it missed the short interval before a band's edge,
        the longer one counts now."""
        schedule, last = self.parts.schedule, item.age(item.last)
        longer = last + schedule.required(last, item.age(polled.sent_at)) + schedule.margin
        return item.sent_at + timedelta(seconds=max(schedule.next_age(last), longer))

    def _stall(self, session: Session, polls: Sequence[Poll]) -> None:
        """Past the deadline a task is marked and shown (API contract, "the most polls a task may have").

        The time of an outage does not count: nobody could have seen the task's end.
        """
        now, after = self.now, self.parts.settings.hebo.stall_after
        late = [item for item in polls if item.state is TaskState.GENERATING and item.age(now) > after]
        if not late:
            return
        account_id = session.scalar(select(GenerationTask.account_id).where(GenerationTask.id == late[0].task_id))
        outage = last_outage(session, account_id or 0)
        ids = [item.task_id for item in late if item.age(now) - _silence(item, outage) > after]
        still = GenerationTask.id.in_(ids) & (GenerationTask.state == TaskState.GENERATING)
        for task in session.scalars(select(GenerationTask).where(still)):
            task.state, task.due_at = TaskState.STALLED, now + STALLED_PAUSE
            record_task(session, task, now, "task_stalled", trouble=True, hours=round(after / 3600, 1))


def _key_refused(account: Account, now: datetime) -> bool:
    """Whether all calls with this key rest, because the service refused it."""
    return account.wait_reason == "key" and waits(account, now)


def _silence(item: Poll, outage: tuple[datetime, datetime] | None) -> float:
    """For how many seconds of the task's life the service gave no answer."""
    return 0.0 if outage is None else max(0.0, (outage[1] - max(outage[0], item.sent_at)).total_seconds())
