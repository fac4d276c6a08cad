"""The activity page: what happened, newest first. While it is open, what happens appears on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from flask import Blueprint, Request, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from plugin.pipeline.views.events import (
    EventRow,
    Wanted,
    events_after,
    list_events,
    product_title,
    store_names,
)
from plugin.web.context import parts
from plugin.web.language import local
from plugin.web.security import MOST_ROW_ID

blueprint = Blueprint("activity", __name__)
TROUBLE = "trouble"


def row_id(text: str) -> int:
    """A number that a row can have. Raises ValueError for anything else (a database would not even compare it)."""
    number = int(text)
    if not 0 <= number <= MOST_ROW_ID:
        raise ValueError("no row has such a number")
    return number


@dataclass(frozen=True, slots=True)
class Day:
    """The events of one day in the app's time zone. key: the day as "2026-11-22"."""

    key: str
    at: datetime
    rows: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """What was asked for, and the addresses of the page with something of it changed."""

    wanted: Wanted

    @classmethod
    def of(cls, asked: Request) -> Filter:
        """From the query; what is no number counts as not given."""
        args: MultiDict[str, str] = asked.args
        chosen = (args.get("store", type=row_id), args.get("product", type=row_id))
        return cls(Wanted(*chosen, trouble=args.get("show") == TROUBLE))

    def url(self, endpoint: str = "activity.show", **changed: object) -> str:
        """changed: other values of the query's names; None takes one out."""
        wanted = self.wanted
        show = TROUBLE if wanted.trouble else None
        names: dict[str, Any] = {"show": show, "store": wanted.store_id, "product": wanted.product_id, **changed}
        return url_for(endpoint, **names)


@blueprint.get("/activity")
def show() -> str:
    """The newest events, or with `before` an older page. show=trouble, store, product: only those."""
    asked, before = Filter.of(request), request.args.get("before", type=row_id)
    product_id = asked.wanted.product_id
    with parts().db.read() as session:
        page = list_events(session, asked.wanted, before=before)
        stores = store_names(session)
        product = product_title(session, product_id) if product_id is not None else None
    return render_template(
        "activity.html",
        days=_days(page.rows),
        newest=page.rows[0].id if page.rows else 0,
        older=page.older,
        before=before,
        asked=asked,
        everything=Wanted(),
        stores=stores,
        product=product,
    )


@blueprint.get("/activity/new")
def new() -> str | tuple[str, int]:
    """What came after the event `after`, to be put above those that are shown; 204: nothing.

    day: the newest day that is shown; its new events go under its heading.
    """
    asked, after = Filter.of(request), request.args.get("after", 0, type=row_id)
    with parts().db.read() as session:
        rows = events_after(session, asked.wanted, after)
    if not rows:
        return "", 204
    days, shown = _days(rows), request.args.get("day", "")
    return render_template(
        "activity_new.html",
        days=[day for day in days if day.key != shown],
        same=next((day for day in days if day.key == shown), None),
        newest=rows[0].id,
        top=days[0].key,
        was_empty=not shown,
        asked=asked,
    )


def _days(rows: Iterable[EventRow]) -> list[Day]:
    grouped = groupby(rows, key=lambda row: local(row.at).date().isoformat())
    found = [(key, tuple(of_day)) for key, of_day in grouped]
    return [Day(key, of_day[0].at, of_day) for key, of_day in found]
