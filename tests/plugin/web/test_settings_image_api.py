"""The image API's settings page: a key is asked about before it is stored, and never comes back."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from plugin import accounts, stored
from plugin.models import Account, GenerationTask, QuotaReading, SettingsPage
from plugin.pipeline.run import begin
from plugin.secrets import KeyRing
from plugin.states import TaskState
from tests.plugin.pipeline.world import KEY, world
from tests.plugin.web.conftest import Site
from tests.plugin.web.shop_kit import bare_site, errors_of

PAGE = "/settings/image-api"
KEYS = {KEY: "3", "second-key-of-3": "3", "key-of-4": "4"}
PLAIN = {"model": "gpt-image-2-1k", "size": "", "aspect_ratio": "", "daily_budget": ""}


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Site]:
    """No key in the file; the service knows two accounts."""
    with world(tmp_path, api_keys=KEYS) as made, bare_site(made) as site:
        yield site


def post(site: Site, **form: Any) -> TestResponse:
    """The answer to the form, in which no key may be."""
    answer = site.client.post(PAGE, data={**PLAIN, **form})
    assert not any(key in answer.text + str(answer.headers) for key in KEYS)
    return answer


def shown(site: Site) -> str:
    text = site.get(PAGE)
    assert not any(key in text for key in KEYS)
    return text


def account_names(site: Site) -> list[str | None]:
    """Those whose key is known: a key met before its owner leaves a nameless row without a key."""
    with site.parts.db.read() as session:
        known = select(Account.user_id).where(Account.key_fingerprint.is_not(None))
        return list(session.scalars(known.order_by(Account.id)))


def test_a_good_key_is_checked_stored_and_used_at_once(bare: Site, caplog: pytest.LogCaptureFixture) -> None:
    assert "No key is stored yet." in shown(bare)
    answer = post(bare, api_key=f" {KEY} ", daily_budget="50", exclusive="y")
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert bare.engine.told == ["settings", "wake"]
    hebo = bare.parts.settings.hebo
    assert (hebo.daily_budget, hebo.exclusive, hebo.size) == (50, True, None)
    assert hebo.api_key is not None
    assert hebo.api_key.get_secret_value() == KEY
    text = shown(bare)
    assert "The key works. Account 3, level vip1: 0 of 400 images used today, 400 remain." in text
    assert "A key is stored since" in text
    assert KEY not in caplog.text


def test_a_refused_key_is_not_stored(bare: Site) -> None:
    answer = bare.client.post(PAGE, data={**PLAIN, "api_key": "wrong-key-word"})
    assert answer.status_code == 422
    assert errors_of(answer.text)["api_key"].startswith("The image service refused the key (403).")
    assert "wrong-key-word" not in answer.text
    assert bare.engine.told == []
    with bare.parts.db.read() as session:
        assert session.get(SettingsPage, "hebo") is None
        assert session.scalars(select(Account)).all() == []


def test_a_silent_service_is_said_and_the_key_may_be_stored_all_the_same(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with world(tmp_path) as made, bare_site(made, base_url=f"http://127.0.0.1:{nobody.getsockname()[1]}") as site:
            answer = post(site, api_key=KEY)
            assert answer.status_code == 422
            assert "could not be asked about the key" in errors_of(answer.text)["api_key"]
            assert errors_of(answer.text)["store_anyway"].startswith("To store it all the same")
            assert site.parts.hebo is None
            assert post(site, api_key=KEY, store_anyway="y").status_code == 303
            assert site.parts.hebo is not None
            assert "stored without having been checked" in shown(site)
            assert post(site, action="check").status_code == 303
            assert "could not be asked about the key" in shown(site)


def test_what_the_file_gives_is_shown_and_locked(site: Site) -> None:
    text = site.get(PAGE)
    assert text.count("Set in the configuration file (or the environment)") == 3  # api_key, exclusive and item_retries
    answer = site.client.post(PAGE, data={**PLAIN, "api_key": "another-key", "model": "m2"})
    assert answer.status_code == 303
    hebo = site.parts.settings.hebo
    assert (hebo.model, hebo.exclusive) == ("m2", True)
    assert hebo.api_key is not None
    assert hebo.api_key.get_secret_value() == KEY
    with site.parts.db.read() as session:
        row = session.get_one(SettingsPage, "hebo")
        assert (row.secrets_token, row.values) == (None, {"model": "m2"})


def test_budgets_and_retries_are_stored_and_their_defaults_hold_again(bare: Site) -> None:
    page = shown(bare)
    assert "Try failed pictures again by itself" in page
    assert post(bare, monthly_budget="900", item_retries="0").status_code == 303
    assert (bare.parts.settings.hebo.monthly_budget, bare.parts.settings.hebo.item_retries) == (900, 0)
    assert post(bare, monthly_budget="", item_retries="").status_code == 303
    assert (bare.parts.settings.hebo.monthly_budget, bare.parts.settings.hebo.item_retries) == (None, 1)


MISTAKES = [
    ("monthly_budget", "0", "Write a number above 0."),
    ("item_retries", "7", "Write a number of at most 6."),
    ("item_retries", "-1", "Write a number of at least 0."),
    ("size", "big", "Write width and height like 1024x1024."),
    ("daily_budget", "0", "Write a number above 0."),
    ("daily_budget", "many", "Write a whole number."),
    ("daily_budget", "9" * 30, "Write a number of at most 1000000000."),
    ("aspect_ratio", "5:4", "Not a valid choice."),
    ("api_key", "two words", "must be one word of plain ASCII characters; copy the key again"),
    ("api_key", "密钥", "must be one word of plain ASCII characters; copy the key again"),
    ("model", "a\0b", "There is an invisible character in it (a line break?). Type it anew."),
    ("model", "x" * 2001, "This is too long: at most 2000 characters."),
]


def test_every_mistake_stands_beside_its_field(bare: Site) -> None:
    for field, value, expected in MISTAKES:
        answer = post(bare, **{field: value})
        assert answer.status_code == 422
        assert errors_of(answer.text) == {field: expected}
        assert bare.engine.told == []


def test_an_empty_field_keeps_the_stored_key(bare: Site) -> None:
    post(bare, api_key=KEY)
    with bare.parts.db.read() as session:
        before = stored.kept_key(session, bare.parts.keys)
    bare.world.clock.advance(3600)
    assert post(bare, model="m2").status_code == 303
    with bare.parts.db.read() as session:
        assert stored.kept_key(session, bare.parts.keys) == before
    assert (bare.parts.settings.hebo.model, bare.parts.hebo is not None) == ("m2", True)


def test_the_same_request_again_changes_nothing_more(bare: Site) -> None:
    post(bare, api_key=KEY, daily_budget="7")
    with bare.parts.db.read() as session:
        first = session.get_one(SettingsPage, "hebo")
    post(bare, api_key=KEY, daily_budget="7")
    with bare.parts.db.read() as session:
        second = session.get_one(SettingsPage, "hebo")
    assert (first.values, first.secrets_token) == (second.values, second.secrets_token)
    assert account_names(bare) == ["3"]


def test_check_now_reads_the_quota_and_stores_nothing_else(bare: Site) -> None:
    assert post(bare, action="check", api_key=KEY).status_code == 303
    assert "There is no key to check" in shown(bare)
    post(bare, api_key=KEY)
    bare.world.control("spend", images=12)
    assert post(bare, action="check", model="not this").status_code == 303
    assert "12 of 400 images used today, 388 remain" in shown(bare)
    assert bare.parts.settings.hebo.model == "gpt-image-2-1k"
    with bare.parts.db.read() as session:
        assert session.scalars(select(QuotaReading.used)).all() == [0, 12]


def test_a_key_that_cannot_be_decrypted_is_asked_for_again(bare: Site) -> None:
    post(bare, api_key=KEY)
    other = KeyRing(["u6HLp2oJtcmpvtA4Yk9jPTPR1l2nFhSB9tVhnPiVcEg="], "a test")
    with bare.parts.db.write() as session:
        session.get_one(SettingsPage, "hebo").secrets_token = other.encrypt(json.dumps({"api_key": KEY}))
    bare.engine.settings_changed()
    assert bare.parts.hebo is None
    for path in (PAGE, "/settings"):
        assert "The stored key cannot be read any more" in bare.get(path)
    assert post(bare, api_key=KEY).status_code == 303
    assert bare.parts.hebo is not None
    assert "cannot be read any more" not in shown(bare)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Site]:
    """One task of account 3 is being made, with a key from the page."""
    with world(tmp_path, api_keys=KEYS) as made:
        made.product("p1")
        with bare_site(made, stores=True) as site:
            post(site, api_key=KEY)
            begin(site.parts, None, made.clock.now())
            made.drive(site.parts, until=lambda: task_of(site).state is TaskState.GENERATING)
            yield site


def task_of(site: Site) -> GenerationTask:
    with site.parts.db.read() as session:
        return session.scalars(select(GenerationTask)).first() or GenerationTask()


def test_another_accounts_key_is_stored_only_when_asked_twice(busy: Site) -> None:
    answer = post(busy, api_key="key-of-4")
    assert answer.status_code == 422
    assert "1 task is under way that can only be collected" in errors_of(answer.text)["api_key"]
    assert errors_of(answer.text)["other_account"].startswith("To change the key all the same")
    assert account_names(busy) == ["3"]
    assert post(busy, api_key="key-of-4", other_account="y").status_code == 303
    assert account_names(busy) == ["3", "4"]
    busy.world.drive(busy.parts)
    assert task_of(busy).state is TaskState.GENERATING  # rests, and was not sent again
    assert post(busy, api_key=KEY).status_code == 303
    busy.world.drive(busy.parts)
    assert task_of(busy).state is TaskState.DONE
    assert busy.world.state()["totals"]["submits_accepted"] == 1


def test_another_key_of_the_same_account_goes_on_with_its_tasks(busy: Site) -> None:
    assert post(busy, api_key="second-key-of-3").status_code == 303
    assert account_names(busy) == ["3"]
    busy.world.drive(busy.parts)
    assert task_of(busy).state is TaskState.DONE


def test_an_unknown_owner_is_asked_about_too(busy: Site) -> None:
    busy.world.faults("quota:http_500")
    answer = post(busy, api_key="key-of-4", store_anyway="y")
    assert answer.status_code == 422
    assert errors_of(answer.text)["api_key"].startswith("It is not known whose key this is.")
    assert account_names(busy) == ["3"]


def test_a_larger_budget_ends_the_wait(busy: Site) -> None:
    with busy.parts.db.write() as session:
        account = session.scalars(select(Account)).one()
        accounts.wait(account, "budget", "used up", busy.parts.clock.now() + timedelta(hours=9))
    assert "Nothing is submitted for now: used up" in shown(busy)
    assert post(busy, daily_budget="500").status_code == 303
    with busy.parts.db.read() as session:
        assert session.scalars(select(Account.wait_reason)).one() is None
