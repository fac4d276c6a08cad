"""Pictures drawn for the tests."""

from __future__ import annotations

import io
import random
from typing import Any

from PIL import Image, ImageDraw


def drawn(width: int = 640, height: int = 640, *, seed: int = 1, mode: str = "RGB") -> Image.Image:
    """A picture with something on it; other seeds give plainly other pictures."""
    chance = random.Random(seed)
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = chance.randrange(width), chance.randrange(height)
        colour = tuple(chance.randrange(256) for _ in range(3))
        pen.ellipse((x, y, x + width // 4, y + height // 4), fill=colour)
    return image.convert(mode)


def encoded(image: Image.Image | None = None, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    (image or drawn()).save(out, kind, **options)
    return out.getvalue()
