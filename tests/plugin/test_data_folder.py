"""One data folder for one database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugin.data_folder import FILE, demand_same, is_made
from plugin.db import Database
from plugin.schema import DatabaseError

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "here"
    made.mkdir()
    return made


def test_they_know_each_other_again(database: Database, folder: Path) -> None:
    demand_same(database, folder, NOW)
    written = (folder / FILE).read_text()
    demand_same(database, folder, NOW)
    assert (folder / FILE).read_text() == written
    assert sorted(path.name for path in folder.iterdir()) == [FILE]


@pytest.mark.parametrize("theirs", [None, "0123456789abcdef\n"], ids=["an empty folder", "another one's folder"])
def test_another_folder_is_refused_and_left_as_it_is(
    database: Database, folder: Path, tmp_path: Path, theirs: str | None
) -> None:
    demand_same(database, folder, NOW)
    other = tmp_path / "other"
    other.mkdir()
    if theirs:
        (other / FILE).write_text(theirs)
    with pytest.raises(DatabaseError, match="belongs to another data folder") as caught:
        demand_same(database, other, NOW)
    assert [path.read_text() for path in other.iterdir()] == ([theirs] if theirs else [])
    assert "password" not in str(caught.value)
    (other / FILE).write_text((folder / FILE).read_text())  # as the message says
    demand_same(database, other, NOW)


def test_a_new_database_takes_the_folder_as_it_is(database: Database, folder: Path) -> None:
    (folder / FILE).write_text("0123456789abcdef\n")
    demand_same(database, folder, NOW)
    assert (folder / FILE).read_text() == "0123456789abcdef\n"


def test_many_that_start_at_once_agree(database: Database, folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: demand_same(database, folder, NOW), range(8)))
    assert done == [None] * 8
    assert [path.name for path in folder.iterdir()] == [FILE]


@pytest.mark.parametrize(("names", "made"), [((), False), (("lost+found",), False), (("secret.key",), True)])
def test_a_data_folder_is_made_once_anything_lies_in_it(tmp_path: Path, names: tuple[str, ...], made: bool) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    assert is_made(tmp_path) is made
    assert not is_made(tmp_path / "none")
