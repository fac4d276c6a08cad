"""English and Simplified Chinese: which one a request gets, and how times and numbers read in it."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Flask, redirect, request
from flask_babel import Babel, gettext, lazy_gettext
from werkzeug.wrappers import Response

blueprint = Blueprint("language", __name__)
NAVIGATION = (
    ("catalogue.products", lazy_gettext("Products")),
    ("catalogue.review", lazy_gettext("Review")),
    ("activity.show", lazy_gettext("Activity")),
    ("settings.show", lazy_gettext("Settings")),
)


def install(app: Flask) -> None:
    Babel(app, locale_selector=lambda: request.cookies.get("language", "en"))

    @app.context_processor
    def names() -> dict[str, object]:
        code = request.cookies.get("language", "en")
        tag = "zh-CN" if code == "zh" else "en"
        return {"language_code": code, "language_tag": tag, "navigation": NAVIGATION, "_": gettext}

    app.add_template_filter(lambda at: at.strftime("%d %b %H:%M"), "moment_short")
    app.add_template_filter(datetime.isoformat, "moment_long")


@blueprint.post("/language")
def choose() -> Response:
    answer = redirect("/")
    answer.set_cookie("language", request.form["language"])
    return answer
