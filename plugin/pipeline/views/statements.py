"""The ledger over a time, as a table of stores, packs, days or months that adds up to its total."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.models import Store
from plugin.money import day_of, month_of
from plugin.pipeline.views.ledger import (
    EVER,
    Span,
    Totals,
    first_entry,
    planned_by_pack,
    planned_by_store,
    totals,
    totals_by_pack,
    totals_by_store,
)

MOMENT = timedelta(microseconds=1)
Around = Callable[[datetime, str], tuple[datetime, datetime]]


class By(StrEnum):
    """What a row of the table is."""

    STORE = "store"
    DAY = "day"
    MONTH = "month"
    PACK = "pack"


class Period(StrEnum):
    """When the images were reserved that the table is about, by the calendar of a time zone."""

    TODAY = "today"
    WEEK = "week"  # today and the 6 days before
    DAYS = "days"  # today and the 29 days before
    MONTH = "month"
    LAST_MONTH = "last_month"
    EVER = "ever"


DAYS_BEFORE = {Period.TODAY: 0, Period.WEEK: 6, Period.DAYS: 29}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """name: a store's, a pack's, or a day or month as 2026-03-01 or 2026-03. planned: None where it has no meaning."""

    name: str
    totals: Totals
    planned: int | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """by: what the rows are: months, where days were asked for over all the time. planned: what is not sent so far."""

    by: By
    span: Span
    rows: tuple[LedgerRow, ...]
    total: Totals
    planned: int


def span_of(period: Period, now: datetime, timezone: str) -> Span:
    """From when until when a period is, in a time zone."""
    if period is Period.EVER:
        return EVER
    if period in (Period.MONTH, Period.LAST_MONTH):
        this = month_of(now, timezone)
        return Span(*(this if period is Period.MONTH else month_of(this[0] - MOMENT, timezone)))
    since, until = day_of(now, timezone)
    for _ in range(DAYS_BEFORE[period]):
        since, _ = day_of(since - MOMENT, timezone)
    return Span(since, until)


def statement(
    session: Session, by: By, period: Period, now: datetime, timezone: str, *, store_id: int | None = None
) -> Statement:
    """What became of what was reserved in that period: of one store, or of all.

    Stores and packs for which nothing was reserved or is planned, and days without any, have no row.
    """
    by = By.MONTH if by is By.DAY and period is Period.EVER else by
    span = span_of(period, now, timezone)
    if by in (By.DAY, By.MONTH):
        rows = tuple(_by_time(session, by, span, now, timezone, store_id))
    elif by is By.PACK:
        rows = _by_pack(session, span, store_id)
    else:
        rows = _by_store(session, span, store_id)
    total = sum((row.totals for row in rows), Totals())
    planned = planned_by_store(session)
    return Statement(by, span, rows, total, sum(planned.values()) if store_id is None else planned.get(store_id, 0))


def _by_time(
    session: Session, by: By, span: Span, now: datetime, timezone: str, store_id: int | None
) -> Iterator[LedgerRow]:
    """Newest first."""
    around: Around = day_of if by is By.DAY else month_of
    first = span.since or first_entry(session) or now
    begin, end = around((span.until or now + MOMENT) - MOMENT, timezone)
    while end > first:
        within = Span(max(begin, span.since or begin), min(end, span.until or end))
        if (of := totals(session, within, store_id=store_id)).reserved:
            yield LedgerRow(begin.astimezone(ZoneInfo(timezone)).strftime(_FORMAT[by]), of)
        begin, end = around(begin - MOMENT, timezone)


_FORMAT = {By.DAY: "%Y-%m-%d", By.MONTH: "%Y-%m"}


def _by_pack(session: Session, span: Span, store_id: int | None) -> tuple[LedgerRow, ...]:
    of, planned = totals_by_pack(session, span, store_id=store_id), planned_by_pack(session, store_id=store_id)
    names = sorted({*of, *planned})
    return tuple(LedgerRow(name, of.get(name, Totals()), planned.get(name, 0)) for name in names)


def _by_store(session: Session, span: Span, store_id: int | None) -> tuple[LedgerRow, ...]:
    of, planned = totals_by_store(session, span), planned_by_store(session)
    chosen = {*of, *planned} if store_id is None else {*of, *planned} & {store_id}
    names = session.execute(select(Store.id, Store.name).where(Store.id.in_(chosen)).order_by(Store.name)).all()
    return tuple(LedgerRow(name, of.get(row_id, Totals()), planned.get(row_id, 0)) for row_id, name in names)
