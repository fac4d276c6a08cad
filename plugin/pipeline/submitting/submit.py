"""submit: one task at a time for each account, its intent committed before the call.

A submit without an answer is in doubt (`doubt`): held, and never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin import accounts, ledger
from plugin.activity import record_task
from plugin.hebo import Accepted, HeboError, NotSentError, Quota
from plugin.ledger import Said
from plugin.links import NoPublicUrlError
from plugin.models import Account, GenerationTask
from plugin.money import Level, Reading
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting import next_task, rescue, single_file
from plugin.pipeline.submitting.answers import Step, asks_quota, decide
from plugin.pipeline.submitting.budgets import Rooms, rooms
from plugin.pipeline.submitting.doubt import doubt, doubt_holds_until
from plugin.pipeline.submitting.intent import Answer, ReadQuota, Submission, ask_quota, image_url, send, submission
from plugin.pipeline.submitting.next_task import Choice, Shortlist
from plugin.pipeline.submitting.waiting import Waiting, key_limit
from plugin.states import ImageState, TaskState

READING_AGE = timedelta(seconds=60)
TIGHT = 16  # images: when less than this would remain, the quota is read again before sending
TIGHT_AGE = timedelta(seconds=5)
FULL_LOOK = timedelta(seconds=5)  # what does not fit is not looked through again sooner, unless a room changes


class SubmitLane(Lane[ReadQuota | Submission, Answer]):
    """The account's single file: its lane is held from the claim until the answer is stored.

    immediate: an answer that is lost between its arrival and its commit leaves a doubt, so that time is kept short.
    """

    name = "submit"
    immediate = True

    def __init__(self, parts: Parts):
        super().__init__(parts)
        self._waiting = Waiting(parts)
        self._best = Shortlist()
        self._sent: set[int] = set()  # tasks that this run has committed to, which its own budget counts
        self._full: tuple[Rooms, datetime] | None = None  # nothing fitted into these; looked at again then

    def claim(self, limit: int) -> Sequence[ReadQuota | Submission]:
        if self.parts.hebo is None:
            return []
        with self.parts.db.read() as session:
            choice = self._look(session)  # without a lock: most ticks find nothing to submit
        if choice is None:
            return []
        with self.parts.db.write() as session:
            account = accounts.current(session, self.parts.key_fingerprint, self.now)
            if not single_file.take_lane(session, account, self.parts, self.now):
                return []
            item = self._next(session, account, choice)
            if item is None:
                single_file.leave_lane(session, account.id, self.parts.instance)
            return [item] if item else []

    def work(self, item: ReadQuota | Submission) -> Answer:
        hebo = self.parts.hebo
        assert hebo is not None  # noqa: S101  # claim() gives nothing without a client
        sent_at = self.now
        if isinstance(item, ReadQuota):
            quota = ask_quota(hebo)
            return Answer(sent_at, self.now, quota=quota)
        if sent_at - item.claimed_at > single_file.START_WITHIN:
            return Answer(sent_at, sent_at, NotSentError("the program was too busy to send it in time"))
        result = send(hebo, item)
        answer = Answer(sent_at, self.now, result)
        return replace(answer, quota=ask_quota(hebo)) if asks_quota(result) else answer

    def store(self, outcomes: Sequence[tuple[ReadQuota | Submission, Answer]]) -> None:
        with self.parts.db.write() as session:
            for item, answer in outcomes:
                account = _note_quota(session, session.get_one(Account, item.account_id), answer)
                if isinstance(item, Submission):
                    self._store_answer(session, account, item, answer)
                single_file.leave_lane(session, account.id, self.parts.instance)

    def next_due(self) -> datetime | None:
        if self.parts.hebo is None:
            return None
        with self.parts.db.read() as session:
            account = self._account(session)
            if account is None:
                return self.now  # whose key it is must be learned first: an account of ours may have work under way
            due = self._due(session, account)
            if due is not None:
                due = single_file.submits_next(session, account, self.parts, due, self.now)
            times = (due, _lease_of_orphans(session, account))
            return min((time for time in times if time is not None), default=None)

    def _account(self, session: Session) -> Account | None:
        return session.scalars(select(Account).where(Account.key_fingerprint == self.parts.key_fingerprint)).first()

    def _rooms(self, session: Session) -> Rooms:
        return rooms(session, self.parts, self.now, self._sent)

    def _due(self, session: Session, account: Account) -> datetime | None:
        """When there is something to do, whether or not the account waits."""
        if accounts.last_reading(session, account.id) is None:
            return self.now
        there = self._rooms(session)
        choice = next_task.choose(session, self.parts, account, there, self.now)
        if choice.task_id is not None or self._waiting.acts_on(account, choice):
            return self.now
        return next_task.next_due(session, self.parts, account, there, self.now)

    def _look(self, session: Session) -> Choice | None:
        """What the lane might do now; None: nothing."""
        account, now = self._account(session), self.now
        if account is None:
            return Choice()
        lease = _lease_of_orphans(session, account)
        if lease is not None and lease <= now:
            return Choice()
        if _is_held(session, account, now):
            return None
        return Choice() if accounts.last_reading(session, account.id) is None else self._choice(session, account)

    def _choice(self, session: Session, account: Account) -> Choice | None:
        there = self._rooms(session)
        if self._full is not None and self._full[0] == there and self.now < self._full[1]:
            return None
        choice = next_task.choose(session, self.parts, account, there, self.now, self._best)
        if choice.task_id is not None or self._waiting.acts_on(account, choice):
            return choice
        self._full = (there, self.now + FULL_LOOK) if choice.waits else None
        return None

    def _next(self, session: Session, account: Account, choice: Choice) -> ReadQuota | Submission | None:
        """What the lane does now: orphans first, then the task that was chosen, if it still may be sent."""
        now = self.now
        single_file.doubt_orphans(session, account, now)
        if _is_held(session, account, now):
            return None
        row = accounts.last_reading(session, account.id)
        if row is None:
            return ReadQuota(account.id)  # also tells whose key this is
        reading = accounts.as_reading(row)
        self._waiting.tell_stores(session, choice)
        if choice.task_id is None:
            return self._wait(session, account, reading, choice)
        task = next_task.can_be_sent(session, self.parts, account, choice.task_id, now)
        return self._intent(session, account, task, reading) if task is not None else None

    def _intent(
        self, session: Session, account: Account, task: GenerationTask, reading: Reading
    ) -> ReadQuota | Submission | None:
        """Commit to sending a task, if it fits into all that is left now: other processes may have reserved since."""
        room = self._rooms(session).of(task.store_id)
        images = next_task.size_in(task, room.ceiling)
        if _must_read(session, account, reading, images, self.now):
            return ReadQuota(account.id)
        if not room.fits(images):
            return None
        next_task.split(session, task, images)
        return self._commit_to(session, account, task, reading)

    def _wait(self, session: Session, account: Account, reading: Reading, choice: Choice) -> ReadQuota | None:
        """Nothing that is due fits. The quota is read again before the account waits for it."""
        limit = key_limit(choice)
        if limit is None:
            return None
        if limit.level is Level.QUOTA and _must_read(session, account, reading, 0, self.now):
            return ReadQuota(account.id)
        self._waiting.begin(session, account, limit, reading)
        return None

    def _commit_to(
        self, session: Session, account: Account, task: GenerationTask, reading: Reading
    ) -> Submission | None:
        """Write the intent down: from here on the task is sent, or in doubt."""
        now = self.now
        try:
            address = "" if task.parent else image_url(session, self.parts, task)
        except NoPublicUrlError as error:
            task.due_at, task.error = None, str(error)  # the next run takes it up again
            record_task(session, task, now, "task_held", trouble=True, reason=str(error))
            return None
        task.state, task.owner, task.account_id = TaskState.SUBMITTING, self.parts.instance, account.id
        task.due_at, task.sent_at, task.error = account.lane_until, now, None
        task.baseline_used, task.baseline_at = (reading.used if reading.enabled else None), reading.at
        task.reserved = len(task.images)
        ledger.follow(session, task, TaskState.PLANNED, task.reserved, now, Said.US)
        self._sent.add(task.id)
        return submission(account, task, address, now)

    def _store_answer(self, session: Session, account: Account, item: Submission, answer: Answer) -> None:
        task = session.get_one(GenerationTask, item.task_id, with_for_update=True)
        result = answer.result
        if isinstance(result, Accepted):
            self._accepted(session, account, task, answer, result)
        elif result is not None and self._still_open(task, result):
            step = decide(result, answer.quota, len(item.prompts))
            self._not_accepted(session, account, task, answer, step, result)

    def _still_open(self, task: GenerationTask, result: HeboError) -> bool:
        """Whether the answer still says something: our own intent, or a doubt that a late refusal settles."""
        if task.owner != self.parts.instance:
            return False
        return task.state is TaskState.SUBMITTING or (task.state is TaskState.IN_DOUBT and result.accepted is False)

    def _accepted(
        self, session: Session, account: Account, task: GenerationTask, answer: Answer, result: Accepted
    ) -> None:
        """Also the late answer of a task that is in doubt by now, or was even settled: the answer is the truth."""
        if task.remote_id == result.task_id:  # the commit had got through, though its answer had not
            return
        if task.remote_id is not None:
            odd = f"it was accepted twice, as {task.remote_id} and {result.task_id}; only the first is followed"
            record_task(session, task, self.now, "task_odd", trouble=True, reason=odd)
            return
        before = task.state
        if task.state is TaskState.CANCELLED:
            task.state = TaskState.PLANNED
        if task.state is TaskState.PLANNED:
            task.state = TaskState.SUBMITTING
        task.state, task.remote_id, task.account_id = TaskState.GENERATING, result.task_id, account.id
        task.sent_at, task.answered_at, task.reserved = answer.sent_at, answer.received_at, len(task.images)
        task.doubt_at = task.doubt_note = task.error = task.ended_at = None
        for image in task.images:
            if image.state in (ImageState.LOST, ImageState.CANCELLED, ImageState.FAILED):
                image.state, image.error = ImageState.WAITING, None
        ledger.follow(session, task, before, task.reserved, answer.received_at, Said.SERVICE)
        task.due_at = first_poll(self.parts, answer.sent_at, answer.received_at)
        if account.wait_reason is not None:
            single_file.go_on(session, account, self.now)
        account.troubles = 0
        record_task(session, task, self.now, "task_submitted", images=len(task.images))

    def _not_accepted(  # where the step, the row and the account meet
        self, session: Session, account: Account, task: GenerationTask, answer: Answer, step: Step, error: HeboError
    ) -> None:
        now = answer.received_at
        if step.state is TaskState.IN_DOUBT:
            task.sent_at = answer.sent_at
            doubt(session, task, now, step.reason)
            return
        before, reserved = task.state, task.reserved
        task.sent_at = task.baseline_used = task.baseline_at = None
        task.reserved = 0
        if step.state is TaskState.FAILED:
            _fail(session, task, step.reason, now)
        else:
            task.state, task.due_at, task.doubt_at = TaskState.PLANNED, now + timedelta(seconds=step.pause), None
        ledger.follow(session, task, before, reserved, now, Said.SERVICE)
        if step.account == "refused":
            single_file.wait_after_refusal(session, account, error, now)
        elif step.account is not None:
            cause = answer.quota if isinstance(answer.quota, HeboError) else error
            single_file.wait_after(session, account, cause, now)

    def set_aside(self, item: ReadQuota | Submission, outcome: Answer, *, again: bool) -> None:
        """An accepted task's id is known nowhere else."""
        if isinstance(item, Submission) and isinstance(outcome.result, Accepted):
            rescue.keep(self.parts, item, outcome, outcome.result, again=again)

    def take_back(self, item: ReadQuota | Submission) -> None:
        if isinstance(item, Submission):
            rescue.forget(self.parts, item)


def first_poll(parts: Parts, sent_at: datetime, received_at: datetime) -> datetime:
    """When a task is first asked for; legal whenever between the two the service accepted it."""
    schedule = parts.schedule
    soonest = received_at + timedelta(seconds=schedule.interval(0))
    return max(sent_at + timedelta(seconds=schedule.first_age()), soonest)


def _lease_of_orphans(session: Session, account: Account) -> datetime | None:
    """When the first of the tasks that are being submitted counts as left behind."""
    sending = (GenerationTask.state == TaskState.SUBMITTING) & (GenerationTask.account_id == account.id)
    return session.scalar(select(func.min(GenerationTask.due_at)).where(sending))


def _is_held(session: Session, account: Account, now: datetime) -> bool:
    return single_file.waits(account, now) or doubt_holds_until(session, account.id) is not None


def _must_read(session: Session, account: Account, reading: Reading, images: int, now: datetime) -> bool:
    """Whether the quota must be read before `images` are reserved: it is old, tight, was waited for, or lacks a move.

    The reading is the baseline, should the answer be lost, so it must hold what was reserved or given back before.
    """
    age, room = now - reading.at, reading.room()
    tight = room is not None and room - images < TIGHT
    waited = account.wait_until is not None and reading.at < account.wait_until
    old = waited or age > READING_AGE or (tight and age > TIGHT_AGE)
    return old or accounts.moved_after(session, account.id, reading.at)


def _note_quota(session: Session, account: Account, answer: Answer) -> Account:
    """Keep what the answer says of the quota; a failed look makes the account wait. Gives the key's true account."""
    quota, at = answer.quota, answer.sent_at  # what had happened before it was asked for is surely in it
    if isinstance(quota, Quota):
        account = accounts.note_quota(session, account, quota, at, "quota")
        single_file.answers_again(session, account, at)
    elif isinstance(quota, HeboError) and answer.result is None:
        single_file.wait_after(session, account, quota, at)
    told = answer.result.quota if isinstance(answer.result, Accepted) else None
    if told is not None and told.used is not None:
        account = accounts.note_quota(session, account, told, at, "submit")
    return account


def _fail(session: Session, task: GenerationTask, reason: str, now: datetime) -> None:
    task.state, task.error, task.due_at, task.ended_at = TaskState.FAILED, reason, None, now
    for image in task.images:
        before = image.error if task.parent_id else None
        image.state = ImageState.FAILED
        image.error = f"{before}; trying it again was refused: {reason}" if before else reason
    record_task(session, task, now, "task_refused", trouble=True, reason=reason)
