"""The first page: the steps up to the first pictures; once they are made, the products."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from plugin.pipeline import stores, views
from plugin.pipeline.parts import Parts
from plugin.web.context import parts

blueprint = Blueprint("home", __name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """What of the getting started is done."""

    has_key: bool
    has_store: bool
    has_pictures: bool

    @property
    def complete(self) -> bool:
        return self.has_key and self.has_store and self.has_pictures

    @property
    def step(self) -> int:
        """The number of the first step that is left, from 1; 4: none is."""
        done = (self.has_key, self.has_store, self.has_pictures, False)
        return done.index(False) + 1


@blueprint.get("/")
def first() -> str | Response:
    """The getting started as long as a step of it is left; then the products.

    The page itself asks for it again: whoever waits on it for a store's own first pictures is led on to them.
    """
    found, products = progress(parts()), url_for("catalogue.products")
    if "HX-Request" in request.headers:
        return Response(headers={"HX-Redirect": products}) if found.complete else Response(status=204)
    return redirect(products) if found.complete else render_template("welcome.html", progress=found)


def progress(now: Parts) -> Progress:
    """How far the getting started is. A paused store counts as none: it makes no pictures. That everything is stopped
    is no reason to begin anew."""
    with now.db.read() as session:
        return Progress(
            has_key=now.hebo is not None,
            has_store=any(not (row.paused or config.paused) for row, config in stores.set_up(now, session)),
            has_pictures=bool(views.list_images(session, limit=1).rows),
        )
