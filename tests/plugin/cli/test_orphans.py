"""stores orphans, and what undo says of files that stay in a store's library."""

from __future__ import annotations

import pytest

from connectors import ConnectorError
from tests.plugin.cli.home import Home
from tests.plugin.pipeline.slow_store import LibraryStore, Street, open_street

ORPHANS = ("stores", "orphans", "shop")
FOREIGN = "hs-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def street(home: Home, monkeypatch: pytest.MonkeyPatch) -> Street:
    """The home's store keeps files in a library from now on; those of the mug are on its listing, as far as we know."""
    street = open_street(monkeypatch, LibraryStore)
    keys = home.publication_keys()
    street.keys["out.tsv", "mug"], street.files["out.tsv"] = list(keys), [*keys, FOREIGN]
    return street


def test_an_undo_says_which_files_stay_and_how_to_remove_them(home: Home, street: Street) -> None:
    called = home("undo", "1", "--yes")
    assert called.code == 0, called.err
    first, second = called.out.splitlines()
    taken, _, names = first.partition("; in the store's library stay: ")
    assert taken.endswith("taken off (publication 1)")
    assert second == "to remove the files that no listing shows: hebo-sync stores orphans shop --delete"
    assert len(names.split(", ")) == len(street.files["out.tsv"]) - 1
    assert FOREIGN not in names
    (row,) = home("products", "show", "shop:mug", "--json").json["publications"]
    assert row["remaining"] == names.split(", ")


def test_the_list_says_of_each_what_it_is(home: Home, street: Street) -> None:
    home("undo", "1", "--yes")
    called = home(*ORPHANS)
    assert called.code == 0, called.err
    *ours, foreign = called.out.splitlines()
    assert all("made for shop:mug Tidal mug, withdrawn; may be deleted" in line for line in ours)
    assert "since 2026-11-20 00:00:00 UTC" in ours[0]
    assert foreign.endswith("kept: its key is not known here; was it made by another installation?")
    assert called.err == f"{len(ours)} files may be deleted: hebo-sync stores orphans shop --delete\n"
    assert street.deleted == []


def test_json_is_an_array(home: Home, street: Street) -> None:
    home("undo", "1", "--yes")
    *ours, foreign = home(*ORPHANS, "--json").json
    assert {(row["product"], row["state"], row["deletable"], row["kept"]) for row in ours} == {
        ("mug", "withdrawn", True, None)
    }
    assert (foreign["key"], foreign["product"], foreign["deletable"]) == (FOREIGN, None, False)
    assert set(foreign) == {
        "id", "key", "name", "url", "since", "store", "product", "title", "state", "deletable", "kept",
    }  # fmt: skip


def test_delete_removes_what_nothing_needs(home: Home, street: Street) -> None:
    home("undo", "1", "--yes")
    called = home(*ORPHANS, "--delete", "--yes")
    assert called.code == 0, called.err
    assert called.out.endswith(f"{len(street.deleted)} files deleted\n")
    assert street.files["out.tsv"] == [FOREIGN]
    again = home(*ORPHANS, "--delete", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "none of them may be deleted")
    (row,) = home("products", "show", "shop:mug", "--json").json["publications"]
    assert row["remaining"] == []


def test_delete_as_json_is_one_object(home: Home, street: Street) -> None:
    home("undo", "1", "--yes")
    told = home(*ORPHANS, "--delete", "--yes", "--json").json
    assert sorted(row["key"] for row in told["deleted"]) == sorted(street.deleted)
    assert [row["key"] for row in told["left"]] == [FOREIGN]


@pytest.mark.parametrize(("answer", "says"), [("n\n", "nothing was done"), (None, "scripts say --yes")])
def test_delete_asks_first(home: Home, street: Street, answer: str | None, says: str) -> None:
    home("undo", "1", "--yes")
    called = home(*ORPHANS, "--delete", answer=answer)
    assert called.code == 1
    assert "files from the library of shop for good?" in called.err
    assert says in called.err
    assert street.deleted == []


def test_a_yes_at_the_terminal_is_enough(home: Home, street: Street) -> None:
    home("undo", "1", "--yes")
    assert home(*ORPHANS, "--delete", answer="y\n").code == 0
    assert len(street.deleted) > 0


def test_what_is_published_stays(home: Home, street: Street) -> None:
    street.keys.clear()  # somebody took the pictures off their listing by hand
    called = home(*ORPHANS, "--delete", "--yes")
    assert called.code == 0
    assert "it counts as published" in called.out
    assert street.deleted == []


def test_a_file_that_the_store_keeps_exits_1(home: Home, street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    home("undo", "1", "--yes")
    monkeypatch.setattr(LibraryStore, "delete", lambda _, pictures: {pictures[0].id: "a page shows it"})
    called = home(*ORPHANS, "--delete", "--yes")
    assert called.code == 1
    assert "is still there: a page shows it" in called.err
    told = home(*ORPHANS, "--delete", "--yes", "--json")
    assert told.code == 1
    assert "a page shows it" in [row["kept"] for row in told.json["left"]]


def test_a_store_that_refuses_exits_1(home: Home, street: Street) -> None:
    home("undo", "1", "--yes")
    street.failing["shop"] = [ConnectorError("deleting needs an Application Password", permanent=True)]
    called = home(*ORPHANS, "--delete", "--yes")
    assert called.code == 1
    assert called.err == "hebo-sync: deleting needs an Application Password\n"


def test_an_empty_library_is_no_error(home: Home, street: Street) -> None:
    street.files.clear()
    called = home(*ORPHANS)
    assert (called.code, called.out) == (0, "the library of shop has no files of ours that no listing shows\n")
    assert home(*ORPHANS, "--json").json == []


def test_a_store_without_a_library_exits_1(home: Home) -> None:
    called = home(*ORPHANS)
    assert called.code == 1
    assert "store 'shop' (feed) has no library of picture files" in called.err


def test_an_unknown_store_exits_2(home: Home) -> None:
    assert home("stores", "orphans", "shpo").code == 2
