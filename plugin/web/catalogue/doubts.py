"""Tasks in doubt: what is known of each, and a person's word whether the image service took it.

A word counts for the doubt that was on the page, and once: what was settled meanwhile, by the quota or by a second
click, stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import abort, g, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from plugin.models import GenerationTask
from plugin.pipeline import stores
from plugin.pipeline.submitting.doubt import SettleError, settle_by_person
from plugin.pipeline.views.doubts import doubt_detail, doubts, doubts_to_decide
from plugin.states import TaskState
from plugin.web.catalogue import blueprint
from plugin.web.catalogue.actions import leave, product_page, row_or_404
from plugin.web.context import engine, parts

ANSWERS = {"accepted": True, "not-accepted": False}


@dataclass(frozen=True, slots=True)
class Notices:
    """What every page says at its top. stop: the stop switch for all stores, if it is on. doubts: how many tasks wait
    for a person's word."""

    stop: Stopped | None
    doubts: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Since when everything is stopped, who stopped it, and why ("": no reason was given)."""

    at: datetime
    by: str
    reason: str


def notices() -> Notices:
    """As they are now; for whoever is signed in."""
    now = parts()
    with now.db.read() as session:
        stop = stores.stopped(session)
        stopped = None if stop is None else Stopped(stop.at, stop.by, stop.reason)
        return Notices(stopped, doubts_to_decide(session, now.key_fingerprint))


@blueprint.app_context_processor
def _notices() -> dict[str, Callable[[], Notices]]:
    return {"notices": notices}


@blueprint.get("/doubts")
def doubts_list() -> str:
    """Every task in doubt, those that wait for a person first."""
    now = parts()
    with now.db.read() as session:
        found = doubts(session, now.key_fingerprint)
    return render_template("doubts.html", doubts=found)


@blueprint.get("/doubts/<int:task_id>")
def doubt(task_id: int) -> str:
    """What is known of one task in doubt, and what each answer means."""
    return _show("doubt.html", task_id)


@blueprint.get("/doubts/<int:task_id>/send-again")
def doubt_again(task_id: int) -> str:
    """The second step of the answer that may cost twice. Nothing is done."""
    return _show("doubt_again.html", task_id)


def _show(page: str, task_id: int) -> str:
    now = parts()
    with now.db.read() as session:
        row = row_or_404(session, GenerationTask, task_id)
        open_still = row.state is TaskState.IN_DOUBT
        detail = doubt_detail(session, now.key_fingerprint, row)
    exclusive = now.settings.hebo.exclusive
    return render_template(page if open_still else "doubt_settled.html", detail=detail, exclusive=exclusive)


@blueprint.post("/doubts/<int:task_id>/settle")
def settle(task_id: int) -> Response:
    """A person's word. answer: accepted or not-accepted; seen: which doubt they looked at."""
    now, accepted = parts(), ANSWERS.get(request.form.get("answer", ""))
    if accepted is None:
        abort(400)
    try:
        with now.db.write() as session:
            row = row_or_404(session, GenerationTask, task_id)
            product_id, title, images = row.product_id, row.product.title, len(row.images)
            settle_by_person(session, row, now.clock.now(), accepted=accepted, seen=_seen(), by=g.identity.name)
    except SettleError:
        text = gettext("Nothing was changed: this doubt was settled meanwhile. This is how it stands now.")
        return leave(text, "warning", url_for("catalogue.doubt", task_id=task_id))
    engine().wake()
    return leave(_said(title, images, accepted=accepted), "good", product_page(product_id))


def _seen() -> datetime:
    """When the doubt began that the form was about. 400: it says none."""
    try:
        at = datetime.fromisoformat(request.form.get("seen", ""))
    except ValueError:
        abort(400)
    return at if at.tzinfo is not None else abort(400)


def _said(title: str, images: int, *, accepted: bool) -> str:
    if accepted:
        text: str = ngettext(
            "%(title)s: taken as accepted. %(num)s picture is lost. To have it made anew, for money, choose “Make "
            "pictures”.",
            "%(title)s: taken as accepted. %(num)s pictures are lost. To have them made anew, for money, choose “Make "
            "pictures”.",
            images,
            title=title,
        )
        return text
    return str(
        ngettext(
            "%(title)s: taken as not accepted. %(num)s prompt is sent again.",
            "%(title)s: taken as not accepted. %(num)s prompts are sent again.",
            images,
            title=title,
        )
    )
