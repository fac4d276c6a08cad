"""Settings of the settings page in the database: the file wins, secrets are encrypted, nothing unusable is fatal."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from plugin import stored
from plugin.config import HeboSettings, Settings
from plugin.db import Database
from plugin.models import SettingsPage
from plugin.secrets import KeyRing

KEYS = KeyRing(["u6HLp2oJtcmpvtA4Yk9jPTPR1l2nFhSB9tVhnPiVcEg="], "a test")
OTHER = KeyRing(["0mS3AYuT1eUeTqQ5W8nN9dKcLrqJ2oC6tNqvWc1hF0o="], "another test")
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECRET = SecretStr("sk-very-secret")


def keep(database: Database, at: datetime = NOW, **values: object) -> None:
    with database.write() as session:
        stored.keep(session, KEYS, values, at)


def effective(database: Database, keys: KeyRing = KEYS, **file: object) -> HeboSettings:
    with database.read() as session:
        return stored.effective(session, keys, Settings(hebo=HeboSettings.model_validate(file))).hebo


def kept_key(database: Database, keys: KeyRing = KEYS) -> stored.KeptKey | None:
    with database.read() as session:
        return stored.kept_key(session, keys)


def test_what_was_kept_is_used_and_the_key_is_encrypted(database: Database) -> None:
    keep(database, api_key=SECRET, model="m", daily_budget=5)
    hebo = effective(database)
    assert (hebo.api_key, hebo.model, hebo.daily_budget) == (SECRET, "m", 5)
    with database.read() as session:
        row = session.get_one(SettingsPage, "hebo")
    assert "sk-very-secret" not in json.dumps(row.values) + (row.secrets_token or "")


def test_the_file_wins(database: Database) -> None:
    keep(database, api_key=SECRET, model="page")
    hebo = effective(database, model="file", api_key="file-key")
    assert (hebo.model, hebo.api_key) == ("file", SecretStr("file-key"))
    assert stored.locked(Settings(hebo=HeboSettings(model="file"))) == {"model"}


def test_a_blank_key_in_the_file_locks_nothing(database: Database) -> None:
    keep(database, api_key=SECRET)
    assert effective(database, api_key=" ").api_key == SECRET


def test_values_that_are_missing_are_forgotten_and_the_key_is_not(database: Database) -> None:
    keep(database, api_key=SECRET, model="m")
    keep(database, daily_budget=3)
    hebo = effective(database)
    assert (hebo.model, hebo.daily_budget, hebo.api_key) == ("gpt-image-2-1k", 3, SECRET)


def test_the_page_knows_since_when_a_key_is_stored(database: Database) -> None:
    assert kept_key(database) is None
    keep(database, model="m")
    assert kept_key(database) is None
    keep(database, api_key=SECRET)
    keep(database, NOW + timedelta(hours=1), api_key=SECRET)  # the same key again
    assert kept_key(database) == stored.KeptKey(NOW, readable=True)
    keep(database, NOW + timedelta(hours=2), api_key=SecretStr("another"))
    assert kept_key(database) == stored.KeptKey(NOW + timedelta(hours=2), readable=True)


def test_a_key_of_an_older_version_has_no_date(database: Database) -> None:
    keep(database, model="m")
    with database.write() as session:
        session.get_one(SettingsPage, "hebo").secrets_token = KEYS.encrypt('{"api_key": "old"}')
    assert kept_key(database) == stored.KeptKey(None, readable=True)
    assert effective(database).api_key == SecretStr("old")


def test_an_undecryptable_key_is_left_out_with_a_warning(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    keep(database, api_key=SECRET, model="m")
    with caplog.at_level(logging.WARNING):
        hebo = effective(database, OTHER)
    assert (hebo.api_key, hebo.model) == (None, "m")
    assert kept_key(database, OTHER) == stored.KeptKey(None, readable=False)
    assert "cannot be decrypted" in caplog.text
    assert "sk-very-secret" not in caplog.text


def test_values_that_a_newer_version_refuses_are_left_out(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    keep(database, size="big", model="m")
    assert effective(database).model == "gpt-image-2-1k"
    assert "(size)" in caplog.text


def test_nothing_stored_is_the_file_alone(database: Database, tmp_path: Path) -> None:
    settings = Settings(base_dir=tmp_path)
    with database.read() as session:
        assert stored.effective(session, KEYS, settings) is settings
