"""Housekeeping: what ends by time alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.activity import About, record
from plugin.callbacks import FOLDER
from plugin.models import Admin, Event, SignIn
from plugin.pipeline import retention
from plugin.pipeline.parts import Parts
from plugin.scheduler.chores import tidy
from tests.plugin.pipeline.world import World
from tests.plugin.pipeline.world import world as make_world

YEAR = timedelta(days=366)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path) as made:
        yield made


@pytest.fixture
def parts(world: World) -> Iterator[Parts]:
    with world.parts() as opened:
        yield opened


def events(parts: Parts) -> int:
    with parts.db.read() as session:
        return session.scalar(select(func.count()).select_from(Event)) or 0


def add_events(parts: Parts, count: int) -> None:
    with parts.db.write() as session:
        for _ in range(count):
            record(session, parts.clock.now() - YEAR, "published", {}, About())


def test_sign_ins_and_calls_that_are_over(parts: Parts) -> None:
    now, folder = parts.clock.now(), parts.settings.app.data_dir / FOLDER
    folder.mkdir()
    names = [f"{int((now - timedelta(days=days)).timestamp())}-{'a' * 32}" for days in (2, 0)]
    for name in (*names, "note-of-a-person"):
        (folder / name).touch()
    with parts.db.write() as session:
        session.add(Admin(id=1, name="ann", password_hash="", created_at=now))
        session.flush()
        for token, ends in (("old", now), ("new", now + YEAR)):
            session.add(SignIn(admin_id=1, token_sha=token, created_at=now, seen_at=now, expires_at=ends))
    tidy(parts)
    assert {path.name for path in folder.iterdir()} == {names[1], "note-of-a-person"}
    with parts.db.read() as session:
        assert session.scalars(select(SignIn.token_sha)).all() == ["new"]


def test_retention_once_a_day(parts: Parts, world: World) -> None:
    add_events(parts, 3)
    tidy(parts)
    assert events(parts) == 1  # the newest of all stays
    add_events(parts, 3)
    tidy(parts)
    assert events(parts) == 4
    world.clock.advance(86_400)
    tidy(parts)
    assert events(parts) == 1


def test_a_long_pass_is_gone_on_with_the_next_time(parts: Parts, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.pipeline.retention.forgetting.BATCH", 2)
    add_events(parts, 7)
    write = parts.db.write

    def slow() -> AbstractContextManager[Session]:
        world.clock.advance(3)
        return write()

    monkeypatch.setattr(parts.db, "write", slow)
    tidy(parts)
    assert 1 < events(parts) < 7
    for _ in range(4):
        tidy(parts)
    assert events(parts) == 1


def test_a_disk_that_cannot_be_written_is_told_and_tried_again(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    stamp = parts.settings.app.data_dir / retention.STAMP
    stamp.mkdir()
    with caplog.at_level(logging.WARNING):
        tidy(parts)
    assert "is tried again" in caplog.text
    stamp.rmdir()
    tidy(parts)
    assert stamp.is_file()
