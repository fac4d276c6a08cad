"""What is new in a feed: deltas, deletions, replaced files."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import ConnectorError, Gone
from connectors.feed import FeedConnector
from connectors.feed import connector as connector_module
from connectors.feed.files import Signature
from connectors.feed.source import Source
from tests.connectors.feed_kit import HEADER, Shop, products, skipped


def row(number: int, title: str = "t") -> str:
    return f"{number}\t{title}\thttps://x.example/{number}.jpg\t\t\n"


def gone(connector: FeedConnector, since: datetime | None) -> list[str]:
    return [item.product_id for item in connector.products(since) if isinstance(item, Gone)]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.write(HEADER + row(1) + row(2) + row(3) + "broken\n")
    return shop


def test_an_unchanged_feed_has_nothing_new(shop: Shop) -> None:
    started = shop.now()
    assert [product.id for product in products(shop.open())] == ["1", "2", "3"]
    assert list(shop.open().products(started)) == []
    assert len(list(shop.open().products(None))) == 4


def test_only_what_changed_is_told_again(shop: Shop) -> None:
    started = shop.now()
    products(shop.open())
    shop.later()
    shop.write(HEADER + row(0) + row(1) + row(2, "other") + row(4))
    again = shop.later()
    assert [product.id for product in products(shop.open(), started)] == ["0", "2", "4"]
    assert products(shop.open(), again) == []
    with pytest.raises(ConnectorError, match="no product 3") as caught:
        shop.open().product("3")
    assert caught.value.permanent
    assert shop.open().product("2").title == "other"
    assert shop.open().product("2").updated_at == products(shop.open())[2].updated_at


def test_what_left_the_feed_is_told_among_changes(shop: Shop) -> None:
    started = shop.now()
    products(shop.open())
    shop.later()
    shop.write(HEADER + row(2) + "3\tbroken now\n")
    assert gone(shop.open(), None) == [], "a full read shows it by what is lacking"
    again = shop.later()
    assert gone(shop.open(), started) == ["1", "3"]
    assert gone(shop.open(), started) == ["1", "3"], "it may be asked again, as after a reading that failed"
    assert list(shop.open().products(again)) == []


def test_a_product_that_comes_back_as_it_was_counts_as_changed(shop: Shop) -> None:
    started = shop.now()
    products(shop.open())
    shop.later()
    shop.write(HEADER + row(2))
    again = shop.now()
    assert gone(shop.open(), started) == ["1", "3"]
    shop.later()
    shop.write(HEADER + row(1) + row(2))
    assert [product.id for product in products(shop.open(), again)] == ["1"]
    assert gone(shop.open(), started) == ["3"]


def test_a_removal_that_another_call_noticed_is_told_all_the_same(shop: Shop) -> None:
    started = shop.now()
    products(shop.open())
    shop.later()
    shop.write(HEADER + row(1) + row(2))
    os.utime(shop.input, (1, 1))
    shop.later()
    assert shop.open().product("2").title == "t"
    shop.later()
    assert gone(shop.open(), started) == ["3"]


def test_removals_are_kept_for_sixty_days_and_told_once_at_least(shop: Shop) -> None:
    shop.time = datetime(2024, 1, 1, tzinfo=UTC)
    started = shop.now()
    products(shop.open())
    shop.write(HEADER + row(1) + row(2))
    os.utime(shop.input, ((started + timedelta(days=1)).timestamp(),) * 2)
    shop.later(100 * 86_400)
    assert gone(shop.open(), started) == ["3"], "noticed late, dated by its file"
    shop.write(HEADER + row(1))
    assert gone(shop.open(), started) == ["2"]
    shop.later(59 * 86_400)
    shop.write(HEADER + row(1, "new"))
    assert gone(shop.open(), started) == ["2"]


def test_a_change_is_told_whatever_date_the_file_carries(shop: Shop) -> None:
    started = shop.now()
    products(shop.open(), None)
    shop.later()
    assert products(shop.open(), started) == [], "the feed was seen unchanged at this moment"
    seen = shop.now()
    shop.later()
    shop.write(HEADER + row(1, "new") + row(2) + row(3))
    os.utime(shop.input, (1, 1))
    assert [product.id for product in products(shop.open(), seen)] == ["1"]


def test_a_change_that_another_call_noticed_is_told_all_the_same(shop: Shop) -> None:
    started = shop.now()
    products(shop.open())
    shop.later()
    shop.write(HEADER + row(1) + row(2) + row(3, "new"))
    shop.later()
    assert shop.open().product("3").title == "new"
    shop.later()
    assert [product.id for product in products(shop.open(), started)] == ["3"]


def test_a_lost_index_tells_everything_again(shop: Shop) -> None:
    since = datetime(2034, 1, 1, tzinfo=UTC)
    assert len(products(shop.open(), since)) == 3


def test_another_header_changes_every_row(shop: Shop) -> None:
    started = shop.now()
    products(shop.open())
    shop.later()
    shop.write(HEADER.replace("title", "brand") + row(1) + row(2) + row(3))
    assert [product.vendor for product in products(shop.open(), started)] == ["t"] * 3


def test_new_broken_rows_are_reported_once_among_changes(shop: Shop) -> None:
    started = shop.now()
    assert [item.where for item in skipped(shop.open())] == ["line 5"]
    shop.later()
    shop.write(HEADER + row(1) + row(2) + row(3) + "broken\n" + "broken too\n")
    assert [item.where for item in skipped(shop.open(), started)] == ["line 6"]


def test_the_feed_may_be_replaced_while_it_is_streamed(shop: Shop) -> None:
    stream = shop.open().products(None)
    first = next(stream)
    shop.write(HEADER + row(7))
    assert [getattr(item, "id", None) for item in (first, *stream)] == ["1", "2", "3", None]
    assert [product.id for product in products(shop.open())] == ["7"]


def test_a_feed_written_in_place_while_it_is_streamed_is_an_error(shop: Shop) -> None:
    stream = shop.open().products(None)
    next(stream)
    with open(shop.input, "r+b") as out:
        out.truncate(20)
        os.utime(shop.input, (5, 5))
    with pytest.raises(ConnectorError, match="changed while") as caught:
        list(stream)
    assert not caught.value.permanent


def test_a_feed_that_never_rests_is_an_error(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_db: sqlite3.Connection, _signature: Signature) -> bool:
        return False

    monkeypatch.setattr(connector_module, "is_current", never)
    with pytest.raises(ConnectorError, match="changed while"):
        products(shop.open())


def test_an_index_is_not_kept_of_a_file_that_changed_meanwhile(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(source: Source) -> None:
        raise source.changed()

    with monkeypatch.context() as patch:
        patch.setattr(Source, "demand_unchanged", changed)
        with pytest.raises(ConnectorError, match="changed while"):
            products(shop.open())
    assert len(products(shop.open())) == 3


def test_a_damaged_state_is_named(shop: Shop) -> None:
    (shop.folder / "state").mkdir()
    (shop.folder / "state" / "feed.sqlite3").write_bytes(b"not a database" * 1000)
    with pytest.raises(ConnectorError, match="damaged") as caught:
        products(shop.open())
    assert caught.value.permanent


def test_the_state_of_the_first_version_is_taken_over(shop: Shop) -> None:
    started = shop.now()
    products(shop.open())
    db = sqlite3.connect(shop.folder / "state" / "feed.sqlite3")
    db.execute("DROP TABLE removed")
    db.execute("PRAGMA user_version = 1")
    db.close()
    assert list(shop.open().products(started)) == [], "the index is still there"
    shop.later()
    shop.write(HEADER + row(1))
    assert gone(shop.open(), started) == ["2", "3"]


def test_the_state_of_another_version_is_refused(shop: Shop) -> None:
    products(shop.open())
    db = sqlite3.connect(shop.folder / "state" / "feed.sqlite3")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConnectorError, match="another version"):
        products(shop.open())
