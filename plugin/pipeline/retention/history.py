"""Old entries of the activity, but for those that the program goes by.

It looks into its history to tell the same thing once only (`reading_news`), to know what the last reading of a store
left out (`doctor`), and to count retries that nobody asked for, which cost money (`retry`). The newest entry of all
stays too: its number is where pages and runs count from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.activity import BY_ITSELF
from plugin.models import Event
from plugin.pipeline.parts import Parts
from plugin.pipeline.reading.reading_news import MOST_TOLD
from plugin.pipeline.retention.forgetting import forget

AT_MOST = 100_000  # in one pass; the rest is for the next


def prune(parts: Parts, before: datetime, going_on: Callable[[], bool]) -> int:
    """Forget the entries that are older; gives how many."""
    with parts.db.read() as session:
        ids = old(session, before)
    return forget(parts, Event, ids, going_on)


def old(session: Session, before: datetime) -> Sequence[int]:
    """Those that may go, oldest first."""
    read = select(func.max(Event.id)).where(Event.code == "store_refreshed").group_by(Event.store_id)
    place = func.row_number().over(partition_by=Event.store_id, order_by=Event.id.desc()).label("place")
    skipped = select(Event.id, place).where(Event.code == "product_skipped").subquery()
    told = select(skipped.c.id).where(skipped.c.place <= MOST_TOLD)
    newest = select(func.max(Event.id))
    wanted = select(Event.id).where(Event.at < before, Event.code != BY_ITSELF)
    kept = (Event.id.not_in(of) for of in (read, told, newest))
    return session.scalars(wanted.where(*kept).order_by(Event.id).limit(AT_MOST)).all()
