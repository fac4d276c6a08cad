"""The library of a sandbox store: which names files get, which sizes are made of them, and what a file is.

The sizes and names are those that were observed on WooCommerce 11.0.1 with its default theme.
"""

import io
import re
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from plugin.sandbox.woocommerce.model import BIG, Attachment

TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp"),
         "GIF": ("image/gif", "gif")}  # fmt: skip
EXTENSIONS = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "jpe": "image/jpeg", "png": "image/png", "gif": "image/gif",
    "webp": "image/webp",
}  # fmt: skip
NOT_ALLOWED = "Sorry, you are not allowed to upload this file type."
EMPTY = (
    "File is empty. Please upload something more substantial. This error could also be caused by uploads being "
    "disabled in your php.ini file or by post_max_size being defined as smaller than upload_max_filesize in php.ini."
)
ORIENTATION = 0x0112  # the EXIF tag
MOST_NAME_BYTES = 230  # a file name of 234 characters was refused


class MediaError(Exception):
    """The store does not take this file. The message is WordPress' own."""


class Size(NamedTuple):
    """One of the sizes that are made of a picture; `crop`: cut to exactly that, else fitted into it."""

    name: str
    width: int
    height: int
    crop: bool


SIZES = (  # in the order in which `srcset` lists them
    Size("medium", 300, 300, False),
    Size("large", 1024, 1024, False),
    Size("thumbnail", 150, 150, True),
    Size("medium_large", 768, 0, False),
    Size("1536x1536", 1536, 1536, False),
    Size("2048x2048", 2048, 2048, False),
    Size("woocommerce_thumbnail", 324, 324, True),
    Size("woocommerce_single", 416, 0, False),
    Size("woocommerce_gallery_thumbnail", 100, 100, True),
)


class Found(NamedTuple):
    """What a file's bytes say."""

    mime: str
    extension: str
    width: int
    height: int


def look(data: bytes) -> Found:
    """What the bytes are, by their head alone: a broken picture is taken. Raises `MediaError`."""
    if not data:
        raise MediaError(EMPTY)
    try:
        with Image.open(io.BytesIO(data)) as picture:
            kind, (width, height) = picture.format or "", picture.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise MediaError(NOT_ALLOWED) from error
    if kind not in TYPES:
        raise MediaError(NOT_ALLOWED)
    return Found(*TYPES[kind], width, height)


def sanitised(name: str) -> str:
    """WordPress' `sanitize_file_name`: special characters go, blanks become hyphens; other scripts stay."""
    name = re.sub(r"[?\[\]/\\=<>:;,'\"&$#*()|~`!{}%+’«»”“\x00]", "", name.replace("%20", "-").replace("+", "-"))
    return re.sub(r"[\r\n\t -]+", "-", name).strip(".-_")


def file_name(name: str, found: Found) -> str:
    """The name that a picture gets: its bytes decide the extension. Raises `MediaError` without an image extension."""
    name = sanitised(name)
    path = PurePosixPath(name)
    given = path.suffix.lstrip(".").lower()
    if given not in EXTENSIONS:
        raise MediaError(NOT_ALLOWED)
    if len(name.encode()) > MOST_NAME_BYTES:
        raise MediaError("The uploaded file could not be moved to wp-content/uploads.")
    return name if EXTENSIONS[given] == found.mime else f"{path.stem}.{found.extension}"


def scaled_size(found: Found) -> tuple[int, int] | None:
    """The size of the copy that is served instead of a very large picture; None: it is served as it is."""
    if max(found.width, found.height) <= BIG or found.mime == "image/png":
        return None
    return fitted(found.width, found.height, BIG, BIG)


def fitted(width: int, height: int, most_wide: int, most_high: int) -> tuple[int, int]:
    """The size fitted into another (0: no limit), the proportions kept."""
    factor = min(most_wide / width if most_wide else 1.0, most_high / height if most_high else 1.0, 1.0)
    return max(1, round(width * factor)), max(1, round(height * factor))


def size_of(size: Size, width: int, height: int) -> tuple[int, int] | None:
    """How large a size comes out of a picture; None where the picture is not larger."""
    if size.crop:
        return (size.width, size.height) if width > size.width and height > size.height else None
    made = fitted(width, height, size.width, size.height)
    return made if made != (width, height) else None


@lru_cache(maxsize=4096)
def renditions(file: str, width: int, height: int) -> tuple[tuple[str, str, int, int], ...]:
    """The sizes of a picture: name of the size, path below uploads, width, height."""
    stem, _, extension = file.rpartition(".")
    stem = stem.removesuffix("-scaled") if max(width, height) == BIG else stem.removesuffix("-rotated")
    found = []
    for size in SIZES:
        made = size_of(size, width, height)
        if made is not None:
            found.append((size.name, f"{stem}-{made[0]}x{made[1]}.{extension}", *made))
    return tuple(found)


def srcset(attachment: Attachment, base: str) -> str:
    """The `srcset` of a picture: itself and the sizes of the same proportions; empty where there are none.

    A GIF has none: its sizes do not move (observed).
    """
    if attachment.mime == "image/gif":
        return ""
    width, height = attachment.width, attachment.height
    same = [
        f"{base}{path} {wide}w"
        for _, path, wide, high in renditions(attachment.file, width, height)
        if abs(wide * height / width - high) <= 1
    ]
    return ", ".join([f"{base}{attachment.file} {width}w", *same]) if same else ""


def thumbnail(attachment: Attachment) -> str:
    """The path of the shop's thumbnail, or of the picture itself where it is too small for one."""
    made = {name: path for name, path, _, _ in renditions(attachment.file, attachment.width, attachment.height)}
    return made.get("woocommerce_thumbnail", attachment.file)


def resized(data: bytes, width: int, height: int) -> bytes:
    """A picture cut and scaled to a size, in its own format. Raises OSError or ValueError for a broken picture."""
    with Image.open(io.BytesIO(data)) as picture:
        kind = picture.format or "JPEG"
        factor = max(width / picture.width, height / picture.height)
        wide, high = width / factor, height / factor
        left, top = (picture.width - wide) / 2, (picture.height - high) / 2
        small = picture.resize((width, height), Image.Resampling.BILINEAR, (left, top, left + wide, top + high))
    return written(small, kind)


def rotated(data: bytes) -> bytes | None:
    """A JPEG turned as its EXIF data says; None where it stands upright, or cannot be read."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.format != "JPEG" or picture.getexif().get(ORIENTATION, 1) == 1:
                return None
            return written(ImageOps.exif_transpose(picture), "JPEG")
    except (OSError, ValueError):
        return None


def written(picture: Image.Image, kind: str) -> bytes:
    """A picture as a file's bytes."""
    output = io.BytesIO()
    picture.save(output, kind)
    return output.getvalue()
