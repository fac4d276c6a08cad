"""What a person does with a product, a task or a listing: publish now, try again, undo, exclude, include.

Each is a POST that works without scripts: it is done, said in a message, and leads back to where it was asked for.
"""

from __future__ import annotations

from typing import TypeVar

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from plugin.models import GenerationTask, Product, Publication
from plugin.pipeline import stores, views
from plugin.pipeline.include import ChoiceError
from plugin.pipeline.include import exclude as exclude_product
from plugin.pipeline.include import include as include_product
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.retry import RetryError, retry_as_shown
from plugin.pipeline.publishing.publish import PublicationStateError
from plugin.pipeline.publishing.publish import retry_publication as offer_again
from plugin.pipeline.publishing.undo import UndoError, demand_writable, request_undo
from plugin.pipeline.quota import quota_view
from plugin.pipeline.review import publish_now as publish_approved
from plugin.pipeline.views.review import publication_pictures
from plugin.web.catalogue import blueprint
from plugin.web.context import engine, parts
from plugin.web.language import is_local
from plugin.web.security import MOST_ROW_ID

R = TypeVar("R", GenerationTask, Product, Publication)
LONGEST_SAID = 500  # characters
PRIORITIES = {"first": 1, "normal": 0, "last": -1}  # of `Product.priority`


def number_of(text: str) -> int | None:
    """A row's number out of a form or an address; None: it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MOST_ROW_ID else None


def numbers(name: str) -> list[int]:
    """The row numbers under `name` in the form, each once; what is no number is left out."""
    found = (number_of(text) for text in request.form.getlist(name))
    return list(dict.fromkeys(number for number in found if number is not None))


def back_or(default: str) -> str:
    """Where the form says it came from, if that is a page of ours; else `default`."""
    wanted = request.form.get("back", "")
    return wanted if is_local(wanted) else default


def product_page(product_id: int) -> str:
    return url_for("catalogue.product", product_id=product_id)


def row_or_404(session: Session, model: type[R], row_id: int) -> R:
    return session.get(model, row_id) or abort(404)


def leave(text: str, category: str, to: str) -> Response:
    """Say what was done (or why not) on the page that follows. Browsers drop a cookie that a long title has swollen."""
    flash(text if len(text) <= LONGEST_SAID else f"{text[:150]} … {text[-250:]}", category)
    return redirect(to, 303)


@blueprint.post("/products/<int:product_id>/publish")
def publish_now(product_id: int) -> Response:
    """What is approved goes to the listing without waiting for more decisions."""
    now = parts()
    with now.db.write() as session:
        row = row_or_404(session, Product, product_id)
        title, count = row.title, publish_approved(session, row, now.clock.now())
        rests = _rests(session, now, row.store_id)
    engine().wake()
    return leave(*_publishing(title, count, rests), back_or(product_page(product_id)))


def _rests(session: Session, now: Parts, store_id: int) -> str:
    """Why nothing is written to the store now: "stopped" (everything is), "paused" (it is); "": it is written to."""
    if stores.stopped(session) is not None:
        return "stopped"
    return "" if store_id in stores.configured(now, session) else "paused"


def _publishing(title: str, count: int, rests: str) -> tuple[str, str]:
    if not count:
        return gettext("%(title)s: its listing has every approved picture already.", title=title), "info"
    if rests == "stopped":
        text = gettext("%(title)s: everything is stopped. The pictures go to the listing once it goes on.", title=title)
        return text, "warning"
    if rests:
        text = gettext("%(title)s: its store is paused. The pictures go to the listing once it goes on.", title=title)
        return text, "warning"
    text = ngettext(
        "%(title)s: %(num)s picture goes to the listing now.",
        "%(title)s: %(num)s pictures go to the listing now.",
        count,
        title=title,
    )
    return text, "good"


@blueprint.get("/tasks/<int:task_id>/retry")
def retry_ask(task_id: int) -> str:
    """What trying again would reserve. Nothing is done."""
    now = parts()
    with now.db.read() as session:
        row = row_or_404(session, GenerationTask, task_id)
        detail, failed = views.task_detail(session, row), [views.image_view(image) for image in views.retryable(row)]
        quota = quota_view(session, now)
    own = detail.tried_by_itself
    return render_template("generate_retry.html", task=detail.task, failed=failed, tried_by_itself=own, quota=quota)


@blueprint.post("/tasks/<int:task_id>/retry")
def retry(task_id: int) -> Response:
    """Plan the failed pictures again, for the cost that was shown (`images`)."""
    now, cost = parts(), number_of(request.form.get("images", "")) or 0
    try:
        with now.db.write() as session:
            row = row_or_404(session, GenerationTask, task_id)
            product_id, title = row.product_id, row.product.title
            count = len(retry_as_shown(session, now, row, cost).images)
    except RetryError:
        text = gettext(
            "Nothing was planned: this task has changed since its cost was shown. This is how it stands now."
        )
        return leave(text, "warning", url_for("catalogue.retry_ask", task_id=task_id))
    engine().wake()
    text = ngettext(
        "%(title)s: %(num)s picture is tried again.", "%(title)s: %(num)s pictures are tried again.", count, title=title
    )
    return leave(text, "good", back_or(product_page(product_id)))


@blueprint.post("/publications/<int:publication_id>/retry")
def retry_publication(publication_id: int) -> Response:
    """Offer the pictures that a store refused to it again; costs nothing."""
    now = parts()
    with now.db.read() as session:
        row = row_or_404(session, Publication, publication_id)
        title, to = row.product.title, back_or(product_page(row.product_id))
    try:
        with now.db.write() as session:
            offer_again(session, now, session.get_one(Publication, publication_id))
    except PublicationStateError:
        text = gettext(
            "%(title)s: nothing to offer again. The store has them, was asked already, or none is approved any more.",
            title=title,
        )
        return leave(text, "warning", to)
    engine().wake()
    return leave(gettext("%(title)s: the pictures are offered to the store again.", title=title), "good", to)


@blueprint.route("/publications/<int:publication_id>/undo", methods=["GET", "POST"])
def undo(publication_id: int) -> str | Response:
    """GET: what would be taken off, and what stays. POST: take it off."""
    now = parts()
    with now.db.read() as session:
        row = row_or_404(session, Publication, publication_id)
        view, pictures = views.publication_view(row), publication_pictures(row)
        rests = _rests(session, now, row.store_id)
    if request.method != "POST":
        return render_template("undo.html", publication=view, pictures=pictures, rests=rests)
    try:
        with now.db.write() as session:
            row = session.get_one(Publication, publication_id)
            demand_writable(session, now, row)
            request_undo(session, row, now.clock.now())
    except UndoError:
        return leave(_not_undone(view.title, rests), "warning", product_page(view.product_id))
    engine().wake()
    text = gettext("%(title)s: its pictures are being taken off the listing.", title=view.title)
    return leave(text, "good", back_or(product_page(view.product_id)))


def _not_undone(title: str, rests: str) -> str:
    if rests == "stopped":
        return str(gettext("%(title)s: nothing was changed. Everything is stopped; let it go on first.", title=title))
    if rests:
        return str(gettext("%(title)s: nothing was changed. Its store is paused; let it go on first.", title=title))
    return str(
        gettext("%(title)s: nothing was changed. These pictures are not on the listing (any more).", title=title)
    )


@blueprint.post("/products/<int:product_id>/exclude")
def exclude(product_id: int) -> Response:
    """Make nothing (more) for the product; what is only planned is cancelled."""
    now, to = parts(), back_or(product_page(product_id))
    try:
        with now.db.write() as session:
            row = row_or_404(session, Product, product_id)
            title, cancelled = row.title, exclude_product(session, row, now.clock.now())
    except ChoiceError:
        return leave(gettext("This product is no longer in the store: there is nothing to exclude."), "warning", to)
    engine().wake()
    if not cancelled:
        return leave(gettext("%(title)s is excluded: no pictures are made for it.", title=title), "good", to)
    text = ngettext(
        "%(title)s is excluded. %(num)s planned task was cancelled; nothing was spent on it.",
        "%(title)s is excluded. %(num)s planned tasks were cancelled; nothing was spent on them.",
        cancelled,
        title=title,
    )
    return leave(text, "good", to)


@blueprint.post("/products/<int:product_id>/priority")
def prioritize(product_id: int) -> Response:
    """When its pictures are made, among all that are planned. rank: first, normal or last."""
    now, rank = parts(), request.form.get("rank", "")
    with now.db.write() as session:
        row = row_or_404(session, Product, product_id)
        if rank not in PRIORITIES:
            abort(400)
        row.priority, title = PRIORITIES[rank], row.title
    engine().wake()
    said = {
        "first": gettext("%(title)s: its pictures are made before those of other products.", title=title),
        "normal": gettext("%(title)s: its pictures are made in the store's order.", title=title),
        "last": gettext("%(title)s: its pictures are made after those of other products.", title=title),
    }
    return leave(said[rank], "good", back_or(product_page(product_id)))


@blueprint.post("/products/<int:product_id>/include")
def include(product_id: int) -> Response:
    """Take an excluded product in again: its photo is looked at next."""
    now, to = parts(), back_or(product_page(product_id))
    try:
        with now.db.write() as session:
            row = row_or_404(session, Product, product_id)
            title, config = row.title, stores.configured(now, session).get(row.store_id)
            automatic = config is not None and config.auto_generate
            cancelled = include_product(session, row, now.clock.now())
    except ChoiceError:
        return leave(gettext("This product is not excluded (any more): nothing was changed."), "info", to)
    engine().wake()
    return leave(_included(title, cancelled, automatic=automatic), "good", to)


def _included(title: str, cancelled: int, *, automatic: bool) -> str:
    if cancelled:
        text: str = ngettext(
            "%(title)s is included again. Its photo is looked at next; if it is still the same, the %(num)s picture "
            "that was cancelled is planned again, and paid for.",
            "%(title)s is included again. Its photo is looked at next; if it is still the same, the %(num)s pictures "
            "that were cancelled are planned again, and paid for.",
            cancelled,
            title=title,
        )
        return text
    if automatic:
        return str(
            gettext(
                "%(title)s is included again. Its photo is looked at next. If there are no pictures of it yet, they "
                "are planned by themselves, and paid for.",
                title=title,
            )
        )
    return str(gettext("%(title)s is included again. Its photo is looked at next.", title=title))
