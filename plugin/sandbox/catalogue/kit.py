"""A small drawing kit for the sample catalogue: shapes filled with gradients, soft shadows and highlights.

Pictures are drawn at twice their size and scaled down, which smooths every edge. Coordinates are those of the
finished picture (0..SIZE); angles are degrees, 0 to the right, growing clockwise.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

SIZE = 1000
SCALE = 2
# Blurs are made on a quarter-size copy: nobody can tell, and it is sixteen times quicker.
_BLUR_SCALE = 8

Color = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
Stops = Sequence[tuple[float, Color]]


def rgb(color: str) -> Color:
    """ "#rrggbb" or a CSS name as numbers."""
    red, green, blue = ImageColor.getrgb(color)[:3]
    return red, green, blue


def shade(color: Color, factor: float) -> Color:
    """Darker for a factor below 1; above 1 mixed with that much white (1.3: 30% white)."""
    if factor <= 1:
        return mix((0, 0, 0), color, factor)
    return mix(color, (255, 255, 255), factor - 1)


def mix(one: Color, other: Color, part: float) -> Color:
    """Between two colours: 0 gives `one`, 1 gives `other`."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


def turned(color: Color, hue: float) -> Color:
    """The colour with its hue moved on by `hue` (0..1); greys stay grey."""
    h, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in color))
    red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb((h + hue) % 1, lightness, saturation))
    return red, green, blue


def cylinder(color: Color) -> Stops:
    """A gradient that makes a flat shape look round: light from the upper left, a bounce on the right edge."""
    return (
        (0.0, shade(color, 0.62)),
        (0.16, shade(color, 0.95)),
        (0.32, shade(color, 1.28)),
        (0.55, color),
        (0.86, shade(color, 0.58)),
        (1.0, shade(color, 0.74)),
    )


def ball(color: Color) -> Stops:
    """A gradient from light to dark for surfaces that turn away from the light."""
    return ((0.0, shade(color, 1.3)), (0.45, color), (1.0, shade(color, 0.6)))


def metal(color: Color) -> Stops:
    """A gradient with the hard bands of polished metal."""
    return (
        (0.0, shade(color, 0.55)),
        (0.2, shade(color, 1.6)),
        (0.42, shade(color, 0.85)),
        (0.6, shade(color, 1.45)),
        (0.85, shade(color, 0.6)),
        (1.0, shade(color, 1.1)),
    )


def curve(start: Point, *beziers: tuple[Point, Point, Point]) -> list[Point]:
    """Points along cubic Bézier pieces, each given by two handles and its end."""
    points = [start]
    for one, two, end in beziers:
        origin = points[-1]
        points += [_bezier(origin, one, two, end, step / 24) for step in range(1, 25)]
    return points


def mirrored(half: Sequence[Point], middle: float = SIZE / 2) -> list[Point]:
    """A closed outline from its right half, drawn from top to bottom."""
    return [*half, *((2 * middle - x, y) for x, y in reversed(half))]


def arc(center: Point, radius: Point, start: float, end: float) -> list[Point]:
    """Points on an ellipse from one angle to another."""
    angles = [math.radians(start + (end - start) * step / 60) for step in range(61)]
    return [(center[0] + radius[0] * math.cos(a), center[1] + radius[1] * math.sin(a)) for a in angles]


def _bezier(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
    return x, y


def gradient(stops: Stops, size: tuple[int, int], *, vertical: bool = False) -> Image.Image:
    """A linear colour gradient of `size` device pixels, left to right or top to bottom."""
    line = Image.new("RGB", (256, 1))
    line.putdata([_color_at(stops, step / 255) for step in range(256)])
    if vertical:
        line = line.transpose(Image.Transpose.ROTATE_270)
    return line.resize(size, Image.Resampling.BILINEAR)


def _color_at(stops: Stops, position: float) -> Color:
    for (start, one), (end, other) in pairwise(stops):
        if position <= end:
            return mix(one, other, max(0.0, (position - start) / (end - start)))
    return stops[-1][1]


class Canvas:
    """One picture in the making, on a white studio background."""

    def __init__(self) -> None:
        self.image = gradient(
            ((0, (255, 255, 255)), (0.7, (253, 253, 253)), (1, (244, 244, 246))), _square(), vertical=True
        )

    def finished(self) -> Image.Image:
        """The picture at SIZE × SIZE."""
        return self.image.reduce(SCALE)

    def polygon(
        self, points: Sequence[Point], fill: Color | Stops, *, vertical: bool = False, inside: Shape | None = None
    ) -> Shape:
        """Fill an outline with a colour or with a gradient across its bounding box."""
        shape = Shape(lambda draw: draw.polygon(_scaled(points), fill=255), _bounds(points))
        return self._fill(shape, fill, vertical=vertical, inside=inside)

    def ellipse(self, box: Box, fill: Color | Stops, *, vertical: bool = False, inside: Shape | None = None) -> Shape:
        """Fill an ellipse."""
        shape = Shape(lambda draw: draw.ellipse(_scaled_box(box), fill=255), box)
        return self._fill(shape, fill, vertical=vertical, inside=inside)

    def box(
        self, box: Box, radius: float, fill: Color | Stops, *, vertical: bool = False, inside: Shape | None = None
    ) -> Shape:
        """Fill a rectangle with rounded corners."""
        shape = Shape(lambda draw: draw.rounded_rectangle(_scaled_box(box), radius * SCALE, fill=255), box)
        return self._fill(shape, fill, vertical=vertical, inside=inside)

    def line(self, points: Sequence[Point], width: float, fill: Color | Stops, *, vertical: bool = False) -> Shape:
        """Draw a line with round joints and ends."""
        left, top, right, bottom = _bounds(points)
        bounds = (left - width, top - width, right + width, bottom + width)
        return self._fill(
            Shape(lambda draw: _stroke(draw, points, width), bounds), fill, vertical=vertical, inside=None
        )

    def shadow(self, center: Point, radius: Point, strength: float = 0.34) -> None:
        """A soft contact shadow on the ground: a wide faint one and a narrow dark one."""
        (x, y), (width, height) = center, radius
        self.glow((x - width, y - height, x + width, y + height), (40, 42, 52), strength, blur=height * 0.7)
        self.glow(
            (x - width * 0.68, y - height * 0.3, x + width * 0.68, y + height * 0.3), (20, 22, 30), strength, blur=7
        )

    def glow(self, box: Box, color: Color, strength: float, *, blur: float, inside: Shape | None = None) -> None:
        """A blurred ellipse of light or shade, kept inside a shape if one is given."""
        self.soft(
            arc(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), ((box[2] - box[0]) / 2, (box[3] - box[1]) / 2), 0, 360),
            color,
            strength,
            blur=blur,
            inside=inside,
        )

    def soft(
        self, points: Sequence[Point], color: Color, strength: float, *, blur: float, inside: Shape | None = None
    ) -> None:
        """A blurred outline of light or shade, kept inside a shape if one is given."""
        factor = SCALE / _BLUR_SCALE
        mask = Image.new("L", (SIZE * SCALE // _BLUR_SCALE,) * 2)
        ImageDraw.Draw(mask).polygon([(x * factor, y * factor) for x, y in points], fill=round(255 * strength))
        mask = mask.filter(ImageFilter.GaussianBlur(blur * factor))
        area = mask.getbbox()
        if area is None:
            return
        left, top, right, bottom = (value * _BLUR_SCALE for value in area)
        mask = mask.crop(area).resize((right - left, bottom - top), Image.Resampling.BILINEAR)
        if inside is not None:
            mask = ImageChops.multiply(mask, inside.mask().crop((left, top, right, bottom)))
        self.image.paste(color, (left, top), mask)

    def _fill(self, shape: Shape, fill: Color | Stops, *, vertical: bool, inside: Shape | None) -> Shape:
        left, top, right, bottom = shape.pixels()
        if right <= left or bottom <= top:
            return shape
        area = left, top, right, bottom
        mask = shape.mask().crop(area)
        if inside is not None:
            mask = ImageChops.multiply(mask, inside.mask().crop(area))
        self.image.paste(_paint(fill, mask.size, vertical=vertical), (left, top), mask)
        return shape


class Shape:
    """Where something was drawn: its mask, made when it is first needed, and its bounding box."""

    def __init__(self, draw: Callable[[ImageDraw.ImageDraw], None], bounds: Box) -> None:
        self._draw = draw
        self._mask: Image.Image | None = None
        self.bounds = bounds

    def mask(self) -> Image.Image:
        """255 inside, 0 outside, at device size."""
        if self._mask is None:
            self._mask = Image.new("L", _square())
            self._draw(ImageDraw.Draw(self._mask))
        return self._mask

    def pixels(self) -> tuple[int, int, int, int]:
        """The bounding box in device pixels, inside the picture."""
        left, top, right, bottom = (value * SCALE for value in self.bounds)
        edge = SIZE * SCALE
        return (
            max(0, math.floor(left)),
            max(0, math.floor(top)),
            min(edge, math.ceil(right) + 1),
            min(edge, math.ceil(bottom) + 1),
        )


def _paint(fill: Color | Stops, size: tuple[int, int], *, vertical: bool) -> Image.Image:
    # A plain colour is a gradient from itself to itself.
    first = fill[0]
    stops: Stops = [(0.0, fill), (1.0, fill)] if isinstance(first, int) else fill  # type: ignore[list-item,assignment]
    return gradient(stops, size, vertical=vertical)


def _square() -> tuple[int, int]:
    return SIZE * SCALE, SIZE * SCALE


def _scaled(points: Sequence[Point]) -> list[Point]:
    # Rounded, since a straight edge whose ends differ by a float's last digit would come out rippled.
    return [(round(x * SCALE, 3), round(y * SCALE, 3)) for x, y in points]


def _scaled_box(box: Box) -> Box:
    return box[0] * SCALE, box[1] * SCALE, box[2] * SCALE, box[3] * SCALE


def _bounds(points: Sequence[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _stroke(draw: ImageDraw.ImageDraw, points: Sequence[Point], width: float) -> None:
    radius = width * SCALE / 2
    draw.line(_scaled(points), fill=255, width=round(width * SCALE))
    for x, y in _scaled(points):  # round joints; Pillow's own leave notches in wide curves
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
