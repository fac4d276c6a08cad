"""The pictures that the suite attaches: small real files with a key of ours in their names."""

from __future__ import annotations

import base64
from functools import partial
from itertools import count
from pathlib import Path

from PIL import Image

from connectors.testing.kit import ShopKit
from connectors.types import NewImage

_TYPES = (("jpg", "JPEG"), ("png", "PNG"))


class Pictures:
    """Makes pictures, each of them another one."""

    def __init__(self, folder: Path, shop: ShopKit):
        """folder: where their files go. shop: serves them, where the store fetches by itself."""
        self._folder, self._shop, self._numbers = folder, shop, count(1)
        folder.mkdir(exist_ok=True)

    def new(self, number: int = 1) -> list[NewImage]:
        """So many new pictures; JPEG and PNG by turns."""
        return [self._picture(next(self._numbers)) for _ in range(number)]

    def _picture(self, number: int) -> NewImage:
        extension, kind = _TYPES[number % 2]
        key = "hs-" + base64.b32encode(number.to_bytes(17, "big")).decode().lower()[-26:].replace("=", "a")
        filename = f"steel-mug-{key}.{extension}"
        path = self._folder / f"{number}.{extension}"
        colour = (number * 53 % 256, number * 101 % 256, number * 197 % 256)
        Image.new("RGB", (64, 48), colour).save(path, kind)
        alt = f"钢杯 Steel mug, view {number}"
        return NewImage(key, path, filename, alt, partial(self._shop.public_url, path, filename))
