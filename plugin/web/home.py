"""The first page: what is still to be set up, else the products."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from plugin.pipeline import stores
from plugin.web.context import parts

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def first() -> str | Response:
    """The steps that are left before pictures can be made; the products once there is nothing left."""
    now = parts()
    with now.db.read() as session:
        has_store = bool(stores.configured(now, session))
    if now.hebo is not None and has_store:
        return redirect(url_for("catalogue.products"))
    return render_template("welcome.html", has_key=now.hebo is not None, has_store=has_store)
