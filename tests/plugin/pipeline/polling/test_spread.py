"""Overdue polls are spread, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.db import Database
from plugin.models import GenerationTask, Product, Round
from plugin.pipeline.polling.spread import AT_ONCE, LEAD, RATE, WITHIN, rate_for, spread
from plugin.states import TaskState
from tests.bench.kit import product_row, put, put_store, round_row

NOW = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)


def fill(session: Session, due: Sequence[float]) -> int:
    """Tasks that are due so many seconds from now; gives their account."""
    account, store = accounts.current(session, "a" * 64, NOW), put_store(session, NOW)
    put(session, Product, [product_row(1, store.id, NOW)])
    put(session, Round, [round_row(1, store.id, NOW)])
    row = {"round_id": 1, "account_id": account.id, "store_id": store.id, "product_id": 1, "model": "m"}
    row |= {"state": TaskState.GENERATING, "created_at": NOW}
    times = [NOW + timedelta(seconds=seconds) for seconds in due]
    put(session, GenerationTask, [row | {"id": n, "part": n, "due_at": at} for n, at in enumerate(times, 1)])
    return account.id


def due_times(session: Session) -> list[datetime]:
    found = session.scalars(select(GenerationTask.due_at).order_by(GenerationTask.id))
    return [due for due in found if due is not None]


def test_a_handful_is_left_alone(database: Database) -> None:
    due = [-number / 10 for number in range(AT_ONCE)] + [5.0]
    with database.write() as session:
        assert spread(session, fill(session, due), NOW) == 0
        assert due_times(session) == [NOW + timedelta(seconds=seconds) for seconds in due]


def test_what_is_overdue_goes_one_after_another_in_its_order(database: Database) -> None:
    due = [-60 + number / 100 for number in range(1_200)]
    with database.write() as session:
        moved = spread(session, fill(session, due), NOW)
        times = due_times(session)
    assert moved == 1_200 - AT_ONCE
    assert times == sorted(times)
    seconds = Counter(int((at - NOW).total_seconds() - LEAD) for at in times[AT_ONCE:])
    assert set(seconds) == {0, 1, 2}
    assert max(seconds.values()) <= RATE + 1


def test_nothing_comes_sooner_than_it_was_due_and_what_is_due_anyway_counts(database: Database) -> None:
    due = [-1.0] * 600 + [0.5] * 300 + [3.0, 19.0, 60.0]
    with database.write() as session:
        spread(session, fill(session, due), NOW)
        times = due_times(session)
    assert all(at >= NOW + timedelta(seconds=seconds) for at, seconds in zip(times, due, strict=True))
    assert times[600] > NOW + timedelta(seconds=LEAD + (600 - AT_ONCE) / RATE - 0.01)
    assert times[-3:] == [NOW + timedelta(seconds=seconds) for seconds in due[-3:]]


def test_a_second_process_moves_nothing_by_much(database: Database) -> None:
    with database.write() as session:
        account_id = fill(session, [-1.0] * 1_000)
        spread(session, account_id, NOW)
        first = due_times(session)
        spread(session, account_id, NOW + timedelta(seconds=0.2))
        again = due_times(session)
    assert max(later - at for at, later in zip(first, again, strict=True)) <= timedelta(seconds=0.21)


def test_however_many_there_are_all_are_asked_for_within_one_interval() -> None:
    assert (rate_for(1), rate_for(10_000), rate_for(20_000)) == (RATE, RATE, 2 * RATE)
    assert 20_000 / rate_for(20_000) == WITHIN.total_seconds()
