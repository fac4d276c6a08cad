"""The activity page: what happened, newest first. While it is open, what happens appears on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from flask import Blueprint, Request, render_template, request, url_for
from flask_babel import lazy_gettext
from werkzeug.datastructures import MultiDict

from plugin.pipeline.views.events import (
    EventRow,
    Wanted,
    events_after,
    list_events,
    product_title,
    store_names,
)
from plugin.web.catalogue.titles import event_titles
from plugin.web.context import parts
from plugin.web.language import local
from plugin.web.security import MOST_ROW_ID

blueprint = Blueprint("activity", __name__)
TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Step:
    """A page that says what to do about an event. names: which of the event's row ids the address takes."""

    text: str
    endpoint: str
    names: str = ""
    anchor: str | None = None


_KNOWN = Step(lazy_gettext("What is known, and what to do"), "catalogue.doubt", "task_id")
_ANEW = Step(lazy_gettext("Have it made anew"), "catalogue.product", "product_id")
_STORES = Step(lazy_gettext("To the settings"), "settings.show")
STEPS: Mapping[str, Step] = {
    "task_in_doubt": _KNOWN,
    "doubt_settled": _KNOWN,
    "image_failed": Step(lazy_gettext("Try again"), "catalogue.retry_ask", "task_id"),
    "image_failed_for_good": _ANEW,
    "image_lost": _ANEW,
    "publish_refused": Step(lazy_gettext("Offer again"), "catalogue.product", "product_id", "product-listing"),
    "account_waits": Step(lazy_gettext("What it waits for"), "catalogue.money"),
    "store_failed": _STORES,
    "store_waits": _STORES,
    "all_stopped": Step(lazy_gettext("To the switch"), "settings.show", anchor="stop"),
}


def next_step(event: EventRow) -> tuple[str, str] | None:
    """What may be done about an event, and the address of the page for it; None: nothing, or the product's own page."""
    step = STEPS.get(event.code) if event.trouble else None
    if step is None:
        return None
    row = getattr(event, step.names) if step.names else None
    if step.names and row is None:
        return None
    values: dict[str, Any] = {step.names: row} if step.names else {}
    return step.text, url_for(step.endpoint, _anchor=step.anchor, **values)


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
        titles = event_titles(session, page.rows)
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
        titles=titles,
        next_step=next_step,
    )


@blueprint.get("/activity/new")
def new() -> str | tuple[str, int]:
    """What came after the event `after`, to be put above those that are shown; 204: nothing.

    day: the newest day that is shown; its new events go under its heading.
    """
    asked, after = Filter.of(request), request.args.get("after", 0, type=row_id)
    with parts().db.read() as session:
        rows = events_after(session, asked.wanted, after)
        titles = event_titles(session, rows)
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
        titles=titles,
        next_step=next_step,
    )


def _days(rows: Iterable[EventRow]) -> list[Day]:
    grouped = groupby(rows, key=lambda row: local(row.at).date().isoformat())
    found = [(key, tuple(of_day)) for key, of_day in grouped]
    return [Day(key, of_day[0].at, of_day) for key, of_day in found]
