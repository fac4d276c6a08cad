"""The review: every picture that waits for a person beside the photo it was made from, and the decisions."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response as FlaskResponse
from flask import g, make_response, render_template, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from plugin.models import Store
from plugin.pipeline import review as pipeline
from plugin.pipeline.parts import Parts
from plugin.pipeline.views.review import (
    ReviewPicture,
    last_decision,
    review_groups,
    review_picture,
    review_queue,
    still_waiting,
)
from plugin.states import ImageState
from plugin.web import words
from plugin.web.catalogue import blueprint
from plugin.web.catalogue.actions import back_or, leave, number_of, numbers
from plugin.web.context import engine, parts

PRODUCTS = 5  # on a page: forty pictures, as a rule
MOST = 500  # pictures decided at once
DECISIONS = {state.value: state for state in (ImageState.APPROVED, ImageState.REJECTED, ImageState.IN_REVIEW)}
PICTURE, GROUP = "review-picture-", "review-product-"  # ids of what a script replaces, before their numbers


@blueprint.get("/review")
def review() -> str:
    """The queue, a few products a page, of one store or of all."""
    now = parts()
    page = min(max(number_of(request.args.get("page", "")) or 1, 1), 100_000)
    wanted = request.args.get("store", "")
    at = now.clock.now()
    with now.db.read() as session:
        known = {row.name: row.id for row in session.scalars(select(Store).order_by(Store.name))}
        start = (page - 1) * PRODUCTS
        queue = review_queue(session, at, store_id=known.get(wanted), start=start, limit=PRODUCTS)
        last = last_decision(session, g.identity.name, at)
    return render_template(
        "review.html",
        queue=queue,
        last=last,
        stores=list(known),
        store=wanted if wanted in known else "",
        page=page,
        pages=-(-queue.products // PRODUCTS),
        back=request.full_path if request.query_string else request.path,
        remarks=remarks,
    )


@blueprint.post("/images/decide")
def decide() -> Response:
    """Approve, reject, or take back what was decided: all of the named pictures, or none of them."""
    now, chosen = parts(), numbers("image")
    state = DECISIONS.get(request.form.get("decision", ""))
    problem = gettext("Nothing was decided: no picture was named.")
    if chosen and state is not None:
        problem = _decide(now, chosen, state)
    fragment = _fragment(now, chosen, problem)
    if fragment is not None:
        return fragment
    to = back_or(url_for("catalogue.review"))
    return leave(problem, "warning", to) if problem else leave(_decided(len(chosen), state), "good", to)


def _decide(now: Parts, chosen: Sequence[int], state: ImageState) -> str:
    """Why it could not be done; nothing: it was."""
    if len(chosen) > MOST:
        return str(gettext("Nothing was decided: choose at most %(most)s pictures at once.", most=MOST))
    try:
        with now.db.write() as session:
            pipeline.decide(session, now, chosen, state, by=g.identity.name)
    except pipeline.UndecidableError as error:
        return _undecidable(error)
    except pipeline.ReviewError:
        return str(gettext("Nothing was decided: one of these pictures does not exist."))
    engine().wake()
    return ""


def _undecidable(error: pipeline.UndecidableError) -> str:
    if error.state in (ImageState.PUBLISHING, ImageState.PUBLISHED):
        return str(
            gettext(
                "Nothing was decided: picture %(number)s is on its listing, or on its way there. Undo takes it off.",
                number=error.image_id,
            )
        )
    if error.state in pipeline.TAKEN_BACK:
        return str(
            gettext(
                "Nothing was decided: picture %(number)s was decided otherwise. Take that decision back first.",
                number=error.image_id,
            )
        )
    return str(
        gettext("Nothing was decided: picture %(number)s is not there to be decided now.", number=error.image_id)
    )


def _decided(count: int, state: ImageState | None) -> str:
    if state is ImageState.APPROVED:
        return str(ngettext("%(num)s picture approved.", "%(num)s pictures approved.", count))
    if state is ImageState.REJECTED:
        return str(ngettext("%(num)s picture rejected.", "%(num)s pictures rejected.", count))
    return str(ngettext("%(num)s picture is back in review.", "%(num)s pictures are back in review.", count))


def _fragment(now: Parts, chosen: Sequence[int], problem: str) -> FlaskResponse | None:
    """What a script puts in the place of the decided tile or product; None: a whole page was asked for."""
    target = request.headers.get("HX-Target", "") if "HX-Request" in request.headers else ""
    if not (chosen and target.startswith((PICTURE, GROUP))):
        return None
    with now.db.read() as session:
        shown = review_picture(session, chosen[0])
        if shown is None:
            return None
        groups = review_groups(session, [shown.image.product_id], now.clock.now())
        left = still_waiting(session)
    page = "_review_decided.html" if target.startswith(PICTURE) else "_review_group.html"
    html = render_template(
        page,
        shown=shown,
        group=groups[0] if groups else None,
        problem=problem,
        left=left,
        fragment=True,
        back=back_or(url_for("catalogue.review")),
        remarks=remarks,
    )
    return make_response(html)


def remarks(picture: ReviewPicture) -> list[str]:
    """What somebody should know who decides on a picture, in whole sentences."""
    found = [str(words.warning(code)) for code in picture.image.warnings]
    if not picture.image.prompt_known:
        found.append(gettext("The service did not say which prompt made it."))
    return found
