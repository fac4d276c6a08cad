"""Pictures on the pages: only what has a row, only some widths, kept by the browser."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from sqlalchemy import select, update

from plugin.models import GeneratedImage, Picture
from plugin.pipeline.run import begin
from plugin.web.catalogue.pictures import WIDTHS
from tests.plugin.web.conftest import Site


@pytest.fixture
def sha(site: Site) -> str:
    """Of the first picture that was made."""
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts)
    with site.parts.db.read() as session:
        found = session.scalar(select(GeneratedImage.picture_sha).where(GeneratedImage.id == 1))
    assert found is not None
    return found


def test_the_whole_bytes(site: Site, sha: str) -> None:
    got = site.client.get(f"/pictures/{sha}")
    with site.parts.db.read() as session:
        row = session.get_one(Picture, sha)
    assert (got.status_code, got.data, got.mimetype) == (200, site.parts.pictures.read(sha), row.mime)
    assert "attachment" not in got.headers.get("Content-Disposition", "")
    assert got.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    again = site.client.get(f"/pictures/{sha}", headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("width", sorted(WIDTHS))
def test_thumbnails(site: Site, sha: str, width: int) -> None:
    with site.client.get(f"/pictures/{sha}/{width}") as got:
        assert (got.status_code, got.mimetype) == (200, "image/jpeg")
        assert "immutable" in got.headers["Cache-Control"]
        assert Image.open(io.BytesIO(got.data)).width <= width


@pytest.mark.parametrize("width", ["0", "1", "97", "2048", "-1", "x", "99999999999999999999"])
def test_other_widths_are_not_there(site: Site, sha: str, width: str) -> None:
    assert site.client.get(f"/pictures/{sha}/{width}").status_code == 404


def test_bytes_without_a_row_are_not_there(site: Site, sha: str) -> None:
    stored = site.parts.pictures.put(site.parts.pictures.read(sha) + b"more")
    assert site.parts.pictures.exists(stored)
    for path in (f"/pictures/{stored}", f"/pictures/{stored}/96"):
        assert site.client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["x", "a" * 64, "%00", "..%2f..%2fetc%2fpasswd", "A" * 64, "é", "a" * 9000, "１" * 64])
def test_nonsense_is_not_there(site: Site, name: str) -> None:
    for path in (f"/pictures/{name}", f"/pictures/{name}/96"):
        assert site.client.get(path).status_code == 404


def test_a_dropped_picture_is_not_there(site: Site, sha: str) -> None:
    with site.parts.db.write() as session:
        session.execute(update(Picture).values(dropped_at=site.world.clock.now()))
    assert site.client.get(f"/pictures/{sha}").status_code == 404


def test_missing_or_damaged_bytes_are_a_404(site: Site, sha: str) -> None:
    path = site.parts.pictures.path(sha)
    path.write_bytes(b"damaged")
    assert site.client.get(f"/pictures/{sha}").status_code == 404
    assert site.client.get(f"/pictures/{sha}/96").status_code == 404
    path.unlink()
    assert site.client.get(f"/pictures/{sha}").status_code == 404
    assert site.client.get(f"/pictures/{sha}/240").status_code == 404


def test_a_row_of_what_is_no_picture_is_a_404(site: Site, sha: str) -> None:
    stored = site.parts.pictures.put(b"no picture at all")
    with site.parts.db.write() as session:
        columns = {"extension": "png", "mime": "image/png", "width": 1, "height": 1, "size": 17}
        session.add(Picture(sha=stored, created_at=site.world.clock.now(), **columns))
    assert site.client.get(f"/pictures/{stored}/96").status_code == 404
