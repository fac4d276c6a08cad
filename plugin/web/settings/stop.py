"""The stop switch for all stores."""

from __future__ import annotations

import re

from flask import flash, g, request
from werkzeug.wrappers import Response

from plugin.pipeline import stops
from plugin.web.context import parts
from plugin.web.settings.room import blueprint, go, stores_changed
from plugin.web.settings.texts import gettext

LONGEST_REASON = 200  # characters
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@blueprint.post("/settings/stop")
def stop_everything() -> Response:
    """Nothing new is read, planned, sent or published from now on. reason: why, for whoever sees it; may be empty."""
    now = parts()
    reason = " ".join(_CONTROL.sub(" ", request.form.get("reason", "")).split())[:LONGEST_REASON]
    with now.db.write() as session:
        _, changed = stops.stop_all(session, g.identity.name, reason, now.clock.now())
    stores_changed()
    if changed:
        flash(gettext("Everything is stopped. What the image service has in hand is still collected."), "good")
    else:
        flash(gettext("Everything was stopped already."), "info")
    return go("settings.show")


@blueprint.post("/settings/go-on")
def go_on() -> Response:
    """Everything goes on: what was due meanwhile is done now. Stores that are paused themselves stay so."""
    now = parts()
    with now.db.write() as session:
        was = stops.resume_all(session, now, g.identity.name)
    stores_changed()
    if was is not None:
        flash(gettext("Everything goes on. Stores that are paused themselves stay so."), "good")
    else:
        flash(gettext("Nothing was stopped: everything goes on as it did."), "info")
    return go("settings.show")
