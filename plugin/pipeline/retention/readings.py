"""Old readings of the quota.

Readings since the baseline of a task that is still open or in doubt are kept, since a doubt is settled by them, and so
is the last one of each account. Of the others two a day stay for a year, the highest and the lowest `used`: between
them lie the turns of the service's day, so that the days can still be compared with the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.accounts import OPEN_STATES
from plugin.models import Account, GenerationTask, QuotaReading
from plugin.pipeline.parts import Parts
from plugin.pipeline.retention.forgetting import forget

MARGIN = timedelta(days=1)
THINNED_FOR = timedelta(days=366)


class Found(NamedTuple):
    id: int
    at: datetime
    used: int | None


def prune(parts: Parts, before: datetime, now: datetime, going_on: Callable[[], bool]) -> int:
    """Forget the readings that are older; gives how many."""
    with parts.db.read() as session:
        ids = old(session, before, now)
    return forget(parts, QuotaReading, ids, going_on)


def old(session: Session, before: datetime, now: datetime) -> Sequence[int]:
    """Those that may go."""
    accounts = session.scalars(select(Account.id).order_by(Account.id)).all()
    return [reading for account in accounts for reading in _old(session, account, before, now)]


def _old(session: Session, account_id: int, before: datetime, now: datetime) -> list[int]:
    row = QuotaReading
    since = _open_since(session, account_id)
    until = before if since is None else min(before, since - MARGIN)
    newest = select(row.id).where(row.account_id == account_id).order_by(row.at.desc(), row.id.desc()).limit(1)
    last = session.scalar(newest)
    columns = select(row.id, row.at, row.used).where(row.account_id == account_id, row.at < until)
    found = [Found(*one) for one in session.execute(columns.order_by(row.at, row.id))]
    kept = {last, *_extremes(one for one in found if one.at >= now - THINNED_FOR)}
    return [one.id for one in found if one.id not in kept]


def _open_since(session: Session, account_id: int) -> datetime | None:
    """From when on readings may still decide something."""
    task = GenerationTask
    mine = (task.account_id == account_id) & task.state.in_(OPEN_STATES)
    return session.scalar(select(func.min(func.coalesce(task.baseline_at, task.sent_at))).where(mine))


def _extremes(found: Iterable[Found]) -> Iterator[int]:
    """Of each day (UTC) the readings with the lowest and the highest `used`, else the last."""
    for _, rows in groupby(found, key=lambda one: one.at.date()):
        day = list(rows)
        told = [(one.used, one.at, one.id) for one in day if one.used is not None]
        yield from (min(told)[2], max(told)[2]) if told else (day[-1].id,)
