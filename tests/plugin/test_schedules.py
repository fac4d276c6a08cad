"""Schedules: what can be written, and the exact times that follow, over changes of the clocks too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plugin.config import SettingsError, store_settings
from plugin.schedules import EPOCH, ScheduleError, parse, upcoming

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
LORD_HOWE, SHANGHAI = "Australia/Lord_Howe", "Asia/Shanghai"
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, SHANGHAI, "Africa/Cairo", "UTC")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Worked out by hand. The clocks change in Berlin on 2026-10-25 and 2027-03-28 at 01:00 UTC; in New York on 2026-11-01
# at 06:00 and 2027-03-14 at 07:00 UTC; on Lord Howe, by half an hour, on 2026-10-03 at 15:30 UTC (forward) and
# 2027-04-03 at 15:00 UTC (back).
WEEKS = [
    pytest.param(
        *(BERLIN, "30 2 * * *", "2026-10-22 12:00"),
        *("10-23 00:30", "10-24 00:30", "10-25 00:30", "10-26 01:30", "10-27 01:30", "10-28 01:30", "10-29 01:30"),
        id="Berlin in autumn: 02:30 comes twice, and counts the first time",
    ),
    pytest.param(
        *(BERLIN, "30 2 * * *", "2027-03-25 12:00"),
        *("03-26 01:30", "03-27 01:30", "03-28 01:00", "03-29 00:30", "03-30 00:30", "03-31 00:30", "04-01 00:30"),
        id="Berlin in spring: 02:30 is left out, and runs right after",
    ),
    pytest.param(
        *(NEW_YORK, "30 1 * * *", "2026-10-29 12:00"),
        *("10-30 05:30", "10-31 05:30", "11-01 05:30", "11-02 06:30", "11-03 06:30", "11-04 06:30", "11-05 06:30"),
        id="New York in autumn: 01:30 comes twice",
    ),
    pytest.param(
        *(NEW_YORK, "15 2 * * *", "2027-03-11 12:00"),
        *("03-12 07:15", "03-13 07:15", "03-14 07:00", "03-15 06:15", "03-16 06:15", "03-17 06:15", "03-18 06:15"),
        id="New York in spring: 02:15 is left out",
    ),
    pytest.param(
        *(LORD_HOWE, "10 2 * * *", "2026-10-01 00:00"),
        *("10-01 15:40", "10-02 15:40", "10-03 15:30", "10-04 15:10", "10-05 15:10", "10-06 15:10", "10-07 15:10"),
        id="Lord Howe in its spring: 02:00 to 02:30 is left out",
    ),
    pytest.param(
        *(LORD_HOWE, "45 1 * * *", "2027-04-01 00:00"),
        *("04-01 14:45", "04-02 14:45", "04-03 14:45", "04-04 15:15", "04-05 15:15", "04-06 15:15", "04-07 15:15"),
        id="Lord Howe in its autumn: 01:30 to 02:00 comes twice",
    ),
    pytest.param(
        *(SHANGHAI, "0 3 * * *", "2026-10-22 12:00"),
        *("10-22 19:00", "10-23 19:00", "10-24 19:00", "10-25 19:00", "10-26 19:00", "10-27 19:00", "10-28 19:00"),
        id="Shanghai: the clocks never change",
    ),
    pytest.param(
        *(BERLIN, "0 3 * * 1,4", "2027-03-24 12:00"),
        *("03-25 02:00", "03-29 01:00", "04-01 01:00", "04-05 01:00"),
        id="Berlin in spring, Mondays and Thursdays",
    ),
    pytest.param(
        *(BERLIN, "0,30 2,3 * * *", "2027-03-27 12:00"),
        *("03-28 01:00", "03-28 01:30", "03-29 00:00", "03-29 00:30", "03-29 01:00", "03-29 01:30"),
        id="Berlin in spring: what is left out and what follows at once are one run",
    ),
    pytest.param(
        *(BERLIN, "0 * * * *", "2026-10-24 23:30"),
        *("10-25 00:00", "10-25 01:00", "10-25 02:00", "10-25 03:00"),
        id="Berlin in autumn: every hour",
    ),
    pytest.param(
        *(BERLIN, "*/30 2 * * *", "2026-10-24 12:00"),
        *("10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-26 01:00"),
        id="Berlin in autumn: running times come twice",
    ),
    pytest.param(
        *(BERLIN, "*/30 2 * * *", "2027-03-27 12:00"),
        *("03-29 00:00", "03-29 00:30", "03-30 00:00"),
        id="Berlin in spring: running times are left out",
    ),
    pytest.param(
        *(LORD_HOWE, "45 * * * *", "2027-04-03 13:00"),
        *("04-03 13:45", "04-03 14:45", "04-03 15:15", "04-03 16:15", "04-03 17:15"),
        id="Lord Howe in its autumn: 01:45 comes twice",
    ),
    pytest.param(
        *(LORD_HOWE, "*/15 2 * * *", "2026-10-03 12:00"),
        *("10-03 15:30", "10-03 15:45", "10-04 15:00", "10-04 15:15"),
        id="Lord Howe in its spring: only the second half of the hour",
    ),
    pytest.param(
        *(NEW_YORK, "every 12 hours", "2026-10-31 12:00"),
        *("11-01 00:00", "11-01 12:00", "11-02 00:00", "11-02 12:00"),
        id="New York in autumn: an interval is elapsed time",
    ),
]


@pytest.mark.parametrize("week", [pytest.param(case.values, id=case.id) for case in WEEKS])
def test_a_week_fires_exactly_then(week: tuple[str, ...]) -> None:
    zone, text, after, *times = week
    expected = [utc(f"{after[:4]}-{time}") for time in times]
    assert upcoming(text, ZoneInfo(zone), utc(after), len(expected)) == expected


@pytest.mark.parametrize(
    ("after", "then"),
    [
        pytest.param("2026-10-25 00:31", "2026-10-26 01:30", id="02:31 the first time"),
        pytest.param("2026-10-25 01:15", "2026-10-26 01:30", id="02:15 the second time"),
        pytest.param("2027-03-28 00:59:59.9", "2027-03-28 01:00", id="just before the change"),
        pytest.param("2027-03-28 01:00", "2027-03-29 00:30", id="at the change"),
    ],
)
def test_a_fixed_time_is_never_served_twice(after: str, then: str) -> None:
    assert parse("30 2 * * *").next_after(utc(after), ZoneInfo(BERLIN)) == utc(then)


TEXTS = ("30 2 * * *", "0 0 * * *", "45 1 * * 0", "*/20 * * * *", "15 * * * *", "*/7 1-3 * * *", "0 1,2 * * *")
CHANGES = [utc(text) for text in ("2026-10-25 01:00", "2027-03-28 01:00", "2026-10-03 15:30", "2027-04-03 15:00")]
MOMENTS = st.builds(
    lambda change, seconds: change + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.floats(-90_000, 90_000),
)
LATER = st.floats(0, 100_000)


@given(st.sampled_from(TEXTS), st.sampled_from(ZONES), MOMENTS, LATER)
@example("45 1 * * 0", LORD_HOWE, utc("2027-04-03 14:50"), 600.0)
def test_the_next_time_is_later_and_none_is_left_out(text: str, zone: str, moment: datetime, later: float) -> None:
    """Asked at any moment, earlier or later, the times are the same row."""
    schedule, place = parse(text), ZoneInfo(zone)
    time = schedule.next_after(moment, place)
    asked = moment + timedelta(seconds=later)
    again = schedule.next_after(asked, place)
    assert time > moment
    assert (again == time) if asked < time else (again > asked >= time)


@given(st.integers(1, 500), st.sampled_from(["minute", "hour", "day"]), MOMENTS, MOMENTS)
def test_an_interval_keeps_its_row(count: int, unit: str, anchor: datetime, moment: datetime) -> None:
    if unit == "day":
        count = min(count, 366)
    schedule = parse(f"every {count} {unit}s")
    step = timedelta(**{f"{unit}s": count})
    time = schedule.next_after(moment, ZoneInfo(BERLIN), anchor)
    assert moment < time <= moment + step
    assert (time - anchor) % step == timedelta()
    assert schedule.next_after(moment, ZoneInfo(BERLIN), schedule.seen_to(moment, anchor)) == time
    assert schedule.row(anchor) == schedule.row(time)


def test_two_crons_with_the_same_times_are_of_one_row() -> None:
    schedule = parse("0 3 * * *")
    assert schedule.row(CHANGES[0]) == schedule.row(CHANGES[1]) == EPOCH
    assert schedule.seen_to(CHANGES[0], EPOCH) == CHANGES[0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("every minute", 60), ("Every 30  Minutes", 1800), ("every hour", 3600), (" every 2 days ", 172_800)],
)
def test_an_interval_is_written_in_words(text: str, seconds: int) -> None:
    first, second = upcoming(text, ZoneInfo("UTC"), CHANGES[0], 2)
    assert (second - first).total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "empty", "'0 3 * * *'"),
        ("  ", "empty", "'every 6 hours'"),
        ("daily", "fields", "five fields"),
        ("0 3 * *", "fields", "'every 6 hours'"),
        ("0 0 3 * * *", "seconds", "begin with the minute"),
        ("60 3 * * *", "field", "minute must be *, or in 0 to 59"),
        ("0 24 * * *", "field", "hour must be *, or in 0 to 23"),
        ("0 3 0 * *", "field", "day of month must"),
        ("0 3 * 13 *", "field", "month must"),
        ("0 3 * * 9", "field", "day of week must"),
        ("0 3-1 * * *", "field", "hour must"),
        ("*/0 * * * *", "field", "minute must"),
        ("0 0 30 2 *", "never", "never comes"),
        ("every", "interval", "'every 30 minutes'"),
        ("every second", "interval", "minutes, hours or days"),
        ("every half hour", "interval", "minutes, hours or days"),
        ("every 0 minutes", "short", "every minute"),
        ("every 367 days", "long", "366 days"),
        ("every 999999999 days", "long", "366 days"),
    ],
)
def test_a_mistake_is_told_helpfully(text: str, code: str, words: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse(text)
    assert refused.value.code == code
    assert words in str(refused.value)
    assert refused.value.field in str(refused.value)
    assert bool(refused.value.field) == (code == "field")


def test_a_store_with_a_wrong_schedule_is_refused_in_these_words() -> None:
    table = {"name": "shop", "kind": "feed", "path": "a.tsv", "output": "b.tsv", "schedule": "0 24 * * *"}
    with pytest.raises(SettingsError, match=r"here schedule: the hour must be \*, or in 0 to 23"):
        store_settings(table, "here")
    assert store_settings({**table, "schedule": " Every 6  hours "}, "here").schedule == "every 6 hours"
