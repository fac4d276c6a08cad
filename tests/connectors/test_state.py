"""A connector's own database: laid out once, taken over from earlier layouts, and every trouble with it told."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import ConnectorError
from connectors.state import StateFile, moment, stamp, transaction

FIRST = ("CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)",)
SECOND = ("ALTER TABLE notes ADD COLUMN since INTEGER NOT NULL DEFAULT 7",)


def opened(folder: Path, steps: Sequence[Sequence[str]] = (FIRST,), *, wal: bool = False) -> StateFile:
    return StateFile(folder / "state", "notes.sqlite3", steps, wal=wal)


def note(file: StateFile, name: str) -> None:
    with file.transaction() as db:
        db.execute("INSERT INTO notes (name, value) VALUES (?, 'x')", (name,))


def names(file: StateFile) -> list[str]:
    with file.opened() as db:
        return [row[0] for row in db.execute("SELECT name FROM notes ORDER BY name")]


@pytest.mark.usefixtures("durable")
@pytest.mark.parametrize("wal", [False, True])
def test_commits_are_durable(tmp_path: Path, *, wal: bool) -> None:
    with opened(tmp_path, wal=wal).opened() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal" if wal else "delete",)


def test_what_failed_is_not_kept(tmp_path: Path) -> None:
    file = opened(tmp_path)
    with pytest.raises(sqlite3.IntegrityError), file.opened() as db, transaction(db):
        db.executemany("INSERT INTO notes VALUES (?, 'x')", ["a", "a"])
    note(file, "b")
    assert names(file) == ["b"]


def test_an_earlier_layout_is_taken_over(tmp_path: Path) -> None:
    note(opened(tmp_path), "a")
    later = opened(tmp_path, (FIRST, SECOND))
    with later.opened() as db:
        assert db.execute("SELECT name, since FROM notes").fetchall() == [("a", 7)]


def test_a_later_layout_is_not_touched(tmp_path: Path) -> None:
    note(opened(tmp_path, (FIRST, SECOND)), "a")
    with pytest.raises(ConnectorError, match="another version") as caught:
        names(opened(tmp_path))
    assert caught.value.permanent


def test_many_begin_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: note(opened(tmp_path, wal=True), name), "abcdefgh"))
    assert names(opened(tmp_path, wal=True)) == list("abcdefgh")


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    file = opened(tmp_path)
    note(file, "a")
    file.path.write_bytes(b"no database " * 1000)
    with pytest.raises(ConnectorError, match="damaged") as caught:
        names(file)
    assert caught.value.permanent


def test_a_locked_file_may_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = opened(tmp_path)
    note(file, "a")
    monkeypatch.setattr("connectors.state.BUSY_SECONDS", 0.01)
    db = sqlite3.connect(file.path, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConnectorError, match="cannot be used now") as caught:
        note(file, "b")
    assert not caught.value.permanent
    db.close()
    note(file, "b")
    assert names(file) == ["a", "b"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(ConnectorError, match="cannot be made") as caught:
        names(opened(tmp_path))
    assert caught.value.permanent


def test_an_error_of_the_caller_s_own_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="the caller's"), opened(tmp_path).transaction():
        raise TimeoutError("the caller's")


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_times_come_back_as_they_went(time: datetime) -> None:
    assert moment(stamp(time)) == time
