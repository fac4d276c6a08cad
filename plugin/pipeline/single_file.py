"""Submissions of one account go in single file, across threads and processes: the lane is a lease on its row."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.activity import About, record
from plugin.hebo import HeboError, KeyRefusedError
from plugin.models import Account, GenerationTask
from plugin.pipeline.doubt import doubt, doubt_holds_until
from plugin.pipeline.parts import Parts
from plugin.states import TaskState

START_WITHIN = timedelta(seconds=10)  # a claim whose call has not begun by then is given back, unsent
LEASE_SLACK = timedelta(seconds=15)  # the lease outlives the call's own deadline by this
KEY_WAIT = timedelta(minutes=15)
SERVICE_WAITS = (2, 5, 15, 60)  # seconds
REFUSALS = 3  # in a row


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


def wait_after(session: Session, account: Account, error: HeboError, now: datetime) -> None:
    """The service refuses the key or cannot be had: stop just this account's submissions, and say so once."""
    if isinstance(error, KeyRefusedError):
        detail = f"the image service refuses the API key (HTTP {error.status}); check hebo.api_key. Nothing is lost"
        wait(session, account, "key", detail, now + KEY_WAIT, now)
        return
    account.troubles = min(account.troubles + 1, len(SERVICE_WAITS))
    pause = timedelta(seconds=SERVICE_WAITS[account.troubles - 1])
    wait(session, account, "service", str(error), now + pause, now)


def wait_after_refusal(session: Session, account: Account, error: HeboError, now: datetime) -> None:
    """The service says no although key and quota are good; after a few tasks in a row nothing more is tried."""
    account.troubles = min(account.troubles + 1, len(SERVICE_WAITS))
    if account.troubles >= REFUSALS:
        detail = f"the image service takes no tasks although key and quota are good: {error}. Ask its provider why"
        wait(session, account, "refused", detail, now + KEY_WAIT, now)


def key_refused(session: Session, fingerprint: str, now: datetime) -> bool:
    """Whether all calls with this key rest, because the service refused it."""
    resting = (Account.wait_reason == "key") & (Account.wait_until > now)
    found = select(Account.id).where(Account.key_fingerprint == fingerprint, resting)
    return session.scalar(found) is not None


def wait(session: Session, account: Account, reason: str, detail: str, until: datetime, now: datetime) -> None:
    """Submit nothing until then; told once, while the reason stays the same."""
    known = account.wait_reason == reason
    accounts.wait(account, reason, detail, until)
    if not known:
        record(session, now, "account_waits", {"reason": detail, "cause": reason}, About(), trouble=True)


def submits_next(session: Session, account: Account, parts: Parts, due: datetime, now: datetime) -> datetime | None:
    """When the account can submit what is due then; None: not without a person, money or another day."""
    if account.wait_until is not None and account.wait_until > now:
        refund_may_come = account.wait_reason == "quota" and accounts.refund_may_come(session, account.id)
        still_trying = account.wait_reason == "service" and account.troubles < len(SERVICE_WAITS)
        return max(due, account.wait_until) if refund_may_come or still_trying else None
    foreign = account.lane_until if account.lane_owner not in (None, parts.instance) else None
    times = (due, foreign, doubt_holds_until(session, account.id))
    return max(time for time in times if time is not None)
