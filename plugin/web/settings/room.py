"""The blueprint that the settings pages join, and what they share."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, abort, flash, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from plugin.models import Store
from plugin.web.context import engine
from plugin.web.phrases import translated

blueprint = Blueprint("settings", __name__)
WRONG = 422  # the form came back with mistakes
_MOST_MESSAGES, _LONGEST_MESSAGE = 3, 300  # they travel in a cookie, which must stay small


def go(endpoint: str, **values: object) -> Response:
    """To another page, with GET."""
    return redirect(url_for(endpoint, **values), 303)  # type: ignore[arg-type]  # url values are of any kind


def row_of(session: Session, store_id: int) -> Store:
    """The store's row; else the answer is 404."""
    row = session.get(Store, store_id) if store_id < 2**63 else None
    if row is None:
        abort(404)
    return row


def stores_changed() -> None:
    """Have the engine look at the stores and at what is due, now."""
    engine().stores_changed()
    engine().wake()


def tell_all(messages: Iterable[str], category: str, rest: str) -> None:
    """Flash a connector's messages: the first few, not too long. rest: says where to read the others."""
    found = list(messages)
    for message in map(translated, found[:_MOST_MESSAGES]):
        short = message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "…"
        flash(short, category)
    if len(found) > _MOST_MESSAGES:
        flash(rest, category)
