"""The quota as people see it: what the account may spend, what is on its way, our own budgets, and what the service
counts beside what we know of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.accounts import LOST_MAY_REFUND
from plugin.hebo import HeboError
from plugin.ledger import Bucket
from plugin.models import Account, GenerationTask, LedgerEntry, QuotaReading, Store
from plugin.money import Level, Limit, Room, day_of
from plugin.pipeline import stores, views
from plugin.pipeline.parts import Parts
from plugin.pipeline.submitting.budgets import rooms
from plugin.pipeline.views.ledger import smallest_planned
from plugin.pipeline.views.money import UNDER_WAY
from plugin.reconcile import Look, Sent, ServiceDay, reconcile
from plugin.states import TaskState

LOOKED_BACK = timedelta(days=7)
BILLS = timedelta(days=30)
OLD_TASKS = timedelta(days=1)  # a task that was sent so long before may still give images back
OWN = (Level.KEY_DAY, Level.KEY_MONTH)
ASKING = timedelta(seconds=15)  # a `GET /quota` is given up after it, so that its figure is not older


@dataclass(frozen=True, slots=True)
class QuotaView:
    """An account's quota and our part in it, in images; None: the service did not say, or there is no limit.

    read_at: when the service said so. in_flight: being made, without in_doubt, of which nobody knows yet whether they
    were accepted. waits_reason: a code (`plugin.accounts.wait`), waits: the same in a sentence, waits_level: whose
    budget it is, where it is one. error: why it cannot be asked now.
    """

    account: str | None
    level: str
    enabled: bool
    daily_limit: int | None
    used: int | None
    remaining: int | None
    read_at: datetime | None
    in_flight: int
    in_doubt: int
    planned: int
    daily_budget: int | None
    spent_today: int
    waits_reason: str | None
    waits: str | None
    waits_level: Level | None
    waits_until: datetime | None
    error: str | None

    @property
    def room(self) -> int | None:
        """How many images may be reserved now; None: no limit is known."""
        service = self.remaining if self.enabled else None
        budget = None if self.daily_budget is None else max(0, self.daily_budget - self.spent_today)
        return min((limit for limit in (service, budget) if limit is not None), default=None)


def ask_quota(parts: Parts) -> QuotaView:
    """The quota as the service says it now, which is kept; else the last reading. Without a key: nothing known."""
    error, asked_at, answer = None, parts.clock.now(), None
    try:
        answer = parts.hebo.quota() if parts.hebo else None
    except HeboError as problem:
        error = str(problem)
    with parts.db.write() as session:
        account = accounts.current(session, parts.key_fingerprint, asked_at) if parts.hebo else None
        if account is not None and answer is not None:
            account = accounts.note_quota(session, account, answer, asked_at, "quota")
            session.flush()
        return _view(session, parts, account, error)


def quota_view(session: Session, parts: Parts) -> QuotaView:
    """The quota as the service said it last; nothing is asked. Without a key, or before the first look: not known."""
    return _view(session, parts, _account(session, parts), None)


def _account(session: Session, parts: Parts) -> Account | None:
    mine = select(Account).where(Account.key_fingerprint == parts.key_fingerprint)
    return session.scalars(mine).first() if parts.hebo else None


def _view(session: Session, parts: Parts, account: Account | None, error: str | None) -> QuotaView:
    now = parts.clock.now()
    reading = accounts.last_reading(session, account.id) if account else None
    midnight, _ = day_of(now, parts.settings.app.timezone)
    mine = account.id if account else None
    waits = account if account and account.wait_until is not None and account.wait_until > now else None
    return QuotaView(
        account=account.user_id if account else None,
        level=reading.level if reading else "",
        enabled=reading.enabled if reading else True,
        daily_limit=reading.daily_limit if reading else None,
        used=reading.used if reading else None,
        remaining=reading.remaining if reading else None,
        read_at=reading.at if reading else None,
        in_flight=_images(session, mine, UNDER_WAY),
        in_doubt=_images(session, mine, (TaskState.IN_DOUBT,)),
        planned=views.images_of_tasks(session, (TaskState.PLANNED,)),
        daily_budget=parts.settings.hebo.daily_budget,
        spent_today=accounts.spent_since(session, account.id, midnight) if account else 0,
        waits_reason=waits.wait_reason if waits else None,
        waits=waits.wait_detail if waits else None,
        waits_level=_budget_of(session, parts, waits) if waits else None,
        waits_until=waits.wait_until if waits else None,
        error=error,
    )


def _images(session: Session, account_id: int | None, states: Collection[TaskState]) -> int:
    return views.images_of_tasks(session, states, account_id=account_id) if account_id is not None else 0


def _budget_of(session: Session, parts: Parts, account: Account) -> Level | None:
    """Which budget of ours the account waits for: the tightest of those that begin anew when its wait is over.

    None: it waits for something else, or the budget was taken away since.
    """
    if account.wait_reason != "budget":
        return None
    limits = rooms(session, parts, parts.clock.now()).key.limits
    then = Room(tuple(one for one in limits if one.level in OWN and one.until == account.wait_until))
    return then.binding.level if then.binding is not None else None


@dataclass(frozen=True, slots=True)
class BudgetView:
    """One limit of ours or the service's. store: whose; None: of the key, for all stores. limit: in images."""

    store: str | None
    limit: Limit


@dataclass(frozen=True, slots=True)
class StorePlan:
    """What is planned for a store, in images; each costs one image if it is made. paused: nothing of it is sent.

    left: how many may be reserved for it now, by all limits; None: no limit. binding: the one that leaves the least.
    smallest: the images of its smallest task; since a task is sent as a whole, nothing is sent with fewer left.
    """

    store: str
    planned: int
    paused: bool
    left: int | None
    binding: Limit | None
    smallest: int = 0


@dataclass(frozen=True, slots=True)
class MoneyReport:
    """budgets: the key's first. plans: of the stores for which something is planned. stopped: all of it is.

    days: what the service counted on each of its days lately, and what of that is ours. undelivered: tasks whose bill
    is for another number of pictures than came.
    """

    budgets: tuple[BudgetView, ...]
    plans: tuple[StorePlan, ...]
    stopped: bool
    days: tuple[ServiceDay, ...]
    undelivered: tuple[views.Undelivered, ...]


def money_report(session: Session, parts: Parts) -> MoneyReport:
    """All that `quota_view` does not say; it looks through the readings and tasks of a week."""
    now, account = parts.clock.now(), _account(session, parts)
    room, known = rooms(session, parts, now), stores.set_up(parts, session)
    planned, smallest = views.planned_by_store(session), smallest_planned(session)
    active = stores.configured(parts, session)
    names = {row.id: row.name for row in session.scalars(select(Store).where(Store.id.in_({*planned, *room.stores})))}
    budgets = [BudgetView(None, limit) for limit in room.key.limits]
    budgets += [BudgetView(row.name, limit) for row, _ in known for limit in room.stores[row.id].limits]
    plans = []
    for store_id, images in planned.items():
        of = room.of(store_id)
        paused, least = store_id not in active, smallest.get(store_id, 0)
        plans.append(StorePlan(names[store_id], images, paused, of.left, of.binding, least))
    return MoneyReport(
        budgets=tuple(budgets),
        plans=tuple(sorted(plans, key=lambda plan: plan.store)),
        stopped=stores.stopped(session) is not None,
        days=service_days(session, account.id, now - LOOKED_BACK) if account else (),
        undelivered=views.undelivered(session, now - BILLS),
    )


def service_days(session: Session, account_id: int, since: datetime) -> tuple[ServiceDay, ...]:
    """What the service counted of the account on each of its days since then, beside what our own tasks explain."""
    sent = _sent(session, account_id, since)
    return reconcile(_looks(session, account_id, since, sent), [one for one, _ in sent])


Answered = tuple[Sent, datetime | None]  # with when its answer came


def _looks(session: Session, account_id: int, since: datetime, sent: Sequence[Answered]) -> list[Look]:
    """The readings that tell `used`; one that came with a submit's answer surely has that submit in it."""
    own = {one.sent_at: (one.key, answered_at) for one, answered_at in sent if answered_at is not None}
    alike = len(own) < sum(answered_at is not None for _, answered_at in sent)  # a clock that stood still
    row = QuotaReading
    mine = (row.account_id == account_id) & (row.at >= since) & row.enabled & row.used.is_not(None)
    found = []
    for at, source, used in session.execute(select(row.at, row.source, row.used).where(mine).order_by(row.at, row.id)):
        if source == "quota":
            found.append(Look(at, at + ASKING, used or 0))
        elif at in own:  # else its task was sent again since, and when the answer came is not known any more
            key, answered_at = own[at]
            found.append(Look(at, answered_at, used or 0, None if alike else key))
    return found


def _sent(session: Session, account_id: int, since: datetime) -> list[Answered]:
    """What the account's tasks may have made of `used` since then."""
    task, entry = GenerationTask, LedgerEntry
    lately = (entry.account_id == account_id) & (entry.at >= since)
    back = select(entry.task_id).where(lately, entry.target == Bucket.REFUNDED)
    recent = or_(task.sent_at >= since - OLD_TASKS, task.state.in_(accounts.OPEN_STATES), task.id.in_(back))
    mine = (task.account_id == account_id) & task.sent_at.is_not(None) & recent
    chosen = select(*_COLUMNS).where(mine, task.state.not_in((TaskState.PLANNED, TaskState.CANCELLED)))
    return [(submission_of(row), row.answered_at) for row in session.execute(chosen)]


_COLUMNS = (
    GenerationTask.id,
    GenerationTask.state,
    GenerationTask.reserved,
    GenerationTask.billable,
    GenerationTask.refunded,
    GenerationTask.sent_at,
    GenerationTask.answered_at,
    GenerationTask.ended_at,
)


def submission_of(row: Any) -> Sent:
    """What is known of one task (or a row with its columns), as reconciling needs it."""
    if row.state in (TaskState.DONE, TaskState.FAILED):
        back = row.refunded or 0
        rest = row.reserved - (row.billable or 0) - back  # charged and given back may not be what was reserved
        answered_at = row.answered_at or row.ended_at
        more, unsettled = max(0, -rest), max(0, rest)
        return Sent(row.id, row.reserved, row.sent_at, answered_at, True, back, unsettled, more, row.ended_at)
    if row.state is TaskState.LOST:
        lost_at = row.ended_at or row.sent_at
        over = lost_at + LOST_MAY_REFUND
        return Sent(row.id, row.reserved, row.sent_at, lost_at, False, 0, row.reserved, ended_at=over)
    accepted = row.state in (TaskState.GENERATING, TaskState.STALLED)
    answered_at = row.answered_at if accepted else None
    return Sent(row.id, row.reserved, row.sent_at, answered_at, accepted, unsettled=row.reserved)
