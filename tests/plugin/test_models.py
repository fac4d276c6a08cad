from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from plugin.db import Database
from plugin.models import (
    Account,
    Base,
    GeneratedImage,
    GenerationTask,
    LostImage,
    Product,
    Publication,
    PublicationImage,
    QuotaReading,
    Round,
    RoundMember,
    Store,
)
from plugin.states import IMAGE_STEPS, PUBLICATION_STEPS, TASK_STEPS, IllegalStepError, TaskState
from tests.plugin import rows
from tests.plugin.rows import NOW, Shop

KINDS: list[tuple[Callable[..., Any], Mapping[Any, frozenset[Any]]]] = [
    (GenerationTask, TASK_STEPS),
    (GeneratedImage, IMAGE_STEPS),
    (Publication, PUBLICATION_STEPS),
]


def refuses(database: Database, add: Callable[[Session, Shop], object]) -> None:
    """The database itself refuses what `add` does, and keeps nothing of it."""
    with database.write() as session:
        Shop(session)
    with pytest.raises(IntegrityError), database.write() as session:
        add(session, _the_shop(session))
    with database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(model)) for model in (Round, GenerationTask)]
    assert counts == [1, 0]


def _the_shop(session: Session) -> Shop:
    shop = Shop.__new__(Shop)
    shop.store, shop.round = session.query(Store).one(), session.query(Round).one()
    shop.product, shop.parts = session.query(Product).one(), 0
    return shop


def twice(add: Callable[[Session, Shop], object]) -> Callable[[Session, Shop], object]:
    def both(session: Session, shop: Shop) -> None:
        add(session, shop)
        add(session, shop)

    return both


class TestPlannedOnce:
    def test_a_round(self, database: Database) -> None:
        refuses(database, lambda session, shop: rows.planned_round(session, shop.store))

    def test_a_task(self, database: Database) -> None:
        refuses(database, twice(lambda s, shop: rows.task(s, shop.round, shop.product, part=1, attempt=0)))

    def test_an_image(self, database: Database) -> None:
        def add(session: Session, shop: Shop) -> None:
            for number in (1, 2):
                rows.image(session, shop.task(session), "front", key=f"hs-{number}")

        refuses(database, add)

    def test_a_key(self, database: Database) -> None:
        def add(session: Session, shop: Shop) -> None:
            for shot in ("front", "back"):
                rows.image(session, shop.task(session), shot, key="hs-same")

        refuses(database, add)

    @pytest.mark.parametrize(
        "add",
        [
            lambda session, _: rows.store(session),
            lambda session, shop: rows.product(session, shop.store),
            twice(lambda s, shop: rows.saved(s, RoundMember(round_id=shop.round.id, product_id=shop.product.id))),
            twice(lambda session, _: rows.account(session, "same")),
            lambda session, _: [rows.account(session, key, user_id="u1") for key in ("one", "two")],
        ],
        ids=["store", "product", "member", "fingerprint", "user"],
    )
    def test_other_names(self, database: Database, add: Callable[[Session, Shop], object]) -> None:
        refuses(database, add)

    def test_what_differs_is_taken(self, database: Database) -> None:
        with database.write() as session:
            shop = Shop(session)
            rows.planned_round(session, shop.store, sha="b" * 64)
            rows.planned_round(session, shop.store, pack="poster")
            rows.planned_round(session, shop.store, number=2)
            rows.planned_round(session, rows.store(session, "other"))
            for part, attempt in ((1, 0), (1, 1), (2, 0)):
                task = rows.task(session, shop.round, shop.product, part=part, attempt=attempt)
                rows.image(session, task, f"shot {part} {attempt}")
            for _ in range(2):
                rows.account(session, None)

    def test_a_picture_is_once_in_a_publication(self, database: Database) -> None:
        def add(session: Session, shop: Shop) -> None:
            picture = rows.image(session, shop.task(session))
            ids = {"store_id": shop.store.id, "product_id": shop.product.id, "round_id": shop.round.id}
            publication = rows.saved(session, Publication(**ids, placement="append", created_at=NOW))
            for _ in range(2):
                rows.saved(session, PublicationImage(publication_id=publication.id, image_id=picture.id, alt=""))

        refuses(database, add)


class TestReferences:
    @pytest.mark.parametrize(
        "add",
        [
            lambda s, shop: rows.task(s, shop.round, shop.product, account_id=999),
            lambda s, shop: rows.task(s, shop.round, shop.product, parent_id=999),
            lambda s, shop: rows.image(s, shop.task(s), picture_sha="f" * 64),
            lambda s, shop: rows.image(s, shop.task(s), task_id=999),
            lambda s, _: rows.saved(s, QuotaReading(account_id=999, at=NOW, source="quota", enabled=True)),
            lambda s, shop: rows.saved(
                s, LostImage(image_id=999, task_id=shop.task(s).id, store_id=shop.store.id, reason="", at=NOW)
            ),
            lambda s, shop: s.execute(text("DELETE FROM store")),
        ],
        ids=["account", "parent", "picture", "task", "reading", "lost", "delete"],
    )
    def test_lead_somewhere(self, database: Database, add: Callable[[Session, Shop], object]) -> None:
        refuses(database, add)


@pytest.mark.parametrize(("kind", "steps"), KINDS)
class TestSteps:
    def test_legal_ones_pass_and_others_raise(
        self, kind: Callable[..., Any], steps: Mapping[Any, frozenset[Any]]
    ) -> None:
        for old in steps:
            for new in steps:
                row = kind(state=old)
                if new == old or new in steps[old]:
                    row.state = new
                    assert row.state is new
                else:
                    with pytest.raises(IllegalStepError):
                        row.state = new
                    assert row.state is old

    @given(data=st.data())
    def test_random_walks(
        self, kind: Callable[..., Any], steps: Mapping[StrEnum, frozenset[StrEnum]], data: st.DataObject
    ) -> None:
        expected = next(iter(steps))
        row = kind(state=expected)
        for new in data.draw(st.lists(st.sampled_from(list(steps)), max_size=40)):
            legal = new == expected or new in steps[expected]
            try:
                row.state = new
            except IllegalStepError:
                assert not legal
            else:
                assert legal
                expected = new
            assert row.state == expected


def test_an_illegal_step_of_a_stored_row_changes_nothing(database: Database) -> None:
    with database.write() as session:
        number = Shop(session).task(session).id

    def step() -> None:
        with database.write() as session:
            row = session.get_one(GenerationTask, number)
            row.error = "changed"
            row.state = TaskState.DONE

    with pytest.raises(IllegalStepError, match="planned → done"):
        step()
    with database.read() as session:
        row = session.get_one(GenerationTask, number)
        assert (row.state, row.error) == (TaskState.PLANNED, None)


def test_states_are_plain_words_in_the_database(database: Database) -> None:
    with database.write() as session:
        Shop(session).task(session, state=TaskState.IN_DOUBT)
        assert session.execute(text("SELECT state FROM task")).scalar() == "in_doubt"


class TestTimes:
    @pytest.mark.parametrize(
        "moment",
        [
            datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC),
            datetime(2026, 3, 1, 12, tzinfo=UTC),
            datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=8))),
            datetime(2026, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
        ],
    )
    def test_come_back_the_same_and_in_utc(self, database: Database, moment: datetime) -> None:
        with database.write() as session:
            rows.account(session, wait_until=moment)
        with database.read() as session:
            found = session.query(Account).one().wait_until
        assert found == moment
        assert found is not None
        assert found.utcoffset() == timedelta(0)

    def test_without_a_zone_are_refused(self, database: Database) -> None:
        naive = NOW.replace(tzinfo=None)
        with pytest.raises(StatementError, match="a time without a zone"), database.write() as session:
            rows.account(session, wait_until=naive)
        with pytest.raises(StatementError, match="a time without a zone"), database.read() as session:
            session.scalars(select(Account).where(Account.wait_until < naive)).all()

    def test_sort_and_compare_as_times(self, database: Database) -> None:
        zone = timezone(timedelta(hours=5, minutes=30))
        steps = [timedelta(microseconds=n) for n in (0, 1, 10, 999_999, 1_000_000, 1_000_001, 60_000_000)]
        moments = [NOW + step for step in steps]
        with database.write() as session:
            for number, moment in enumerate(reversed(moments)):
                rows.account(session, f"key-{number}", wait_until=moment.astimezone(zone if number % 2 else UTC))
        with database.read() as session:
            assert session.scalars(select(Account.wait_until).order_by(Account.wait_until)).all() == moments
            for number, moment in enumerate(moments):
                before = select(func.count()).where(Account.wait_until < moment.astimezone(zone))
                assert session.scalar(before) == number
                exact = select(func.count()).where(Account.wait_until == moment)
                assert session.scalar(exact) == 1
            assert session.scalar(select(func.max(Account.wait_until))) == moments[-1]


def test_a_missing_json_value_is_null(database: Database) -> None:
    """However it was left out: a query for "not known yet" must find it."""
    with database.write() as session:
        shop = Shop(session)
        shop.task(session)
        shop.task(session, item_order=None)
        shop.task(session, item_order=["a"]).item_order = None
        known = shop.task(session, item_order=["b", "a"])
        session.flush()
        unknown = select(func.count()).where(GenerationTask.item_order.is_(None))
        assert session.scalar(unknown) == 3
        session.refresh(known)
        assert known.item_order == ["b", "a"]


def test_secrets_are_stored_as_tokens_only() -> None:
    """Columns for secrets end in `_token`; nothing else is named like one."""
    names = {f"{table.name}.{column.name}" for table in Base.metadata.tables.values() for column in table.columns}
    secret = {name for name in names if any(word in name for word in ("api_key", "secret", "password", "config"))}
    assert secret == {"settings_page.secrets_token", "store.config_token", "admin.password_hash"}
