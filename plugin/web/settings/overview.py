"""The first settings page: the stop switch, the image API, the stores, and what the operator's file sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import render_template
from sqlalchemy.orm import Session

from connectors import StoreInfo
from plugin import stored
from plugin.config import Settings, StoreSettings
from plugin.config.load import SECTIONS
from plugin.config.tables import is_secret
from plugin.models import Store
from plugin.pipeline import stores, views
from plugin.pipeline.parts import Parts
from plugin.pipeline.quota import quota_view
from plugin.pipeline.views import StoreView
from plugin.web.context import engine, parts
from plugin.web.settings.room import blueprint
from templates import PackError, RenderError


@dataclass(frozen=True, slots=True)
class StoreCard:
    """One line of the list. state: ready, paused, problem, broken (its settings cannot be read) or removed.

    automatic: makes pictures by itself, at most so many of a product; None: it does not.
    """

    view: StoreView
    state: str
    provisioned: bool
    pausable: bool
    automatic: int | None
    next_at: datetime | None


@blueprint.get("/settings")
def show() -> str:
    """How the image API and the stores are set up."""
    return page(parts(), {})


def page(now: Parts, looks: Mapping[int, StoreInfo]) -> str:
    """The overview. looks: what stores said that were just looked at, by the row's id."""
    with now.db.read() as session:
        cards = [_card(now, session, view) for view in views.list_stores(session, now)]
        quota, key = quota_view(session, now), stored.kept_key(session, now.keys)
        stop = stores.stopped(session)
    return render_template(
        "settings.html",
        cards=[card for card in cards if card.state != "removed"],
        removed=[card for card in cards if card.state == "removed"],
        looks=looks,
        stop=stop,
        quota=quota,
        key=key,
        has_key=now.hebo is not None,
        key_locked="api_key" in stored.locked(now.provisioned),
        given=_given(now.provisioned),
    )


def _card(now: Parts, session: Session, view: StoreView) -> StoreCard:
    row, state = session.get_one(Store, view.id), view.state
    try:
        config = stores.config_of(now, row)
    except stores.StoreUnknownError:
        config, state = None, "removed" if row.config_token is None else "broken"
    pausable = config is not None and not config.paused
    provisioned = stores.provisioned(now.settings, row) is not None
    return StoreCard(view, state, provisioned, pausable, automatic(now, config), engine().next_refresh(view.id))


def automatic(now: Parts, config: StoreSettings | None) -> int | None:
    """The pictures that the store makes of each new product by itself, at most; None: it makes none."""
    if config is None or not config.auto_generate:
        return None
    try:
        return len(now.pack(config.pack, config.language or now.settings.app.language).shots)
    except (PackError, RenderError):
        return 0  # nothing can be made with this pack


def _given(settings: Settings) -> list[tuple[str, str, str]]:
    """Section, setting and value of everything that the file or the environment gives; secrets without their value."""
    found = []
    for section, model in SECTIONS.items():
        chosen = getattr(settings, section)
        given = (name for name in model.model_fields if name in chosen.model_fields_set)
        for name in (name for name in given if getattr(chosen, name) not in (None, ())):
            value = "" if is_secret(model.model_fields[name]) else _readable(getattr(chosen, name))
            found.append((section, name, value))
    return found


def _readable(value: object) -> str:
    """As it would stand in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
