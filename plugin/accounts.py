"""The account behind the image API key: which one it is, what its quota says, why it waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from plugin.hebo import Quota
from plugin.models import Account, GenerationTask, QuotaReading
from plugin.money import Reading
from plugin.states import TaskState

OPEN_STATES = (TaskState.SUBMITTING, TaskState.IN_DOUBT, TaskState.GENERATING, TaskState.STALLED)


def current(session: Session, fingerprint: str, now: datetime) -> Account:
    """The account of the key with this fingerprint; made at the first meeting, its `user_id` learned later."""
    account = session.scalars(select(Account).where(Account.key_fingerprint == fingerprint)).first()
    if account is None:
        account = Account(key_fingerprint=fingerprint, created_at=now)
        session.add(account)
        session.flush()
    return account


def note_quota(session: Session, account: Account, quota: Quota, at: datetime, source: str) -> Account:
    """Keep a reading, and learn whose key it is. Gives the account that the key really belongs to.

    A new key of a known account takes that account over; a key that now names another owner gets another
    account, so that tasks are never polled with a key that does not own them.
    """
    account = _owner(session, account, quota.user_id, at)
    session.add(
        QuotaReading(
            account_id=account.id,
            at=at,
            source=source,
            enabled=quota.enabled,
            level=quota.level[:60],
            daily_limit=quota.daily_limit,
            used=quota.used,
            remaining=quota.remaining,
        )
    )
    return account


def _owner(session: Session, account: Account, user_id: str, now: datetime) -> Account:
    if not user_id or account.user_id == user_id:
        return account
    known = session.scalars(select(Account).where(Account.user_id == user_id)).first()
    if known is None and account.user_id is None:
        account.user_id = user_id
        return account
    fingerprint = account.key_fingerprint
    account.key_fingerprint = ""
    if known is None:
        known = Account(user_id=user_id, key_fingerprint=fingerprint, created_at=now)
        session.add(known)
    known.key_fingerprint = fingerprint
    session.flush()
    if account.user_id is None:  # met under its new key before the service told whose it is
        session.execute(
            update(GenerationTask).where(GenerationTask.account_id == account.id).values(account_id=known.id)
        )
        known.lane_owner, known.lane_until = account.lane_owner, account.lane_until
    return known


def last_reading(session: Session, account_id: int) -> QuotaReading | None:
    newest = QuotaReading.at.desc(), QuotaReading.id.desc()
    return session.scalars(select(QuotaReading).where(QuotaReading.account_id == account_id).order_by(*newest)).first()


def readings_since(session: Session, account_id: int, since: datetime) -> list[Reading]:
    """Readings asked for after `since`, oldest first."""
    rows = session.scalars(
        select(QuotaReading)
        .where(QuotaReading.account_id == account_id, QuotaReading.at > since, QuotaReading.source == "quota")
        .order_by(QuotaReading.at, QuotaReading.id)
    )
    return [as_reading(row) for row in rows]


def as_reading(row: QuotaReading) -> Reading:
    return Reading(row.at, row.enabled, row.daily_limit, row.used, row.remaining)


def wait(account: Account, reason: str, detail: str, until: datetime) -> None:
    """Submit nothing on this account until then. reason: "quota", "budget", "key", "service" or "doubt"."""
    account.wait_reason, account.wait_detail, account.wait_until = reason, detail, until


def resume(account: Account) -> None:
    account.wait_reason = account.wait_detail = account.wait_until = None


def open_tasks(session: Session, account_id: int, *, but: int | None = None) -> int:
    """Tasks of the account that the service may still change."""
    where = [GenerationTask.account_id == account_id, GenerationTask.state.in_(OPEN_STATES)]
    if but is not None:
        where.append(GenerationTask.id != but)
    return session.scalar(select(func.count()).select_from(GenerationTask).where(*where)) or 0


def spent_since(session: Session, account_id: int, since: datetime) -> int:
    """Images reserved since then and not given back: what counts against our own budget."""
    net = GenerationTask.reserved - func.coalesce(GenerationTask.refunded, 0)
    where = (GenerationTask.account_id == account_id) & (GenerationTask.sent_at >= since)
    return session.scalar(select(func.coalesce(func.sum(net), 0)).where(where)) or 0


def refunds_since(session: Session, account_id: int, since: datetime, *, slack: timedelta) -> int:
    """Images that ended tasks gave back since then, or so shortly before that the baseline may lack them."""
    where = (GenerationTask.account_id == account_id) & (GenerationTask.ended_at >= since - slack)
    return session.scalar(select(func.coalesce(func.sum(GenerationTask.refunded), 0)).where(where)) or 0
