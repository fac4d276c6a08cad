"""Reads config.toml and the HEBO_SYNC_* variables into `Settings`, reporting every mistake at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from connectors.registry import ConnectorKind, kinds
from plugin.config.settings import Settings, StoreSettings
from plugin.config.stores import check_store, store_table
from plugin.config.tables import (
    ConfigError,
    ConfigFileError,
    SettingsError,
    Table,
    check,
    hint,
    is_scalar,
    is_secret,
    problems,
)

PREFIX = "HEBO_SYNC_"
CONFIG_VARIABLE = "HEBO_SYNC_CONFIG"

SECTIONS: dict[str, type[BaseModel]] = {
    name: info.annotation
    for name, info in Settings.model_fields.items()
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
}


def load_settings(
    path: Path | None, environ: Mapping[str, str], known: Mapping[str, ConnectorKind] | None = None
) -> Settings:
    """All settings: environment before file before defaults.

    path: the file. None: the one that HEBO_SYNC_CONFIG names; without it the environment alone decides.
    known: the kinds of store there are (default: all that are installed).
    Raises ConfigFileError or SettingsError.
    """
    file = path or _named_by(environ)
    data = _read(file) if file else {}
    if known is None:
        known = kinds() if "stores" in data else {}
    where = f"{file.name} " if file else ""
    wrong = _unknown_sections(data, where.strip())
    sections = _section_tables(data, where, wrong)
    stores = _store_tables(data, where, known, wrong)
    wrong += _apply(_variables(sections, stores), environ)
    values: dict[str, Any] = {"base_dir": file.resolve().parent if file else Path.cwd()}
    values |= _checked_sections(sections, wrong) | {"stores": _checked_stores(stores, known, wrong)}
    return _settings(values, where.strip(), wrong)


def _named_by(environ: Mapping[str, str]) -> Path | None:
    name = environ.get(CONFIG_VARIABLE, "").strip()
    return Path(name) if name else None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        advice = "make one with `hebo-sync init`, or name another with --config"
        raise ConfigFileError(f"there is no config file {file}: {advice}") from None
    except OSError as error:
        raise ConfigFileError(f"cannot read the config file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigFileError(f"the config file {file} is not UTF-8 text: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigFileError(f"the config file {file} is not valid TOML: {error}") from None


def _unknown_sections(data: Mapping[str, Any], where: str) -> list[str]:
    known = [*SECTIONS, "stores"]
    return [
        f"{where} has no section [{name}]; {hint(name, known)}"
        if isinstance(value, (dict, list))
        else f"{where}: the setting {name!r} stands outside of any section; sections are: {', '.join(sorted(known))}"
        for name, value in data.items()
        if name not in known
    ]


def _section_tables(data: Mapping[str, Any], where: str, wrong: list[str]) -> dict[str, Table]:
    tables = {}
    for name, model in SECTIONS.items():
        values = data.get(name, {})
        if not isinstance(values, dict):
            wrong.append(f"{where}[{name}] must be a section with settings of its own")
            values = {}
        tables[name] = Table(f"{where}[{name}]", model.model_fields, dict(values))
    return tables


def _store_tables(
    data: Mapping[str, Any], where: str, known: Mapping[str, ConnectorKind], wrong: list[str]
) -> list[Table]:
    tables = data.get("stores", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        wrong.append(f"{where}[[stores]]: write each store under a heading of its own, with two brackets")
        return []
    return [
        store_table(table, f"{where}[[stores]] {_label(table, number)}", known)
        for number, table in enumerate(tables, 1)
    ]


def _label(table: Mapping[str, Any], number: int) -> str:
    name = table.get("name")
    return repr(name) if isinstance(name, str) and name else f"number {number}"


@dataclass(frozen=True)
class _Target:
    """What one environment variable sets; `file`: its value is the path of a file that holds the secret."""

    table: Table
    key: str
    file: bool = False


def _variables(sections: Mapping[str, Table], stores: list[Table]) -> dict[str, _Target]:
    """Every variable that would be understood. An exact name wins over NAME_FILE."""
    named = [(section.upper(), table) for section, table in sections.items()]
    named += [(f"STORE_{_upper(table)}", table) for table in stores]
    exact: dict[str, _Target] = {}
    files: dict[str, _Target] = {}
    for middle, table in named:
        for key in _settable(table):
            name = f"{PREFIX}{middle}_{key.upper()}"
            exact.setdefault(name, _Target(table, key))
            if is_secret(table.fields[key]):
                files.setdefault(f"{name}_FILE", _Target(table, key, file=True))
    return files | exact


def _upper(table: Table) -> str:
    return str(table.values.get("name", "")).upper().replace("-", "_")


def _settable(table: Table) -> Iterator[str]:
    return (key for key, info in table.fields.items() if is_scalar(info) and key not in table.fixed)


def _apply(targets: Mapping[str, _Target], environ: Mapping[str, str]) -> list[str]:
    """Puts the variables' values into the tables; gives what is wrong with them. An empty variable counts as unset."""
    wrong = []
    for name in sorted(name for name in environ if name.startswith(PREFIX) and name != CONFIG_VARIABLE):
        try:
            _set(name, environ[name], targets)
        except ConfigError as error:
            wrong.append(str(error))
    return wrong


def _set(name: str, value: str, targets: Mapping[str, _Target]) -> None:
    target = targets.get(name)
    if target is None:
        raise ConfigError(f"the environment variable {name} is not known; {_variable_hint(name, targets)}")
    if not value.strip():
        return
    other = target.table.variables.get(target.key)
    if other:
        raise ConfigError(f"the environment variables {other} and {name} set the same thing: keep one of them")
    target.table.values[target.key] = _content(name, Path(value)) if target.file else value.strip()
    target.table.variables[target.key] = name


def _variable_hint(name: str, targets: Mapping[str, _Target]) -> str:
    text = hint(name, [*targets, CONFIG_VARIABLE])
    return text if text.startswith("did") else "config.example.toml says which there are"


def _content(name: str, file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{name}: cannot read the file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: the file {file} is not text") from None
    if not text:
        raise ConfigError(f"{name}: the file {file} is empty")
    return text


def _checked_sections(sections: Mapping[str, Table], wrong: list[str]) -> dict[str, BaseModel]:
    checked = {}
    for name, table in sections.items():
        try:
            checked[name] = check(SECTIONS[name], table, table.values)
        except SettingsError as error:
            wrong.extend(error.problems)
    return checked


def _checked_stores(
    stores: list[Table], known: Mapping[str, ConnectorKind], wrong: list[str]
) -> tuple[StoreSettings, ...]:
    checked = []
    for table in stores:
        try:
            checked.append(check_store(table, known))
        except SettingsError as error:
            wrong.extend(error.problems)
    return tuple(checked)


def _settings(values: dict[str, Any], where: str, wrong: list[str]) -> Settings:
    """The whole, once its parts are right; what only shows between the parts (two stores of one name) is added."""
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        wrong += problems(error, Table(where, Settings.model_fields, {}))
    if wrong:
        raise SettingsError(wrong)
    return settings
