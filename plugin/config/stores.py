"""One store's settings: what every store has, and its kind's own options, flat in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import to_jsonable_python

from connectors.registry import ConnectorKind, kinds
from plugin.config.settings import Section, StoreSettings
from plugin.config.tables import Mistake, SettingsError, Table, check, hint, model_mistakes

COMMON = {name: info for name, info in StoreSettings.model_fields.items() if name != "options"}


def store_settings(
    table: Mapping[str, Any], where: str, known: Mapping[str, ConnectorKind] | None = None
) -> StoreSettings:
    """The checked settings of one store, from the file or from the database.

    table: common keys and the kind's options side by side, as in the file or as `dump` gives them.
    where: how messages name the table ("config.toml [[stores]] 'main'").
    known: the kinds of store there are (default: all that are installed).
    Raises SettingsError with every mistake.
    """
    known = kinds() if known is None else known
    return check_store(store_table(table, where, known), known)


def store_table(table: Mapping[str, Any], where: str, known: Mapping[str, ConnectorKind]) -> Table:
    """A store's table with all the keys that its kind allows (an unknown kind: the common ones)."""
    kind = known.get(str(table.get("kind")))
    return Table(where, COMMON | (kind.options.model_fields if kind else {}), dict(table), fixed=("name", "kind"))


def check_store(table: Table, known: Mapping[str, ConnectorKind]) -> StoreSettings:
    """The table as StoreSettings. Raises SettingsError with every mistake in it."""
    kind = _kind(table, known)
    common, own = _apart(table.values)
    problems: list[str] = []
    options: BaseModel | None = None
    try:
        options = check(kind.options, table, own)
    except SettingsError as error:
        problems.extend(error.problems)
    try:
        # Any model will do where the options are wrong: the common keys are looked at all the same.
        store = check(StoreSettings, table, common | {"options": options or Section()})
    except SettingsError as error:
        problems = [*error.problems, *problems]
    if problems:
        raise SettingsError(problems)
    return store


def store_mistakes(kind: ConnectorKind, values: Mapping[str, Any]) -> list[Mistake]:
    """What is wrong with a store's settings, by key, without any value; empty: `store_settings` takes them.

    values: common keys and the kind's options side by side.
    """
    common, own = _apart(values)
    whole = {"kind": kind.name, **common, "options": Section()}
    return [*model_mistakes(StoreSettings, whole), *model_mistakes(kind.options, own)]


def _apart(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The common settings, and the kind's own."""
    common = {key: value for key, value in values.items() if key in COMMON}
    return common, {key: value for key, value in values.items() if key not in COMMON}


def _kind(table: Table, known: Mapping[str, ConnectorKind]) -> ConnectorKind:
    name = table.values.get("kind")
    if not isinstance(name, str):
        raise SettingsError([f"{table.where} kind: is required: {', '.join(sorted(known)) or 'none is installed'}"])
    if name not in known:
        raise SettingsError([f"{table.where}: there is no kind of store {name!r}; {hint(name, known)}"])
    return known[name]


def dump(store: StoreSettings) -> dict[str, Any]:
    """The reverse of `store_settings`: a flat dict of JSON values, **with secrets in the clear**: encrypt it."""
    common = {name: getattr(store, name) for name in COMMON}
    own = {name: getattr(store.options, name) for name in type(store.options).model_fields}
    return {name: _revealed(value) for name, value in (common | own).items()}


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, BaseModel):
        return {name: _revealed(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): _revealed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_revealed(item) for item in value]
    return to_jsonable_python(value)
