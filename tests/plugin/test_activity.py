from __future__ import annotations

from string import Formatter

import pytest
from sqlalchemy import select

from plugin.activity import PAGE_SENTENCES, SENTENCES, About, record, record_product, record_task, sentence
from plugin.db import Database
from plugin.models import Event
from plugin.pipeline.views.events import Wanted, events_after, list_events, product_title, store_names
from tests.plugin.rows import NOW, Shop


def words(code: str) -> dict[str, object]:
    return {name: f"<{name}>" for _, name, _, _ in Formatter().parse(SENTENCES[code]) if name}


@pytest.mark.parametrize("code", SENTENCES)
def test_every_code_has_a_sentence_without_gaps(code: str) -> None:
    said = sentence(Event(at=NOW, code=code, data={**words(code), "more": 1}))
    assert "{" not in said
    assert all(str(word) in said for word in words(code).values())


@pytest.mark.parametrize("code", SENTENCES)
def test_pages_say_the_same_without_commands(code: str) -> None:
    shown = PAGE_SENTENCES[code]
    for text in filter(None, (shown.text, shown.one)):
        used = {name for _, name, _, _ in Formatter().parse(text) if name}
        assert used <= set(words(code))
        assert "title" not in used  # a page names and links the product beside it
        assert "hebo-sync" not in text
    assert bool(shown.one) == bool(shown.count)


def test_a_shops_braces_are_no_code() -> None:
    told = sentence(Event(at=NOW, code="product_problem", data={"title": "{reason.__class__}", "reason": "no photo"}))
    assert told == "{reason.__class__}: no photo"


def test_codes_fit_their_column() -> None:
    assert max(map(len, SENTENCES)) <= 40


def test_events_are_kept_with_what_they_are_about(database: Database) -> None:
    with database.write() as session:
        shop = Shop(session)
        task = shop.task(session)
        record(session, NOW, "store_failed", {"reason": "404"}, About(shop.store.id), trouble=True)
        record_product(session, shop.product, NOW, "product_problem", reason="no photo")
        record_task(session, task, NOW, "task_submitted", images=4)
        ids = (shop.store.id, shop.product.id, task.id)
    with database.read() as session:
        events = session.scalars(select(Event).order_by(Event.id)).all()
    assert [(event.store_id, event.product_id, event.task_id) for event in events] == [
        (ids[0], None, None),
        (ids[0], ids[1], None),
        ids,
    ]
    assert [event.trouble for event in events] == [True, False, False]
    assert [sentence(event) for event in events] == [
        "the catalogue could not be read: 404",
        "Product p1: no photo",
        "Product p1: 4 prompts submitted",
    ]
    assert events[2].data["task"] == ids[2]
    assert events[1].data["product"] == "p1"


def test_an_event_goes_with_its_transaction(database: Database) -> None:
    def break_off() -> None:
        with database.write() as session:
            record(session, NOW, "store_failed", {"reason": "404"}, About())
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        break_off()
    with database.read() as session:
        assert session.scalars(select(Event)).all() == []


def test_events_are_shown_by_what_they_are_about(database: Database) -> None:
    with database.write() as session:
        shop = Shop(session)
        record(session, NOW, "store_failed", {"reason": "404"}, About(shop.store.id), trouble=True)
        record_product(session, shop.product, NOW, "published", images=2)
        record(session, NOW, "account_waits", {"reason": "quota"}, About(), trouble=True)
        store_id, product_id = shop.store.id, shop.product.id
    with database.read() as session:
        everything = list_events(session, Wanted())
        troubles = list_events(session, Wanted(trouble=True))
        product = list_events(session, Wanted(store_id=store_id, product_id=product_id))
        first = list_events(session, Wanted(), limit=2)
        older = list_events(session, Wanted(), before=first.older, limit=2)
        later = events_after(session, Wanted(), 1, limit=1)
        assert store_names(session) == {store_id: "shop"}
        assert product_title(session, product_id) == "Product p1"
        assert product_title(session, product_id + 1) is None
    assert [row.code for row in everything.rows] == ["account_waits", "published", "store_failed"]
    assert everything.older is None
    assert [row.code for row in troubles.rows] == ["account_waits", "store_failed"]
    assert [(row.store, row.title, row.external_id) for row in product.rows] == [("shop", "Product p1", "p1")]
    assert ([row.id for row in first.rows], first.older) == ([3, 2], 2)
    assert [row.id for row in older.rows] == [1]
    assert [row.id for row in later] == [2]
    assert (everything.rows[0].store, everything.rows[0].product_id) == (None, None)
