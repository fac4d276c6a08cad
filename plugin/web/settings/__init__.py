"""The settings page: the image API and the stores."""

from __future__ import annotations

from flask import Blueprint, render_template

blueprint = Blueprint("settings", __name__)


@blueprint.get("/settings")
def show() -> str:
    return render_template("settings.html")
