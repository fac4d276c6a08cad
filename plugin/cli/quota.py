"""hebo-sync quota: what the account may spend, what is on its way, and our own budget."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from datetime import datetime

import click
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.cli.context import Context, json_option, note, pass_context, print_json
from plugin.cli.key import require_key
from plugin.cli.lookup import counted, fields
from plugin.hebo import HeboError
from plugin.models import Account
from plugin.pipeline import views
from plugin.pipeline.parts import Parts
from plugin.pipeline.submit import day_of
from plugin.states import TaskState


@dataclass(frozen=True, slots=True)
class QuotaView:
    """An account's quota and our part in it, in images; None: the service did not say, or there is no limit.

    read_at: when the service said so. error: why it cannot be asked now.
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
    waits: str | None
    waits_until: datetime | None
    error: str | None

    @property
    def room(self) -> int | None:
        """How many images may be reserved now; None: no limit is known."""
        service = self.remaining if self.enabled else None
        budget = None if self.daily_budget is None else max(0, self.daily_budget - self.spent_today)
        return min((limit for limit in (service, budget) if limit is not None), default=None)


@click.command()
@json_option
@pass_context
def quota(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Ask the image service for the quota. Exit 1 if it does not answer: then the last reading is shown."""
    with context.parts() as parts:
        require_key(parts)
        view = ask_quota(parts)
    if as_json:
        print_json(dataclasses.asdict(view))
    else:
        _show(view)
    if view.error:
        last = f"the last reading is from {view.read_at:%Y-%m-%d %H:%M:%S} UTC" if view.read_at else "never read before"
        note(f"! the quota could not be read: {view.error}; {last}")
    sys.exit(1 if view.error else 0)


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
        waits=account.wait_detail if account and waits else None,
        waits_until=account.wait_until if account and waits else None,
        error=error,
    )


def _show(view: QuotaView) -> None:
    limit = view.daily_limit if view.enabled else "none (the service counts no quota for this key)"
    budget = f"{view.spent_today} of {counted(view.daily_budget, 'image')}" if view.daily_budget is not None else None
    fields(
        [
            ("account", view.account or "unknown"),
            ("level", view.level),
            ("daily limit", limit),
            ("used", view.used),
            ("remaining", view.remaining if view.enabled else None),
            ("in flight", counted(view.in_flight, "image")),
            ("planned", counted(view.planned, "image")),
            ("own budget today", budget),
            ("submitting waits", view.waits),
            ("waits until", view.waits_until),
            ("read at", view.read_at),
        ]
    )
