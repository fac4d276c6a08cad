"""What a file's bytes say, and which names files get."""

import io
import re
import uuid
from collections.abc import Container
from pathlib import PurePosixPath
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from plugin.sandbox.shopify.model import MediaTrouble

MOST_BYTES = 20_971_520  # of a staged picture (Shopify's documentation)
MOST_PIXELS = 20_000_000  # of a picture (Shopify's documentation)
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
EXTENSIONS = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp",
    "heic": "image/heic",
}  # fmt: skip
DROPPED = re.compile(r"[^\w.-]+")


class Found(NamedTuple):
    """What a file's bytes say; with `trouble` the picture will FAIL."""

    mime: str = ""
    width: int = 0
    height: int = 0
    trouble: MediaTrouble | None = None


def look(data: bytes) -> Found:
    """Judge a picture as Shopify's processing does: 20 MB, 20 megapixels, decodable, of a known type."""
    if len(data) > MOST_BYTES:
        return Found(trouble=MediaTrouble("INVALID_IMAGE_FILE_SIZE", "The image size is too large: at most 20 MB."))
    try:
        with Image.open(io.BytesIO(data)) as image:
            return _look_at(image)
    except UnidentifiedImageError:
        return Found(trouble=MediaTrouble("UNSUPPORTED_IMAGE_FILE_TYPE", "The file type is not supported."))
    except Image.DecompressionBombError:
        return Found(trouble=too_many_pixels())
    except (OSError, SyntaxError, ValueError):
        return Found(trouble=MediaTrouble("IMAGE_PROCESSING_FAILURE", "The image could not be processed."))


def look_at_upload(data: bytes, name: str) -> Found:
    """The same, and the name's extension must fit the bytes, as seen in recorded answers."""
    found = look(data)
    if found.trouble is None and EXTENSIONS.get(extension_of(name)) != found.mime:
        return found._replace(
            trouble=MediaTrouble("UNSUPPORTED_IMAGE_FILE_TYPE", "The file is not what its name says.")
        )
    return found


def _look_at(image: Image.Image) -> Found:
    """Raises `OSError` where it cannot be decoded."""
    mime = TYPES.get(image.format or "", "")
    width, height = image.size
    if not mime:
        trouble = MediaTrouble("UNSUPPORTED_IMAGE_FILE_TYPE", "The file type is not supported.")
        return Found(trouble=trouble)
    if width * height > MOST_PIXELS:
        return Found(mime, width, height, too_many_pixels())
    turned = ImageOps.exif_transpose(image).size if image.getexif().get(0x0112, 1) != 1 else (width, height)
    image.draft("RGB", (width // 8, height // 8))  # a JPEG is read faster so, and a cut one is still found out
    image.load()
    return Found(mime, *turned)


def too_many_pixels() -> MediaTrouble:
    """The trouble of a picture above 20 megapixels."""
    return MediaTrouble("INVALID_IMAGE_RESOLUTION", "The image resolution exceeds the limit of 20 megapixels.")


def extension_of(name: str) -> str:
    """A name's extension in lower case, without the dot; "" where there is none."""
    return PurePosixPath(name).suffix.removeprefix(".").lower()


def same_type(name: str, other: str) -> bool:
    """Whether two names' extensions mean one type (jpg and jpeg do)."""
    one, two = extension_of(name), extension_of(other)
    return one == two or (one in EXTENSIONS and EXTENSIONS.get(one) == EXTENSIONS.get(two))


def plain_name(name: str) -> str:
    """A file name as Shopify keeps it: no folders, and nothing but letters, digits, `.`, `-` and `_`."""
    return DROPPED.sub("_", PurePosixPath(name.replace("\\", "/")).name).strip("_") or "file"


def free_name(name: str, taken: Container[str]) -> str:
    """The name, or with a UUID before its extension where it is taken."""
    while name.lower() in taken:
        path = PurePosixPath(name)
        name = f"{path.stem}_{uuid.uuid4()}{path.suffix}"
    return name
