"""The journal of writes to a Shopify shop: what is on its way, what is there, and whose it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import ConnectorError
from connectors.shopify.state import State
from connectors.types import StoredPicture
from tests.connectors.shopify_writes import key

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
GID = "gid://shopify/MediaImage/7"


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path, "https://mugs.myshopify.com")


def file(number: int, gid: str = GID, url: str = "") -> StoredPicture:
    return StoredPicture(gid, key(number), f"mug-{key(number)}.jpg", url)


def test_a_picture_on_its_way_is_known_at_each_step(state: State) -> None:
    assert state.uploads([key(1)]) == {}
    state.note_staged(key(1), "mug-1.jpg", "https://staged.example/1", NOW)
    one = state.uploads([key(1), key(2)])[key(1)]
    assert (one.filename, one.source, one.sent_at, one.media) == ("mug-1.jpg", "https://staged.example/1", None, "")
    state.note_sent([key(1)], LATER)
    state.note_sent([key(1)], LATER + timedelta(hours=1))
    assert state.uploads([key(1)])[key(1)].sent_at == LATER, "the first time"
    assert [one.key for one in state.unanswered()] == [key(1)]
    state.note_files([file(1)], LATER)
    one = state.uploads([key(1)])[key(1)]
    assert (one.media, one.source, one.url, one.noted_at) == (GID, "", "", LATER)
    assert state.unanswered() == []


def test_the_name_that_was_sent_first_is_kept(state: State) -> None:
    state.note_staged(key(1), "old-title.jpg", "https://staged.example/1", NOW)
    state.note_sent([key(1)], NOW)
    state.note_staged(key(1), "new-title.jpg", "https://staged.example/2", LATER)
    one = state.uploads([key(1)])[key(1)]
    assert (one.filename, one.source, one.sent_at) == ("old-title.jpg", "https://staged.example/2", NOW)


def test_an_address_that_was_known_stays_known(state: State) -> None:
    state.note_files([file(1, url="https://cdn.example/1.jpg?v=1")], NOW)
    state.note_files([file(1)], LATER)
    assert state.urls([GID, "gid://shopify/MediaImage/8"]) == {GID: "https://cdn.example/1.jpg?v=1"}
    state.note_files([file(1, "gid://shopify/MediaImage/9")], LATER)
    assert state.urls([GID, "gid://shopify/MediaImage/9"]) == {}, "another file has another address"


def test_files_are_forgotten_by_gid_and_by_key(state: State) -> None:
    state.note_files([file(1), file(2, "gid://shopify/MediaImage/8")], NOW)
    assert {(one.key, one.since) for one in state.files()} == {(key(1), NOW), (key(2), NOW)}
    state.forget_files([GID])
    assert [one.key for one in state.files()] == [key(2)]
    state.forget_upload(key(2))
    assert state.files() == []


def test_what_is_old_is_pruned(state: State) -> None:
    state.note_staged(key(1), "1.jpg", "https://staged.example/1", NOW - timedelta(days=31))
    state.note_staged(key(2), "2.jpg", "https://staged.example/2", NOW - timedelta(days=29))
    state.note_files([file(3)], NOW - timedelta(days=100))
    state.note_files([file(4, "gid://shopify/MediaImage/8")], NOW - timedelta(days=400))
    state.note_files([file(5, "gid://shopify/MediaImage/9", "https://cdn.example/5.jpg")], NOW - timedelta(days=4000))
    state.prune(NOW)
    assert sorted(state.uploads([key(n) for n in range(1, 6)])) == sorted([key(2), key(3), key(5)])


def test_lost_writes_swaps_and_placings_belong_to_a_product(state: State) -> None:
    state.note_lost_write(12, NOW)
    state.note_placings(12, [key(1), key(2)])
    state.note_placings(12, [key(2)])
    state.note_swaps(12, {"v1": "old"})
    state.note_swaps(12, {"v1": "newer", "v2": "other"})
    assert (state.lost_write(12), state.lost_write(13)) == (NOW, None)
    assert state.placings(12) == {key(1), key(2)}
    assert state.placings(13) == frozenset()
    assert state.swaps(12) == {"v1": "old", "v2": "other"}, "what it showed first is what it gets back"
    state.forget_lost_write(12)
    state.forget_placings(12, [key(1)])
    state.forget_swaps(12, ["v1"])
    assert (state.lost_write(12), state.swaps(12)) == (None, {"v2": "other"})
    assert state.placings(12) == {key(2)}


def test_what_variants_showed_before_ours_is_kept(state: State) -> None:
    state.note_worn(12, {"v1": "red", "v2": "red"})
    state.note_worn(12, {"v1": "green"})
    assert (state.worn(12), state.worn(13)) == ({"v1": "green", "v2": "red"}, {})


def test_notes_are_bound_to_the_shop_and_outlive_the_process(tmp_path: Path) -> None:
    here = State(tmp_path, "https://mugs.myshopify.com")
    here.note_files([file(1)], NOW)
    here.note_placings(12, [key(1)])
    there = State(tmp_path, "https://other.myshopify.com")
    assert (there.files(), there.placings(12), there.uploads([key(1)])) == ([], frozenset(), {})
    again = State(tmp_path, "https://mugs.myshopify.com")
    assert [one.id for one in again.files()] == [GID]
    assert again.placings(12) == {key(1)}


def test_a_file_that_cannot_be_used_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "shopify.sqlite3").write_bytes(b"not a database at all" * 100)
    with pytest.raises(ConnectorError, match="damaged"):
        State(tmp_path, "https://mugs.myshopify.com").files()
