"""Doubt: a submit or retry whose answer never came. Held, never sent again by itself; settled by the quota or a person.

While one is being settled (`due_at` set) the account submits nothing, so that the quota's figures stay readable.
Once only a person can decide (`due_at` None) the account goes on. That is so after 20 minutes of readings that tell
nothing; while the quota cannot be read at all a server looks on, since then nothing else could be sent either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from plugin import accounts, ledger, money
from plugin.activity import record_task
from plugin.hebo import HeboError, Quota
from plugin.ledger import Said
from plugin.machine_clock import is_shared
from plugin.models import Account, GenerationTask, LostImage
from plugin.money import Doubt, Reading, Settlement, Verdict
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.states import ImageState, TaskState

LOOK_EVERY = timedelta(seconds=15)
LOOK_RARELY = timedelta(minutes=1)  # once the quota could not be read for long
LEASE = timedelta(seconds=45)
# Other tasks may stay unfinished for hours; the account must not stand still for them.
HOLD_AT_MOST = timedelta(minutes=20)
LOST = "it was accepted and billed, but its id was lost with the answer, so its pictures cannot be fetched"


class SettleError(Exception):
    """A person's decision cannot be taken; the message says why."""


def doubt(session: Session, task: GenerationTask, now: datetime, reason: str) -> None:
    """Put a task whose submit has no answer in doubt; the quota is looked at next."""
    before = task.state
    task.state, task.doubt_at, task.doubt_note, task.due_at = TaskState.IN_DOUBT, now, reason, now
    ledger.follow(session, task, before, task.reserved, now, Said.US)
    record_task(session, task, now, "task_in_doubt", trouble=True, images=len(task.images), reason=reason)


def doubt_holds_until(session: Session, account_id: int) -> datetime | None:
    """When a doubt that is being settled is looked at next; None: there is none, the account may submit."""
    held = (GenerationTask.account_id == account_id) & (GenerationTask.state == TaskState.IN_DOUBT)
    return session.scalar(select(func.max(GenerationTask.due_at)).where(held))


def needs_person(fingerprint: str | None) -> ColumnElement[bool]:
    """The tasks in doubt that nobody but a person settles: the quota cannot tell, or cannot be read with this key.

    None: whichever key is in use, so only those of which the quota cannot tell.
    """
    undecided = (GenerationTask.state == TaskState.IN_DOUBT) & GenerationTask.due_at.is_(None)
    if fingerprint is None:
        return undecided
    mine = select(Account.id).where(Account.key_fingerprint == fingerprint)
    elsewhere = (GenerationTask.state == TaskState.IN_DOUBT) & GenerationTask.account_id.not_in(mine)
    return undecided | elsewhere


@dataclass(frozen=True, slots=True)
class DoubtItem:
    task_id: int
    account_id: int


@dataclass(frozen=True, slots=True)
class QuotaAnswer:
    """at: when it was asked for; what had happened before is surely in it."""

    at: datetime
    quota: Quota | HeboError


class DoubtLane(Lane[DoubtItem, QuotaAnswer]):
    """Looks at the quota for each task in doubt until it is settled or only a person can."""

    name = "doubt"

    def __init__(self, parts: Parts):
        super().__init__(parts)
        self._seen_since: dict[tuple[int, datetime], datetime] = {}  # doubts, and when this process met them

    def claim(self, limit: int) -> Sequence[DoubtItem]:
        if self.parts.hebo is None:
            return []
        key = Account.key_fingerprint == self.parts.key_fingerprint
        with self.parts.db.read() as session:
            due = (GenerationTask.state == TaskState.IN_DOUBT) & (GenerationTask.due_at <= self.now)
            account_id = session.scalar(select(Account.id).join(GenerationTask).where(due, key).limit(1))
        if account_id is None:
            return []
        with self.parts.db.write() as session:
            mine = (GenerationTask.state == TaskState.IN_DOUBT) & (GenerationTask.account_id == account_id)
            ids = self.claim_rows(session, GenerationTask, mine, LEASE, limit)
            return [DoubtItem(task_id, account_id) for task_id in ids]

    def work(self, item: DoubtItem) -> QuotaAnswer:
        assert self.parts.hebo is not None  # noqa: S101  # claim() gives nothing without a client
        asked_at = self.now
        try:
            return QuotaAnswer(asked_at, self.parts.hebo.quota())
        except HeboError as error:
            return QuotaAnswer(asked_at, error)

    def store(self, outcomes: Sequence[tuple[DoubtItem, QuotaAnswer]]) -> None:
        with self.parts.db.write() as session:
            for item, answer in outcomes:
                task = session.get_one(GenerationTask, item.task_id)
                account = session.get_one(Account, item.account_id)
                if isinstance(answer.quota, Quota):
                    account = accounts.note_quota(session, account, answer.quota, answer.at, "quota")
                if task.state is TaskState.IN_DOUBT and task.account_id == account.id:
                    self._settle(session, task, account)

    def next_due(self) -> datetime | None:
        if self.parts.hebo is None:
            return None
        with self.parts.db.read() as session:
            mine = (GenerationTask.state == TaskState.IN_DOUBT) & (
                Account.key_fingerprint == self.parts.key_fingerprint
            )
            return session.scalar(select(func.min(GenerationTask.due_at)).join(Account).where(mine))

    def _settle(self, session: Session, task: GenerationTask, account: Account) -> None:
        """Decide by the readings since it was given up: nothing of it was sent after that."""
        now = self.now
        given_up = self._given_up(task)
        readings = [one for one in accounts.readings_since(session, account.id, given_up) if one.at <= now]
        wait = timedelta(seconds=self.parts.settings.hebo.doubt_wait)
        settlement = money.settle(self._case(session, task, account, readings), readings, now, wait)
        if settlement.final:
            apply_settlement(session, task, settlement, now, Said.QUOTA)
        elif now - self._held_since(readings, given_up) > HOLD_AT_MOST:
            apply_settlement(session, task, Settlement(Verdict.UNDECIDED, settlement.reason), now, Said.QUOTA)
        else:
            patient = readings or now - given_up < HOLD_AT_MOST
            task.due_at, task.doubt_note = now + (LOOK_EVERY if patient else LOOK_RARELY), settlement.reason

    def _given_up(self, task: GenerationTask) -> datetime:
        """Machines that share a database may count by clocks minutes apart (one was suspended, say). So there only what
        this process has seen itself counts: else the five minutes could be over in seconds."""
        given_up = task.doubt_at or task.sent_at or task.created_at
        if not is_shared(self.parts.db):
            return given_up
        return max(given_up, self._seen_since.setdefault((task.id, given_up), self.now))

    def _case(self, session: Session, task: GenerationTask, account: Account, readings: Sequence[Reading]) -> Doubt:
        """slack: clocks of several machines differ, and the service may count a refund a little after it told of it.
        A refund that is overlooked would fake "not accepted", and that would mean paying twice; so it widens what may
        have come back at its edge, and narrows at both edges what surely has."""
        given_up = self._given_up(task)
        since, slack = task.baseline_at or task.sent_at or given_up, money.SLACK
        until = max((one.at for one in readings if one.used is not None), default=since)
        return Doubt(
            images=len(task.images),
            sent_at=given_up,
            baseline_used=task.baseline_used,
            refunds=accounts.refunds_since(session, account.id, since, slack=slack),
            returned=accounts.returned_between(session, account.id, since + slack, until - slack),
            open_tasks=accounts.open_tasks(session, account.id, but=task.id),
            exclusive=self.parts.settings.hebo.exclusive,
            alone=accounts.alone(session, account.id, but=task.id),
        )

    def _held_since(self, readings: Sequence[Reading], given_up: datetime) -> datetime:
        """From when on the account has stood still for it. A run, which has an end, counts an outage too."""
        if self.parts.policy.unattended:
            return given_up
        return readings[0].at if readings else self.now


def apply_settlement(session: Session, task: GenerationTask, settlement: Settlement, now: datetime, said: Said) -> None:
    """Store a verdict: accepted loses the pictures, not accepted plans the task again, undecided asks a person."""
    before, reserved, task.doubt_note = task.state, task.reserved, settlement.reason
    if settlement.verdict is Verdict.ACCEPTED:
        _lose(session, task, now)
    elif settlement.verdict is Verdict.NOT_ACCEPTED:
        task.state, task.due_at, task.reserved = TaskState.PLANNED, now, 0
        task.sent_at = task.baseline_used = task.baseline_at = task.doubt_at = None
    else:
        task.due_at = None
    ledger.follow(session, task, before, reserved, now, said)
    accepted = settlement.verdict is Verdict.ACCEPTED
    product = f"{task.store.name}:{task.product.external_id}"
    record_task(
        session,
        task,
        now,
        "doubt_settled",
        trouble=settlement.verdict is not Verdict.NOT_ACCEPTED,
        verdict=_WORDS[settlement.verdict],
        reason=settlement.reason,
        lost=len(task.images) if accepted else 0,
        hint=f". To have them made anew, for money: hebo-sync products generate {product}" if accepted else "",
    )


_WORDS = {
    Verdict.ACCEPTED: "the prompts had been accepted; their pictures are billed and lost",
    Verdict.NOT_ACCEPTED: "the prompts had not been accepted; they are sent again",
    Verdict.UNDECIDED: "a person must say whether the prompts were accepted (hebo-sync tasks settle)",
}


def settle_by_person(
    session: Session,
    task: GenerationTask,
    now: datetime,
    *,
    accepted: bool,
    seen: datetime | None = None,
    by: str = "",
) -> None:
    """A person's word on a task in doubt. seen: the `doubt_at` of the doubt that the person looked at; by: their name.

    Raises SettleError if it is not in doubt (any more), or in another doubt than the one that was looked at: it was
    settled meanwhile and sent again, say, and a word on the first one must not count for the second.
    """
    if task.state is not TaskState.IN_DOUBT:
        raise SettleError(f"task {task.id} is {task.state}, not in doubt; nothing was changed")
    if seen is not None and task.doubt_at != seen:
        raise SettleError(
            f"task {task.id} is in another doubt by now; nothing was changed. Look at it and say it again"
        )
    verdict = Verdict.ACCEPTED if accepted else Verdict.NOT_ACCEPTED
    reason = f"{by} said so" if by else "a person said so"
    apply_settlement(session, task, Settlement(verdict, reason), now, Said.PERSON)


def _lose(session: Session, task: GenerationTask, now: datetime) -> None:
    task.state, task.due_at, task.ended_at, task.error = TaskState.LOST, None, now, LOST
    task.billable = task.refunded = None  # only the service knows how many of them succeeded
    for image in task.images:
        image.state, image.error = ImageState.LOST, LOST
        lost = LostImage(image_id=image.id, task_id=task.id, store_id=task.store_id, billed=None, reason=LOST, at=now)
        session.add(lost)
