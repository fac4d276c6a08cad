"""reading_news: what a reading of a catalogue tells people, each thing once for as long as it stays the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors import Skipped
from plugin.activity import About, record
from plugin.models import Event, Product, Store

MOST_TOLD = 10_000  # events that are looked through for what was told before


def tell_skipped(session: Session, store_id: int, skipped: Sequence[Skipped], now: datetime) -> None:
    """Tell what was left out, once for as long as it stays the same: every reading may meet it again."""
    if not skipped:
        return
    ids = [one.product_id for one in skipped if one.product_id]
    mine = (Product.store_id == store_id) & Product.external_id.in_(ids)
    known = dict(session.execute(select(Product.external_id, Product.problem).where(mine)).all())
    told = _told(session, store_id)
    for one in skipped:
        mended = one.product_id in known and known[one.product_id] != one.reason  # in between, or it is another reason
        if mended or (one.where, one.product_id, one.reason) not in told:
            words = {"where": one.where, "product": one.product_id, "reason": one.reason}
            record(session, now, "product_skipped", words, About(store_id), trouble=True)


def _told(session: Session, store_id: int) -> set[tuple[str, str | None, str]]:
    """What was told of this store's catalogue before: where, about which product, and why it was left out."""
    mine = (Event.code == "product_skipped") & (Event.store_id == store_id)
    newest = session.scalars(select(Event.data).where(mine).order_by(Event.id.desc()).limit(MOST_TOLD))
    return {(words["where"], words["product"], words["reason"]) for words in newest}


def tell_failure(session: Session, row: Store, reason: str, now: datetime) -> None:
    """Once for each reason until the store can be read again; once more where a person has had it read."""
    since = _last_event(session, row.id, "store_refreshed")
    mine = (Event.code == "store_failed") & (Event.store_id == row.id) & (Event.id > since)
    told = any(words["reason"] == reason for words in session.scalars(select(Event.data).where(mine)))
    if row.problem is None or not told:
        record(session, now, "store_failed", {"reason": reason}, About(row.id), trouble=True)


def tell_success(session: Session, row: Store, now: datetime) -> None:
    """Say that the store can be read again, if it could not be."""
    if _last_event(session, row.id, "store_failed") > _last_event(session, row.id, "store_refreshed"):
        record(session, now, "store_works", {}, About(row.id))


def _last_event(session: Session, store_id: int, code: str) -> int:
    """The id of the store's last event of this code; 0: there is none."""
    mine = select(Event.id).where(Event.code == code, Event.store_id == store_id)
    return session.scalar(mine.order_by(Event.id.desc()).limit(1)) or 0
