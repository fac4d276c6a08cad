"""The sample catalogue: a feed that reads well and pictures that are worth looking at."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from plugin.sandbox.catalogue.feed import COLUMNS, SAMPLES, draw_sample, write_catalogue


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("catalogue") / "new folder", 17)


@pytest.fixture(scope="module")
def rows(feed: Path) -> list[dict[str, str]]:
    with feed.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_the_feed_has_every_column_filled(rows: list[dict[str, str]]) -> None:
    assert tuple(rows[0]) == COLUMNS
    wanted = set(COLUMNS) - {"additional_image_link", "item_group_id", "size"}
    assert not [(row["id"], column) for row in rows for column in wanted if not row[column]]
    assert not [row["id"] for row in rows if None in row]


def test_rows_are_varied(rows: list[dict[str, str]]) -> None:
    assert len(rows) == 17
    assert len({row["id"] for row in rows}) == len({row["title"] for row in rows}) == 17
    assert len({row["product_type"] for row in rows}) >= 12
    assert sum(not row["title"].isascii() for row in rows) >= 3


def test_one_pair_of_variants_shares_its_picture(rows: list[dict[str, str]]) -> None:
    pair = [row for row in rows if row["item_group_id"]]
    assert [row["size"] for row in pair] == ["42", "43"]
    assert len({row["image_link"] for row in pair}) == len({row["item_group_id"] for row in pair}) == 1
    assert len({row["image_link"] for row in rows}) == len(rows) - 1


def test_pictures_are_decent_jpegs_on_white(feed: Path, rows: list[dict[str, str]]) -> None:
    for row in rows:
        file = feed.parent / row["image_link"]
        assert not Path(row["image_link"]).is_absolute()
        with Image.open(file) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (1000, 1000))
            corners = [image.getpixel(at) for at in ((2, 2), (997, 2), (2, 997), (997, 997))]
            assert min(min(corner) for corner in corners if isinstance(corner, tuple)) >= 235
            assert max(ImageStat.Stat(image).stddev) > 20


def test_every_picture_is_another(feed: Path) -> None:
    files = list((feed.parent / "images").iterdir())
    assert len(files) == 16
    assert len({hashlib.sha256(file.read_bytes()).digest() for file in files}) == 16


def test_a_repeated_product_has_other_colours(feed: Path) -> None:
    with Image.open(feed.parent / "images/hb-1001.jpg") as one, Image.open(feed.parent / "images/hb-1001-2.jpg") as two:
        assert one.tobytes() != two.tobytes()
        assert ImageStat.Stat(one).mean != pytest.approx(ImageStat.Stat(two).mean, abs=1)


def test_drawing_is_deterministic(feed: Path, tmp_path: Path) -> None:
    draw_sample(SAMPLES[0], tmp_path / "again.jpg")
    assert (tmp_path / "again.jpg").read_bytes() == (feed.parent / "images/hb-1001.jpg").read_bytes()


def test_the_count_is_of_rows(tmp_path: Path) -> None:
    lines = write_catalogue(tmp_path, 2).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == ["hb-1001.jpg", "hb-1002.jpg"]
