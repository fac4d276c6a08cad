"""What a person does with a store that is set up: pause it, go on, read it now, remove it."""

from __future__ import annotations

from typing import Any

from flask import flash, render_template, request
from werkzeug.wrappers import Response

from plugin.pipeline import stores as service
from plugin.pipeline.parts import Parts
from plugin.pipeline.stores import StoreBrokenError, StoreChangeError, StoreUnknownError
from plugin.web.context import parts
from plugin.web.settings.room import blueprint, go, row_of, stores_changed
from plugin.web.settings.texts import gettext, ngettext


def unreadable(name: str) -> str:
    return gettext(
        "The settings of store %(name)s cannot be read any more. Enter them again, its secrets too.", name=name
    )


def locked_text(name: str) -> str:
    return gettext(
        "Store %(name)s is set in the configuration file, so it cannot be changed here. Change its [[stores]] table "
        "there; the program reads the file when it starts.",
        name=name,
    )


@blueprint.post("/settings/stores/<int:store_id>/pause")
def pause_store(store_id: int) -> Response:
    """Starts nothing new for the store; what is under way comes to its end."""
    return _set_paused(store_id, paused=True)


@blueprint.post("/settings/stores/<int:store_id>/resume")
def resume_store(store_id: int) -> Response:
    """Goes on with a paused store, and reads its catalogue."""
    return _set_paused(store_id, paused=False)


def _set_paused(store_id: int, *, paused: bool) -> Response:
    done = (
        gettext("Store %(name)s is paused: nothing new is started. What is under way comes to its end.")
        if paused
        else gettext("Store %(name)s goes on; its catalogue is read now.")
    )
    return _do(store_id, done, lambda now, session, row: service.pause(session, now, row, paused=paused))


@blueprint.post("/settings/stores/<int:store_id>/refresh")
def refresh_store(store_id: int) -> Response:
    """Reads the catalogue now; with `full` all of it, which also finds what is gone."""
    full = bool(request.form.get("full"))
    done = gettext("The catalogue of store %(name)s is read now.")
    return _do(store_id, done, lambda now, session, row: service.refresh(session, now, row, full=full))


def _do(store_id: int, done: str, step: Any) -> Response:
    """One step on a store's row, then back to the settings; `done` is said where it went well."""
    now = parts()
    with now.db.read() as session:
        name = row_of(session, store_id).name
    try:
        with now.db.write() as session:
            step(now, session, row_of(session, store_id))
    except (StoreChangeError, StoreUnknownError) as error:
        flash(why_not(error, name), "warning")
    else:
        stores_changed()
        flash(done % {"name": name}, "good")
    return go("settings.show")


def why_not(error: StoreChangeError | StoreUnknownError, name: str) -> str:
    if isinstance(error, StoreBrokenError):
        return unreadable(name)
    if isinstance(error, StoreUnknownError) or error.reason == "removed":
        return removed(name)
    if error.reason == "paused":
        return gettext("Store %(name)s is paused, so nothing was read. Resume it first.", name=name)
    if error.reason == "stopped":
        return gettext("Store %(name)s was not read: everything is stopped. Let it go on first.", name=name)
    if error.reason == "reading":
        return gettext("Store %(name)s is being read at this moment.", name=name)
    return locked_text(name)


def removed(name: str) -> str:
    return gettext("Store %(name)s was removed. Add it again to go on with it.", name=name)


@blueprint.route("/settings/stores/<int:store_id>/remove", methods=["GET", "POST"])
def remove_store(store_id: int) -> str | Response:
    """Says what removing means; POST does it."""
    now = parts()
    with now.db.read() as session:
        row = row_of(session, store_id)
    locked = service.provisioned(now.settings, row) is not None
    if row.config_token is None and not locked:
        flash(gettext("Store %(name)s is removed.", name=row.name), "info")
        return go("settings.show")
    if request.method == "GET" or locked:
        return render_template("store_remove.html", row=row, locked=locked)
    return _remove(now, store_id)


def _remove(now: Parts, store_id: int) -> Response:
    with now.db.write() as session:
        row = row_of(session, store_id)
        cancelled = service.remove(session, now, row)
    stores_changed()
    flash(gettext("Store %(name)s is removed.", name=row.name), "good")
    if cancelled:
        flash(
            ngettext(
                "%(num)s planned task was cancelled before anything was spent.",
                "%(num)s planned tasks were cancelled before anything was spent.",
                cancelled,
            ),
            "info",
        )
    return go("settings.show")
