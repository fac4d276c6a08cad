"""What is kept of a store between runs."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import ConnectorError
from connectors.types import StoredPicture
from connectors.woocommerce.state import VERSION, Fetch, State
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


def test_what_is_known_is_not_written_again(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    state.note_main_images({1: 11})
    with sqlite3.connect(state._path) as db:
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


def test_commits_are_durable(state: State) -> None:
    state.note_currency("EUR")
    with state._opened() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_state_of_a_later_version_is_not_touched(state: State) -> None:
    state.note_currency("EUR")
    with sqlite3.connect(state._path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    with pytest.raises(ConnectorError, match="another version") as caught:
        state.currency()
    assert caught.value.permanent


def test_a_damaged_state_is_told(state: State) -> None:
    state.note_currency("EUR")
    state._path.write_bytes(b"no database " * 1000)
    with pytest.raises(ConnectorError, match="damaged") as caught:
        state.currency()
    assert caught.value.permanent


def test_a_locked_state_may_pass(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    state.note_currency("EUR")
    monkeypatch.setattr("connectors.woocommerce.state._BUSY_SECONDS", 0.01)
    db = sqlite3.connect(state._path, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConnectorError, match="cannot be used now") as caught:
        state.note_currency("CNY")
    assert not caught.value.permanent
    db.close()
    assert state.currency() == "EUR"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConnectorError, match="cannot be made") as caught:
        State(tmp_path / "file" / "state", HOME).currency()
    assert caught.value.permanent
