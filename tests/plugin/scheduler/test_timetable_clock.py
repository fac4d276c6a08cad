"""Schedules while clocks change, by law or by hand: no time is served twice, and none never."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers import base

from plugin import with_image_api
from plugin.scheduler import Engine, Pace, metronome
from plugin.scheduler.timetable import Row, decide
from plugin.scheduler.trigger import Line, PaceTrigger
from plugin.schedules import EPOCH, parse
from tests.plugin.pipeline.world import world as make_world

HOUR, LOOK = timedelta(hours=1), timedelta(seconds=30)
BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Program:
    """Looks every half minute, as the engine does; `seen_to` is what the database keeps of it."""

    def __init__(self, text: str, zone: str, seen_to: datetime):
        self.schedule, self.zone, self.seen_to = parse(text), ZoneInfo(zone), seen_to
        self.fired: list[datetime] = []

    def look(self, now: datetime) -> None:
        line = Line(self.schedule, self.zone, self.schedule.row(self.seen_to or EPOCH))
        move = decide(line, Row(self.seen_to, self.seen_to), now, anew=False, starting=False)
        self.seen_to = move.seen_to or self.seen_to
        if move.refresh:
            self.fired.append(now)


def looks(start: datetime, end: datetime) -> Iterator[datetime]:
    while start <= end:
        yield start
        start += LOOK


def run(text: str, zone: str, *periods: tuple[str, str]) -> list[str]:
    """What fires while the program runs from … to …, by its clock; between two periods it is started again."""
    program = Program(text, zone, utc(periods[0][0]))
    for start, end in periods:
        for moment in looks(utc(start), utc(end)):
            program.look(moment)
    return [f"{moment:%d %H:%M}" for moment in program.fired]


@pytest.mark.parametrize(
    ("text", "start", "end", "fires"),
    [
        ("30 2 * * *", "2027-03-27 12:00", "2027-03-29 12:00", ["28 01:00", "29 00:30"]),
        ("30 2 * * *", "2026-10-24 12:00", "2026-10-26 12:00", ["25 00:30", "26 01:30"]),
        ("every 24 hours", "2027-03-27 12:00", "2027-03-29 13:00", ["28 12:00", "29 12:00"]),
    ],
    ids=["spring", "autumn", "interval"],
)
def test_the_law_changes_the_clocks(text: str, start: str, end: str, fires: list[str]) -> None:
    assert run(text, BERLIN, (start, end)) == fires


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("0 3 * * *", ["22 03:00", "23 03:00"]),
        ("30 2 * * *", ["22 02:30", "23 02:30"]),
        ("10 3 * * *", ["22 03:10", "23 03:10"]),  # not yet come when the clock was set
    ],
)
def test_an_hour_back_serves_nothing_twice(text: str, fires: list[str]) -> None:
    assert run(text, "UTC", ("2026-11-22 00:00", "2026-11-22 03:05"), ("2026-11-22 02:05", "2026-11-23 04:00")) == fires


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("30 3 * * *", ["22 04:05", "23 03:30"]),  # left out, and made up for
        (
            "*/10 3 * * *",
            ["22 03:00", "22 04:05", "23 03:00", "23 03:10", "23 03:20", "23 03:30"],
        ),  # five were left out, which are one
        ("0 5 * * *", ["22 05:00"]),
    ],
)
def test_an_hour_ahead_makes_up_for_what_was_left_out_once(text: str, fires: list[str]) -> None:
    assert run(text, "UTC", ("2026-11-22 00:00", "2026-11-22 03:05"), ("2026-11-22 04:05", "2026-11-23 03:34")) == fires


def test_an_interval_goes_on_although_its_last_time_is_still_to_come() -> None:
    periods = ("2026-11-22 00:00", "2026-11-22 03:05"), ("2026-11-22 02:05", "2026-11-22 03:10")
    assert run("every 30 minutes", "UTC", *periods)[-2:] == ["22 02:35", "22 03:05"]


def test_a_clock_that_was_a_year_ahead_stops_no_schedule() -> None:
    periods = ("2027-11-22 00:00", "2027-11-22 04:00"), ("2026-11-22 04:00", "2026-11-23 04:00")
    assert run("0 3 * * *", "UTC", *periods) == ["22 03:00", "23 03:00"]


@pytest.mark.parametrize("missed", [timedelta(seconds=5), HOUR, timedelta(days=20_000)])
def test_a_pace_names_one_time_however_many_were_missed(missed: timedelta) -> None:
    now = utc("2026-11-22 09:00")
    trigger = PaceTrigger(0.5)
    following = trigger.get_next_fire_time(now - missed, now)
    assert now < following <= now + timedelta(seconds=0.5)
    assert trigger.get_next_fire_time(None, now) == now


def test_a_pace_keeps_time() -> None:
    trigger, now = PaceTrigger(0.5), utc("2026-11-22 09:00")
    times = [now]
    for _ in range(5):
        times.append(trigger.get_next_fire_time(times[-1], times[-1] + timedelta(milliseconds=3)))
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=0.5)}


@pytest.mark.parametrize("shift", [HOUR, -HOUR], ids=["ahead", "back"])
def test_a_running_engine_beats_on_when_the_machine_s_clock_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift: timedelta
) -> None:
    """APScheduler goes by the machine's clock: set back, it would sleep for an hour. The watchdog sees to it."""
    beats: list[float] = []
    real = Engine.beat

    def beat(engine: Engine) -> None:
        beats.append(time.monotonic())
        real(engine)

    monkeypatch.setattr(Engine, "beat", beat)

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Shifted:
            return cls.fromtimestamp(time.time() + shift.total_seconds(), tz)

    with make_world(tmp_path) as world, world.parts() as parts:
        engine = Engine(parts, with_image_api, Pace(dispatch=0.02, watch=0.05, stale=0.3))
        engine.start()
        wait_for(beats, 5)
        for module in (base, metronome):
            monkeypatch.setattr(module, "datetime", Shifted)
        wait_for(beats, len(beats) + 20)
        engine.stop(5)
    assert max(later - earlier for earlier, later in pairwise(beats)) < 3


def wait_for(beats: list[float], count: int) -> None:
    ends = time.monotonic() + 5
    while len(beats) < count:
        assert time.monotonic() < ends, "it beats no more"
        time.sleep(0.01)
