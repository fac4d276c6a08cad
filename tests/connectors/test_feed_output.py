"""The output file: there from the first reading on, equal to the input where nothing is published, in a good place."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors import Placement
from connectors.feed import FeedOptions
from tests.connectors.feed_kit import HEADER, Shop, forget, key, products

FEED = HEADER + '1\tt\tpics/1.jpg\t\t\n2\t12"\thttps://x/2.jpg\tpics/2.jpg\t\nbroken\n3\tt\thttps://x/3.jpg\t\t\n'


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.write(FEED)
    return shop


def test_it_is_there_after_the_first_reading_and_follows_the_input(shop: Shop) -> None:
    products(shop.open())
    assert shop.output.read_bytes() == shop.input.read_bytes()
    shop.write(FEED.replace("3\tt", "4\tnew"))
    products(shop.open(), shop.now())
    assert shop.output.read_bytes() == shop.input.read_bytes()


def test_it_is_written_again_only_if_it_has_to_be(shop: Shop) -> None:
    products(shop.open())
    first = shop.output.stat()
    products(shop.open(), shop.now())
    with shop.open().batch():
        pass
    assert shop.output.stat() == first
    shop.output.unlink()
    products(shop.open(), shop.now())
    assert shop.output.read_bytes() == shop.input.read_bytes()


@pytest.mark.parametrize("name", ["tsv", "csv"])
def test_without_live_publications_no_column_is_added(tmp_path: Path, name: str) -> None:
    shop = Shop(tmp_path, f"feed.{name}", f"out.{name}")
    shop.write("id\timage_link\r\n1\thttps://x/1\r\n2\thttps://x/2".replace("\t", "," if name == "csv" else "\t"))
    connector = shop.open()
    after = connector.attach("1", [shop.image(1)], Placement.APPEND, forget).listing
    assert b"additional_image_link" in shop.output.read_bytes()
    connector.restore("1", after, after, [key(1)])
    assert shop.output.read_bytes() == shop.input.read_bytes()


def test_a_withdrawn_main_picture_of_the_input_goes_without_a_new_column(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write(f"id\timage_link\n1\t{shop.cell(1)}\n2\thttps://x/2\n")
    listing = shop.open().attach("1", [shop.image(1)], Placement.APPEND, forget).listing
    shop.open().restore("1", listing, listing, [key(1)])
    assert shop.output.read_text() == "id\timage_link\n1\t\n2\thttps://x/2\n"


def test_an_output_in_another_folder_is_a_problem_where_photos_are_named_by_path(shop: Shop) -> None:
    assert shop.open().check().problems == ()
    shop.output = shop.folder / "sub" / "out.tsv"
    (problem,) = shop.open().check().problems
    assert "another folder than the input, and 2 rows name photos by relative path" in problem
    shop.open().attach("2", [shop.image(1)], Placement.APPEND, forget)
    assert shop.output.exists(), "publishing goes on"
    shop.write(FEED.replace("pics/", "https://x/"))
    assert shop.open().check().problems == ()


def test_a_folder_that_will_be_made_is_told(shop: Shop) -> None:
    shop.write(FEED.replace("pics/", "https://x/"))
    shop.output = shop.folder / "sub" / "deep" / "out.tsv"
    info = shop.open().check()
    assert info.problems == ()
    assert any("will be made" in note for note in info.notes)
    assert not (shop.folder / "sub").exists()


@pytest.mark.parametrize("output", ["/proc/x/out.tsv", "feed.tsv/out.tsv", "pictures"])
def test_an_output_that_cannot_be_written_is_a_problem(shop: Shop, output: str) -> None:
    (shop.folder / "pictures").mkdir()
    before = sorted(shop.folder.iterdir())
    options = FeedOptions(path=Path("feed.tsv"), output=Path(output))
    problems = type(shop.open())(options, shop.environment()).check().problems
    assert any("cannot be written" in problem or "name a file" in problem for problem in problems)
    assert sorted({*shop.folder.iterdir()} - {shop.folder / "state"}) == before


def test_an_output_that_cannot_be_written_is_told_beside_a_missing_feed(shop: Shop) -> None:
    shop.input.unlink()
    options = FeedOptions(path=Path("feed.tsv"), output=Path("/proc/x/out.tsv"))
    problems = " ".join(type(shop.open())(options, shop.environment()).check().problems)
    assert "does not exist" in problems
    assert "cannot be written" in problems


@pytest.mark.parametrize("output", ["a/feed.tsv", "a/./feed.tsv", "a/b/../feed.tsv"])
def test_one_path_for_both_is_refused_with_the_settings(output: str) -> None:
    with pytest.raises(ValidationError, match="same file"):
        FeedOptions(path=Path("a/feed.tsv"), output=Path(output))


def test_one_file_for_both_by_another_path_is_a_problem(shop: Shop) -> None:
    options = FeedOptions(path=Path("feed.tsv"), output=shop.input)
    assert "same file" in " ".join(type(shop.open())(options, shop.environment()).check().problems)
