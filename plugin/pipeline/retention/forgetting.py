"""Forgetting rows a few at a time, so that nobody waits long for the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import delete

from plugin.models import Event, QuotaReading
from plugin.pipeline.parts import Parts

BATCH = 500  # rows forgotten in one transaction


def forget(parts: Parts, model: type[Event | QuotaReading], ids: Sequence[int], going_on: Callable[[], bool]) -> int:
    """Delete these rows, in batches, as long as `going_on`; gives how many are gone."""
    gone = 0
    for start in range(0, len(ids), BATCH):
        if not going_on():
            break
        batch = ids[start : start + BATCH]
        with parts.db.write() as session:
            session.execute(delete(model).where(model.id.in_(batch)))
        gone += len(batch)
    return gone
