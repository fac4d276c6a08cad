"""Whose key it is, what a change of the key would leave behind, and what waits no longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin import accounts
from plugin.hebo import KeyRefusedError, NotSentError
from plugin.models import Account, QuotaReading
from plugin.pipeline import image_api
from plugin.pipeline.parts import Parts
from plugin.pipeline.run import begin
from plugin.states import TaskState
from tests.plugin.pipeline.world import KEY, World, task_states, world


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[World, Parts]]:
    """Account 3 has a task under way; the service knows another key of it, and another account."""
    with world(tmp_path, api_keys={KEY: "3", "second": "3", "foreign": "4"}) as made:
        made.product("p1")
        with made.parts() as parts:
            begin(parts, None, made.clock.now())
            made.drive(parts, until=lambda: task_states(parts) == [TaskState.GENERATING])
            yield made, parts


@pytest.mark.parametrize(
    ("api_key", "user_id", "expected"),
    [(KEY, "3", 0), ("second", "3", 0), ("foreign", "4", 1), (KEY, "", 0), ("second", "", 1), (KEY, "5", 1)],
)
def test_what_a_key_could_not_collect(busy: tuple[World, Parts], api_key: str, user_id: str, expected: int) -> None:
    _, parts = busy
    with parts.db.read() as session:
        assert image_api.left_behind(session, parts, api_key, user_id) == expected


def test_what_has_ended_is_nobodys_worry(busy: tuple[World, Parts]) -> None:
    made, parts = busy
    made.drive(parts)
    with parts.db.read() as session:
        assert image_api.left_behind(session, parts, "foreign", "4") == 0


def test_asking_keeps_nothing(busy: tuple[World, Parts]) -> None:
    made, parts = busy
    with parts.db.read() as session:
        before = session.scalars(select(QuotaReading.id)).all()
    assert image_api.ask(made.base_url, "foreign").user_id == "4"
    with pytest.raises(KeyRefusedError):
        image_api.ask(made.base_url, "nobodys")
    with pytest.raises(NotSentError):
        image_api.ask("http://127.0.0.1:9", KEY)
    with parts.db.read() as session:
        assert session.scalars(select(QuotaReading.id)).all() == before


@pytest.mark.parametrize(("reason", "waits"), [("key", False), ("budget", False), ("quota", False), ("doubt", True)])
def test_a_reading_ends_every_wait_but_that_for_a_doubt(busy: tuple[World, Parts], reason: str, waits: bool) -> None:
    made, parts = busy
    with parts.db.write() as session:
        account = session.scalars(select(Account)).one()
        accounts.wait(account, reason, "a test", made.clock.now() + timedelta(hours=1))
        account.troubles = 3
    image_api.note(parts, KEY, image_api.ask(made.base_url, KEY), made.clock.now())
    with parts.db.read() as session:
        account = session.scalars(select(Account)).one()
        assert (account.wait_until is not None, account.troubles) == (waits, 0)
