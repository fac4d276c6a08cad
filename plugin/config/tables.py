"""One table of settings while it is being read, and what is said about the mistakes in it.

    ConfigError
     ├── ConfigFileError   the file is missing, unreadable or not TOML
     └── SettingsError     settings are unknown, missing or wrong: all of them, in `problems`

No message ever holds a value that was given: it could be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

ModelT = TypeVar("ModelT", bound=BaseModel)


class ConfigError(Exception):
    """The program cannot start with these settings. The message says which, and what to do."""


class ConfigFileError(ConfigError):
    """The file is missing, unreadable or not TOML."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake, for a form that shows it beside its field.

    key: the setting ("": the table as a whole). code: pydantic's name for what is wrong. text: the same in English,
    without the value. limits: the numbers or words that the setting must keep to (gt, ge, lt, le, expected …).
    """

    key: str
    code: str
    text: str
    limits: Mapping[str, Any]


LIMITS = ("gt", "ge", "lt", "le", "expected", "min_length", "max_length")


class SettingsError(ConfigError):
    """Settings are unknown, missing or wrong. `problems` has one sentence for each."""

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass
class Table:
    """One table: how messages name it, what may stand in it, what does, and which variable gave which value.

    fixed: keys that only the file may give.
    """

    where: str
    fields: Mapping[str, FieldInfo]
    values: dict[str, Any]
    fixed: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def check(model: type[ModelT], table: Table, values: Mapping[str, Any]) -> ModelT:
    """`values` as a `model`. Raises SettingsError in the words of `table`."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError(problems(error, table)) from None


def model_mistakes(model: type[BaseModel], values: Mapping[str, Any]) -> list[Mistake]:
    """What is wrong with `values` as a `model`; empty: nothing."""
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        return [_mistake(item) for item in error.errors(include_input=False, include_url=False)]
    return []


def _mistake(item: Mapping[str, Any]) -> Mistake:
    """The first word of a path is the setting; a mistake of the whole that begins with a `setting` is that one's."""
    text = _plain(item["msg"])
    named = re.match(r"`(\w+)`", text)
    key = str(item["loc"][0]) if item["loc"] else named[1] if named else ""
    context = item.get("ctx", {})
    return Mistake(key, item["type"], text, {name: context[name] for name in LIMITS if name in context})


def problems(error: ValidationError, table: Table) -> list[str]:
    """One sentence for each mistake that pydantic found."""
    found = error.errors(include_input=False, include_url=False)
    return [_sentence(table, item["loc"], item["type"], item["msg"]) for item in found]


def _sentence(table: Table, loc: tuple[int | str, ...], kind: str, message: str) -> str:
    if not loc:
        return f"{table.where}: {_plain(message)}"
    key = ".".join(str(part) for part in loc)
    if kind == "extra_forbidden":
        return unknown_key(table.where, key, table.fields)
    subject = table.variables.get(str(loc[0])) or f"{table.where} {key}"
    return f"{subject}: is required" if kind == "missing" else f"{subject}: {_plain(message)}"


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should", "must")


def unknown_key(where: str, key: str, known: Iterable[str]) -> str:
    """ "[hebo] has no setting 'aip_key'; did you mean 'api_key'?" """
    return f"{where} has no setting {key!r}; {hint(key, known)}"


def hint(word: str, known: Iterable[str]) -> str:
    """The known word that is nearest, or all of them where none is near."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(words) or 'none'}"


def is_secret(info: FieldInfo) -> bool:
    """Whether a setting is a secret, so that it may come from a NAME_FILE variable."""
    extra = info.json_schema_extra
    return SecretStr in _alternatives(info) or (isinstance(extra, dict) and extra.get("secret") is True)


def is_scalar(info: FieldInfo) -> bool:
    """Whether one string can give the setting's value."""
    containers = (tuple, list, dict, set, frozenset)
    return not any((get_origin(kind) or kind) in containers for kind in _alternatives(info))


def is_path(info: FieldInfo) -> bool:
    """Whether a setting names a file or a folder."""
    return Path in _alternatives(info)


def is_rare(info: FieldInfo) -> bool:
    """Whether hardly anybody needs a setting, as its model says (`json_schema_extra={"rare": True}`)."""
    extra = info.json_schema_extra
    return isinstance(extra, dict) and extra.get("rare") is True


def _alternatives(info: FieldInfo) -> tuple[Any, ...]:
    annotation = info.annotation
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
