"""Stores on the settings page: adding, changing and checking one."""

from __future__ import annotations

from collections.abc import Sequence
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
from plugin.pipeline.stores import StoreChangeError, StoreUnknownError
from plugin.web.context import parts
from plugin.web.language import LANGUAGES, chosen_language
from plugin.web.settings import fields, objections, overview, store_form
from plugin.web.settings.objections import Objections
from plugin.web.settings.room import WRONG, blueprint, go, row_of, stores_changed, tell_all
from plugin.web.settings.store_form import StoreForm
from plugin.web.settings.store_steps import locked_text, removed, unreadable, why_not
from plugin.web.settings.texts import gettext, ngettext

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
    return _page(form) if posted is None else _answer(_add(now, form))


def _answer(done: Response | str) -> Response | tuple[str, int]:
    """A form that came back is no success."""
    return (done, WRONG) if isinstance(done, str) else done


def _add(now: Parts, form: StoreForm) -> Response | str:
    """Check everything, then add the store; else the form comes back and says what is wrong: nothing was stored."""
    config = store_form.checked(now, form)
    if config is None or not _name_is_free(now, form, config):
        return _page(form)
    against = objections.look(now, config, None)  # before anything is written anywhere
    if not _new_is_agreed(now, form, config) or against.stand:
        return _page(form, against=against)
    try:
        with now.db.write() as session:
            known = service.known_by_name(session, config.slug)
            row = service.add(session, now, config, read_now=not against.info.problems)
            row.problem = next(iter(against.info.problems), None)  # until a reading goes well
            if known is not None and config.auto_generate:
                service.plan_unmade(session, row.id, now.clock.now())
            store_id = row.id
    except StoreChangeError as error:  # somebody else took the name meanwhile
        fields.say(form.form, "name", _taken(error))
        return _page(form)
    return _after_adding(config, against.info, store_id, again=known is not None)


def _after_adding(config: StoreSettings, info: StoreInfo, store_id: int, *, again: bool) -> Response:
    stores_changed()
    flash(gettext("Store %(name)s was added.", name=config.name), "good")
    if again:
        flash(
            gettext("A removed store had this name: what was made, published and paid for is known again."),
            "info",
        )
    if info.problems:
        flash(_not_connected(), "warning")
        return go("settings.store", store_id=store_id)
    tell_all(info.notes, "info", gettext("There is more to say: check the connection on the store's page."))
    flash(gettext("Its catalogue is being read now, which costs nothing."), "info")
    return go("catalogue.products", store=config.name)


def _not_connected() -> str:
    return gettext(
        "It is stored, but not connected yet. Mend what was named, check the connection, then read its catalogue."
    )


def _name_is_free(now: Parts, form: StoreForm, config: StoreSettings) -> bool:
    """Whether the name may be had."""
    with now.db.read() as session:
        row = service.known_by_name(session, config.slug)
        try:
            if row is not None:
                service.demand_free(now, row, config)
        except StoreChangeError as error:
            fields.say(form.form, "name", _taken(error))
            return False
    return True


def _new_is_agreed(now: Parts, form: StoreForm, config: StoreSettings) -> bool:
    """Whether it is agreed to what a new store, or one that was removed before, makes by itself."""
    if not config.auto_generate:
        return True
    with now.db.read() as session:
        row = service.known_by_name(session, config.slug)
        cost = service.unmade(session, now, row.id, config) if row is not None else None
    if cost is None:
        return store_form.demand_trust(now, form.form, config)
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
        flash(removed(row.name), "info")
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
        flash(locked_text(row.name), "warning")
        return go("settings.store", store_id=store_id)
    form = store_form.open_form(now, kinds()[row.kind], old, posted, adding=False)
    return _page(form, row=row, locked=locked) if posted is None else _answer(_change(now, form, row))


def _row_and_config(now: Parts, store_id: int) -> tuple[Store, StoreSettings | None]:
    """The row, and its settings as far as they can be read."""
    with now.db.read() as session:
        row = row_of(session, store_id)
        try:
            return row, service.config_of(now, row)
        except StoreUnknownError:
            return row, None


def _change(now: Parts, form: StoreForm, row: Store) -> Response | str:
    """Check everything, then store it; else the form comes back and says what is wrong: nothing was stored."""
    config = store_form.checked(now, form, row.name)
    if config is None:
        return _page(form, row=row)
    starts = config.auto_generate and not (form.old is not None and form.old.auto_generate)
    moved = form.old is None or form.old.options != config.options
    against = objections.look(now, config, row.id) if starts or moved else Objections(StoreInfo(row.name))
    agreed = not config.auto_generate or not (starts or moved) or _is_agreed(now, form, row, config)
    if not agreed or against.stand:
        return _page(form, row=row, against=against)
    try:
        with now.db.write() as session:
            changed, problem = row_of(session, row.id), next(iter(against.info.problems), None)
            service.change(session, now, changed, config, read_now=problem is None)
            changed.problem = problem or changed.problem  # until a reading goes well
            if starts:
                service.plan_unmade(session, row.id, now.clock.now())
    except StoreChangeError as error:  # somebody else removed it meanwhile
        flash(why_not(error, row.name), "warning")
        return go("settings.show")
    return _after_changing(now, form, row, config, against.info)


def _after_changing(now: Parts, form: StoreForm, row: Store, config: StoreSettings, info: StoreInfo) -> Response:
    stores_changed()
    flash(gettext("The settings of store %(name)s are stored.", name=row.name), "good")
    if info.problems:
        flash(_not_connected(), "warning")
    tell_all(info.notes, "info", gettext("There is more to say: check the connection to read all of it."))
    if form.old is not None and form.old.auto_generate and not config.auto_generate:
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


def _page(
    form: StoreForm,
    *,
    row: Store | None = None,
    locked: bool = False,
    info: StoreInfo | None = None,
    against: Objections | None = None,
) -> str:
    """The form, with what is known of the store. info: what a check found. against: why it was not stored."""
    left = objections.show(form, against) if against else []  # the others stand beside their fields from here on
    if against is None:  # else the settings are good in themselves, and may be saved anyway
        form = store_form.without_wrong_secrets(parts(), form)
    return render_template(
        "store_edit.html",
        form=form.form,
        kind=form.kind,
        options=[name for name in form.options if name not in form.rare_options],
        rare=form.rare_options,
        is_rare_needed=form.is_rare_needed,
        has_paths=form.has_paths,
        kept=form.secrets_kept,
        typed=form.secrets_typed,
        forget=form.secrets_to_forget,
        row=row,
        locked=locked,
        readable=row is None or form.old is not None,
        old=form.old,
        automatic=overview.automatic(parts(), form.old) if row else None,
        info=info,
        against=against,
        left=left,
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
    """Looks at the store without changing anything, and says what it found, on the page that asked (`overview`)."""
    now = parts()
    row, config = _row_and_config(now, store_id)
    if config is None:
        flash(unreadable(row.name), "warning")
        return go("settings.store", store_id=store_id)
    info = service.look_at(now, config)
    if request.form.get("overview"):
        return overview.page(now, {store_id: info})
    form = store_form.open_form(now, kinds()[row.kind], config, None, adding=False)
    locked = service.provisioned(now.settings, row) is not None
    return _page(form, row=row, locked=locked, info=info)
