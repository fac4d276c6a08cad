"""Pictures for sandbox stores, as bytes: drawn products, and plain colours where only the number counts."""

import io
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from PIL import Image

from plugin.sandbox.catalogue.feed import SAMPLES, draw_sample

SIDE = 1000  # pixels of a drawn picture


@lru_cache(maxsize=128)
def drawn(sample_id: str, edition: int) -> bytes:
    """The drawing of a sample's product, as a JPEG; the same every time. Raises KeyError for an unknown sample."""
    sample = {sample.id: sample for sample in SAMPLES}[sample_id]
    with tempfile.TemporaryDirectory(prefix="sandbox-shop-") as folder:
        file = Path(folder) / "picture.jpg"
        draw_sample(replace(sample, edition=edition), file)
        return file.read_bytes()


@lru_cache(maxsize=64)
def plain_picture(width: int, height: int, kind: str, shade: int = 0) -> bytes:
    """A picture of one colour, which another `shade` changes."""
    output = io.BytesIO()
    Image.new("RGB", (width, height), (60 + shade * 23 % 180, 120, 90 + shade * 41 % 150)).save(output, kind)
    return output.getvalue()
