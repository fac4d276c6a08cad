"""The configuration file, the files of secrets, and the data folder: all that can be seen before anything is opened."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, SecretStr
from sqlalchemy.engine import make_url

from plugin.config import Settings
from plugin.config.load import PREFIX
from plugin.doctor.finding import Finding, error, ok, warning
from plugin.secrets import KEY_FILE

READABLE = "whoever can read it can spend your images and change your stores"


def check_config_file(config: Path | None, settings: Settings) -> Finding:
    """Whether others may read the secrets in it."""
    name = "configuration"
    if config is None:
        message = "there is no configuration file; the environment alone decides"
        return warning(name, message, "hebo-sync init makes one")
    if _is_open(config) and _holds_secret(config.read_text(encoding="utf-8"), settings):
        message = f"{config} holds a secret, and other users may read it"
        return warning(name, message, f"chmod 600 '{config}'; or NAME_FILE variables", READABLE)
    return ok(name, str(config))


def check_secret_files(environ: Mapping[str, str]) -> list[Finding]:
    """Whether others may read a file that a HEBO_SYNC_…_FILE variable names."""
    named = {name: Path(value) for name, value in environ.items() if name.startswith(PREFIX) and name.endswith("_FILE")}
    return [_secret_file(name, file) for name, file in sorted(named.items()) if file.is_file()]


def check_data_folder(settings: Settings) -> Finding:
    """Whether the data folder (or the place where it is made) can be written."""
    name, folder = "data folder", settings.app.data_dir
    place = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            return ok(name, str(folder) if place == folder else f"{folder} (will be made)")
    except OSError as problem:
        return error(
            name,
            f"{folder} cannot be written: {problem.strerror}",
            "give hebo-sync the right to write there, or set app.data_dir to another folder",
            "nothing can be stored, so nothing is asked of the image service and nothing is published",
        )


def check_key_file(settings: Settings) -> Finding:
    """Whether the key of the stored secrets is there and private."""
    name, file = "key file", settings.app.data_dir / KEY_FILE
    if settings.app.secret_key is not None:
        return ok(name, "app.secret_key is set")
    if not file.exists():
        return ok(name, f"{file} (will be made)")
    if _is_open(file):
        advice = f"chmod 600 '{file}', and change what it protected"
        return error(name, f"other users may read {file}", advice, "hebo-sync does not start with such a key")
    return ok(name, str(file))


def _secret_file(name: str, file: Path) -> Finding:
    if _is_open(file):
        message = f"{file} holds a secret, and other users may read it"
        return warning(name, message, f"chmod 600 '{file}'", READABLE)
    return ok(name, str(file))


def _is_open(file: Path) -> bool:
    """Whether other users may read it."""
    return os.name == "posix" and bool(stat.S_IMODE(file.stat().st_mode) & 0o077)


def _holds_secret(content: str, settings: Settings) -> bool:
    password = make_url(settings.database.url).password
    return any(secret and secret in content for secret in (*secrets_of(settings), password))


def secrets_of(model: BaseModel) -> Iterator[str]:
    """The values of all secret fields, at any depth."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, SecretStr):
                yield part.get_secret_value()
            elif isinstance(part, BaseModel):
                yield from secrets_of(part)
