"""Pictures on disk, named by the SHA-256 of their bytes: never overwritten, never half-written."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from plugin.pictures.errors import NotAPictureError, StorageError
from plugin.pictures.look import DECODE_ERRORS, on_white, upright

_SHA = re.compile(r"[0-9a-f]{64}")
_WIDTHS = range(16, 2049)


class PictureStore:
    """Bytes by their SHA-256 under one folder (`ab/abcd…`), thumbnails beside them. Safe for many processes."""

    def __init__(self, root: Path):
        self._root = root

    def put(self, data: bytes) -> str:
        """Keep these bytes; gives their SHA-256 (64 hex digits). On return they are on the disk for good.

        Bytes that are kept already are not written again. Raises StorageError.
        """
        sha = hashlib.sha256(data).hexdigest()
        path = self.path(sha)
        if not (path.is_file() and path.stat().st_size == len(data)):
            _write(path, data)
        return sha

    def path(self, sha: str) -> Path:
        """Where the bytes are (or would be). Raises ValueError if `sha` is not 64 lower-case hex digits."""
        return self._place("", sha, "")

    def exists(self, sha: str) -> bool:
        """Whether the bytes are here. Raises ValueError as `path`."""
        return self.path(sha).is_file()

    def read(self, sha: str) -> bytes:
        """The bytes, checked against their name. Raises StorageError if they are missing or were changed."""
        path = self.path(sha)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StorageError(f"The stored picture {path} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != sha:
            raise StorageError(f"The stored picture {path} is damaged: its bytes are not what was stored")
        return data

    def thumbnail(self, sha: str, width: int = 400) -> Path:
        """A JPEG of the picture at most `width` pixels wide (never enlarged), made once.

        Raises ValueError for a width outside 16-2048, StorageError, NotAPictureError.
        """
        if width not in _WIDTHS:
            raise ValueError(f"a thumbnail is {_WIDTHS.start} to {_WIDTHS.stop - 1} pixels wide, not {width}")
        path = self._place("thumbnails", sha, f"-{width}.jpg")
        if not path.is_file():
            _write(path, _shrunk(self.read(sha), width))
        return path

    def free_bytes(self) -> int:
        """How much room the disk has for us. Raises StorageError."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            return shutil.disk_usage(self._root).free
        except OSError as error:
            raise StorageError(f"The picture folder {self._root} cannot be used: {error.strerror}") from error

    def _place(self, kind: str, sha: str, ending: str) -> Path:
        if not _SHA.fullmatch(sha):
            raise ValueError("a picture is named by 64 lower-case hex digits")
        return self._root / kind / sha[:2] / f"{sha}{ending}"


def _write(path: Path, data: bytes) -> None:
    """Write beside, then rename: readers and a crash see the whole file or none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"The picture could not be stored in {path.parent}: {error.strerror}. Nothing half-written was left; "
            "make room or mend the folder, the work goes on by itself"
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shrunk(data: bytes, width: int) -> bytes:
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (width, width))  # a JPEG is decoded at a fraction of its size
            small = on_white(upright(image))
            small.thumbnail((width, width * 10), Image.Resampling.LANCZOS)
            small.save(out, "JPEG", quality=85, progressive=True)
    except DECODE_ERRORS as error:
        raise NotAPictureError(f"A thumbnail could not be made: {error}"[:200]) from error
    return out.getvalue()
