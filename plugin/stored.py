"""Settings of the image API that an admin makes on the settings page: kept in the database, the key encrypted.

One home for each setting: what the configuration file (or the environment) gives is locked here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import SecretStr, ValidationError
from sqlalchemy.orm import Session

from plugin.config import HeboSettings, Settings
from plugin.models import SettingsPage
from plugin.secrets import DecryptError, KeyRing

log = logging.getLogger(__name__)
HEBO = "hebo"
PAGE_FIELDS = (
    "api_key",
    "exclusive",
    "model",
    "size",
    "aspect_ratio",
    "daily_budget",
    "monthly_budget",
    "item_retries",
)


def locked(settings: Settings) -> frozenset[str]:
    """The names of PAGE_FIELDS that the configuration file or the environment gives."""
    given = settings.hebo.model_fields_set
    return frozenset(name for name in PAGE_FIELDS if name in given and getattr(settings.hebo, name) is not None)


def effective(session: Session, keys: KeyRing, settings: Settings) -> Settings:
    """The file's settings, and beneath them what was set on the page.

    What cannot be used any more (its secret was encrypted with another key, a newer version is stricter) is left
    out, with a warning: the pages must come up so that it can be entered again.
    """
    row = session.get(SettingsPage, HEBO)
    if row is None:
        return settings
    fixed = {name: getattr(settings.hebo, name) for name in settings.hebo.model_fields_set}
    free = {
        name: value for name, value in {**row.values, **_secrets(keys, row)}.items() if name not in locked(settings)
    }
    try:
        hebo = HeboSettings.model_validate({**fixed, **free})
    except ValidationError as error:
        names = ", ".join(str(item["loc"][0]) for item in error.errors(include_input=False))
        log.warning("stored settings of the image API are not used (%s): enter them again on the settings page", names)
        return settings
    return settings.model_copy(update={"hebo": hebo})


def _secrets(keys: KeyRing, row: SettingsPage) -> dict[str, Any]:
    if row.secrets_token is None:
        return {}
    try:
        found: dict[str, Any] = json.loads(keys.decrypt(row.secrets_token))
    except DecryptError as error:
        log.warning("the image API key of the settings page: %s", error)
        return {}
    return {"api_key": found["api_key"]} if found.get("api_key") else {}


@dataclass(frozen=True, slots=True)
class KeptKey:
    """The image API key of the settings page, without the key.

    since: when it was entered; None: not known. readable False: it was encrypted with a key that is no longer there,
    so it must be entered again.
    """

    since: datetime | None
    readable: bool


def kept_key(session: Session, keys: KeyRing) -> KeptKey | None:
    """What is known of the key that was entered on the page; None: there is none."""
    row = session.get(SettingsPage, HEBO)
    if row is None or row.secrets_token is None:
        return None
    try:
        found = json.loads(keys.decrypt(row.secrets_token))
    except DecryptError:
        return KeptKey(None, readable=False)
    return KeptKey(datetime.fromisoformat(found["since"]) if "since" in found else None, readable=True)


def keep(session: Session, keys: KeyRing, values: Mapping[str, Any], now: datetime) -> None:
    """Store what the page gave: values of PAGE_FIELDS, checked already. A missing api_key leaves the stored one.

    Values that are missing are forgotten: their defaults hold again.
    """
    row = session.get(SettingsPage, HEBO)
    if row is None:
        row = SettingsPage(section=HEBO, values={}, changed_at=now)
        session.add(row)
    row.values = {name: values[name] for name in PAGE_FIELDS if name != "api_key" and name in values}
    row.changed_at = now
    api_key = values.get("api_key")
    if isinstance(api_key, SecretStr) and _secrets(keys, row).get("api_key") != api_key.get_secret_value():
        secret = {"api_key": api_key.get_secret_value(), "since": now.isoformat()}
        row.secrets_token = keys.encrypt(json.dumps(secret))
