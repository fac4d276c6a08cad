"""Where the images went: today, the ledger as a table or a file, and what the service counts beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, render_template, request, stream_with_context, url_for
from flask_babel import lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.models import Store
from plugin.money import Level
from plugin.pipeline import stores, views
from plugin.pipeline.parts import Parts
from plugin.pipeline.quota import money_report, quota_view
from plugin.pipeline.views import By, Period, span_of, statement
from plugin.web.catalogue import blueprint
from plugin.web.catalogue.browse import LONGEST_TEXT, NO_STORE, one_of
from plugin.web.context import parts

BY: Mapping[By, str] = {
    By.STORE: lazy_gettext("By store"),
    By.DAY: lazy_gettext("By day"),
    By.PACK: lazy_gettext("By pack"),
}
HEADS: Mapping[By, str] = {
    By.STORE: lazy_gettext("Store"),
    By.DAY: lazy_gettext("Day"),
    By.MONTH: lazy_gettext("Month"),
    By.PACK: lazy_gettext("Prompt pack"),
}
PERIODS: Mapping[Period, str] = {
    Period.TODAY: lazy_gettext("Today"),
    Period.WEEK: lazy_gettext("7 days"),
    Period.DAYS: lazy_gettext("30 days"),
    Period.MONTH: lazy_gettext("This month"),
    Period.LAST_MONTH: lazy_gettext("Last month"),
    Period.EVER: lazy_gettext("Since the beginning"),
}
LEVELS: Mapping[Level, str] = {
    Level.QUOTA: lazy_gettext("Quota of the image service"),
    Level.KEY_DAY: lazy_gettext("Own budget of the day"),
    Level.KEY_MONTH: lazy_gettext("Own budget of the month"),
    Level.RUN: lazy_gettext("Budget of this run"),
    Level.STORE_DAY: lazy_gettext("Budget of the day"),
    Level.STORE_MONTH: lazy_gettext("Budget of the month"),
    Level.STORE_RUN: lazy_gettext("Budget from one reading to the next"),
}
COLUMNS: Mapping[str, str] = {
    "entry": lazy_gettext("The line's number"),
    "date": lazy_gettext("The day of the move, in the time zone that is named above"),
    "time_utc": lazy_gettext("The moment of the move, in UTC"),
    "store": lazy_gettext("The store's name"),
    "product": lazy_gettext("The product's id in its store"),
    "title": lazy_gettext("The product's title"),
    "pack": lazy_gettext("The prompt pack's name"),
    "task": lazy_gettext("The number of the task here"),
    "service_task": lazy_gettext("The image service's id of the task; empty if it was never told"),
    "images": lazy_gettext("How many images moved"),
    "from, to": lazy_gettext("From where to where: free, reserved, doubt, charged, refunded, lost"),
    "said_by": lazy_gettext("On whose word"),
    "…_change": lazy_gettext("What the move put into that place, or (below zero) took out of it"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. store: a name; "" for all."""

    by: By
    period: Period
    store: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Asked:
        """From `by`, `period` and `store`; what is not understood is left out."""
        by = one_of(By, values.get("by", ""), By.STORE)
        store = "".join(values.get("store", "").split("\0"))[:LONGEST_TEXT]
        return cls(by if by in BY else By.DAY, one_of(Period, values.get("period", ""), Period.DAYS), store)

    def url(self, **changed: str) -> str:
        """The page's address with some of it changed; what says nothing is left out."""
        values = {"by": self.by, "period": self.period, "store": self.store, **changed}
        given: dict[str, Any] = {name: str(value) for name, value in values.items() if value}
        return url_for("catalogue.money", **given)

    def chosen(self, session: Session, now: Parts) -> tuple[int | None, str]:
        """The store's row id (None: all) and the time zone that days are of."""
        zone = now.settings.app.timezone
        if not self.store:
            return None, zone
        row = session.scalars(select(Store).where(Store.name == self.store)).first()
        if row is None:
            return NO_STORE, zone
        config = next((config for one, config in stores.set_up(now, session) if one.id == row.id), None)
        return row.id, (config.timezone if config else None) or zone


@blueprint.get("/money")
def money() -> str:
    """Today's figures, what became of what was reserved in a period, and what the service counted."""
    asked, now = Asked.of(request.args), parts()
    with now.db.read() as session:
        store_id, zone = asked.chosen(session, now)
        shown = statement(session, asked.by, asked.period, now.clock.now(), zone, store_id=store_id)
        quota, spent, report = quota_view(session, now), views.spending(session), money_report(session, now)
        names = session.scalars(select(Store.name).order_by(Store.name)).all()
    texts = {"by": BY, "heads": HEADS, "periods": PERIODS, "levels": LEVELS, "columns": COLUMNS}
    given = {"asked": asked, "shown": shown, "quota": quota, "spent": spent, "report": report}
    return render_template("products_money.html", texts=texts, stores=names, zone=zone, **given)


@blueprint.get("/money.csv")
def money_csv() -> Response:
    """Every move of the chosen time and store as a file for accounts; it is written as it is read."""
    asked, now = Asked.of(request.args), parts()
    with now.db.read() as session:
        store_id, zone = asked.chosen(session, now)
    span = span_of(asked.period, now.clock.now(), zone)
    lines = views.ledger_csv(now.db, span, store_id=store_id, timezone=zone)
    answer = Response(stream_with_context(lines), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="hebo-sync-ledger-{asked.period}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
