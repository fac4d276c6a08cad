"""Reads a reference picture and takes the product out of a plain background, where that is plausible."""

import io
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps, ImageStat, UnidentifiedImageError

MOST_PIXELS = 60_000_000
WORK_SIDE = 900  # the product is never shown much larger
SEEK_SIDE = 224  # where the background is searched from the border: flood filling is slow
PLAIN_SPREAD = 14.0  # standard deviation of a border that counts as plain
NEAR, FAR = 8, 32  # distance from the background's colour: below is background, above is product
SHADOW, NEUTRAL, STEEP = 150, 16, 22  # a shadow is at most so dark, so coloured, and so steep
FOOT = 0.09  # the part of a product's height about which its shadow lies
SAME, HARD_RIM, MOST_HOLES = 3, 45, 12  # a hole is of the background's colour, with so different a rim
UNREADABLE = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    OverflowError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)  # what Pillow raises for broken or hostile files


class BadReferenceError(Exception):
    """The reference is no picture that can be used. The message says why."""


@dataclass(frozen=True)
class Product:
    """The product in RGBA, cropped to its outline; `cut` says whether the background could be taken away."""

    image: Image.Image
    cut: bool


def read_product(data: bytes) -> Product:
    """Decode a reference and cut the product out. Raises `BadReferenceError`."""
    picture = decode(data)
    if picture.mode == "RGBA" and transparent_share(picture.getchannel("A")) > 0.03:
        return cropped(picture)
    picture = picture.convert("RGB")
    alpha = plain_background(picture)
    if alpha is None:
        return Product(framed(picture), cut=False)
    picture.putalpha(alpha)
    return cropped(picture)


def decode(data: bytes) -> Image.Image:
    """A picture in RGB or RGBA of a workable size. Raises `BadReferenceError`."""
    if not data:
        raise BadReferenceError("the reference image is empty")
    try:
        with Image.open(io.BytesIO(data)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise BadReferenceError("the reference image has too many pixels")
            opened.draft("RGB", (WORK_SIDE, WORK_SIDE))
            picture = ImageOps.exif_transpose(opened)
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
            picture = picture.convert("RGBA" if has_alpha else "RGB")
    except UNREADABLE as error:
        raise BadReferenceError("the reference image cannot be decoded") from error
    picture.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BICUBIC, reducing_gap=2)
    return picture


def transparent_share(alpha: Image.Image) -> float:
    """The share of pixels that can be seen through."""
    return sum(alpha.histogram()[:128]) / (alpha.width * alpha.height)


def plain_background(picture: Image.Image) -> Image.Image | None:
    """The product's alpha, or None where the border is not plain or cutting would leave nothing sensible."""
    small = picture.copy()
    small.thumbnail((SEEK_SIDE, SEEK_SIDE))
    colour = border_colour(small)
    if colour is None:
        return None
    outside = flooded(small, colour)
    share = outside.histogram()[255] / (outside.width * outside.height)
    if not 0.08 < share < 0.985:
        return None
    for hole in holes(small, colour, outside):
        outside = ImageChops.lighter(outside, hole)
    return refined(distance(picture, colour), outside)


def refined(alpha: Image.Image, outside: Image.Image) -> Image.Image:
    """The fine alpha, held to the coarse outline: only along it does the distance of colours decide."""
    surely_inside = ImageChops.invert(outside.filter(ImageFilter.MaxFilter(3)))
    surely_outside = outside.filter(ImageFilter.MinFilter(3))
    inner, outer = (
        mask.resize(alpha.size, Image.Resampling.BILINEAR)
        for mask in (surely_inside, ImageChops.invert(surely_outside))
    )
    held = ImageChops.darker(ImageChops.lighter(alpha, inner), outer)
    return held.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(0.8))


def border_colour(small: Image.Image) -> tuple[int, int, int] | None:
    """The colour of the border, or None if it has several."""
    width, height = small.size
    if min(width, height) < 8:
        return None
    strips = [(0, 0, width, 3), (0, 0, 3, height), (width - 3, 0, width, height)]
    stats = [ImageStat.Stat(small.crop(box)) for box in strips]
    if max(max(stat.stddev) for stat in stats) > PLAIN_SPREAD:
        return None
    means = [stat.median for stat in stats]
    spread = max(max(channel) - min(channel) for channel in zip(*means, strict=True))
    red, green, blue = (round(value) for value in means[0])
    return (red, green, blue) if spread <= PLAIN_SPREAD else None


def distance(picture: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """How far each pixel is from a colour: 0 near it, 255 far from it, smooth between."""
    _, most = extremes(picture, colour)
    return most.point([max(0, min(255, (value - NEAR) * 255 // (FAR - NEAR))) for value in range(256)])


def flooded(small: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """What can be reached from the border through the background and the shadow on the ground: white there."""
    _, most = extremes(small, colour)
    room = Image.new("L", (small.width + 2, small.height + 2), 255)
    room.paste(ImageChops.lighter(most.point(lambda value: 255 if value <= NEAR else 0), ground(small, colour)), (1, 1))
    ImageDraw.floodfill(room, (0, 0), 128, border=0)
    return only(room, 128).crop((1, 1, room.width - 1, room.height - 1))


def ground(small: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Soft, colourless darkening about the foot of the product: its shadow. Higher up it would be a pale product."""
    least, most = extremes(small, colour)
    strong = most.point(lambda value: 255 if value > SHADOW else 0)
    tinted = ImageChops.subtract(most, least).point(lambda value: 255 if value > NEUTRAL else 0)
    box = ImageChops.lighter(strong, tinted).filter(ImageFilter.MinFilter(3)).getbbox()
    if box is None:
        return Image.new("L", small.size, 0)
    grey = small.convert("L")
    steep = ImageChops.subtract(grey.filter(ImageFilter.MaxFilter(3)), grey.filter(ImageFilter.MinFilter(3)))
    smooth = steep.point(lambda value: 255 if value <= STEEP else 0)
    shadow = ImageChops.subtract(ImageChops.subtract(smooth, strong), tinted)
    shadow.paste(0, (0, 0, small.width, round(box[3] - (box[3] - box[1]) * FOOT)))
    return shadow


def extremes(picture: Image.Image, colour: tuple[int, int, int]) -> tuple[Image.Image, Image.Image]:
    """The least and the greatest difference of the three channels from a colour."""
    red, green, blue = ImageChops.difference(picture, Image.new("RGB", picture.size, colour)).split()
    least = ImageChops.darker(ImageChops.darker(red, green), blue)
    return least, ImageChops.lighter(ImageChops.lighter(red, green), blue)


def only(mask: Image.Image, value: int) -> Image.Image:
    """White where the mask has a value, black elsewhere."""
    return mask.point(lambda found: 255 if found == value else 0)


def holes(small: Image.Image, colour: tuple[int, int, int], outside: Image.Image) -> list[Image.Image]:
    """Enclosed pieces of exactly the background's colour with a hard rim, such as the inside of a handle.

    A blown-out highlight of a pale product has a soft rim, and stays.
    """
    _, most = extremes(small, colour)
    same = most.point(lambda value: 255 if value <= SAME else 0)
    left = ImageChops.subtract(same, outside).filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MaxFilter(3))
    found: list[Image.Image] = []
    for _ in range(MOST_HOLES):
        box = left.getbbox()
        if box is None:
            break
        row = left.crop((box[0], box[1], box[2], box[1] + 1)).getbbox()
        ImageDraw.floodfill(left, (box[0] + (row[0] if row else 0), box[1]), 128, border=0)
        piece = only(left, 128)
        left = ImageChops.subtract(left, piece)
        left = only(left, 255)
        rim = ImageChops.subtract(piece.filter(ImageFilter.MaxFilter(7)), piece.filter(ImageFilter.MaxFilter(3)))
        if ImageStat.Stat(most, rim).mean[0] > HARD_RIM:
            found.append(piece)
    return found


def cropped(picture: Image.Image) -> Product:
    """The product without the empty margin."""
    box = picture.getchannel("A").point(lambda value: 255 if value > 40 else 0).getbbox()
    return Product(picture.crop(box) if box else picture, cut=True)


def framed(picture: Image.Image) -> Image.Image:
    """A photograph that cannot be cut out, as a print with a white edge."""
    edge = round(min(picture.size) * 0.03)
    return ImageOps.expand(picture, edge, (255, 255, 255)).convert("RGBA")
