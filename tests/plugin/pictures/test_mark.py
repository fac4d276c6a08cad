from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from PIL import Image

from plugin.pictures import NotAPictureError, is_marked, look, mark_as_generated
from plugin.pictures.xmp import GENERATED, is_marked_packet, marked_packet
from tests.plugin.pictures.drawn import drawn, encoded

OTHER = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="uuid:1" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="camera" '
    b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType='
    b'"http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def pixels(data: bytes) -> tuple[str, tuple[int, int], bytes]:
    with Image.open(io.BytesIO(data)) as image:
        return image.mode, image.size, image.tobytes()


def info(data: bytes) -> dict[Any, Any]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.info


SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
KINDS: list[tuple[str, str, dict[str, Any]]] = [
    *(("JPEG", "RGB", {}), ("JPEG", "L", {"progressive": True}), ("JPEG", "CMYK", {})),
    *(("PNG", "RGB", {}), ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "L", {})),
    *(("WEBP", "RGB", {}), ("WEBP", "RGBA", {})),
    *(("WEBP", "RGB", {"lossless": True}), ("WEBP", "RGBA", {"lossless": True})),
]


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(KINDS), SHAPES, st.sampled_from([None, OTHER]))
def test_pixels_stay_and_the_mark_is_read_back(
    kind: tuple[str, str, dict[str, Any]], shape: tuple[int, int, int], xmp: bytes | None
) -> None:
    name, mode, options = kind
    width, height, seed = shape
    options = options | ({"xmp": xmp} if xmp and name != "PNG" else {})
    data = encoded(drawn(width, height, seed=seed, mode=mode), name, **options)
    marked = mark_as_generated(data)
    assert not is_marked(data)
    assert is_marked(marked)
    assert pixels(marked) == pixels(data)
    assert mark_as_generated(marked) == marked
    assert look(marked).format == name.lower()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_what_else_the_metadata_says_is_kept(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a lamp"
    data = encoded(drawn(50, 40), kind, xmp=OTHER, exif=exif, icc_profile=b"profile", quality=90)
    before, after = info(data), info(mark_as_generated(data))
    assert after["exif"] == before["exif"]
    assert after["icc_profile"] == b"profile"
    assert b'dc:source="camera"' in after["xmp"]
    assert b"digitalCapture" not in after["xmp"]
    assert after["xmp"].count(GENERATED.encode()) == 1


def png_with_xmp(packet: bytes, *, compressed: bool) -> bytes:
    plain = encoded(drawn(50, 40), "PNG")
    text = zlib.compress(packet) if compressed else packet
    body = b"iTXtXML:com.adobe.xmp\0" + bytes([compressed]) + b"\0en\0\0" + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return plain[:33] + chunk + plain[33:]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_png_keeps_its_packet_too(compressed: bool) -> None:
    marked = mark_as_generated(png_with_xmp(OTHER, compressed=compressed))
    packet = info(marked)["xmp"]
    assert b'dc:source="camera"' in packet
    assert is_marked(marked)
    assert marked.count(b"XML:com.adobe.xmp") == 1


def test_transparency_and_animation_survive_in_webp() -> None:
    frames = [drawn(30, 30, seed=n, mode="RGBA") for n in range(3)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(io.BytesIO(mark_as_generated(data))) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]
    clear = Image.new("RGBA", (9, 9), (1, 2, 3, 0))
    marked = mark_as_generated(encoded(clear, "WEBP", lossless=True))
    assert pixels(marked)[0] == "RGBA"
    assert (marked[12:16], marked[20]) == (b"VP8X", 0x14)  # flags: transparency and XMP


def test_pictures_behind_a_jpeg_stay_readable() -> None:
    marked = mark_as_generated(encoded(drawn(60, 60), "MPO", save_all=True, append_images=[drawn(60, 60, seed=2)]))
    assert is_marked(marked)
    with Image.open(io.BytesIO(marked)) as image:
        image.seek(1)
        image.load()
        assert image.size == (60, 60)


def test_a_gif_becomes_a_marked_png() -> None:
    data = encoded(drawn(50, 40, mode="P"), "GIF")
    marked = mark_as_generated(data)
    with Image.open(io.BytesIO(data)) as gif:
        assert pixels(marked) == ("RGB", (50, 40), gif.convert("RGB").tobytes())
    assert look(marked).format == "png"
    assert is_marked(marked)


def test_a_packet_too_large_for_jpeg_is_replaced() -> None:
    large = OTHER.replace(b"camera", b"c" * (65_506 - len(OTHER)))  # all that Pillow puts into one segment
    marked = mark_as_generated(encoded(drawn(50, 40), xmp=large))
    assert is_marked(marked)
    assert b"cccc" not in marked


@pytest.mark.parametrize("old", [None, b"", b"no xml", b"<a/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', OTHER])
def test_every_old_packet_gives_a_marked_one(old: bytes | None) -> None:
    assert is_marked_packet(marked_packet(old))
    assert not is_marked_packet(old or b"")


@pytest.mark.parametrize("inside", [f">{GENERATED}</e:DigitalSourceType>", f' rdf:resource="{GENERATED}"/>'])
def test_a_mark_in_another_spelling_is_seen(inside: str) -> None:
    packet = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><rdf:Description rdf:about="">'
        f"<e:DigitalSourceType{inside}</rdf:Description></rdf:RDF>"
    )
    assert is_marked_packet(packet.encode())
    again = marked_packet(packet.encode())
    assert again.count(GENERATED.encode()) == 1


@pytest.mark.parametrize("data", [b"", b"x", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0", b"RIFF\0\0\0\0WEBP", b"GIF89a"])
def test_what_is_damaged_is_refused(data: bytes) -> None:
    assert not is_marked(data)
    with pytest.raises(NotAPictureError):
        mark_as_generated(data)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6),
    st.integers(0, 400),
)
def test_damage_gives_bytes_or_the_one_error(kind: str, hits: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(encoded(drawn(20, 20), kind))
    for place, value in hits:
        data[place % len(data)] = value
    try:
        assert mark_as_generated(bytes(data[: max(1, len(data) - cut)]))
    except NotAPictureError:
        event("refused")
