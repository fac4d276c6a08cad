"""What the lists and the money say, from rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from plugin.db import Database
from plugin.models import LostImage, Publication, RoundMember
from plugin.pipeline import views
from plugin.pipeline.views import Going, ProductFilter, Progress, Sort, Spending, What
from plugin.pipeline.views.browse import going_on
from plugin.states import ImageState, ProductState, PublicationState, TaskState
from tests.plugin import rows


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    db = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    try:
        db.migrate()
        with db.write() as session:
            yield session
    finally:
        db.close()


@pytest.mark.parametrize(
    ("state", "pictures", "publications", "doubtful", "going"),
    [
        (ProductState.GONE, {ImageState.IN_REVIEW: 1}, (), True, Going.GONE),
        (ProductState.EXCLUDED, {}, (), False, Going.EXCLUDED),
        (ProductState.READY, {ImageState.WAITING: 1}, (), True, Going.DOUBT),
        (ProductState.READY, {}, (PublicationState.REFUSED,), False, Going.REFUSED),
        (ProductState.READY, {ImageState.IN_REVIEW: 1, ImageState.WAITING: 1}, (), False, Going.REVIEW),
        (ProductState.READY, {ImageState.WAITING: 1, ImageState.FAILED: 1}, (), False, Going.MAKING),
        (ProductState.READY, {ImageState.LOST: 1, ImageState.PUBLISHED: 1}, (), False, Going.MISSING),
        (ProductState.READY, {ImageState.APPROVED: 1}, (PublicationState.PUBLISHED,), False, Going.APPROVED),
        (ProductState.READY, {ImageState.PUBLISHED: 1}, (PublicationState.PUBLISHED,), False, Going.LISTED),
        (ProductState.BAD_IMAGE, {}, (), False, Going.BAD_IMAGE),
        (ProductState.NEW, {}, (), False, Going.LOOKING),
        (ProductState.READY, {ImageState.REJECTED: 2, ImageState.WAITING: 0}, (), False, Going.DECIDED),
        (ProductState.READY, {}, (), False, Going.NOTHING),
    ],
)
def test_the_one_thing_to_say(
    state: ProductState,
    pictures: dict[ImageState, int],
    publications: tuple[PublicationState, ...],
    doubtful: bool,
    going: Going,
) -> None:
    assert going_on(state, pictures, publications, doubtful=doubtful) is going


def test_progress_counts_each_product_once(session: Session) -> None:
    shop = rows.store(session)
    catalogue: tuple[tuple[TaskState, list[str]], ...] = (
        (TaskState.DONE, []),
        (TaskState.DONE, ["published"]),
        (TaskState.GENERATING, ["waiting", "in_review"]),
        (TaskState.FAILED, ["failed"]),
        (TaskState.DONE, ["rejected", "fetched"]),
        (TaskState.PLANNED, ["waiting"]),
        (TaskState.IN_DOUBT, ["waiting"]),
    )
    for number, (work, states) in enumerate(catalogue):
        item = rows.product(session, shop, f"p{number}")
        if states:
            made = rows.planned_round(session, shop, sha=f"{number:064}")
            session.add(RoundMember(round_id=made.id, product_id=item.id))
            task = rows.task(session, made, item, state=work)
            for place, state in enumerate(states):
                rows.image(session, task, f"s{place}", state=ImageState(state))
    rows.product(session, shop, "away").state = ProductState.GONE
    session.flush()
    assert views.progress(session) == Progress(products=7, complete=1, making=2, planned=1, review=1)
    assert views.progress(session, shop.id + 1) == Progress(0, 0, 0, 0, 0)
    assert len(views.matching_ids(session, ProductFilter(what=What.MAKING))) == 4
    assert views.matching_ids(session, ProductFilter(what=What.AWAY), limit=5) == [8]


@pytest.mark.parametrize(
    ("tasks", "held"),
    [
        ((TaskState.PLANNED,), TaskState.PLANNED),
        ((TaskState.PLANNED, TaskState.IN_DOUBT), TaskState.IN_DOUBT),
        ((TaskState.PLANNED, TaskState.STALLED), TaskState.STALLED),
        ((TaskState.PLANNED, TaskState.GENERATING), None),
        ((TaskState.DONE,), None),
        ((), None),
    ],
)
def test_what_only_waits_is_not_being_made(
    session: Session, tasks: tuple[TaskState, ...], held: TaskState | None
) -> None:
    shop = rows.Shop(session)
    session.add(RoundMember(round_id=shop.round.id, product_id=shop.product.id))
    for work in tasks:
        task = shop.task(session, state=work)
        task.due_at = rows.NOW
        rows.image(session, task, f"s{task.id}")
    session.flush()
    [card] = views.cards(session, [shop.product.id])
    assert (card.held, dict(card.waiting)) == (held, dict.fromkeys(tasks, 1))


def test_pages_and_orders(session: Session) -> None:
    shop = rows.store(session)
    for number in range(30):
        rows.product(session, shop, f"{99 - number}")
    first = views.browse(session, ProductFilter())
    assert (len(first.cards), first.number, first.pages, first.total) == (24, 1, 2, 30)
    assert [card.id for card in first.cards] == list(range(30, 6, -1))
    last = views.browse(session, ProductFilter(), Sort.TITLE, 99)
    assert (last.number, [card.title for card in last.cards][-1]) == (2, "Product 99")
    assert views.cards(session, [3, 999, 1])[1].id == 1


@pytest.mark.parametrize("text", ["%", "_", "\\", "'"])
def test_what_is_searched_for_is_taken_literally(session: Session, text: str) -> None:
    shop = rows.store(session)
    rows.product(session, shop, "plain")
    odd = rows.product(session, shop, f"odd{text}id")
    assert views.matching_ids(session, ProductFilter(text=f"odd{text}i".upper())) == [odd.id]
    assert views.count_products(session, ProductFilter(text=text)) == 1


def test_money_is_told_apart(session: Session) -> None:
    shop = rows.Shop(session)
    session.add(RoundMember(round_id=shop.round.id, product_id=shop.product.id))
    for state, columns in (
        (TaskState.GENERATING, {"reserved": 4}),
        (TaskState.STALLED, {"reserved": 2}),
        (TaskState.IN_DOUBT, {"reserved": 3}),
        (TaskState.DONE, {"reserved": 8, "billable": 6, "refunded": 2}),
    ):
        shop.task(session, state=state, **columns)
    rows.image(session, shop.task(session), "planned")
    expected = Spending(planned=1, reserved=6, in_doubt=3, charged=6, refunded=2, lost=0, lost_unsure=0)
    assert views.spending(session) == views.spending_of(session, shop.product.id) == expected
    assert views.spending_of(session, shop.product.id + 1) == Spending(0, 0, 0, 0, 0, 0, 0)


def test_lost_counts_until_the_late_answer_comes(session: Session) -> None:
    shop = rows.Shop(session)
    lost = shop.task(session, state=TaskState.LOST, reserved=2)
    done = shop.task(session, state=TaskState.DONE, billable=1)
    for task, billed in ((lost, None), (done, True)):
        image = rows.image(session, task, f"s{task.id}")
        columns = {"image_id": image.id, "task_id": task.id, "store_id": shop.store.id, "at": rows.NOW}
        session.add(LostImage(**columns, billed=billed, reason="gone"))
    session.flush()
    assert (views.spending(session).lost, views.spending(session).lost_unsure) == (2, 1)
    lost.state = TaskState.GENERATING
    session.flush()
    assert (views.spending(session).lost, views.spending(session).lost_unsure) == (1, 0)


def test_shared_rounds_are_shown_at_each_and_added_once(session: Session) -> None:
    shop = rows.Shop(session)
    other = rows.product(session, shop.store, "p2")
    for item in (shop.product, other):
        session.add(RoundMember(round_id=shop.round.id, product_id=item.id))
    shop.task(session, state=TaskState.DONE, billable=2)
    for item in (shop.product, other):
        shown = views.gallery(session, item.id)
        assert shown is not None
        assert (shown.spending.charged, shown.shared, shown.rounds[0].shared) == (2, 1, 1)
    assert views.spending(session).charged == 2


def test_attention(session: Session) -> None:
    shop = rows.Shop(session)
    session.add(RoundMember(round_id=shop.round.id, product_id=shop.product.id))
    attention = ProductFilter(what=What.ATTENTION)
    assert views.matching_ids(session, attention) == []
    task = shop.task(session, state=TaskState.IN_DOUBT)
    session.flush()
    assert views.matching_ids(session, attention) == [shop.product.id]
    assert views.cards(session, [shop.product.id])[0].going is Going.DOUBT
    task.due_at = rows.NOW  # the quota may still tell
    session.flush()
    assert views.matching_ids(session, attention) == []
    columns = {"store_id": shop.store.id, "round_id": shop.round.id, "placement": "append", "created_at": rows.NOW}
    session.add(Publication(product_id=shop.product.id, state=PublicationState.REFUSED, **columns))
    session.flush()
    assert views.matching_ids(session, attention) == [shop.product.id]
