"""Looking at a picture: decode it fully, then say what it is and what a reviewer should know about it."""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from dataclasses import dataclass, field

from PIL import Image, ImageOps, UnidentifiedImageError

from plugin.pictures.errors import NotAPictureError

MAX_PIXELS = 50_000_000
FORMATS = {
    "jpeg": ("image/jpeg", "jpg"),
    "png": ("image/png", "png"),
    "webp": ("image/webp", "webp"),
    "gif": ("image/gif", "gif"),
}
# What Pillow's decoders raise on damaged or hostile data (their code, not only their documentation).
DECODE_ERRORS = (
    *(OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, AttributeError),
    *(struct.error, zlib.error, MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning),
)
_SIDE = 24  # of the tiny copy that pictures are compared by
_SQUARE = 1.05  # sides that differ by less count as a square
_BLANK = 12  # of 255: the most that the tiny copy of a blank picture varies
_SMALL = 512
_USELESS = 100


@dataclass(frozen=True, slots=True)
class Look:
    """A picture that decodes. `width` and `height` are pixels as shown (EXIF rotation applied); `sha256` is of
    the bytes; `tiny` is a copy of 24 × 24 RGB pixels on white, to compare pictures by."""

    sha256: str
    format: str
    mime: str
    extension: str
    width: int
    height: int
    tiny: bytes = field(repr=False)

    @property
    def blank(self) -> bool:
        """Whether it is (nearly) one colour all over."""
        return all(max(band) - min(band) <= _BLANK for band in (self.tiny[i::3] for i in range(3)))


def look(data: bytes) -> Look:
    """Decode a JPEG, PNG, WebP or GIF (its first frame) to the last pixel.

    Raises NotAPictureError if it is none of these, damaged, cut short, or has more than MAX_PIXELS.
    """
    try:
        with Image.open(io.BytesIO(data), formats=[name.upper() for name in FORMATS]) as image:
            return _look(image, data)
    except NotAPictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except UnidentifiedImageError:
        raise NotAPictureError("This is not a JPEG, PNG, WebP or GIF picture") from None
    except DECODE_ERRORS as error:
        raise NotAPictureError(f"The picture is damaged or cut short ({error})"[:200]) from None


def _look(image: Image.Image, data: bytes) -> Look:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels()
    image.load()
    shown = upright(image)
    name = (image.format or "").lower()
    name = "jpeg" if name == "mpo" else name  # a JPEG that has more pictures behind the first
    mime, extension = FORMATS[name]
    sha = hashlib.sha256(data).hexdigest()
    return Look(sha, name, mime, extension, shown.width, shown.height, _tiny(shown))


def _too_many_pixels() -> NotAPictureError:
    return NotAPictureError(f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels")


def upright(image: Image.Image) -> Image.Image:
    """As its EXIF data wants it shown. Damaged EXIF data is no reason to lose a picture: it is shown as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except DECODE_ERRORS:
        return image


def on_white(image: Image.Image) -> Image.Image:
    """A copy in RGB, with white where the picture is transparent."""
    if image.mode.startswith("I"):  # 16 bits a pixel: `convert` would clip everything to white
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    white = Image.new("RGBA", clear.size, "white")
    return Image.alpha_composite(white, clear).convert("RGB")


def _tiny(image: Image.Image) -> bytes:
    return on_white(image).resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes()


def warnings(
    seen: Look, *, aspect_ratio: str | None, size: str | None, reference: bytes | Look | None
) -> tuple[str, ...]:
    """What a reviewer should know about a generated picture, as codes; none of them makes it a failure.

    "direction": portrait, landscape or square is not what was asked (the vendor promises a direction, not exact
    pixels). "small": the shorter side is under 512 pixels or under half of what was asked. "blank": nearly one
    colour. "same-as-reference": it looks like the picture that it was made from.
    aspect_ratio as "3:4", size as "1024x1536": what was asked, None or another word where nothing was.
    """
    asked = _pair(size, "x")
    wanted = _pair(aspect_ratio, ":") or asked
    found = {
        "direction": wanted is not None and _direction(*wanted) != _direction(seen.width, seen.height),
        "small": min(seen.width, seen.height) < max(_SMALL, min(asked) / 2 if asked else 0),
        "blank": seen.blank,
        "same-as-reference": reference is not None and _alike(seen, reference),
    }
    return tuple(code for code, applies in found.items() if applies)


def reference_problem(seen: Look) -> str | None:
    """Why a product's picture is no use to generate from, as a plain sentence; None: it is fit for use."""
    if min(seen.width, seen.height) < _USELESS:
        return (
            f"The picture is only {seen.width} × {seen.height} pixels; "
            f"a product cannot be recognised under {_USELESS} pixels."
        )
    if seen.blank:
        return "The picture is nearly one colour all over and shows no product."
    return None


def _pair(text: str | None, separator: str) -> tuple[int, int] | None:
    found = re.fullmatch(rf"\s*(\d{{1,5}})\s*{separator}\s*(\d{{1,5}})\s*", (text or "").lower())
    pair = (int(found[1]), int(found[2])) if found else (0, 0)
    return pair if all(pair) else None


def _direction(width: int, height: int) -> str:
    if max(width, height) < min(width, height) * _SQUARE:
        return "square"
    return "landscape" if width > height else "portrait"


def _alike(seen: Look, reference: bytes | Look) -> bool:
    """The same bytes, or tiny copies that differ no more than another compression or size makes them differ."""
    other = reference if isinstance(reference, Look) else look(reference)
    if seen.sha256 == other.sha256:
        return True
    gaps = [abs(a - b) for a, b in zip(seen.tiny, other.tiny, strict=True)]
    return _same_shape(seen, other) and max(gaps) <= 24 and sum(gaps) <= 3 * len(gaps)


def _same_shape(one: Look, other: Look) -> bool:
    """Within 3 %: tiny copies are square, whatever the pictures' shape."""
    return abs(one.width * other.height - other.width * one.height) <= 0.03 * one.width * other.height
