"""What a picture's file must be so that Shopify takes it; looked at before anything is uploaded.

Limits of Shopify's documentation: 20 MB, 20 megapixels, these types, and a file name whose extension matches the bytes
(the latter seen in recorded answers, too).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import PurePosixPath

from PIL import Image, UnidentifiedImageError

from connectors.types import ConnectorError, NewImage

MOST_BYTES = 20_971_520
MOST_PIXELS = 20_000_000
MOST_ALT = 512
_TYPES = {  # Pillow's name → MIME type, extensions
    "JPEG": ("image/jpeg", (".jpg", ".jpeg")),
    "MPO": ("image/jpeg", (".jpg", ".jpeg")),
    "PNG": ("image/png", (".png",)),
    "WEBP": ("image/webp", (".webp",)),
    "GIF": ("image/gif", (".gif",)),
    "HEIC": ("image/heic", (".heic",)),
}
_READ = ("JPEG", "PNG", "WEBP", "GIF")  # by Pillow; "MPO" is what it calls a JPEG file of several pictures
_HEIC_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"heim", b"heis")


class RefusedError(Exception):
    """The shop does not take this picture, whoever asks. The message is the reason."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that may be uploaded. size: in bytes. filename: with the extension that its bytes ask for."""

    image: NewImage
    filename: str
    mime: str
    size: int

    @property
    def key(self) -> str:
        """Our key."""
        return self.image.key


def checked(image: NewImage) -> Picture:
    """The picture, if Shopify takes such a file. Raises RefusedError; ConnectorError if the file cannot be read."""
    try:
        size = image.path.stat().st_size
        if size > MOST_BYTES:
            raise RefusedError(f"the file has {size / 1_048_576:.1f} MB, and Shopify takes 20 MB at most")
        kind, pixels = _looked_at(image)
    except OSError as error:
        raise ConnectorError(
            f"the stored picture {image.filename} cannot be read: {error.strerror or error}"
        ) from error
    if pixels > MOST_PIXELS:
        raise RefusedError(f"the picture has {pixels / 1e6:.1f} megapixels, and Shopify takes 20 at most")
    mime, extensions = _TYPES[kind]
    return Picture(image, _named(image.filename, extensions), mime, size)


def shortened(alt: str) -> str:
    """A description as long as Shopify takes it (512 characters), cut between words where that is possible."""
    if len(alt) <= MOST_ALT:
        return alt
    cut = alt[: MOST_ALT - 1]
    words = cut.rpartition(" ")[0]
    return (words if len(words) > MOST_ALT * 3 // 4 else cut).rstrip(" ,;:") + "…"


def _looked_at(image: NewImage) -> tuple[str, int]:
    """Type and number of pixels (of a HEIC picture, which Pillow does not read: 0). Raises RefusedError, OSError."""
    with image.path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
            return "HEIC", 0
        file.seek(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # said in better words by the caller
                with Image.open(file, formats=_READ) as picture:
                    return str(picture.format), picture.width * picture.height
        except Image.DecompressionBombError as error:
            raise RefusedError("the picture has far more than 20 megapixels, the most that Shopify takes") from error
        except (UnidentifiedImageError, SyntaxError) as error:
            raise RefusedError("the file is no picture that Shopify takes (JPEG, PNG, WEBP, HEIC, GIF)") from error


def _named(filename: str, extensions: tuple[str, ...]) -> str:
    """The name, with another extension if it has a wrong one: a paid picture is not lost for that."""
    name = PurePosixPath(filename)
    return filename if name.suffix.lower() in extensions else f"{name.stem}{extensions[0]}"
