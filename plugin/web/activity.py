"""The activity page: what happened, newest first."""

from __future__ import annotations

from flask import Blueprint, render_template

blueprint = Blueprint("activity", __name__)


@blueprint.get("/activity")
def show() -> str:
    return render_template("activity.html")
