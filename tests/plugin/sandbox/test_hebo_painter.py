"""The painter: sizes, formats, sameness by seed, the mark, the cut-out, odd references."""

import io
import random

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from plugin.sandbox.painter.cutout import BadReferenceError, Product, read_product
from plugin.sandbox.painter.paint import SIZES, Job, encode, paint, tiny
from plugin.sandbox.painter.scenes import Colour
from plugin.sandbox.painter.sets import SCENES, Scene, choose_scene


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def mug(background: Colour = (255, 255, 255), label: Colour = (240, 238, 235)) -> Image.Image:
    picture = Image.new("RGB", (400, 400), background)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((110, 90, 290, 330), 20, fill=(40, 90, 150))
    draw.rectangle((160, 160, 240, 220), fill=label)
    return picture


@pytest.fixture(scope="module")
def product() -> Product:
    return read_product(png(mug()))


@pytest.mark.parametrize("ratio", SIZES)
def test_size_follows_the_ratio(product: Product, ratio: str) -> None:
    picture = paint(product, Job("white background", ratio, "seed"))
    across, down = map(int, ratio.split(":"))
    assert picture.size == SIZES[ratio]
    assert picture.width / picture.height == pytest.approx(across / down, rel=0.01)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_scene_paints_something_worth_a_look(product: Product, scene: Scene) -> None:
    picture = paint(product, Job(scene.words[0], "1:1", "seed"))
    assert len(set(picture.resize((64, 64)).get_flattened_data())) > 200


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A cozy kitchen table, morning light", "home"),
        ("圣诞节海报,雪花飘落", "winter"),
        ("产品白底主图", "studio"),
        ("户外露营场景", "outdoor"),
        ("Luxury dark elegant still life", "dark"),
        ("春节 促销 海报", "new-year"),
        ("A portable tablet, seamless backdrop", "studio"),
    ],
)
def test_words_choose_the_scene(prompt: str, name: str) -> None:
    assert choose_scene(prompt, random.Random(0)).name == name


def test_words_for_detail_and_scale_change_the_composition(product: Product) -> None:
    plain, detail, scale = (
        paint(product, Job(f"studio {word}", "1:1", "seed")) for word in ("", "close-up", "dimension")
    )
    assert ImageChops.difference(plain, detail).getbbox() is not None
    assert ImageChops.difference(plain, scale).getbbox() is not None


def test_equal_jobs_make_equal_pictures(product: Product) -> None:
    first, second, other = (paint(product, Job("x", "3:4", seed)) for seed in ("a", "a", "b"))
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_every_picture_is_marked(product: Product) -> None:
    picture = paint(product, Job("white background", "1:1", "seed"))
    counts = picture.crop((0, picture.height - 30, picture.width, picture.height)).convert("L").histogram()
    assert sum(counts[:90]) > 0.8 * sum(counts)
    assert sum(counts[240:]) > 500


@pytest.mark.parametrize(("kind", "name"), [("png", "PNG"), ("jpeg", "JPEG")])
def test_formats(product: Product, kind: str, name: str) -> None:
    job = Job("poster", "16:9", "seed")
    for data in (encode(paint(product, job), kind), tiny(job, kind)):
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert picture.format == name


def test_an_asked_size_is_kept_within_reason(product: Product) -> None:
    assert paint(product, Job("x", "1:1", "s", (512, 256))).size == (512, 256)
    assert Job("x", "1:1", "s", (9999, 10)).pixels() == (2048, 256)


def test_tiny_pictures_differ_by_seed_and_keep_the_direction() -> None:
    first, second = (tiny(Job("x", "9:16", seed), "png") for seed in ("a", "b"))
    assert first != second
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.height > picture.width


@pytest.mark.parametrize("background", [(255, 255, 255), (246, 244, 240), (225, 235, 245)])
@pytest.mark.parametrize("hollow", [True, False])
def test_a_plain_background_goes_inside_handles_too_and_labels_stay(background: Colour, hollow: bool) -> None:
    label = background if hollow else (200, 190, 180)
    product = read_product(png(mug(background, label)))
    assert product.cut
    alpha = product.image.getchannel("A")
    assert product.image.size == pytest.approx((181, 241), abs=4)
    assert alpha.getpixel((product.image.width // 2, product.image.height * 2 // 5)) == (0 if hollow else 255)
    assert alpha.getpixel((0, 0)) == 0


def test_the_shadow_of_a_photograph_goes_too() -> None:
    picture = Image.new("RGB", (400, 400), "white")
    shade = Image.new("L", (400, 400), 0)
    ImageDraw.Draw(shade).ellipse((80, 320, 320, 350), fill=130)
    picture.paste((0, 0, 0), (0, 0), shade.filter(ImageFilter.GaussianBlur(12)))
    ImageDraw.Draw(picture).rounded_rectangle((110, 90, 290, 330), 20, fill=(190, 60, 40))
    assert read_product(png(picture)).image.size == pytest.approx((181, 241), abs=16)


def test_a_pale_product_is_not_taken_for_a_shadow() -> None:
    picture = Image.new("RGB", (400, 400), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((100, 100, 300, 300), fill=(228, 228, 230))
    draw.rectangle((100, 270, 300, 300), fill=(180, 40, 40))
    product = read_product(png(picture))
    assert product.image.getchannel("A").getpixel((product.image.width // 2, 30)) == 255


def test_a_photograph_is_shown_as_a_print() -> None:
    photo = Image.merge("RGB", [Image.effect_noise((300, 200), 120) for _ in range(3)])
    product = read_product(png(photo))
    assert not product.cut
    assert product.image.getpixel((1, 1)) == (255, 255, 255, 255)


def test_transparency_is_used_as_it_is() -> None:
    picture = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((50, 60, 149, 139), fill=(200, 30, 30, 255))
    product = read_product(png(picture))
    assert product.cut
    assert product.image.size == (100, 80)


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (700, 3), (8, 8), (1600, 1600)])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1", "I;16"])
def test_odd_references_are_painted_all_the_same(mode: str, size: tuple[int, int]) -> None:
    product = read_product(png(Image.new(mode, size)))
    for prompt in ("close-up", "studio dimension"):
        assert paint(product, Job(prompt, "1:1", "s", (256, 256))).size == (256, 256)


@pytest.mark.parametrize("data", [b"", b"<html></html>", png(mug())[:300], b"\x89PNG\r\n\x1a\n" + bytes(500)])
def test_what_is_no_picture_is_said_so(data: bytes) -> None:
    with pytest.raises(BadReferenceError, match="reference image"):
        read_product(data)


def test_a_picture_with_too_many_pixels_is_refused() -> None:
    with pytest.raises(BadReferenceError):
        read_product(png(Image.new("1", (9000, 9000))))
