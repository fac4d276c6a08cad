"""Stores on the settings page: adding, changing, checking, pausing, removing one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask import abort, flash, render_template, request
from flask_babel import get_locale
from werkzeug.wrappers import Response

from connectors import StoreInfo, kinds
from plugin import schedules
from plugin.config import StoreSettings
from plugin.models import Store
from plugin.pipeline import stores as service
from plugin.pipeline.parts import Parts
from plugin.pipeline.stores import StoreBrokenError, StoreChangeError, StoreUnknownError, Unmade
from plugin.web.context import parts
from plugin.web.language import LANGUAGES, chosen_language
from plugin.web.settings import fields, store_form
from plugin.web.settings.room import WRONG, blueprint, go, row_of, stores_changed, tell_all
from plugin.web.settings.store_form import StoreForm
from plugin.web.settings.texts import gettext, ngettext

NOTHING = Unmade(0, 0)
NEXT_TIMES = 3


@blueprint.get("/settings/stores/new", defaults={"kind": ""})
@blueprint.route("/settings/stores/new/<kind>", methods=["GET", "POST"])
def new_store(kind: str) -> str | Response | tuple[str, int]:
    """Asks for the kind, where there are several, then for the settings; POST adds the store."""
    known = kinds()
    if not kind:
        only = next(iter(known)) if len(known) == 1 else None
        chosen = go("settings.new_store", kind=only) if only else None
        return chosen or render_template("store_kinds.html", kinds=sorted(known.values(), key=lambda one: one.title))
    if kind not in known:
        abort(404)
    now = parts()
    posted = request.form if request.method == "POST" else None
    form = store_form.open_form(now, known[kind], None, posted, adding=True)
    answer = _add(now, form) if posted is not None else None
    return answer or (_page(form), WRONG if posted is not None else 200)


def _add(now: Parts, form: StoreForm) -> Response | None:
    """Check everything, then add the store; None: the form says what is wrong, and nothing was stored."""
    config = store_form.checked(now, form)
    if config is None or not _name_is_free(now, form, config):
        return None
    info = service.look_at(now, config)  # before anything is written anywhere
    try:
        with now.db.write() as session:
            known = service.known_by_name(session, config.slug)
            row = service.add(session, now, config, read_now=not info.problems)
            if known is not None and config.auto_generate:
                service.plan_unmade(session, row.id, now.clock.now())
            store_id = row.id
    except StoreChangeError as error:  # somebody else took the name meanwhile
        fields.say(form.form, "name", _taken(error))
        return None
    return _after_adding(config, info, store_id, again=known is not None)


def _after_adding(config: StoreSettings, info: StoreInfo, store_id: int, *, again: bool) -> Response:
    stores_changed()
    flash(gettext("Store %(name)s was added.", name=config.name), "good")
    if again:
        flash(
            gettext("A removed store had this name: what was made, published and paid for is known again."),
            "info",
        )
    _tell(info)
    if info.problems:
        return go("settings.store", store_id=store_id)
    flash(gettext("Its catalogue is being read now, which costs nothing."), "info")
    return go("catalogue.products", store=config.name)


def _tell(info: StoreInfo) -> None:
    """What the look at the store has shown."""
    if info.problems:
        flash(gettext("It is not ready: mend what is named here, then read its catalogue."), "warning")
    tell_all(info.problems, "trouble")
    tell_all(info.notes, "info")


def _name_is_free(now: Parts, form: StoreForm, config: StoreSettings) -> bool:
    """Whether the name may be had, and what the store's products would cost is agreed to."""
    with now.db.read() as session:
        row = service.known_by_name(session, config.slug)
        if row is None:
            return not config.auto_generate or store_form.demand_trust(now, form.form, config)
        try:
            service.demand_free(now, row, config)
        except StoreChangeError as error:
            fields.say(form.form, "name", _taken(error))
            return False
        cost = service.unmade(session, now, row.id, config) if config.auto_generate else NOTHING
    return store_form.demand_consent(form.form, cost)


def _taken(error: StoreChangeError) -> str:
    if error.reason == "other_kind":
        return gettext("A removed store of another kind had this name, and its history is kept. Choose another name.")
    return gettext("Another store has this name (capitals and dashes do not count). Choose another name.")


@blueprint.route("/settings/stores/<int:store_id>", methods=["GET", "POST"])
def store(store_id: int) -> str | Response | tuple[str, int]:
    """One store's settings; POST changes them."""
    now = parts()
    row, old = _row_and_config(now, store_id)
    if row.config_token is None and old is None:
        flash(_removed(row.name), "info")
        return go("settings.show")
    if row.kind not in kinds():
        flash(
            gettext(
                "Nothing is installed here for stores of the kind %(kind)s. Install its connector, or remove the "
                "store.",
                kind=row.kind,
            ),
            "trouble",
        )
        return go("settings.show")
    locked = service.provisioned(now.settings, row) is not None
    posted = request.form if request.method == "POST" and not locked else None
    if request.method == "POST" and locked:
        flash(_locked(row.name), "warning")
        return go("settings.store", store_id=store_id)
    form = store_form.open_form(now, kinds()[row.kind], old, posted, adding=False)
    answer = _change(now, form, row) if posted is not None else None
    return answer or (_page(form, row=row, locked=locked), WRONG if posted is not None else 200)


def _row_and_config(now: Parts, store_id: int) -> tuple[Store, StoreSettings | None]:
    """The row, and its settings as far as they can be read."""
    with now.db.read() as session:
        row = row_of(session, store_id)
        try:
            return row, service.config_of(now, row)
        except StoreUnknownError:
            return row, None


def _locked(name: str) -> str:
    return gettext(
        "Store %(name)s is set in the configuration file, so it cannot be changed here. Change its [[stores]] table "
        "there; the program reads the file when it starts.",
        name=name,
    )


def _change(now: Parts, form: StoreForm, row: Store) -> Response | None:
    config = store_form.checked(now, form, row.name)
    if config is None:
        return None
    was_automatic = form.old is not None and form.old.auto_generate
    starts = config.auto_generate and not was_automatic
    moved = form.old is None or form.old.options != config.options
    if (starts or (moved and config.auto_generate)) and not _is_agreed(now, form, row, config):
        return None
    info = service.look_at(now, config) if moved else StoreInfo(row.name)
    try:
        with now.db.write() as session:
            service.change(session, now, row_of(session, row.id), config, read_now=not info.problems)
            if starts:
                service.plan_unmade(session, row.id, now.clock.now())
    except StoreChangeError as error:  # somebody else removed it meanwhile
        flash(_why_not(error, row.name), "warning")
        return go("settings.show")
    stores_changed()
    flash(gettext("The settings of store %(name)s are stored.", name=row.name), "good")
    _tell(info)
    if was_automatic and not config.auto_generate:
        _tell_planned(now, row)
    return go("settings.store", store_id=row.id)


def _is_agreed(now: Parts, form: StoreForm, row: Store, config: StoreSettings) -> bool:
    """Whether it is agreed to what the store makes by itself from now on, as far as that is known."""
    if row.refreshed_until is None or form.names_another_place(config):
        return store_form.demand_trust(now, form.form, config)
    with now.db.read() as session:
        return store_form.demand_consent(form.form, service.unmade(session, now, row.id, config))


def _tell_planned(now: Parts, row: Store) -> None:
    """Switching off the automatic pictures takes nothing back: whoever wants to save money must know that."""
    with now.db.read() as session:
        planned = service.planned_images(session, row.id)
    if planned:
        flash(
            ngettext(
                "%(num)s image is planned already and will still be made. Pause the store or exclude the product to "
                "stop that.",
                "%(num)s images are planned already and will still be made. Pause the store or exclude the products to "
                "stop that.",
                planned,
            ),
            "warning",
        )


def _page(form: StoreForm, *, row: Store | None = None, locked: bool = False, info: StoreInfo | None = None) -> str:
    """The form, with what is known of the store."""
    return render_template(
        "store_edit.html",
        form=form.form,
        kind=form.kind,
        options=form.options,
        kept=form.secrets_kept,
        row=row,
        locked=locked,
        readable=row is None or form.old is not None,
        old=form.old,
        info=info,
        zones=store_form.zones(),
        base_dir=parts().settings.base_dir,
        upcoming=_upcoming(form.old, row) if form.old and row else [],
        zone=_zone(form.old),
    )


def _zone(config: StoreSettings | None) -> str:
    return (config and config.timezone) or parts().settings.app.timezone


def _upcoming(config: StoreSettings, row: Store) -> Sequence[str]:
    """The next times at which the schedule reads the catalogue, in its own time zone; none: only on demand."""
    if not config.schedule:
        return []
    zone, now = ZoneInfo(_zone(config)), parts().clock.now()
    times = schedules.upcoming(config.schedule, zone, now, NEXT_TIMES, anchor=row.scheduled_at)
    pattern = LANGUAGES[chosen_language()].moment_of_year
    return [format_datetime(at, pattern, tzinfo=zone, locale=get_locale()) for at in times]


@blueprint.post("/settings/stores/<int:store_id>/check")
def check_store(store_id: int) -> str | Response:
    """Looks at the store without changing anything, and says what it found."""
    now = parts()
    row, config = _row_and_config(now, store_id)
    if config is None:
        flash(_unreadable(row.name), "warning")
        return go("settings.store", store_id=store_id)
    form = store_form.open_form(now, kinds()[row.kind], config, None, adding=False)
    locked = service.provisioned(now.settings, row) is not None
    return _page(form, row=row, locked=locked, info=service.look_at(now, config))


def _unreadable(name: str) -> str:
    return gettext(
        "The settings of store %(name)s cannot be read any more. Enter them again, its secrets too.", name=name
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
        flash(_why_not(error, name), "warning")
    else:
        stores_changed()
        flash(done % {"name": name}, "good")
    return go("settings.show")


def _why_not(error: StoreChangeError | StoreUnknownError, name: str) -> str:
    if isinstance(error, StoreBrokenError):
        return _unreadable(name)
    if isinstance(error, StoreUnknownError) or error.reason == "removed":
        return _removed(name)
    if error.reason == "paused":
        return gettext("Store %(name)s is paused, so nothing was read. Resume it first.", name=name)
    if error.reason == "reading":
        return gettext("Store %(name)s is being read at this moment.", name=name)
    return _locked(name)


def _removed(name: str) -> str:
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
