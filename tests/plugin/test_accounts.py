from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from plugin import accounts
from plugin.db import Database
from plugin.hebo import Quota
from plugin.models import Account, GenerationTask, QuotaReading
from plugin.money import Reading
from plugin.states import TaskState
from tests.plugin.rows import NOW, Shop

SLACK = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)


def quota(user: str = "u1", used: int = 3, **more: Any) -> Quota:
    return Quota(user_id=user, used=used, **more)


def noted(session: Session, key: str, user: str = "u1", at: datetime = NOW) -> Account:
    return accounts.note_quota(session, accounts.current(session, key, at), quota(user), at, "quota")


class TestWhoseKey:
    def test_the_first_meeting_makes_it_and_the_quota_names_it(self, database: Database) -> None:
        with database.write() as session:
            met = accounts.current(session, "key-1", NOW)
            assert (met.user_id, met.key_fingerprint, met.created_at) == (None, "key-1", NOW)
            assert noted(session, "key-1") is met
            assert accounts.current(session, "key-1", NOW) is met
            assert met.user_id == "u1"

    def test_a_new_key_of_the_same_user_takes_the_account_over(self, database: Database) -> None:
        with database.write() as session:
            old = noted(session, "key-1")
            assert noted(session, "key-2") is old
            assert accounts.current(session, "key-2", NOW) is old
            # The old key is nobody's now: should it come back, it is asked whose it is.
            assert accounts.current(session, "key-1", NOW) is not old
            assert noted(session, "key-1") is old

    def test_a_key_of_another_user_never_gets_the_firsts_tasks(self, database: Database) -> None:
        with database.write() as session:
            first = noted(session, "key-1", "u1")
            row = Shop(session).task(session, account_id=first.id)
            second = noted(session, "key-2", "u2")
            assert (first.user_id, second.user_id) == ("u1", "u2")
            session.refresh(row)
            assert row.account_id == first.id
            assert accounts.current(session, "key-1", NOW) is first

    @pytest.mark.parametrize("met_before", [True, False])
    def test_a_key_that_now_names_another_user(self, database: Database, met_before: bool) -> None:
        with database.write() as session:
            other = noted(session, "key-9", "u2") if met_before else None
            first = noted(session, "key-1", "u1")
            row = Shop(session).task(session, account_id=first.id)
            second = noted(session, "key-1", "u2")
            assert second is not first
            assert other in (None, second)
            assert (first.user_id, first.key_fingerprint, second.key_fingerprint) == ("u1", None, "key-1")
            session.refresh(row)
            assert row.account_id == first.id

    def test_the_service_could_not_say_at_first(self, database: Database) -> None:
        """A new key of a known user, used before the service told whose it is: what it has moves to that user."""
        later = NOW + MINUTE
        with database.write() as session:
            known = noted(session, "key-1")
            nameless = accounts.current(session, "key-2", NOW)
            nameless.lane_owner, nameless.lane_until = "me", later
            unnamed = accounts.note_quota(session, nameless, quota("", used=5), NOW, "quota")
            assert unnamed is nameless
            row = Shop(session).task(session, account_id=nameless.id)
            assert noted(session, "key-2") is known
            session.refresh(row)
            assert row.account_id == known.id
            assert (known.lane_owner, known.lane_until) == ("me", later)
            session.refresh(nameless)
            left = [nameless.lane_owner, nameless.lane_until, nameless.key_fingerprint]
            assert left == [None] * 3
            readings = session.query(QuotaReading).order_by(QuotaReading.id).all()
            assert [(reading.account_id, reading.used) for reading in readings] == [
                (known.id, 3),
                (known.id, 5),
                (known.id, 3),
            ]

    def test_a_submission_that_runs_with_the_old_key_keeps_its_lane(self, database: Database) -> None:
        """Two lanes for one account would mean two submissions at once."""
        with database.write() as session:
            known = noted(session, "key-1")
            known.lane_owner, known.lane_until = "other process", NOW + MINUTE
            nameless = accounts.current(session, "key-2", NOW)
            nameless.lane_owner, nameless.lane_until = "me", NOW + 2 * MINUTE
            assert noted(session, "key-2") is known
            assert (known.lane_owner, known.lane_until) == ("other process", NOW + MINUTE)
            assert noted(session, "key-2", at=NOW + MINUTE) is known

    def test_an_answer_without_a_user_changes_nothing(self, database: Database) -> None:
        with database.write() as session:
            first = noted(session, "key-1")
            assert accounts.note_quota(session, first, quota(""), NOW, "submit") is first
            assert first.user_id == "u1"
            assert first.key_fingerprint == "key-1"

    def test_long_names_are_cut(self, database: Database) -> None:
        with database.write() as session:
            named = accounts.note_quota(
                session, accounts.current(session, "k", NOW), quota("u" * 999, level="l" * 99), NOW, "quota"
            )
            assert noted(session, "k2", "u" * 999) is named

    def test_two_processes_meet_a_key_at_once(self, database: Database) -> None:
        """One account, one lane; the second process waits for the first and takes its row."""
        barrier, found = threading.Barrier(4), []

        def meet() -> None:
            barrier.wait(5)
            with database.write() as session:
                found.append(accounts.current(session, "key-1", NOW).id)

        threads = [threading.Thread(target=meet) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        with database.read() as session:
            assert [account.id for account in session.query(Account)] == list(set(found))
        assert len(found) == 4


class TestReadings:
    def test_the_last_one(self, database: Database) -> None:
        with database.write() as session:
            one = accounts.current(session, "key-1", NOW)
            assert accounts.last_reading(session, one.id) is None
            for used, minutes in ((1, 0), (2, 2), (3, 1), (4, 2)):
                accounts.note_quota(session, one, quota(used=used), NOW + minutes * MINUTE, "submit")
            noted(session, "key-2", "u2", NOW + 9 * MINUTE)
            last = accounts.last_reading(session, one.id)
            assert last is not None
            assert accounts.as_reading(last) == Reading(NOW + 2 * MINUTE, True, None, 4, None)

    def test_those_asked_for_since(self, database: Database) -> None:
        with database.write() as session:
            one = accounts.current(session, "key-1", NOW)
            for used, minutes, source in ((9, 3, "quota"), (1, 0, "quota"), (2, 1, "submit"), (3, 1, "quota")):
                accounts.note_quota(session, one, quota(used=used), NOW + minutes * MINUTE, source)
            found = accounts.readings_since(session, one.id, NOW)
            assert [reading.used for reading in found] == [3, 9]
            assert accounts.readings_since(session, one.id + 1, NOW) == []


@pytest.mark.parametrize("state", list(TaskState))
def test_open_tasks(database: Database, state: TaskState) -> None:
    with database.write() as session:
        one, shop = accounts.current(session, "key-1", NOW), Shop(session)
        row = shop.task(session, state=state, account_id=one.id)
        shop.task(session, state=TaskState.GENERATING)
        expected = 1 if state in (TaskState.SUBMITTING, TaskState.IN_DOUBT, "generating", "stalled") else 0
        assert accounts.open_tasks(session, one.id) == expected
        assert accounts.open_tasks(session, one.id, but=row.id) == 0


@pytest.mark.parametrize("state", list(TaskState))
def test_alone(database: Database, state: TaskState) -> None:
    """Only a submit of which nobody knows whether it was taken may raise `used` any more."""
    with database.write() as session:
        one, shop = accounts.current(session, "key-1", NOW), Shop(session)
        row = shop.task(session, state=state, account_id=one.id)
        shop.task(session, state=TaskState.IN_DOUBT)
        assert accounts.alone(session, one.id, but=0) == (state not in (TaskState.SUBMITTING, TaskState.IN_DOUBT))
        assert accounts.alone(session, one.id, but=row.id)


class TestMoney:
    @pytest.fixture
    def one(self, database: Database) -> int:
        """An account with tasks of all kinds, and another one with a task."""
        with database.write() as session:
            mine, other, shop = accounts.current(session, "k", NOW), accounts.current(session, "x", NOW), Shop(session)
            for account, minutes, reserved, refunded in (
                (mine, -5, 8, None),
                (mine, 0, 4, None),
                (mine, 1, 4, 1),
                (mine, 2, 4, 4),
                (mine, None, 0, None),
                (other, 1, 7, 7),
            ):
                sent = None if minutes is None else NOW + minutes * MINUTE
                ended = sent + MINUTE if sent and refunded is not None else None
                columns = {"reserved": reserved, "refunded": refunded, "sent_at": sent, "ended_at": ended}
                shop.task(session, account_id=account.id, state=TaskState.DONE, **columns)
            return mine.id

    def test_spent_since(self, database: Database, one: int) -> None:
        with database.read() as session:
            assert accounts.spent_since(session, one, NOW) == 4 + 3
            assert accounts.spent_since(session, one, NOW - 5 * MINUTE) == 8 + 4 + 3
            assert accounts.spent_since(session, one, NOW + timedelta(hours=1)) == 0

    def test_refunds_since(self, database: Database, one: int) -> None:
        with database.read() as session:
            assert accounts.refunds_since(session, one, NOW, slack=SLACK) == 5
            assert accounts.refunds_since(session, one, NOW + 3 * MINUTE, slack=SLACK) == 5
            assert accounts.refunds_since(session, one, NOW + 5 * MINUTE, slack=SLACK) == 4
            assert accounts.refunds_since(session, one, NOW + 6 * MINUTE, slack=SLACK) == 0

    @pytest.mark.parametrize(("begin", "end", "images"), [(0, 9, 5), (2, 9, 4), (0, 3, 1), (2, 3, 0), (3, 9, 0)])
    def test_returned_between(self, database: Database, one: int, begin: int, end: int, images: int) -> None:
        """The tasks ended after 2 and 3 minutes; neither edge is in it."""
        with database.read() as session:
            assert accounts.returned_between(session, one, NOW + begin * MINUTE, NOW + end * MINUTE) == images

    def test_a_lost_task_may_have_given_everything_back(self, database: Database, one: int) -> None:
        """Its id is lost, so its failures are never heard of; they could hide another submit's rise."""
        with database.write() as session:
            shop_task = session.query(GenerationTask).filter_by(reserved=8).one()
            shop_task.state, shop_task.ended_at = TaskState.DONE, None
            row = GenerationTask(
                round_id=shop_task.round_id,
                part=99,
                store_id=shop_task.store_id,
                product_id=shop_task.product_id,
                model="m",
                account_id=one,
                state=TaskState.LOST,
                reserved=6,
                ended_at=NOW - timedelta(hours=3),
                created_at=NOW,
            )
            session.add(row)
        with database.read() as session:
            assert accounts.returned_between(session, one, NOW - timedelta(days=1), NOW + timedelta(days=1)) == 5
            assert accounts.refunds_since(session, one, NOW, slack=SLACK) == 5 + 6
            assert accounts.refunds_since(session, one, NOW + timedelta(days=1), slack=SLACK) == 0


def test_waiting(database: Database) -> None:
    with database.write() as session:
        one = accounts.current(session, "key-1", NOW)
        accounts.wait(one, "quota", "used up", NOW)
        assert (one.wait_reason, one.wait_detail, one.wait_until) == ("quota", "used up", NOW)
        accounts.resume(one)
        assert (one.wait_reason, one.wait_detail, one.wait_until) == (None, None, None)
