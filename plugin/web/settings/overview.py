"""The first settings page: the image API, the stores, and what the operator's file sets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import render_template
from sqlalchemy.orm import Session

from plugin import stored
from plugin.config import Settings
from plugin.config.load import SECTIONS
from plugin.config.tables import is_secret
from plugin.models import Store
from plugin.pipeline import stores, views
from plugin.pipeline.parts import Parts
from plugin.pipeline.quota import quota_view
from plugin.pipeline.views import StoreView
from plugin.web.context import engine, parts
from plugin.web.settings.room import blueprint


@dataclass(frozen=True, slots=True)
class StoreCard:
    """One line of the list. state: ready, paused, problem, broken (its settings cannot be read) or removed."""

    view: StoreView
    state: str
    provisioned: bool
    pausable: bool
    next_at: datetime | None


@blueprint.get("/settings")
def show() -> str:
    """How the image API and the stores are set up."""
    now = parts()
    with now.db.read() as session:
        cards = [_card(now, session, view) for view in views.list_stores(session, now)]
        quota, key = quota_view(session, now), stored.kept_key(session, now.keys)
    return render_template(
        "settings.html",
        cards=[card for card in cards if card.state != "removed"],
        removed=[card for card in cards if card.state == "removed"],
        quota=quota,
        key=key,
        has_key=now.hebo is not None,
        key_locked="api_key" in stored.locked(now.provisioned),
        given=_given(now.provisioned),
    )


def _card(now: Parts, session: Session, view: StoreView) -> StoreCard:
    row = session.get_one(Store, view.id)
    config = stores.provisioned(now.settings, row)
    state = view.state
    if state == "not configured":
        state = "removed" if row.config_token is None else "broken"
    pausable = state in ("ready", "paused", "problem") and not (config is not None and config.paused)
    return StoreCard(view, state, config is not None, pausable, engine().next_refresh(view.id))


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
