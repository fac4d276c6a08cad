"""Backdrops of the painter: how each kind of scene is drawn.

Everything is drawn at half size and enlarged: that is fast, and the softness reads as depth of field.
"""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Colours of a scene: backdrop from `top` to `bottom`, the `floor`, and an `accent`."""

    top: Colour
    bottom: Colour
    floor: Colour
    accent: Colour


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """A vertical gradient."""
    column = Image.new("RGB", (1, 64))
    column.putdata([mix(top, bottom, row / 63) for row in range(64)])
    return column.resize(size, Image.Resampling.BICUBIC)


def glow(canvas: Image.Image, centre: tuple[float, float], radius: float, colour: Colour, strength: float) -> None:
    """Add a soft round light; places and radius are shares of the canvas' width and height."""
    side = max(2, int(radius * 2 * max(canvas.size)))
    mask = (
        Image.radial_gradient("L")
        .point(lambda value: int(min(255, max(0, 168 - value) * 1.2 * strength)))
        .resize((side, side))
    )
    at = (int(centre[0] * canvas.width - side / 2), int(centre[1] * canvas.height - side / 2))
    canvas.paste(colour, (at[0], at[1], at[0] + side, at[1] + side), mask)


def floor(canvas: Image.Image, line: float, near: Colour, far: Colour) -> None:
    """A floor from the share `line` of the height down."""
    top = int(canvas.height * line)
    canvas.paste(gradient((canvas.width, canvas.height - top), far, near), (0, top))


def soften(canvas: Image.Image, radius: float) -> None:
    """Blur in place."""
    canvas.paste(canvas.filter(ImageFilter.GaussianBlur(radius)))


def ellipse(draw: ImageDraw.ImageDraw, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
    """A filled ellipse by its centre and radii."""
    draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=fill)


def leaf(draw: ImageDraw.ImageDraw, x: float, y: float, length: float, angle: float, fill: Colour) -> None:
    """A pointed leaf that grows from (x, y)."""
    points = []
    for step in range(13):
        along = step / 6 if step <= 6 else (12 - step) / 6
        side = math.sin(along * math.pi) * length * 0.2 * (1 if step <= 6 else -1)
        px, py = along * length, side
        points.append(
            (x + px * math.cos(angle) - py * math.sin(angle), y + px * math.sin(angle) + py * math.cos(angle))
        )
    draw.polygon(points, fill=fill)


def draw_studio(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """A seamless studio sweep."""
    canvas.paste(gradient(canvas.size, palette.top, palette.bottom))
    glow(canvas, (source.uniform(0.4, 0.6), 0.4), 0.55, (255, 255, 255), 1.0)
    floor_top = int(canvas.height * 0.7)
    fade = Image.linear_gradient("L").resize((canvas.width, canvas.height - floor_top))
    canvas.paste(palette.floor, (0, floor_top), fade.point(lambda value: value * 3 // 4))


def draw_podium(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """A round podium in front of an arch, lit from above."""
    width, height = canvas.size
    canvas.paste(gradient(canvas.size, palette.top, palette.bottom))
    glow(canvas, (0.5, 0.32), 0.5, mix(palette.bottom, (255, 255, 255), 0.35), 0.9)
    draw = ImageDraw.Draw(canvas)
    radius = width * source.uniform(0.3, 0.36)
    arch = mix(palette.bottom, palette.accent, 0.22)
    top = height * 0.22 + radius * 0.2
    draw.rectangle((width / 2 - radius, top + radius, width / 2 + radius, height * 0.86), fill=arch)
    ellipse(draw, width / 2, top + radius, radius, radius, arch)
    soften(canvas, 2)
    floor(canvas, 0.8, palette.floor, mix(palette.floor, palette.bottom, 0.5))
    draw = ImageDraw.Draw(canvas)
    for spread, lift, share in ((0.43, 0.05, 0.15), (0.36, 0.0, 0.42)):
        y, rx, ry = height * (0.83 + lift), width * spread, height * 0.045
        side = mix(palette.floor, palette.accent, share)
        ellipse(draw, width / 2, y + height * 0.05, rx, ry, mix(side, (0, 0, 0), 0.25))
        draw.rectangle((width / 2 - rx, y, width / 2 + rx, y + height * 0.05), fill=mix(side, (0, 0, 0), 0.18))
        ellipse(draw, width / 2, y, rx, ry, mix(side, (255, 255, 255), 0.22))
    soften(canvas, 0.8)


def draw_home(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """A wooden table before a wall, with light from a window and a plant out of focus."""
    width, height = canvas.size
    canvas.paste(gradient(canvas.size, palette.top, palette.bottom))
    draw_window_light(canvas, source)
    draw_shelf(canvas, palette, source)
    draw_plant(canvas, palette, source)
    soften(canvas, 7)
    line = int(height * 0.72)
    floor(canvas, 0.72, palette.floor, mix(palette.floor, (255, 255, 255), 0.22))
    draw = ImageDraw.Draw(canvas)
    for _ in range(34):
        y = line + (height - line) * source.random() ** 1.4
        shade = mix(palette.floor, (60, 30, 10), source.uniform(0.08, 0.25))
        start = source.uniform(-0.3, 0.8) * width
        draw.line((start, y, start + source.uniform(0.2, 0.7) * width, y + source.uniform(-2, 2)), fill=shade)
    draw.line((0, line, width, line), fill=mix(palette.floor, (255, 255, 255), 0.45), width=2)
    soften(canvas, 1)


def draw_window_light(canvas: Image.Image, source: random.Random) -> None:
    """Slanted panes of light on the wall."""
    width, height = canvas.size
    mask = Image.new("L", canvas.size, 0)
    draw = ImageDraw.Draw(mask)
    left = source.uniform(0.02, 0.4) * width
    for column in range(2):
        for row in range(3):
            x, y = left + column * width * 0.2, height * (0.05 + row * 0.2)
            slant = width * 0.09
            draw.polygon(
                [
                    (x, y),
                    (x + width * 0.17, y - slant),
                    (x + width * 0.17, y + height * 0.16 - slant),
                    (x, y + height * 0.16),
                ],
                fill=95,
            )
    canvas.paste((255, 250, 232), (0, 0), mask.filter(ImageFilter.GaussianBlur(3)))


def draw_shelf(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """A shelf with books and a vase."""
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas)
    y, x, end = height * 0.34, width * source.uniform(0.56, 0.62), width * 1.05
    draw.rectangle((x, y, end, y + height * 0.025), fill=mix(palette.floor, (40, 20, 10), 0.2))
    x += width * 0.03
    for _ in range(7):
        thick, tall = width * source.uniform(0.02, 0.04), height * source.uniform(0.09, 0.15)
        colour = mix(palette.accent, source.choice([palette.floor, palette.top, (250, 245, 235)]), source.random())
        draw.rectangle((x, y - tall, x + thick, y), fill=colour)
        x += thick + 2
    ellipse(
        draw, x + width * 0.06, y - height * 0.045, width * 0.035, height * 0.045, mix(palette.top, palette.accent, 0.5)
    )


def draw_plant(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """A plant in a pot at the left edge."""
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas)
    x, y = width * 0.1, height * 0.6
    for _ in range(14):
        green = mix((62, 110, 70), (150, 185, 120), source.random())
        leaf(draw, x, y, height * source.uniform(0.18, 0.34), -math.pi / 2 + source.uniform(-1.1, 1.1), green)
    pot = mix(palette.accent, (255, 255, 255), 0.3)
    bottom = height * 0.76
    draw.polygon(
        [(x - width * 0.07, y), (x + width * 0.07, y), (x + width * 0.05, bottom), (x - width * 0.05, bottom)], fill=pot
    )


def draw_outdoor(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """Sky, sun, layered hills and a stone slab."""
    width, height = canvas.size
    canvas.paste(gradient(canvas.size, palette.top, palette.bottom))
    glow(canvas, (source.uniform(0.15, 0.85), 0.25), 0.3, (255, 246, 214), 1.3)
    draw = ImageDraw.Draw(canvas)
    for layer in range(4):
        share = layer / 3
        level, wave = height * (0.42 + 0.1 * layer), source.uniform(0.6, 1.6)
        shift = source.uniform(0, math.tau)
        ridge = [
            (x, level - math.sin(x / width * math.tau * wave + shift) * height * 0.06 * (1.2 - share))
            for x in range(0, width + 16, 16)
        ]
        draw.polygon(
            [(0, height), *ridge, (width, height)], fill=mix(palette.bottom, palette.accent, 0.3 + 0.6 * share)
        )
    soften(canvas, 5)
    draw_slab(canvas, palette.floor)


def draw_slab(canvas: Image.Image, colour: Colour) -> None:
    """A slab of stone in the foreground."""
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas)
    y, rx, ry, thick = height * 0.84, width * 0.46, height * 0.07, height * 0.05
    ellipse(draw, width / 2, y + thick, rx, ry, mix(colour, (0, 0, 0), 0.35))
    draw.rectangle((width / 2 - rx, y, width / 2 + rx, y + thick), fill=mix(colour, (0, 0, 0), 0.3))
    ellipse(draw, width / 2, y, rx, ry, colour)
    ellipse(draw, width / 2, y - 1, rx * 0.93, ry * 0.86, mix(colour, (255, 255, 255), 0.12))
    soften(canvas, 1)


def draw_poster(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """Bold flat shapes: a sun disc, a diagonal field, dots and bars."""
    width, height = canvas.size
    canvas.paste(gradient(canvas.size, palette.top, palette.bottom))
    draw = ImageDraw.Draw(canvas)
    slope = source.uniform(0.1, 0.3) * height
    draw.polygon(
        [(0, height * 0.6 + slope), (width, height * 0.6 - slope), (width, height), (0, height)], fill=palette.floor
    )
    radius = min(width, height) * 0.4
    ellipse(draw, width / 2, height * 0.46, radius, radius, palette.accent)
    ellipse(draw, width / 2, height * 0.46, radius * 0.86, radius * 0.86, mix(palette.accent, (255, 255, 255), 0.22))
    for row in range(4):
        for column in range(6):
            x, y = width * 0.07 + column * width * 0.03, height * 0.08 + row * width * 0.03
            ellipse(draw, x, y, width * 0.006, width * 0.006, mix(palette.accent, (255, 255, 255), 0.5))
    for bar in range(3):
        y = height * (0.86 + bar * 0.025)
        draw.rectangle((width * 0.74, y, width * (0.93 - bar * 0.05), y + height * 0.008), fill=palette.accent)
    soften(canvas, 0.7)


def draw_dark(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """A dark room, a spotlight, a ring of light, a glossy floor."""
    width, height = canvas.size
    canvas.paste(gradient(canvas.size, palette.top, palette.bottom))
    glow(canvas, (0.5, 0.42), 0.42, mix(palette.bottom, palette.accent, 0.5), 1.0)
    ring = Image.new("L", canvas.size, 0)
    radius = min(width, height) * source.uniform(0.33, 0.38)
    box = (width / 2 - radius, height * 0.44 - radius, width / 2 + radius, height * 0.44 + radius)
    ImageDraw.Draw(ring).ellipse(box, outline=255, width=4)
    canvas.paste(
        palette.accent, (0, 0), ring.filter(ImageFilter.GaussianBlur(12)).point(lambda value: min(255, value * 3))
    )
    canvas.paste(mix(palette.accent, (255, 255, 255), 0.6), (0, 0), ring.filter(ImageFilter.GaussianBlur(1)))
    line = int(height * 0.78)
    mirrored = canvas.crop((0, line - (height - line), width, line)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    canvas.paste(
        Image.blend(mirrored.filter(ImageFilter.GaussianBlur(6)), Image.new("RGB", mirrored.size, palette.floor), 0.6),
        (0, line),
    )


def draw_flat(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """A surface seen from above, with leaves, stones and a cloth at its edges."""
    width, height = canvas.size
    canvas.paste(gradient(canvas.size, palette.top, palette.bottom))
    draw = ImageDraw.Draw(canvas)
    tilt = source.uniform(-0.12, 0.12) * width
    draw.polygon(
        [(width * 0.58 + tilt, 0), (width, 0), (width, height), (width * 0.7 - tilt, height)], fill=palette.floor
    )
    for _ in range(12):
        angle = source.uniform(0, math.tau)
        x, y = width * (0.5 + 0.55 * math.cos(angle)), height * (0.5 + 0.55 * math.sin(angle))
        if source.random() < 0.6:
            shade = mix((80, 120, 84), palette.accent, source.uniform(0, 0.6))
            for turn in (-0.5, 0.0, 0.5):
                leaf(draw, x, y, width * source.uniform(0.12, 0.2), angle + math.pi + turn, shade)
        else:
            size = width * source.uniform(0.02, 0.05)
            ellipse(draw, x, y, size, size * 0.8, mix(palette.accent, (240, 236, 228), source.uniform(0.3, 0.9)))
    soften(canvas, 2)


def draw_season(canvas: Image.Image, palette: Palette, source: random.Random) -> None:
    """Out-of-focus lights over a covered table, branches in the upper corners."""
    width, height = canvas.size
    canvas.paste(gradient(canvas.size, palette.top, palette.bottom))
    lights = Image.new("RGB", canvas.size)
    draw = ImageDraw.Draw(lights)
    for _ in range(46):
        size = width * source.uniform(0.012, 0.05)
        colour = mix(palette.accent, (255, 244, 214), source.random())
        ellipse(
            draw,
            source.random() * width,
            source.random() * height * 0.72,
            size,
            size,
            mix((0, 0, 0), colour, source.uniform(0.15, 0.6)),
        )
    canvas.paste(
        Image.composite(
            Image.new("RGB", canvas.size, (255, 248, 228)),
            canvas,
            lights.convert("L").filter(ImageFilter.GaussianBlur(1.5)),
        )
    )
    draw = ImageDraw.Draw(canvas)
    for corner, heading in ((0, 0.25), (width, math.pi - 0.25)):
        for step in range(16):
            reach = step / 16 * width * 0.34
            x, y = corner + math.cos(heading) * reach, math.sin(heading) * reach * 0.6
            tint = mix(mix(palette.floor, palette.accent, 0.6), (255, 255, 255), source.uniform(0, 0.3))
            for turn in (-0.9, 0.9):
                leaf(draw, x, y, width * source.uniform(0.06, 0.1), heading + turn, tint)
    soften(canvas, 3)
    floor(canvas, 0.76, palette.floor, mix(palette.floor, palette.top, 0.35))
