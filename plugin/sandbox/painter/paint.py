"""Makes the sandbox's pictures: the product of the reference on a composed backdrop, clearly marked as not real.

Equal input makes equal pictures. Words of the prompt (English or Chinese) choose the scene; the seed the rest.
"""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from plugin.sandbox.painter.cutout import Product
from plugin.sandbox.painter.scenes import Colour, Palette, ellipse, glow
from plugin.sandbox.painter.sets import Scene, Stage, choose_scene

SIZES = {
    "1:1": (1024, 1024),
    "3:4": (896, 1195),
    "2:3": (832, 1248),
    "9:16": (768, 1365),
    "4:3": (1195, 896),
    "3:2": (1248, 832),
    "16:9": (1365, 768),
}
MARK = "SANDBOX  ·  not a generated picture"
CLOSE_UP = ("close-up", "close up", "closeup", "detail", "macro", "texture", "细节", "特写", "微距", "纹理", "材质")
SCALE = ("scale", "dimension", "size comparison", "measure", "尺寸", "大小对比", "比例", "尺码")
MODES = {"png": "PNG", "jpeg": "JPEG"}


@dataclass(frozen=True)
class Job:
    """What one picture shall show."""

    prompt: str
    aspect_ratio: str
    seed: str
    size: tuple[int, int] | None = None

    def pixels(self) -> tuple[int, int]:
        """Width and height: those asked for, kept within reason, or the ratio's usual ones."""
        if self.size is None:
            return SIZES[self.aspect_ratio]
        width, height = (max(256, min(2048, side)) for side in self.size)
        return width, height


def paint(product: Product, job: Job) -> Image.Image:
    """The picture of a product for one prompt."""
    source = random.Random(job.seed)  # noqa: S311 - repeatable on purpose
    scene = choose_scene(job.prompt, source)
    palette = source.choice(scene.palettes)
    canvas = backdrop(scene, palette, job.pixels(), source)
    text = job.prompt.lower()
    if any(word in text for word in CLOSE_UP):
        close_up(canvas, product, palette)
    else:
        box = place(canvas, product, scene.stage, scene.shadow)
        if any(word in text for word in SCALE):
            dimension_lines(canvas, box, palette)
    OVERLAYS.get(scene.overlay, no_overlay)(canvas, source)
    mark(canvas)
    return canvas


def encode(picture: Image.Image, image_format: str) -> bytes:
    """The bytes of a picture: `png` (fast, not small) or `jpeg`."""
    buffer = io.BytesIO()
    if image_format == "jpeg":
        picture.save(buffer, "JPEG", quality=88)
    else:
        picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def tiny(job: Job, image_format: str) -> bytes:
    """A marked miniature in the asked ratio, different for every seed; made in about a millisecond."""
    source = random.Random(job.seed)  # noqa: S311 - repeatable on purpose
    width, height = (side // 8 for side in job.pixels())
    picture = Image.new("RGB", (width, height), tuple(source.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y, radius = source.randrange(width), source.randrange(height), source.randrange(8, 40)
        ellipse(draw, x, y, radius, radius, (source.randrange(256), source.randrange(256), source.randrange(256)))
    draw.rectangle((0, height - 14, width, height), fill=(20, 20, 20))
    draw.text((4, height - 13), "SANDBOX", fill=(255, 255, 255))
    return encode(picture, image_format)


def backdrop(scene: Scene, palette: Palette, size: tuple[int, int], source: random.Random) -> Image.Image:
    """The scene without the product."""
    half = Image.new("RGB", (size[0] // 2, size[1] // 2))
    scene.draw(half, palette, source)
    return half.resize(size, Image.Resampling.BICUBIC)


def fit(product: Product, width: float, height: float) -> Image.Image:
    """The product scaled into a box, in RGBA."""
    scale = min(width / product.image.width, height / product.image.height)
    size = (max(1, round(product.image.width * scale)), max(1, round(product.image.height * scale)))
    return product.image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)


def place(canvas: Image.Image, product: Product, stage: Stage, shadow: float) -> tuple[int, int, int, int]:
    """Stand the product on its stage with its shadows; the box that it covers."""
    upright = canvas.height > canvas.width * 1.2
    wide = min(0.82, stage.width * 1.25) if upright else stage.width
    cutout = fit(product, canvas.width * wide, canvas.height * stage.height)
    left = round((canvas.width - cutout.width) / 2)
    top = round(canvas.height * stage.base) - cutout.height
    if not product.cut:
        top = round(min(top, (canvas.height * 0.94 - cutout.height) / 2))
        card_shadow(canvas, cutout, (left, top))
    else:
        cast_shadow(canvas, cutout, (left, top), shadow)
        contact_shadow(canvas, (left, top + cutout.height), cutout.width, shadow)
    canvas.paste(cutout, (left, top), cutout)
    return left, top, left + cutout.width, top + cutout.height


def cast_shadow(canvas: Image.Image, cutout: Image.Image, at: tuple[int, int], strength: float) -> None:
    """The product's outline thrown to the right on the ground, soft."""
    width, height = cutout.size
    flat = cutout.getchannel("A").resize((max(2, width // 4), max(2, height // 14)))
    flat = flat.point(lambda value: int(value * strength * 0.7))
    pad = 14
    room = Image.new("L", (flat.width + 2 * pad, flat.height + 2 * pad), 0)
    slant = flat.transform((flat.width, flat.height), Image.Transform.AFFINE, (1, 0.8, -flat.height * 0.4, 0, 1, 0))
    room.paste(slant, (pad, pad))
    soft = room.filter(ImageFilter.GaussianBlur(5)).resize((room.width * 4, room.height * 4))
    x = at[0] - pad * 4 + width // 14
    y = at[1] + height - soft.height // 2 - height // 60
    canvas.paste((18, 16, 22), (x, y, x + soft.width, y + soft.height), soft)


def contact_shadow(canvas: Image.Image, at: tuple[int, int], width: int, strength: float) -> None:
    """The dark line where the product touches the ground."""
    side, tall = max(2, int(width * 0.96)), max(8, int(width * 0.07))
    mask = Image.radial_gradient("L").point(lambda value: int(max(0, 168 - value) * strength * 1.6))
    x, y = at[0] + (width - side) // 2, at[1] - tall // 2
    canvas.paste((10, 8, 12), (x, y, x + side, y + tall), mask.resize((side, tall)))


def card_shadow(canvas: Image.Image, card: Image.Image, at: tuple[int, int]) -> None:
    """A drop shadow under a photograph that was not cut out."""
    small = (card.width // 4 + 40, card.height // 4 + 40)
    mask = Image.new("L", small, 0)
    ImageDraw.Draw(mask).rectangle((20, 22, small[0] - 20, small[1] - 17), fill=120)
    soft = mask.filter(ImageFilter.GaussianBlur(7)).resize((small[0] * 4, small[1] * 4))
    x, y = at[0] - 80, at[1] - 80
    canvas.paste((15, 12, 18), (x, y, x + soft.width, y + soft.height), soft)


def close_up(canvas: Image.Image, product: Product, palette: Palette) -> None:
    """The product large and cropped, with a round magnifier of its middle and the whole of it beside."""
    width, height = canvas.size
    large = fit(product, width * 1.25, height * 1.25)
    at = (round(width * 0.56 - large.width / 2), round(height * 0.52 - large.height / 2))
    soft = (
        large.getchannel("A")
        .resize((max(1, large.width // 4), max(1, large.height // 4)))
        .filter(ImageFilter.GaussianBlur(8))
    )
    shade = soft.resize(large.size).point(lambda value: value // 3)
    canvas.paste((15, 12, 18), (at[0] + 14, at[1] + 26, at[0] + 14 + large.width, at[1] + 26 + large.height), shade)
    canvas.paste(large, at, large)
    magnifier(canvas, product, palette)


def magnifier(canvas: Image.Image, product: Product, palette: Palette) -> None:
    """A round inset at the lower left that shows the whole product."""
    side = round(min(canvas.size) * 0.34)
    inset = Image.new("RGB", (side, side), palette.bottom)
    whole = fit(product, side * 0.66, side * 0.66)
    inset.paste(whole, ((side - whole.width) // 2, (side - whole.height) // 2), whole)
    mask = disc(side)
    x, y = round(canvas.width * 0.05), round(canvas.height * 0.9) - side
    rim = disc(side + 16)
    canvas.paste((255, 255, 255), (x - 8, y - 8, x + side + 8, y + side + 8), rim)
    canvas.paste(inset, (x, y), mask)


def disc(side: int) -> Image.Image:
    """A smooth white disc on black."""
    mask = Image.new("L", (side * 2, side * 2), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, side * 2 - 1, side * 2 - 1), fill=255)
    return mask.reduce(2)


def dimension_lines(canvas: Image.Image, box: tuple[int, int, int, int], palette: Palette) -> None:
    """Measuring lines left of and above the product."""
    dark = sum(palette.bottom) < 300
    colour: Colour = (245, 245, 245) if dark else (60, 64, 72)
    left, top, right, bottom = box
    x, y = max(20, left - canvas.width // 22), max(20, top - canvas.height // 28)
    draw = ImageDraw.Draw(canvas)
    tick = 12
    draw.line((x, top, x, bottom), fill=colour, width=3)
    draw.line((left, y, right, y), fill=colour, width=3)
    for end in (top, bottom):
        draw.line((x - tick, end, x + tick, end), fill=colour, width=3)
    for end in (left, right):
        draw.line((end, y - tick, end, y + tick), fill=colour, width=3)
    type_face = font(round(canvas.height * 0.024))
    draw.text((x - 16, (top + bottom) / 2), "H", fill=colour, font=type_face, anchor="rm")
    draw.text(((left + right) / 2, y - 10), "W", fill=colour, font=type_face, anchor="mb")


def snow(canvas: Image.Image, source: random.Random) -> None:
    """Snow that falls, near and far."""
    flakes = Image.new("L", (canvas.width // 2, canvas.height // 2), 0)
    draw = ImageDraw.Draw(flakes)
    for _ in range(90):
        x, y, radius = source.random() * flakes.width, source.random() * flakes.height, source.uniform(0.8, 3.4)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=source.randrange(90, 220))
    canvas.paste((255, 255, 255), (0, 0), flakes.filter(ImageFilter.GaussianBlur(1)).resize(canvas.size))


def sparks(canvas: Image.Image, source: random.Random) -> None:
    """A few warm lights in the foreground."""
    for _ in range(7):
        x, y = source.choice([source.uniform(0, 0.2), source.uniform(0.8, 1)]), source.uniform(0.1, 0.9)
        glow(canvas, (x, y), source.uniform(0.01, 0.035), (255, 240, 205), 0.9)


def no_overlay(canvas: Image.Image, source: random.Random) -> None:
    """Scenes without anything before the product."""


OVERLAYS: dict[str, Callable[[Image.Image, random.Random], None]] = {"snow": snow, "sparks": sparks}


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own type face: no font of the system is needed."""
    return ImageFont.load_default(size)


def mark(canvas: Image.Image) -> None:
    """The band at the foot that says what this is."""
    tall = max(24, round(max(canvas.size) * 0.034))
    top = canvas.height - tall
    band = canvas.crop((0, top, canvas.width, canvas.height))
    canvas.paste(ImageEnhance.Brightness(band).enhance(0.28), (0, top))
    ImageDraw.Draw(canvas).text(
        (canvas.width / 2, top + tall / 2), MARK, fill=(255, 255, 255), font=font(round(tall * 0.56)), anchor="mm"
    )
