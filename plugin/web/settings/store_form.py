"""The form of one store: what every store has, and its kind's own options, each beside its mistakes."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask_babel import get_locale
from flask_wtf import FlaskForm
from pydantic.fields import FieldInfo
from wtforms import BooleanField, HiddenField

from connectors import ConnectorKind
from plugin.config import StoreSettings, dump, store_mistakes, store_settings
from plugin.config.stores import COMMON
from plugin.config.tables import is_path, is_rare, is_secret
from plugin.pipeline.parts import Parts
from plugin.pipeline.publications import place_of
from plugin.pipeline.stores import Unmade
from plugin.web.phrases import translated
from plugin.web.settings import fields, texts, typed
from plugin.web.settings.texts import gettext, ngettext
from templates import PackError, RenderError, pack_names

FORGET = "forget_"  # before the field of a secret: a box that takes away what is stored
OPTION = "option_"  # before the name of a kind's own setting, so that it can never be taken for a common one
OWN_SCHEDULE = "own"
CONFIRM, SEEN, TYPED = "confirm_cost", "cost_seen", "typed"
UNREAD = "unread"  # in SEEN: that the cost is not known was in plain sight
BUDGETS = ("daily_budget", "monthly_budget", "run_budget")
PLAIN = (
    "name",
    "pack",
    "language",
    "auto_generate",
    "order",
    *BUDGETS,
    "review",
    "placement",
    "timezone",
    "shared_image_limit",
)


@dataclass(frozen=True, slots=True)
class StoreForm:
    """form: what is shown and posted. kind: of the store. old: its settings so far; None: a new one, or unreadable.

    typed: the secrets of this form that were typed before it came back, by the settings' names.
    """

    form: FlaskForm
    kind: ConnectorKind
    old: StoreSettings | None
    typed: Mapping[str, str]

    @property
    def options(self) -> list[str]:
        """The fields of the kind's own settings that a single input can give."""
        return [OPTION + name for name in self.kind.options.model_fields if OPTION + name in self.form]

    @property
    def rare_options(self) -> list[str]:
        """Those of `options` that hardly anybody needs, as the kind says (`is_rare`)."""
        infos = self.kind.options.model_fields
        return [name for name in self.options if is_rare(infos[name.removeprefix(OPTION)])]

    @property
    def is_rare_needed(self) -> bool:
        """Whether something stands in one of them, or is wrong there."""
        infos = self.kind.options.model_fields
        kept = {*self.secrets_kept, *self.secrets_typed}
        return any(
            self.form[name].errors or name in kept or self.form[name].data != _default(infos[name.removeprefix(OPTION)])
            for name in self.rare_options
        )

    @property
    def has_paths(self) -> bool:
        """Whether one of the kind's settings names a file."""
        return any(is_path(info) for info in self.kind.options.model_fields.values())

    @property
    def secrets_kept(self) -> list[str]:
        """The fields whose secret is stored already."""
        if self.old is None:
            return []
        infos = self.kind.options.model_fields
        kept = (name for name, info in infos.items() if is_secret(info) and getattr(self.old.options, name) is not None)
        return [OPTION + name for name in kept]

    @property
    def secrets_to_forget(self) -> Mapping[str, Any]:
        """For each stored secret that need not be there: the box that takes it away."""
        optional = (name for name in self.secrets_kept if FORGET + name in self.form)
        return {name: self.form[FORGET + name] for name in optional}

    @property
    def secrets_typed(self) -> list[str]:
        """The fields whose secret was typed, and need not be typed again."""
        return [OPTION + name for name in self.typed]

    def names_another_place(self, new: StoreSettings) -> bool:
        """Whether these settings may lead to products that were not read so far: at another place, or with a switch
        that tells what is read. Another secret alone does not."""
        if self.old is None or place_of(self.old) != place_of(new):
            return True
        switches = [name for name, value in new.options if isinstance(value, bool)]
        return any(getattr(self.old.options, name) != getattr(new.options, name) for name in switches)


def open_form(now: Parts, kind: ConnectorKind, old: StoreSettings | None, posted: Any, *, adding: bool) -> StoreForm:
    """The form with the settings so far, and what was posted."""
    made: dict[str, Any] = {} if not adding else {"name": _common("name")}
    made |= {OPTION + name: fields.field_of(name, info) for name, info in kind.options.model_fields.items()}
    made |= {FORGET + OPTION + name: _forget_box() for name in _optional_secrets(kind)}
    made |= _making(now, old) | _spending() | _publishing() | _timing()
    made["shared_image_limit"] = _common("shared_image_limit")
    made |= {
        CONFIRM: BooleanField(gettext("Yes, make these pictures and pay for them")),
        SEEN: HiddenField(),
        TYPED: HiddenField(),
    }
    form = fields.make_form(made, posted, _shown(kind, old))
    return StoreForm(form, kind, old, _typed(now, kind, form))


def _typed(now: Parts, kind: ConnectorKind, form: FlaskForm) -> Mapping[str, str]:
    """The secrets that stand in the form, or stood in it when it was sent before; they go along with it, sealed."""
    secrets = [name for name, info in kind.options.model_fields.items() if is_secret(info) and OPTION + name in form]
    before = typed.unseal(now, kind.name, form[TYPED].data or "")
    posted = {name: form[OPTION + name].data for name in secrets}
    found = {name: posted[name] or before.get(name, "") for name in secrets}
    kept = {name: value for name, value in found.items() if value}
    form[TYPED].data = typed.seal(now, kind.name, kept)
    return kept


def without_wrong_secrets(now: Parts, store: StoreForm) -> StoreForm:
    """The form without the typed secrets that something is wrong with: their fields are empty, and stay so."""
    good = {name: value for name, value in store.typed.items() if not store.form[OPTION + name].errors}
    store.form[TYPED].data = typed.seal(now, store.kind.name, good)
    return replace(store, typed=good)


def _optional_secrets(kind: ConnectorKind) -> list[str]:
    infos = kind.options.model_fields
    return [name for name, info in infos.items() if is_secret(info) and not info.is_required()]


def _forget_box() -> Any:
    return BooleanField(gettext("Take the stored one away"))


def _common(name: str) -> Any:
    return fields.field_of(name, COMMON[name])


def _making(now: Parts, old: StoreSettings | None) -> dict[str, Any]:
    default = texts.LANGUAGES[now.settings.app.language]
    languages = [("", gettext("The program's (%(language)s)", language=default)), *texts.LANGUAGES.items()]
    return {
        "pack": _select("pack", _packs(now, old)),
        "language": _select("language", languages),
        "auto_generate": _common("auto_generate"),
    }


def _packs(now: Parts, old: StoreSettings | None) -> fields.Choices:
    language = "zh" if str(get_locale()).startswith("zh") else "en"
    try:
        found = pack_names(now.settings.app.pack_folders, language)
    except PackError:
        found = {}  # a folder or file is broken: saving says which
    if old is not None and old.pack not in found:
        found = {old.pack: gettext("%(pack)s (not installed any more)", pack=old.pack), **found}
    return list(found.items())


def _spending() -> dict[str, Any]:
    own = {"daily_budget": "store_daily_budget", "monthly_budget": "store_monthly_budget"}  # the key has such ones too
    budgets = {name: fields.field_of(name, COMMON[name], own.get(name, "")) for name in BUDGETS}
    return {"order": _select("order", list(texts.ORDERS.items())), **budgets}


def _publishing() -> dict[str, Any]:
    return {"review": _common("review"), "placement": _select("placement", list(texts.PLACEMENTS.items()))}


def _timing() -> dict[str, Any]:
    presets = [*texts.SCHEDULES.items(), (OWN_SCHEDULE, gettext("As written below"))]
    info = COMMON["timezone"]
    return {
        "schedule": _select("schedule", presets),
        "schedule_text": fields.text_field(
            gettext("Own schedule"),
            gettext(
                "Only with “As written below”: a cron line of five fields like 30 6 * * 1-5, or an interval like every "
                "90 minutes."
            ),
        ),
        "timezone": fields.text_field(texts.label("timezone", info), texts.help_line("timezone", info), list="zones"),
    }


def _select(name: str, choices: fields.Choices) -> Any:
    info = COMMON[name]
    return fields.select_field(texts.label(name, info), texts.help_line(name, info), choices)


def zones() -> list[str]:
    """The names of time zones that are offered."""
    return sorted(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")


def _shown(kind: ConnectorKind, old: StoreSettings | None) -> dict[str, Any]:
    """What stands in the form before anybody types. New pictures are off: nobody has seen what they cost yet."""
    if old is None:
        defaults = {
            name: fields.shown(COMMON[name].default) for name in ("pack", "order", "review", "shared_image_limit")
        }
        own = {OPTION + name: _default(info) for name, info in kind.options.model_fields.items()}
        return {**own, **defaults, "auto_generate": False, "placement": "append", "schedule": "", "language": ""}
    own = fields.shown_values(old.options, kind.options.model_fields)
    shown = fields.shown_values(old, PLAIN) | {OPTION + name: value for name, value in own.items()}
    preset = old.schedule in texts.SCHEDULES
    return shown | {
        "schedule": old.schedule if preset else OWN_SCHEDULE,
        "schedule_text": "" if preset else old.schedule,
    }


def _default(info: FieldInfo) -> Any:
    hidden = info.is_required() or is_secret(info)
    return "" if hidden else fields.shown(info.get_default(call_default_factory=True))


def checked(now: Parts, store: StoreForm, name: str | None = None) -> StoreSettings | None:
    """The settings that were posted, if all of them are right; else None, and the form says what is not.

    name: of a store that has one already.
    """
    form = store.form
    well = form.validate()
    values = _values(store, name)
    if form["schedule"].data == OWN_SCHEDULE:
        values["schedule"] = form["schedule_text"].data or ""
        if wrong_schedule := texts.schedule_mistake(values["schedule"]):
            fields.say(form, "schedule_text", wrong_schedule)
    elif form["schedule_text"].data:  # left there, or meant? only who wrote it knows
        fields.say(form, "schedule_text", gettext("Choose “As written below” to use this, or empty this field."))
    told = form["schedule_text"].errors
    wrong = [one for one in store_mistakes(store.kind, values) if one.key != "schedule" or not told]
    fields.show_mistakes(form, wrong, {key: OPTION + key for key in store.kind.options.model_fields})
    if not well or form.errors:
        return None
    config = store_settings(values, f"store {values['name']!r}", {store.kind.name: store.kind})
    return config if _is_outside(now, store, config) and _pack_loads(now, form, config) else None


def _is_outside(now: Parts, store: StoreForm, config: StoreSettings) -> bool:
    """Whether no file of the store lies where the program keeps its secrets: their first lines would be quoted as what
    is wrong with them, and its database must never be written over."""
    home = now.settings.app.data_dir.resolve()
    named = {OPTION + name: getattr(config.options, name) for name in store.kind.options.model_fields}
    paths = {name: (now.settings.base_dir / path).resolve() for name, path in named.items() if isinstance(path, Path)}
    inside = [name for name, path in paths.items() if path.is_relative_to(home)]
    for name in inside:
        fields.say(store.form, name, gettext("This is hebo-sync's own data folder. Choose another place."))
    return not inside


def _values(store: StoreForm, name: str | None) -> dict[str, Any]:
    """The table as in the file: what was posted, and of the settings so far what a form cannot show."""
    form, infos = store.form, store.kind.options.model_fields
    found: dict[str, Any] = {"kind": store.kind.name, **fields.posted_values(form, (*PLAIN, "schedule"))}
    found |= {"name": name} if name else {}
    own = {OPTION + key: value for key, value in store.typed.items()}
    own |= fields.posted_values(form, (OPTION + key for key in infos))
    before: Mapping[str, Any] = dump(store.old) if store.old else {}
    hidden = {key for key, info in infos.items() if is_secret(info) or OPTION + key not in form}
    forgotten = {key for key in hidden if FORGET + OPTION + key in form and form[FORGET + OPTION + key].data}
    kept = {key: before[key] for key in hidden - forgotten if before.get(key) is not None}
    return found | kept | {key.removeprefix(OPTION): value for key, value in own.items()}


def _pack_loads(now: Parts, form: FlaskForm, config: StoreSettings) -> bool:
    try:
        now.pack(config.pack, config.language or now.settings.app.language)
    except (PackError, RenderError) as error:
        message = gettext("This prompt pack cannot be used: %(reason)s", reason=translated(str(error)))
        fields.say(form, "pack", message)
        return False
    return True


def demand_consent(form: FlaskForm, cost: Unmade) -> bool:
    """Whether so many images may be paid for: none, or the box was ticked with a figure as high in plain sight."""
    seen = str(form[SEEN].data or "")
    agreed = form[CONFIRM].data and seen.isascii() and seen.isdecimal() and cost.images <= int(seen[:12])
    if agreed or not cost.products:
        return True
    form[SEEN].data, form[CONFIRM].data = str(cost.images), False
    fields.say(form, CONFIRM, _cost_sentence(cost))
    return False


def demand_trust(now: Parts, form: FlaskForm, config: StoreSettings) -> bool:
    """The same where the catalogue was not read yet, so that nobody can say how many images it would be."""
    if form[CONFIRM].data and form[SEEN].data == UNREAD:
        return True
    shots = len(now.pack(config.pack, config.language or now.settings.app.language).shots)
    form[SEEN].data, form[CONFIRM].data = UNREAD, False
    fields.say(form, CONFIRM, _unread_sentence(shots))
    return False


def _unread_sentence(shots: int) -> str:
    return ngettext(
        "This catalogue was not read yet, so its cost is not known: %(num)s image for every product that has no "
        "pictures, up to your daily budget or the service's own limit each day. Tick this to agree, or leave the "
        "automatic pictures off until you have seen the products.",
        "This catalogue was not read yet, so its cost is not known: %(num)s images for every product that has no "
        "pictures, up to your daily budget or the service's own limit each day. Tick this to agree, or leave the "
        "automatic pictures off until you have seen the products.",
        shots,
    )


def _cost_sentence(cost: Unmade) -> str:
    return ngettext(
        "%(num)s product of this store has no pictures yet. It would be planned at once, for at most %(images)s "
        "images. Tick this to agree, or leave the automatic pictures off.",
        "%(num)s products of this store have no pictures yet. They would be planned at once, for at most %(images)s "
        "images. Tick this to agree, or leave the automatic pictures off.",
        cost.products,
        images=cost.images,
    )
