"""undo: what was published goes off the listing again."""

from __future__ import annotations

import pytest

from plugin.states import ImageState, PublicationState
from tests.plugin.cli.home import Home


def pictures_in_output(home: Home) -> int:
    return (home.folder / "out.tsv").read_text().count("hs-")


@pytest.mark.parametrize("words", [["1"], ["--product", "shop:mug"], ["--store", "shop", "--all"]])
def test_the_pictures_go_off_the_listing(home: Home, words: list[str]) -> None:
    published = len(home.images(ImageState.PUBLISHED))
    assert pictures_in_output(home) == published > 0
    called = home("undo", *words, "--yes")
    assert called.code == 0, called.err
    assert called.out == f"shop:mug Tidal mug: {published} pictures taken off (publication 1)\n"
    assert pictures_in_output(home) == 0
    assert len(home.images(ImageState.WITHDRAWN)) == published


def test_json_says_how_each_publication_stands(home: Home) -> None:
    (row,) = home("undo", "1", "--yes", "--json").json
    assert row["state"] == "withdrawn"
    assert row["withdrawn_at"]


@pytest.mark.parametrize("words", [["1"], ["--product", "shop:mug"], ["--store", "shop", "--all"]])
@pytest.mark.parametrize(("answer", "says"), [("n\n", "nothing was done"), (None, "scripts say --yes"), ("", "nobody")])
def test_it_asks_first(home: Home, words: list[str], answer: str | None, says: str) -> None:
    published = len(home.images(ImageState.PUBLISHED))
    called = home("undo", *words, answer=answer)
    assert called.code == 1
    assert f"Take {published} pictures off the listing of shop:mug Tidal mug?" in called.err
    assert says in called.err
    assert home.publication().state is PublicationState.PUBLISHED


def test_a_yes_at_the_terminal_is_enough(home: Home) -> None:
    assert home("undo", "1", answer="y\n").code == 0
    assert home.publication().state is PublicationState.WITHDRAWN


def test_twice_is_an_error_and_nothing_published_is_none(home: Home) -> None:
    home("undo", "1", "--yes")
    called = home("undo", "1", "--yes")
    assert called.code == 1
    assert "publication 1 is withdrawn: only a published one can be undone" in called.err
    called = home("undo", "--product", "shop:bag")
    assert (called.code, called.out) == (0, "nothing of shop:bag Tidal bag is published\n")


def test_what_is_meant_must_be_said(home: Home) -> None:
    for words in ([], ["1", "--product", "shop:mug"], ["--store", "shop"], ["--all"], ["77"], ["--product", "shop:x"]):
        called = home("undo", *words)
        assert called.code == 2, words
    assert home.publication().state is PublicationState.PUBLISHED


def test_a_store_that_cannot_be_written_exits_1_and_is_tried_again(home: Home) -> None:
    output = home.folder / "out.tsv"
    output.unlink()
    output.mkdir()
    called = home("undo", "1", "--yes")
    assert (called.code, called.out) == (1, "")
    assert called.err.startswith("! shop:mug Tidal mug: ")
    assert "out.tsv" in called.err
    output.rmdir()
    called = home("undo", "1", "--yes")
    assert called.code == 0, called.err
    assert home.publication().state is PublicationState.WITHDRAWN


def test_a_paused_store_is_left_alone(home: Home) -> None:
    home.edit('output = "out.tsv"', 'output = "out.tsv"\npaused = true')
    called = home("undo", "1", "--yes")
    assert called.code == 1
    assert "is paused or no longer configured; nothing was changed" in called.err
    assert home.publication().state is PublicationState.PUBLISHED
