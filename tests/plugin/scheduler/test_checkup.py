"""What is not well, in a sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plugin.clock import SystemClock
from plugin.db import Database
from plugin.machine_clock import Machine, join
from plugin.pipeline.parts import Parts
from plugin.scheduler.checkup import ClockNews
from tests.plugin.pipeline.world import World
from tests.plugin.pipeline.world import world as make_world

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path) as made:
        yield made


class Setter:
    """The machine that the parts run on, whose clock is set by hand."""

    def __init__(self, shown: datetime) -> None:
        self.seconds, self.shown = 500.0, shown
        self.machine = Machine("boot", lambda: self.seconds, lambda: self.shown)

    def on(self, parts: Parts, db: Database | None = None) -> Parts:
        offset = join(db or parts.db, self.machine, parts.schedule, alone=True)
        return replace(parts, clock=SystemClock(self.machine.ticks, offset), db=db or parts.db)


@pytest.mark.parametrize(("shift", "words"), [(HOUR, "3600 s ahead"), (-HOUR, "3600 s back")])
def test_a_clock_that_was_set_is_told_once_with_what_to_do(
    world: World, caplog: pytest.LogCaptureFixture, shift: timedelta, words: str
) -> None:
    setter = Setter(NOW)
    with world.parts() as plain:
        parts, news = setter.on(plain), ClockNews(setter.machine)
        assert news.problem(parts) is None
        setter.shown += shift
        for _ in range(3):
            found = news.problem(parts) or ""
            assert f"The machine's clock was set {words} at about" in found
            assert f"{NOW + shift:%Y-%m-%d %H:%M} UTC" in found
            setter.seconds += 40  # the hands move on, and the sentence stays
            setter.shown += timedelta(seconds=40)
        assert "stop hebo-sync and start it again" in found
        setter.shown -= shift  # set right again
        assert news.problem(parts) is None
    assert len(caplog.records) == 1


def test_little_is_not_worth_telling(world: World) -> None:
    setter = Setter(NOW)
    with world.parts() as plain:
        parts, news = setter.on(plain), ClockNews(setter.machine)
        setter.shown += timedelta(seconds=29)
        assert news.problem(parts) is None
        setter.shown += timedelta(seconds=1)
        assert "30 s ahead" in (news.problem(parts) or "")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_shared_database_s_clock_is_what_counts(world: World, database: Database) -> None:
    setter = Setter(datetime.now(UTC) - HOUR)  # a machine whose own clock is wrong
    with world.parts() as plain:
        parts, news = setter.on(plain, database), ClockNews(setter.machine)
        assert news.problem(parts) is None
        late = replace(parts, clock=SystemClock(setter.machine.ticks, SystemClock().offset + HOUR))
        assert "The database server's clock was set" in (news.problem(late) or "")


def test_what_cannot_be_asked_stays_as_it_was(world: World) -> None:
    setter = Setter(NOW)
    with world.parts() as plain, closing(Database("postgresql+psycopg://nobody@127.0.0.1:9/none")) as nowhere:
        parts, news = setter.on(plain), ClockNews(setter.machine)
        assert news.problem(replace(parts, db=nowhere)) is None
