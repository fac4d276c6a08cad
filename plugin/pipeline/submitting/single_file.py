"""Submissions of one account go in single file, across threads and processes: the lane is a lease on its row."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.activity import About, record
from plugin.hebo import HeboError, KeyRefusedError
from plugin.models import Account, Event, GenerationTask
from plugin.money import Limit, Reading
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting.budgets import in_words
from plugin.pipeline.submitting.doubt import doubt, doubt_holds_until
from plugin.states import TaskState

START_WITHIN = timedelta(seconds=10)  # a claim whose call has not begun by then is given back, unsent
LEASE_SLACK = timedelta(seconds=15)  # the lease outlives the call's own deadline by this
KEY_WAIT = timedelta(minutes=15)
SERVICE_WAITS = (2, 5, 15, 60)  # seconds
REFUSALS = 3  # in a row
OUTAGE = 2  # calls in a row that did not get through: now it is told
QUOTA_WAIT = timedelta(minutes=10)  # when the day turns is learned from the quota itself
REFUND_WAIT = timedelta(seconds=20)  # while tasks are open, a refund may make room soon
NO_SYNC = {"synchronize_session": False}


def take_lane(session: Session, account: Account, parts: Parts, now: datetime) -> bool:
    """Become the account's only submitter until the call's deadline is surely over; False: somebody else is."""
    lease = timedelta(seconds=parts.settings.hebo.submit_deadline) + START_WITHIN + LEASE_SLACK
    free = or_(Account.lane_until.is_(None), Account.lane_until <= now)
    take = (
        update(Account)
        .where(Account.id == account.id, free)
        .values(lane_owner=parts.instance, lane_until=now + lease)
        .returning(Account.id)
        .execution_options(synchronize_session=False)
    )
    taken = session.scalar(take) is not None
    session.refresh(account)
    return taken


def leave_lane(session: Session, account_id: int, owner: str) -> None:
    mine = (Account.id == account_id) & (Account.lane_owner == owner)
    session.execute(update(Account).where(mine).values(lane_owner=None, lane_until=None))


def doubt_orphans(session: Session, account: Account, now: datetime) -> None:
    """The lane is ours, so whoever was submitting is dead or too late: its task is in doubt."""
    orphans = select(GenerationTask).where(
        GenerationTask.account_id == account.id,
        GenerationTask.state == TaskState.SUBMITTING,
        GenerationTask.due_at <= now,
    )
    for task in session.scalars(orphans):
        doubt(session, task, now, "the program ended before the answer came")


def waits(account: Account, now: datetime) -> bool:
    """Whether nothing is to be tried yet. A budget of our own is counted anew each time: it may have been raised."""
    return account.wait_until is not None and account.wait_until > now and account.wait_reason != "budget"


def wait_after(session: Session, account: Account, error: HeboError, now: datetime) -> None:
    """The service refuses the key or cannot be had: stop just this account's submissions, and say so once.

    A single call that did not get through is not told yet: the next one, seconds later, mostly does.
    """
    if isinstance(error, KeyRefusedError):
        detail = f"the image service refuses the API key (HTTP {error.status}); check hebo.api_key. Nothing is lost"
        wait(session, account, "key", detail, now + KEY_WAIT, now)
        return
    account.troubles = min(account.troubles + 1, len(SERVICE_WAITS))
    until = now + timedelta(seconds=SERVICE_WAITS[account.troubles - 1])
    if account.troubles == OUTAGE:
        account.wait_reason = None  # so that it is told now
    quiet = account.troubles < OUTAGE
    wait(session, account, "service", str(error), until, now, quiet=quiet)


def wait_after_refusal(session: Session, account: Account, error: HeboError, now: datetime) -> None:
    """The service says no although key and quota are good; after a few tasks in a row nothing more is tried."""
    account.troubles = min(account.troubles + 1, len(SERVICE_WAITS))
    if account.troubles >= REFUSALS:
        detail = f"the image service takes no tasks although key and quota are good: {error}. Ask its provider why"
        wait(session, account, "refused", detail, now + KEY_WAIT, now)


def wait_for_quota(session: Session, account: Account, reading: Reading, now: datetime, told_since: datetime) -> None:
    """Too little of the service's quota remains. told_since: it is not told again if it was told since then."""
    pause = REFUND_WAIT if accounts.refund_may_come(session, account.id) else QUOTA_WAIT
    detail = (
        "today's image quota leaves too little for what is next "
        f"({reading.room()} of {reading.daily_limit} images remain)"
    )
    wait(session, account, "quota", detail, now + pause, now, quiet=_was_told(session, "quota", told_since))


def wait_for_budget(session: Session, account: Account, limit: Limit, now: datetime, told_since: datetime) -> None:
    """A budget of our own leaves too little. told_since: it is not told again if it was told since then."""
    until = limit.until or now
    wait(session, account, "budget", in_words(limit), until, now, quiet=_was_told(session, "budget", told_since))


def wait(
    session: Session, account: Account, reason: str, detail: str, until: datetime, now: datetime, *, quiet: bool = False
) -> None:
    """Submit nothing until then; told once (not if quiet), while the reason stays the same."""
    known = account.wait_reason == reason
    accounts.wait(account, reason, detail, until)
    if not known and not quiet:
        record(session, now, "account_waits", {"reason": detail, "cause": reason}, About(), trouble=True)


def _was_told(session: Session, reason: str, since: datetime) -> bool:
    told = select(Event.data).where(Event.code == "account_waits", Event.at >= since)
    return any(data.get("cause") == reason for data in session.scalars(told))


def answers_again(session: Session, account: Account, now: datetime) -> None:
    """The quota could be read: key and service are good, and what the reading says decides what is next."""
    if account.wait_reason in ("key", "service"):
        go_on(session, account, now)
    account.wait_until = None  # the reason stays until something is accepted


def go_on(session: Session, account: Account, now: datetime) -> None:
    """The wait is over: said once, if it was an outage that was told. Polls that rested with the key go on at once."""
    reason, until = account.wait_reason, account.wait_until
    accounts.resume(account)
    if reason == "key" and until is not None:
        rested = (GenerationTask.account_id == account.id) & (GenerationTask.due_at == until)
        session.execute(update(GenerationTask).where(rested).values(due_at=now), execution_options=NO_SYNC)
    if reason in ("key", "refused") or (reason == "service" and account.troubles >= OUTAGE):
        record(session, now, "account_goes_on", {"cause": reason}, About())


def submits_next(session: Session, account: Account, parts: Parts, due: datetime, now: datetime) -> datetime | None:
    """When the account can submit what is due then; None: not without a person, money or another day."""
    if account.wait_until is not None and waits(account, now):
        refund_may_come = account.wait_reason == "quota" and accounts.refund_may_come(session, account.id)
        still_trying = account.wait_reason == "service" and account.troubles < len(SERVICE_WAITS)
        return max(due, account.wait_until) if refund_may_come or still_trying else None
    foreign = account.lane_until if account.lane_owner not in (None, parts.instance) else None
    times = (due, foreign, doubt_holds_until(session, account.id))
    return max(time for time in times if time is not None)
