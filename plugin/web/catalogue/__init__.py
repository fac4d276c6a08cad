"""The catalogue: products with their pictures, review, and what is generated anew."""

from __future__ import annotations

from flask import Blueprint

from plugin.web import words
from plugin.web.catalogue.titles import pack_title, shot_title

blueprint = Blueprint("catalogue", __name__)


@blueprint.context_processor
def _names() -> dict[str, object]:
    return {"words": words, "pack_title": pack_title, "shot_title": shot_title}


# The modules hang their routes on the blueprint.
from plugin.web.catalogue import actions, browse, doubts, generate, live, money, pictures, review  # noqa: E402, F401
