from __future__ import annotations

import hashlib
import struct
import zlib

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from PIL import Image

from plugin.pictures import NotAPictureError, look, reference_problem, warnings
from tests.plugin.pictures.drawn import drawn, encoded

SAMPLES = {
    "JPEG": encoded(),
    "PNG": encoded(kind="PNG"),
    "WEBP": encoded(kind="WEBP"),
    "GIF": encoded(drawn(mode="P"), "GIF"),
}


class TestLook:
    @pytest.mark.parametrize(
        ("kind", "name", "mime", "extension"),
        [
            ("JPEG", "jpeg", "image/jpeg", "jpg"),
            ("PNG", "png", "image/png", "png"),
            ("WEBP", "webp", "image/webp", "webp"),
            ("GIF", "gif", "image/gif", "gif"),
        ],
    )
    def test_says_what_it_is(self, kind: str, name: str, mime: str, extension: str) -> None:
        data = encoded(drawn(300, 200, mode="P" if kind == "GIF" else "RGB"), kind)
        seen = look(data)
        assert (seen.format, seen.mime, seen.extension) == (name, mime, extension)
        assert (seen.width, seen.height, seen.sha256) == (300, 200, hashlib.sha256(data).hexdigest())

    @pytest.mark.parametrize("mode", ["CMYK", "L", "1"])
    def test_takes_unusual_colours(self, mode: str) -> None:
        assert not look(encoded(drawn(mode=mode), "JPEG" if mode != "1" else "PNG")).blank

    def test_takes_sixteen_bits(self) -> None:
        wide = drawn(mode="L").convert("I").point(lambda value: value * 257).convert("I;16")
        assert not look(encoded(wide, "PNG")).blank

    def test_takes_the_first_of_several_frames(self) -> None:
        frames = [drawn(80, 60, seed=n, mode="P") for n in range(3)]
        assert look(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])).width == 80

    def test_sees_it_upright(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        seen = look(encoded(drawn(300, 200), exif=exif))
        assert (seen.width, seen.height) == (200, 300)

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow says so and goes on
    @pytest.mark.parametrize("tail", [b"junk", b"II*\0\x08\0\0\0\xff\xff", b"MM\0*\xff\xff\xff\xff"])
    def test_damaged_exif_data_does_not_lose_a_picture(self, tail: bytes) -> None:
        assert look(encoded(drawn(300, 200), exif=b"Exif\0\0" + tail)).width == 300

    def test_takes_a_jpeg_with_more_pictures_behind_it(self) -> None:
        assert look(encoded(kind="MPO", save_all=True, append_images=[drawn(seed=2)])).format == "jpeg"

    @pytest.mark.parametrize("kind", SAMPLES)
    @pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
    def test_a_cut_file_is_no_picture(self, kind: str, part: float) -> None:
        data = SAMPLES[kind]
        with pytest.raises(NotAPictureError):
            look(data[: int(len(data) * part)])

    @pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xd8\xff", b"GIF89a", b"<svg/>", encoded(kind="BMP")])
    def test_other_things_are_no_pictures(self, data: bytes) -> None:
        with pytest.raises(NotAPictureError):
            look(data)

    @pytest.mark.parametrize("side", [7072, 12_000, 60_000])
    def test_a_bomb_is_not_unpacked(self, side: int) -> None:
        def chunk(kind: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000)))
        with pytest.raises(NotAPictureError, match="50 million pixels"):
            look(bomb + chunk(b"IEND", b""))

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(sorted(SAMPLES)), st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8))
    def test_damage_gives_a_picture_or_the_one_error(self, kind: str, hits: list[tuple[float, int]]) -> None:
        data = bytearray(SAMPLES[kind])
        for place, value in hits:
            data[int(place * len(data))] = value
        try:
            assert look(bytes(data)).width > 0
        except NotAPictureError:
            event("refused")


class TestWarnings:
    @pytest.mark.parametrize(
        ("shape", "ratio", "size", "expected"),
        [
            ((1024, 1024), "1:1", "1024x1024", ()),
            ((1024, 1000), "1:1", None, ()),
            ((1024, 1536), "3:4", None, ()),
            ((1024, 1024), "3:4", None, ("direction",)),
            ((1536, 1024), "9:16", None, ("direction",)),
            ((1536, 1024), None, "1024x1536", ("direction",)),
            ((1536, 1024), None, "auto", ()),
            ((500, 600), None, None, ("small",)),
            ((900, 900), "1:1", "2048x2048", ("small",)),
            ((300, 200), "2:3", "1024X1536", ("direction", "small")),
        ],
    )
    def test_of_shape_and_size(
        self, shape: tuple[int, int], ratio: str | None, size: str | None, expected: tuple[str, ...]
    ) -> None:
        seen = look(encoded(drawn(*shape)))
        assert warnings(seen, aspect_ratio=ratio, size=size, reference=None) == expected

    @pytest.mark.parametrize("colour", ["white", "black", (120, 200, 30), (0, 0, 0, 0)])
    def test_of_a_blank_picture(self, colour: str | tuple[int, ...]) -> None:
        blank = Image.new("RGBA" if len(colour) == 4 else "RGB", (600, 600), colour)
        assert warnings(look(encoded(blank, "PNG")), aspect_ratio=None, size=None, reference=None) == ("blank",)

    def test_of_the_reference_again(self) -> None:
        original = drawn(800, 800)
        copies = [encoded(original), encoded(original, "WEBP", quality=70), encoded(original.resize((600, 600)))]
        for copy in copies:
            found = warnings(look(copy), aspect_ratio=None, size=None, reference=encoded(original, "PNG"))
            assert found == ("same-as-reference",)

    @pytest.mark.parametrize("seed", range(2, 12))
    def test_not_of_another_picture(self, seed: int) -> None:
        other = look(encoded(drawn(seed=seed)))
        assert warnings(look(SAMPLES["PNG"]), aspect_ratio=None, size=None, reference=other) == ()

    def test_not_of_the_same_product_in_another_colour_or_place(self) -> None:
        product = Image.new("RGB", (600, 600), "white")
        product.paste((200, 30, 30), (250, 250, 350, 350))
        recoloured, moved = Image.new("RGB", (600, 600), "white"), Image.new("RGB", (600, 600), "white")
        recoloured.paste((30, 120, 30), (250, 250, 350, 350))
        moved.paste((200, 30, 30), (300, 250, 400, 350))
        for other in (recoloured, moved):
            assert warnings(look(encoded(other)), aspect_ratio=None, size=None, reference=encoded(product)) == ()


class TestReference:
    def test_a_useful_one_passes(self) -> None:
        assert reference_problem(look(encoded(drawn(200, 100)))) is None

    def test_a_tiny_one_is_named(self) -> None:
        assert "80 × 99 pixels" in (reference_problem(look(encoded(drawn(80, 99)))) or "")

    def test_a_blank_one_is_named(self) -> None:
        assert "no product" in (reference_problem(look(encoded(Image.new("RGB", (500, 500))))) or "")
