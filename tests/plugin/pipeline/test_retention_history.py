"""retention of the history and of the quota's readings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from plugin.activity import BY_ITSELF, About, record
from plugin.models import (
    Event,
    QuotaReading,
)
from plugin.pipeline import retention
from plugin.pipeline.parts import Parts
from plugin.states import TaskState
from tests.plugin import rows
from tests.plugin.pipeline.world import World

DAY = timedelta(days=1)


@pytest.fixture
def parts(shop: World) -> Iterator[Parts]:
    with shop.parts() as opened:
        yield opened


def entries(parts: Parts) -> list[tuple[str, dict[str, Any]]]:
    with parts.db.read() as session:
        return [(event.code, event.data) for event in session.scalars(select(Event).order_by(Event.id))]


def test_old_history_goes_but_for_what_the_program_goes_by(parts: Parts) -> None:
    now = parts.clock.now()
    with parts.db.write() as session:
        first, second = rows.store(session, "one"), rows.store(session, "two")
        for number in range(3):
            for shop in (first, second):
                record(session, now - 400 * DAY, "store_refreshed", {"n": number}, About(shop.id))
        record(session, now - 400 * DAY, "product_skipped", {"n": 0}, About(first.id))
        record(session, now - 400 * DAY, BY_ITSELF, {"n": 0}, About(first.id))
        record(session, now - 400 * DAY, "published", {"n": 0}, About(first.id))
        record(session, now - 300 * DAY, "published", {"n": 1}, About(first.id))
        record(session, now - 400 * DAY, "published", {"n": 2}, About(first.id))  # the newest of all
    assert retention.tidy(parts).events == 5
    told = {"product_skipped": [0], BY_ITSELF: [0], "published": [1, 2], "store_refreshed": [2, 2]}
    assert {code: [data["n"] for known, data in entries(parts) if known == code] for code in told} == told


def test_what_was_told_too_often_to_be_looked_at_goes(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.pipeline.retention.history.MOST_TOLD", 2)
    with parts.db.write() as session:
        shop = rows.store(session, "one")
        for number in range(4):
            record(session, parts.clock.now() - 400 * DAY, "product_skipped", {"n": number}, About(shop.id))
    retention.tidy(parts)
    assert [data["n"] for _, data in entries(parts)] == [2, 3]


def readings(parts: Parts, *used: tuple[float, int | None]) -> None:
    """Readings of one account: so many days ago, this much used."""
    with parts.db.write() as session:
        account = rows.account(session)
        for days, count in used:
            at = parts.clock.now() - timedelta(days=days)
            words: dict[str, Any] = {"source": "quota", "enabled": True, "used": count}
            session.add(QuotaReading(account_id=account.id, at=at, **words))


def left(parts: Parts) -> list[int | None]:
    with parts.db.read() as session:
        return list(session.scalars(select(QuotaReading.used).order_by(QuotaReading.at)))


def test_of_old_readings_the_turns_of_the_days_stay(parts: Parts) -> None:
    # 9:00 is the world's time: of day 50 these are 3:00, 4:00, 5:00, 6:00 and 7:00, around a turn of the service's day
    day = [(50.25, 70), (50.21, 80), (50.17, 0), (50.125, 5), (50.08, 10)]
    readings(parts, (400, 1), *day, (45.1, None), (45, None), (39, 3), (38.9, 3))
    assert retention.tidy(parts).readings == 5
    assert left(parts) == [80, 0, None, 3, 3]


def test_readings_that_a_doubt_is_settled_by_stay(parts: Parts) -> None:
    readings(parts, (62, 1), (61.9, 1), (61.8, 1), (60, 1), (59.9, 1), (59.8, 1), (0, 1))
    with parts.db.write() as session:
        since = parts.clock.now() - 60 * DAY
        shop = rows.store(session, "another")
        doubt = {"state": TaskState.IN_DOUBT, "account_id": 1, "baseline_at": since, "sent_at": since}
        rows.task(session, rows.planned_round(session, shop), rows.product(session, shop), **doubt)
    assert retention.tidy(parts).readings == 1
    assert len(left(parts)) == 6


def test_the_last_reading_stays_however_old_it_is(parts: Parts) -> None:
    readings(parts, (900, 1), (800, 2))
    assert retention.tidy(parts).readings == 1
    assert left(parts) == [2]
