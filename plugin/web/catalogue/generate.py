"""Generating on request: what would be made of which products, with prompts and cost; then the yes.

Nothing is spent before the second POST, which carries what was shown as a signed offer (see `pipeline.planning.offer`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import render_template, request, url_for
from flask_babel import get_locale, gettext, lazy_gettext, ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from plugin.pipeline.parts import Parts
from plugin.pipeline.planning import offer
from plugin.pipeline.planning.offer import Candidate, Hindrance, Taken, Terms
from plugin.pipeline.quota import QuotaView, quota_view
from plugin.pipeline.views import matching_ids
from plugin.web.catalogue import blueprint
from plugin.web.catalogue.actions import back_or, leave, number_of, numbers, product_page
from plugin.web.catalogue.browse import Asked
from plugin.web.context import engine, parts
from templates import PackError, pack_names

OPEN = 3  # products whose prompts are shown without a click
# Why nothing can be made for a product now, and what to do first.
HINDRANCES: Mapping[Hindrance, object] = {
    Hindrance.GONE: lazy_gettext("It is no longer in the store."),
    Hindrance.EXCLUDED: lazy_gettext("It is excluded. Include it first."),
    Hindrance.NOT_SEEN: lazy_gettext("Its photo has not been looked at yet. Try again in a minute."),
    Hindrance.NO_PHOTO: lazy_gettext("It has no photo to start from."),
    Hindrance.PLACEHOLDER: lazy_gettext("Many unrelated products share its photo. Give it a photo of its own first."),
    Hindrance.STORE: lazy_gettext("Its store is not set up any more, or its settings cannot be read."),
    Hindrance.PAUSED: lazy_gettext("Its store is paused. Let the store go on first."),
    Hindrance.TEXTS: lazy_gettext("The prompts cannot be written with this pack."),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows. chosen: the products that are ticked; sealed: the offer for them; beyond: how many of the
    chosen products are left to another go."""

    candidates: tuple[Candidate, ...]
    chosen: frozenset[int]
    terms: tuple[Terms, ...]
    sealed: str
    quota: QuotaView
    beyond: int

    @property
    def images(self) -> int:
        return sum(terms.images for terms in self.terms)

    @property
    def over(self) -> bool:
        """Whether the quota that is left today is not enough for it."""
        room = self.quota.room
        return room is not None and self.images + self.quota.planned > room


@blueprint.post("/generate/preview")
def preview() -> str | Response:
    """What the chosen products would get and cost. Nothing is planned."""
    shown = _show(parts())
    if not shown.candidates:
        return leave(gettext("Choose at least one product first."), "info", back_or(url_for("catalogue.products")))
    return _page(shown)


@blueprint.post("/generate")
def generate() -> Response | tuple[str, int]:
    """Plan what was offered and agreed to, once."""
    now = parts()
    try:
        agreed = offer.open_offer(now.keys, request.form.get("offer", ""), now.clock.now())
        _demand_same(agreed)
        taken = offer.take_up_in_goes(now, agreed)
    except offer.OfferError as error:
        return _look_again(now, error)
    engine().wake()
    return _tell(taken)


def _demand_same(agreed: Sequence[Terms]) -> None:
    """What is ticked must be what the offer was made for: its cost is the one that was read. Raises OfferError."""
    ticked = set(numbers("make")) == {terms.product_id for terms in agreed}
    if not ticked or any((_pack(terms.product_id) or terms.pack) != terms.pack for terms in agreed):
        raise offer.ChangedOfferError


def _look_again(now: Parts, error: offer.OfferError) -> tuple[str, int] | Response:
    shown = _show(now)
    if not shown.candidates:
        return leave(_refusal(error), "warning", url_for("catalogue.products"))
    return _page(shown, problem=_refusal(error)), 409


def _refusal(error: offer.OfferError) -> str:
    if isinstance(error, offer.OldOfferError):
        return str(gettext("Nothing was planned: the cost was shown more than an hour ago. Look again at it below."))
    if isinstance(error, offer.ChangedOfferError):
        return str(
            gettext("Nothing was planned: your choice, a product or a pack has changed. Look again at the cost.")
        )
    return str(
        gettext("Nothing was planned: what was sent is not an offer that was shown here. Look again at the cost.")
    )


def _tell(taken: Taken) -> Response:
    to = product_page(taken.planned[0].product_id) if len(taken.planned) == 1 else url_for("catalogue.products")
    if taken.left:
        text = gettext(
            "%(pictures)s pictures are planned. %(left)s products changed meanwhile: look at those again.",
            pictures=taken.images,
            left=len(taken.left),
        )
        return leave(text, "warning", back_or(to))
    if not taken.planned:
        text = gettext("These were planned already. Nothing more was planned, and nothing is paid for twice.")
        return leave(text, "info", back_or(to))
    text = ngettext("%(num)s picture is planned.", "%(num)s pictures are planned.", taken.images)
    if taken.already:
        text = ngettext(
            "%(pictures)s pictures are planned. %(num)s product was left out, since it was planned already.",
            "%(pictures)s pictures are planned. %(num)s products were left out, since they were planned already.",
            len(taken.already),
            pictures=taken.images,
        )
    return leave(text, "good", back_or(to))


def _show(now: Parts) -> Shown:
    """The page's contents from the form. product: the candidates; make: the ticked ones, once the page was seen."""
    with now.db.read() as session:
        ids, beyond = _wanted(session)
        picked = {row_id: _pack(row_id) for row_id in ids}
        candidates = tuple(offer.draw_up(session, now, picked))
        quota = quota_view(session, now)
    chosen = _chosen(candidates)
    terms = tuple(row.terms for row in candidates if row.terms is not None and row.product_id in chosen)
    sealed = offer.seal(now.keys, terms, now.clock.now()) if terms else ""
    return Shown(candidates, chosen, terms, sealed, quota, beyond)


def _wanted(session: Session) -> tuple[list[int], int]:
    """The products that the form names, or all that its filter finds (`everything`): at most as many as one offer
    holds; and how many are beyond that."""
    everything = "everything" in request.form
    ids = matching_ids(session, Asked.of(request.form).chosen(session)) if everything else numbers("product")
    if len(ids) > offer.MOST:
        ids = offer.most_useful_first(session, ids)
    return ids[: offer.MOST], max(0, len(ids) - offer.MOST) + (number_of(request.form.get("beyond", "")) or 0)


def _pack(product_id: int) -> str | None:
    """The pack that the form asks for: one for all, else the product's own choice, else the store's (None)."""
    return request.form.get("pack_all") or request.form.get(f"pack.{product_id}") or None


def _chosen(candidates: Sequence[Candidate]) -> frozenset[int]:
    """What is ticked: as the form says; at first, what is not paid for anew, unless only such were chosen. What is in
    doubt is ticked by hand alone."""
    possible = {row.product_id for row in candidates if row.terms is not None}
    if "shown" in request.form:
        return frozenset(possible & set(numbers("make")))
    plain = possible - {row.product_id for row in candidates if row.unasked}
    return frozenset(plain or possible - {row.product_id for row in candidates if row.doubt})


def _page(shown: Shown, problem: str = "") -> str:
    """The whole page, or the part of it that a script puts in its place."""
    now, target = parts(), request.headers.get("HX-Target", "")
    page = {"offer": "_generate_offer.html", "offer-total": "_generate_total.html"}.get(target, "generate.html")
    return render_template(
        page,
        shown=shown,
        problem=problem,
        packs=_packs(now),
        hindered=HINDRANCES,
        open=OPEN,
        most=offer.MOST,
    )


def _packs(now: Parts) -> Mapping[str, str]:
    """Every pack's title by name; none where the operator's own pack folder cannot be read."""
    locale = get_locale()
    try:
        return pack_names(now.settings.app.pack_folders, locale.language if locale else "en")
    except PackError:
        return {}
