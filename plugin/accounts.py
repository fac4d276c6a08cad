"""The account behind the image API key: which one it is, what its quota says, why it waits."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from plugin.hebo import Quota
from plugin.models import Account, GenerationTask, LedgerEntry, QuotaReading, Store
from plugin.money import Reading
from plugin.states import TaskState

OPEN_STATES = (TaskState.SUBMITTING, TaskState.IN_DOUBT, TaskState.GENERATING, TaskState.STALLED)
# How long a task whose id was lost may still give images back without our knowing.
LOST_MAY_REFUND = timedelta(hours=24)
USER_ID_LENGTH = 200


def current(session: Session, fingerprint: str, now: datetime) -> Account:
    """The account of the key with this fingerprint; made at the first meeting, its `user_id` learned later."""
    mine = select(Account).where(Account.key_fingerprint == fingerprint)
    account = session.scalars(mine).first()
    if account is not None:
        return account
    account = Account(key_fingerprint=fingerprint, created_at=now)
    try:
        with session.begin_nested():
            session.add(account)
    except IntegrityError:  # another process met the key at the same moment
        return session.scalars(mine).one()
    return account


def note_quota(session: Session, account: Account, quota: Quota, at: datetime, source: str) -> Account:
    """Keep a reading, and learn whose key it is. Gives the account that the key really belongs to.

    A new key of a known account takes that account over; a key that now names another owner gets another
    account, so that tasks are never polled with a key that does not own them.
    """
    account = _owner(session, account, quota.user_id[:USER_ID_LENGTH], at)
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
    fingerprint, account.key_fingerprint = account.key_fingerprint, None
    session.flush()  # a fingerprint is one account's at a time
    if known is None:
        known = Account(user_id=user_id, created_at=now)
        session.add(known)
    known.key_fingerprint = fingerprint
    session.flush()
    if account.user_id is None:
        _merge(session, account, known, now)
    return known


def _merge(session: Session, nameless: Account, known: Account, now: datetime) -> None:
    """A known account was met under its new key before the service told whose it is: what it has moves there."""
    for model in (GenerationTask, LedgerEntry, QuotaReading, Store):
        session.execute(update(model).where(model.account_id == nameless.id).values(account_id=known.id))
    if known.lane_until is None or known.lane_until <= now:  # else somebody submits there, with the old key
        known.lane_owner, known.lane_until = nameless.lane_owner, nameless.lane_until
    nameless.lane_owner = nameless.lane_until = None


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


def alone(session: Session, account_id: int, *, but: int) -> bool:
    """Whether it is known of every other submit of the account whether the service took it."""
    unknown = GenerationTask.state.in_((TaskState.SUBMITTING, TaskState.IN_DOUBT))
    others = (GenerationTask.account_id == account_id) & (GenerationTask.id != but)
    return session.scalar(select(GenerationTask.id).where(others, unknown).limit(1)) is None


def refund_may_come(session: Session, account_id: int) -> bool:
    """Whether a task is under way that may soon give images back (a stalled or doubtful one will not, soon)."""
    under_way = GenerationTask.state.in_((TaskState.SUBMITTING, TaskState.GENERATING))
    query = select(GenerationTask.id).where(GenerationTask.account_id == account_id, under_way).limit(1)
    return session.scalar(query) is not None


# Reserved and not given back: what counts against a budget. Doubts and lost images do, since they may be billed.
NET = GenerationTask.reserved - func.coalesce(GenerationTask.refunded, 0)


def spent_since(session: Session, account_id: int, since: datetime) -> int:
    """Images reserved since then and not given back: what counts against our own budget."""
    where = (GenerationTask.account_id == account_id) & (GenerationTask.sent_at >= since)
    return session.scalar(select(func.coalesce(func.sum(NET), 0)).where(where)) or 0


def spent_by_store(session: Session, account_id: int, since: datetime) -> dict[int, int]:
    """The same for each store that has had any, by the store's row id."""
    where = (GenerationTask.account_id == account_id) & (GenerationTask.sent_at >= since)
    sums = select(GenerationTask.store_id, func.sum(NET)).where(where).group_by(GenerationTask.store_id)
    return dict(session.execute(sums).all())


def spent_since_by_store(session: Session, since: datetime) -> dict[int, int]:
    """The same for each store, whichever account paid."""
    sums = select(GenerationTask.store_id, func.sum(NET)).where(_sent_by_anybody(), GenerationTask.sent_at >= since)
    return dict(session.execute(sums.group_by(GenerationTask.store_id)).all())


def spent_in_runs(session: Session, since: datetime) -> dict[int, int]:
    """The same since each store's last reading began, or since it was set up. since: none of that was earlier."""
    began = func.coalesce(Store.run_at, Store.created_at)
    recent = _sent_by_anybody() & (GenerationTask.sent_at >= since) & (GenerationTask.sent_at >= began)
    sums = select(GenerationTask.store_id, func.sum(NET)).join(Store, Store.id == GenerationTask.store_id).where(recent)
    return dict(session.execute(sums.group_by(GenerationTask.store_id)).all())


def _sent_by_anybody() -> ColumnElement[bool]:
    """Naming the accounts lets the index of account and time be used; a store's own tasks may be those of years."""
    return GenerationTask.account_id.in_(select(Account.id))


def spent_on(session: Session, task_ids: Collection[int]) -> int:
    """The same of these tasks."""
    return session.scalar(select(func.coalesce(func.sum(NET), 0)).where(GenerationTask.id.in_(task_ids))) or 0


def moved_after(session: Session, account_id: int, at: datetime) -> bool:
    """Whether a reading of that time lacks what tasks of ours have reserved or given back since."""
    task = GenerationTask
    moved = (task.sent_at > at) | ((task.ended_at > at) & (task.refunded > 0))
    mine = (task.account_id == account_id) & moved
    return session.scalar(select(task.id).where(mine).limit(1)) is not None


def refunds_since(session: Session, account_id: int, since: datetime, *, slack: timedelta) -> int:
    """Images that ended tasks gave back since then, or so shortly before that the baseline may lack them: the most
    that may hide a rise. What is surely among it: `returned_between`.

    A task whose id was lost may have given back everything at any time: nobody can tell, so all of it counts.
    """
    task = GenerationTask
    lost = task.state == TaskState.LOST
    recent = (task.ended_at >= since - slack) | (lost & (task.ended_at >= since - LOST_MAY_REFUND))
    given_back = func.coalesce(task.refunded, case((lost, task.reserved), else_=0))
    where = (task.account_id == account_id) & recent
    return session.scalar(select(func.coalesce(func.sum(given_back), 0)).where(where)) or 0


def returned_between(session: Session, account_id: int, since: datetime, until: datetime) -> int:
    """Images that the service itself says it gave back, of tasks whose end was learned of between the two times.

    A task whose id was lost counts nothing here: what became of its pictures nobody was told.
    """
    task = GenerationTask
    known = (task.state != TaskState.LOST) & (task.ended_at > since) & (task.ended_at < until)
    where = (task.account_id == account_id) & known
    return session.scalar(select(func.coalesce(func.sum(task.refunded), 0)).where(where)) or 0
