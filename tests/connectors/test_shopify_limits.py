"""What a picture's file must be so that Shopify takes it: looked at before anything is sent."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import ConnectorError
from connectors.shopify.limits import MOST_BYTES, RefusedError, checked, shortened
from tests.connectors.shopify_writes import Desk, picture, serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as found:
        yield found


def png_head(width: int, height: int) -> bytes:
    """The beginning of a PNG picture, which tells its size."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + struct.pack(">I", zlib.crc32(chunk)) + picture(1, "PNG")[33:]


@pytest.mark.parametrize(
    ("kind", "named", "sent", "mime"),
    [
        ("JPEG", "a.jpg", "a.jpg", "image/jpeg"),
        ("JPEG", "a.JPEG", "a.JPEG", "image/jpeg"),
        ("PNG", "a.jpg", "a.png", "image/png"),  # a wrong extension is put right
        ("WEBP", "a.b", "a.webp", "image/webp"),
        ("GIF", "a.gif", "a.gif", "image/gif"),
    ],
)
def test_the_extension_fits_the_bytes(desk: Desk, kind: str, named: str, sent: str, mime: str) -> None:
    found = checked(desk.image(1, kind, named))
    assert (found.filename, found.mime, found.size) == (sent, mime, found.image.path.stat().st_size)


def test_heic_is_taken_unread(desk: Desk) -> None:
    image = desk.image(1, name="a.heic")
    image.path.write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 20)
    assert checked(image).mime == "image/heic"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html>not found</html>", "no picture that Shopify takes"),
        (b"", "no picture that Shopify takes"),
        (picture(1, "BMP"), "no picture that Shopify takes"),
        (png_head(5000, 4001), "20.0 megapixels"),
        (png_head(14000, 14000), "far more than 20 megapixels"),
    ],
    ids=["page", "empty", "bmp", "large", "huge"],
)
def test_what_shopify_would_not_take_is_refused_before_it_is_sent(desk: Desk, data: bytes, why: str) -> None:
    image = desk.image(1)
    image.path.write_bytes(data)
    with pytest.raises(RefusedError, match=why):
        checked(image)


def test_a_heavy_file_is_refused(desk: Desk) -> None:
    image = desk.image(1)
    os.truncate(image.path, MOST_BYTES)
    assert checked(image).size == MOST_BYTES
    os.truncate(image.path, MOST_BYTES + 1)
    with pytest.raises(RefusedError, match="MB, and Shopify takes 20 MB at most"):
        checked(image)


def test_a_file_that_cannot_be_read_is_no_refusal(desk: Desk) -> None:
    image = desk.image(1)
    image.path.unlink()
    with pytest.raises(ConnectorError, match="cannot be read") as caught:
        checked(image)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("alt", "then"),
    [
        ("A mug", "A mug"),
        ("x" * 512, "x" * 512),
        ("x" * 513, "x" * 511 + "…"),
        ("钢" * 600, "钢" * 511 + "…"),
        ("word " * 103, "word " * 101 + "word…"),
    ],
)
def test_a_long_description_is_cut_between_words(alt: str, then: str) -> None:
    assert shortened(alt) == then
    assert len(shortened(alt)) <= 512
