from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

from plugin.pictures import PictureStore, look
from plugin.pipeline.planning.likeness import shows_same


def picture(colour: str, kind: str) -> bytes:
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).rectangle((40, 40, 160, 120), fill=colour)
    output = io.BytesIO()
    image.save(output, kind)
    return output.getvalue()


def test_another_compression_shows_the_same_and_another_colour_does_not(tmp_path: Path) -> None:
    kept = PictureStore(tmp_path)
    sha = kept.put(picture("navy", "PNG"))
    assert shows_same(kept, look(picture("navy", "WEBP")), sha)
    assert not shows_same(kept, look(picture("olive", "PNG")), sha)


def test_what_is_not_kept_any_more_or_is_no_picture_shows_nothing(tmp_path: Path) -> None:
    kept = PictureStore(tmp_path)
    seen = look(picture("navy", "PNG"))
    assert not shows_same(kept, seen, "0" * 64)
    assert not shows_same(kept, seen, kept.put(b"no picture"))
