"""The quota as people see it: what the account may spend, what is on its way, and our own budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.hebo import HeboError
from plugin.models import Account
from plugin.pipeline import views
from plugin.pipeline.parts import Parts
from plugin.pipeline.submit import day_of
from plugin.states import TaskState


@dataclass(frozen=True, slots=True)
class QuotaView:
    """An account's quota and our part in it, in images; None: the service did not say, or there is no limit.

    read_at: when the service said so. waits_reason: a code (`plugin.accounts.wait`), waits: the same in a sentence.
    error: why it cannot be asked now.
    """

    account: str | None
    level: str
    enabled: bool
    daily_limit: int | None
    used: int | None
    remaining: int | None
    read_at: datetime | None
    in_flight: int
    planned: int
    daily_budget: int | None
    spent_today: int
    waits_reason: str | None
    waits: str | None
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
    mine = select(Account).where(Account.key_fingerprint == parts.key_fingerprint)
    account = session.scalars(mine).first() if parts.hebo else None
    return _view(session, parts, account, None)


def _view(session: Session, parts: Parts, account: Account | None, error: str | None) -> QuotaView:
    now = parts.clock.now()
    reading = accounts.last_reading(session, account.id) if account else None
    midnight, _ = day_of(now, parts.settings.app.timezone)
    waits = account is not None and account.wait_until is not None and account.wait_until > now
    return QuotaView(
        account=account.user_id if account else None,
        level=reading.level if reading else "",
        enabled=reading.enabled if reading else True,
        daily_limit=reading.daily_limit if reading else None,
        used=reading.used if reading else None,
        remaining=reading.remaining if reading else None,
        read_at=reading.at if reading else None,
        in_flight=views.in_flight_images(session, account.id) if account else 0,
        planned=views.images_of_tasks(session, (TaskState.PLANNED,)),
        daily_budget=parts.settings.hebo.daily_budget,
        spent_today=accounts.spent_since(session, account.id, midnight) if account else 0,
        waits_reason=account.wait_reason if account and waits else None,
        waits=account.wait_detail if account and waits else None,
        waits_until=account.wait_until if account and waits else None,
        error=error,
    )
