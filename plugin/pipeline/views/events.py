"""What happened, newest first, page by page: for the activity page. Ordered by the events' ids, which only grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from plugin.models import Event, Product, Store

PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: of one store, of one product (row ids; None: of all), only those that a person should see."""

    store_id: int | None = None
    product_id: int | None = None
    trouble: bool = False


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event with what it is about. code, data: for `plugin.activity`. None: it is about no store, product, task."""

    id: int
    at: datetime
    trouble: bool
    code: str
    data: Mapping[str, Any]
    task_id: int | None
    store_id: int | None
    store: str | None
    product_id: int | None
    title: str | None
    external_id: str | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """older: the id that the next page lies before; None: this is the last page."""

    rows: tuple[EventRow, ...]
    older: int | None


def list_events(session: Session, wanted: Wanted, *, before: int | None = None, limit: int = PAGE) -> EventPage:
    """The newest events, or those just before that one. New events do not move what lies on an older page."""
    where = _where(wanted) + ([Event.id < before] if before is not None else [])
    found = _rows(session, where, newest_first=True, limit=limit + 1)
    rows = found[:limit]
    return EventPage(tuple(rows), rows[-1].id if len(found) > limit else None)


def events_after(session: Session, wanted: Wanted, after: int, *, limit: int = PAGE) -> tuple[EventRow, ...]:
    """What came after that event, newest first. Of more than `limit` the oldest: the others come next time."""
    found = _rows(session, [*_where(wanted), Event.id > after], newest_first=False, limit=limit)
    return tuple(reversed(found))


def store_names(session: Session) -> dict[int, str]:
    """Every store that has a row, by its id, in the order of the names."""
    return {row.id: row.name for row in session.execute(select(Store.id, Store.name).order_by(Store.name))}


def product_title(session: Session, product_id: int) -> str | None:
    """What a product is called; None: there is none with that id."""
    return session.scalar(select(Product.title).where(Product.id == product_id))


def _where(wanted: Wanted) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [Event.trouble.is_(True)] if wanted.trouble else []
    if wanted.store_id is not None:
        where.append(Event.store_id == wanted.store_id)
    if wanted.product_id is not None:
        where.append(Event.product_id == wanted.product_id)
    return where


def _rows(
    session: Session, where: Sequence[ColumnElement[bool]], *, newest_first: bool, limit: int
) -> Sequence[EventRow]:
    order = Event.id.desc() if newest_first else Event.id
    event = (Event.id, Event.at, Event.trouble, Event.code, Event.data, Event.task_id, Event.store_id)
    about = (Store.name, Event.product_id, Product.title, Product.external_id)
    joined = select(*event, *about).outerjoin(Store, Event.store_id == Store.id)
    joined = joined.outerjoin(Product, Event.product_id == Product.id)
    found = session.execute(joined.where(*where).order_by(order).limit(limit))
    return [EventRow(*tuple(row)) for row in found]
