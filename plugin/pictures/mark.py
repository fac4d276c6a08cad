"""Marking a picture as made by AI, in its metadata only: no pixel is touched."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

from plugin.pictures.errors import NotAPictureError
from plugin.pictures.look import DECODE_ERRORS
from plugin.pictures.xmp import MAX_PACKET, is_marked_packet, marked_packet

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_XMP = b"XML:com.adobe.xmp\0"
_SEGMENT_MAX = 65_533  # a JPEG segment's length field counts itself
_VP8X_XMP, _VP8X_ALPHA = 0x04, 0x10


def mark_as_generated(data: bytes) -> bytes:
    """The picture with IPTC's digital source type of AI-made media in its XMP (see plugin.pictures.xmp).

    JPEG, PNG and WebP keep their pixels byte for byte, and what else their XMP says; a picture that is marked
    already comes back as it is. GIF comes back as PNG (its first frame), since it has no usable place for XMP.
    Raises NotAPictureError if the file's structure is damaged.
    """
    try:
        return _marker(data)(data)
    except (struct.error, IndexError, zlib.error):
        raise NotAPictureError("The picture's structure is damaged; it could not be marked as made by AI") from None


def is_marked(data: bytes) -> bool:
    """Whether the picture carries the mark, as an independent reader (Pillow) finds it."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            packet = image.info.get("xmp", b"")
    except DECODE_ERRORS:
        return False
    return bool(packet) and is_marked_packet(packet.encode() if isinstance(packet, str) else packet)


def _marker(data: bytes) -> Callable[[bytes], bytes]:
    if data.startswith(_JPEG):
        return _mark_jpeg
    if data.startswith(_PNG):
        return _mark_png
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _mark_webp
    return lambda other: _mark_png(_as_png(other))


def _as_png(data: bytes) -> bytes:
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data), formats=["GIF"]) as image:
            image.convert("RGBA" if image.has_transparency_data else "RGB").save(out, "PNG")
    except DECODE_ERRORS:
        raise NotAPictureError("This is not a picture that can be marked as made by AI") from None
    return out.getvalue()


# --- JPEG: an APP1 segment -------------------------------------------------------------------------------------


def _mark_jpeg(data: bytes) -> bytes:
    segments = list(_segments(data))
    rest = data[2 + sum(map(len, segments)) :]
    old = next((segment[4:].removeprefix(_JPEG_XMP) for segment in segments if _is_xmp(segment)), None)
    if old and is_marked_packet(old):
        return data
    packet = marked_packet(old)
    if len(_JPEG_XMP) + len(packet) > _SEGMENT_MAX:
        packet = marked_packet(None)
    kept = [segment for segment in segments if not _is_xmp(segment)]
    # After JFIF and EXIF, which must come first; before everything else.
    at = next((i for i, segment in enumerate(kept) if segment[1] not in {0xE0, 0xE1}), len(kept))
    length = struct.pack(">H", len(_JPEG_XMP) + len(packet) + 2)
    kept.insert(at, b"\xff\xe1" + length + _JPEG_XMP + packet)
    return data[:2] + b"".join(kept) + rest


def _segments(data: bytes) -> Iterator[bytes]:
    """The segments between the start of the file and its first scan, each with its marker and length."""
    at = 2
    while data[at] == 0xFF and data[at + 1] not in {0xDA, 0xD9, 0xFF}:
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield data[at : at + 2 + length]
        at += 2 + length


def _is_xmp(segment: bytes) -> bool:
    return segment[1] == 0xE1 and segment[4:].startswith(_JPEG_XMP)


# --- PNG: an iTXt chunk ----------------------------------------------------------------------------------------


def _mark_png(data: bytes) -> bytes:
    chunks = list(_chunks(data))
    rest = data[len(_PNG) + sum(map(len, chunks)) :]
    old = next((_text(chunk) for chunk in chunks if _is_itxt(chunk)), None)
    if old and is_marked_packet(old):
        return data
    kept = [chunk for chunk in chunks if not _is_itxt(chunk)]
    at = next((i for i, chunk in enumerate(kept) if chunk[4:8] == b"IDAT"), len(kept))
    body = b"iTXt" + _PNG_XMP + b"\0\0\0\0" + marked_packet(old)
    kept.insert(at, struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)))
    return _PNG + b"".join(kept) + rest


def _chunks(data: bytes) -> Iterator[bytes]:
    """The chunks up to the end chunk, each with its length, type and checksum."""
    at = len(_PNG)
    while at < len(data) and data[at - 8 : at - 4] != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at : at + 12 + length]
        at += 12 + length


def _is_itxt(chunk: bytes) -> bool:
    return chunk[4:8] == b"iTXt" and chunk[8:].startswith(_PNG_XMP)


def _text(chunk: bytes) -> bytes:
    """The text of an iTXt chunk: flag, method, language, translated keyword, text (PNG specification §11.3.3.4)."""
    flag, _, tail = chunk[8 + len(_PNG_XMP)], None, chunk[10 + len(_PNG_XMP) : -4]
    text = tail.split(b"\0", 2)[2]
    return zlib.decompressobj().decompress(text, MAX_PACKET) if flag else text


# --- WebP: an XMP chunk and a flag ------------------------------------------------------------------------------


def _mark_webp(data: bytes) -> bytes:
    chunks = list(_riff(data))
    old = next((body for kind, body in chunks if kind == b"XMP "), None)
    if old and is_marked_packet(old):
        return data
    kept = [(kind, body) for kind, body in chunks if kind != b"XMP "]
    if kept[0][0] != b"VP8X":
        kept.insert(0, (b"VP8X", _vp8x(data, *kept[0])))
    flags = kept[0][1]
    kept[0] = (b"VP8X", bytes([flags[0] | _VP8X_XMP]) + flags[1:])
    kept.append((b"XMP ", marked_packet(old)))
    body = b"".join(kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in kept)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    (size,) = struct.unpack_from("<I", data, 4)
    at, end = 12, min(len(data), size + 8)
    while at + 8 <= end:
        (length,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _vp8x(data: bytes, kind: bytes, body: bytes) -> bytes:
    """The extended header that a simple file lacks (WebP container specification): flags and canvas size."""
    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            width, height = image.size
    except DECODE_ERRORS:
        raise NotAPictureError("This WebP picture is damaged") from None
    alpha = kind == b"VP8L" and int.from_bytes(body[1:5], "little") >> 28 & 1
    flags = _VP8X_ALPHA if alpha else 0
    return bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
