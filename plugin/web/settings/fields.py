"""Form fields made from settings models: one for each setting that one input can give.

The models check the values, here as in the configuration file; what they say stands beside its field. A secret is
written and never shown: its input is always empty, and an empty one keeps what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from flask_wtf import FlaskForm
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from wtforms import BooleanField, Field, PasswordField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from plugin.config import Mistake
from plugin.config.tables import is_scalar, is_secret
from plugin.web.settings import texts
from plugin.web.settings.texts import gettext

LONGEST = 2000  # characters; no setting needs more
LARGEST = 1_000_000_000  # more than any number of products or images; databases count no further than 64 bits
NAMED = re.compile(r"`(\w+)`")  # a setting, as models and connectors name it in what they say
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_INPUT = {"autocomplete": "off", "spellcheck": "false"}
Choices = Sequence[tuple[str, Any]]


def strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def demand_plain(form: FlaskForm, field: Field) -> None:
    """Refuses line breaks, NUL and the like, and endless texts. Raises ValidationError."""
    if not isinstance(field.data, str):
        return
    if _CONTROL.search(field.data):
        raise ValidationError(gettext("There is an invisible character in it (a line break?). Type it anew."))
    if len(field.data) > LONGEST:
        raise ValidationError(gettext("This is too long: at most %(most)s characters.", most=LONGEST))


def demand_countable(form: FlaskForm, field: Field) -> None:
    """Refuses whole numbers that a database cannot compare with. Raises ValidationError."""
    text = field.data or ""
    if re.fullmatch(r"[+-]?\d+", text) and abs(int(text[:40])) > LARGEST:
        raise ValidationError(gettext("Write a number of at most %(le)s.", le=LARGEST))


def text_field(label: str, help_line: str, *more: Any, **attributes: str) -> Any:
    """An input for a line of text."""
    checks = [demand_plain, *more]
    return StringField(label, checks, [strip], help_line, render_kw={**_INPUT, **attributes})


def select_field(label: str, help_line: str, choices: Choices) -> Any:
    offered = [SelectChoice(value, text) for value, text in choices]
    return SelectField(label, choices=offered, description=help_line)


def field_of(name: str, info: FieldInfo, words: str = "") -> Any:
    """The input for one setting, by its type; None where no single input can give it.

    words: under which its texts are kept, where another setting has the same name.
    """
    if not is_scalar(info):
        return None
    label, line, kind = texts.label(words or name, info), texts.help_line(words or name, info), _kind(info)
    if is_secret(info):
        return PasswordField(label, [demand_plain], [strip], line, render_kw={"autocomplete": "new-password"})
    if kind is bool:
        return BooleanField(label, description=line)
    if choices := _choices(kind):
        empty = [] if info.is_required() or info.default is not None else [("", gettext("(not set)"))]
        return select_field(label, line, [*empty, *choices])
    if kind is int:
        return text_field(label, line, demand_countable, inputmode="numeric")
    return text_field(label, line)


def _kind(info: FieldInfo) -> Any:
    """The setting's type without `None`."""
    annotation: Any = info.annotation
    if get_origin(annotation) in (Union, UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation


def _choices(kind: Any) -> Choices:
    if get_origin(kind) is Literal:
        return [(str(value), str(value)) for value in get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [(str(member.value), str(member.value)) for member in kind]
    return []


def make_form(fields: Mapping[str, Any], formdata: Any, shown: Mapping[str, Any]) -> FlaskForm:
    """A form of these fields. shown: the values that stand in them until something else is posted."""
    cls: Any = type("SettingsForm", (FlaskForm,), {name: field for name, field in fields.items() if field is not None})
    return cls(formdata=formdata, data=shown)


def shown_values(model: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """The settings as a form shows them; secrets are left out."""
    values = {name: getattr(model, name) for name in names}
    return {name: shown(value) for name, value in values.items() if not isinstance(value, SecretStr)}


def shown(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return "" if value is None else value
    return str(value.value if isinstance(value, Enum) else value)


def posted_values(form: FlaskForm, names: Iterable[str]) -> dict[str, Any]:
    """What was filled in; an empty input gives nothing, so that the default holds (or the stored secret)."""
    found = {name: form[name].data for name in names if name in form}
    return {name: value for name, value in found.items() if value not in ("", None)}


def show_mistakes(form: FlaskForm, mistakes: Iterable[Mistake], prefix: Mapping[str, str] | None = None) -> None:
    """Put each mistake beside its field, else at the head of the form. prefix: a setting's field, where it differs."""
    names = prefix or {}
    for mistake in mistakes:
        about = [mistake.key, *NAMED.findall(mistake.text)]  # one that is about several settings names them
        found = (name for name in (names.get(key, key) for key in about) if name in form)
        say(form, next(found, ""), texts.sentence(mistake))


def say(form: FlaskForm, name: str, message: str) -> None:
    """Put a message beside a field (empty: at the head of the form), once."""
    if not name:
        form.form_errors.append(message)
    elif not form[name].errors:
        form[name].errors = [message]
