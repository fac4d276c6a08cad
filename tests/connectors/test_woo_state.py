"""What is kept of a store between runs."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.types import StoredPicture
from connectors.woocommerce.state import Fetch, State
from tests.connectors.woo_kit import key

NOW = datetime(2035, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
HOME = "https://shop.example"


def picture(number: int, of: int = 1, since: datetime | None = NOW) -> StoredPicture:
    url = f"{HOME}/wp-content/uploads/mug-{key(of)}.jpg"
    return StoredPicture(str(number), key(of), f"mug-{key(of)}.jpg", url, since)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state", HOME)


def test_main_images(state: State) -> None:
    assert state.main_images([1, 2]) == {}
    state.note_main_images({1: 11, 2: 12})
    state.note_main_images({2: 22, 3: 13})
    assert state.main_images([1, 2, 4]) == {1: 11, 2: 22}
    assert state.main_images([]) == {}
    assert state.main_images(range(1, 5000)) == {1: 11, 2: 22, 3: 13}


def test_what_is_known_is_not_written_again(state: State, tmp_path: Path) -> None:
    state.note_main_images({1: 11})
    with sqlite3.connect(tmp_path / "state" / "woocommerce.sqlite3") as db:
        before = db.execute("PRAGMA data_version").fetchone()
        state.note_main_images({1: 11})
        assert db.execute("PRAGMA data_version").fetchone() == before
        state.note_main_images({1: 12})
        assert db.execute("PRAGMA data_version").fetchone() != before
    db.close()


def test_currency(state: State) -> None:
    assert state.currency() is None
    state.note_currency("EUR")
    state.note_currency("CNY")
    assert state.currency() == "CNY"


def test_uploads(state: State) -> None:
    state.note_upload(key(1), NOW)
    state.note_upload(key(2), NOW)
    state.note_upload(key(1), NOW + timedelta(seconds=1))
    assert state.uploads_sent([key(1), key(3)]) == {key(1): NOW + timedelta(seconds=1)}
    state.forget_upload(key(1))
    assert state.uploads_sent([key(1), key(2)]) == {key(2): NOW}


def test_fetches(state: State) -> None:
    assert state.fetch(7) is None
    state.note_fetch(7, [key(2), key(1)], NOW)
    assert state.fetch(7) == Fetch(frozenset({key(1), key(2)}), NOW)
    assert state.fetch(8) is None
    state.forget_fetch(7)
    assert state.fetch(7) is None
    assert state.uploads_sent([key(1), key(2)]) == {}


def test_a_fetch_that_never_showed_may_be_in_the_library(state: State) -> None:
    state.note_fetch(7, [key(1), key(2)], NOW)
    state.note_fetch(8, [key(3)], NOW)
    state.forget_fetch(7, lost=NOW)
    assert state.fetch(7) is None
    assert state.uploads_sent([key(1), key(2), key(3)]) == {key(1): NOW, key(2): NOW}


def test_pictures(state: State) -> None:
    state.note_upload(key(1), NOW)
    state.note_pictures([picture(21), picture(20, 2, None)], NOW)
    assert state.pictures() == [picture(20, 2), picture(21)]
    assert state.pictures([key(1), key(5)]) == [picture(21)]
    assert state.pictures([]) == []
    assert state.uploads_sent([key(1)]) == {}
    state.note_pictures([picture(20, 3, NOW + timedelta(days=1))], NOW)
    assert state.pictures([key(3)]) == [picture(20, 3)], "the number is another picture by now"
    state.forget_picture(20)
    assert state.pictures() == [picture(21)]


def test_a_store_at_another_address_has_notes_of_its_own(tmp_path: Path, state: State) -> None:
    state.note_main_images({1: 11})
    state.note_currency("EUR")
    state.note_upload(key(1), NOW)
    state.note_fetch(7, [key(2)], NOW)
    state.note_pictures([picture(21, 3)], NOW)
    other = State(tmp_path / "state", "https://new.example")
    assert (other.main_images([1]), other.currency(), other.fetch(7)) == ({}, None, None)
    assert (other.uploads_sent([key(1)]), other.pictures()) == ({}, [])
    other.forget_fetch(7, lost=NOW)
    other.forget_picture(21)
    other.forget_upload(key(1))
    again = State(tmp_path / "state", HOME)
    assert (again.main_images([1]), again.currency()) == ({1: 11}, "EUR")
    assert again.fetch(7) == Fetch(frozenset({key(2)}), NOW)
    assert (again.uploads_sent([key(1)]), len(again.pictures())) == ({key(1): NOW}, 1)


def test_many_threads_write_at_once(tmp_path: Path) -> None:
    def note(number: int) -> None:
        State(tmp_path / "state", HOME).note_main_images({number: number + 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(40)))
    assert State(tmp_path / "state", HOME).main_images(range(40)) == {number: number + 1 for number in range(40)}
