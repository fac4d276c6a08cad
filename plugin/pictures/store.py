"""Pictures on disk, named by the SHA-256 of their bytes: never overwritten, never half-written."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from PIL import Image

from plugin.disk import sync_folder
from plugin.pictures.errors import NotAPictureError, StorageError
from plugin.pictures.look import DECODE_ERRORS, on_white, upright

_SHA = re.compile(r"[0-9a-f]{64}")
_WIDTHS = range(16, 2049)
_DRAFT = ".new-"  # a file that is just being written
_GUARD = ".guard"
THUMBNAILS = "thumbnails"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A picture on the disk. size: bytes (0: only thumbnails are left). used_at: when it was put last."""

    sha: str
    size: int
    used_at: datetime


class PictureStore:
    """Bytes by their SHA-256 under one folder (`ab/abcd…`), thumbnails beside them. Safe for many processes."""

    def __init__(self, root: Path):
        self._root = root

    def put(self, data: bytes) -> str:
        """Keep these bytes; gives their SHA-256 (64 hex digits). On return they are on the disk for good.

        Bytes that are kept already are not written again; they count as used now (see `drop`). Raises StorageError.
        """
        sha = hashlib.sha256(data).hexdigest()
        path = self.path(sha)
        if not (path.is_file() and self._use(path, len(data))):
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
        path = self._place(THUMBNAILS, sha, f"-{width}.jpg")
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

    def folders(self) -> Iterator[list[StoredFile]]:
        """All that is here, one folder at a time. Raises StorageError."""
        for number in range(256):
            name = f"{number:02x}"
            thumbnails = _files(self._root / THUMBNAILS / name)
            found = {file.sha: file for file in thumbnails}
            found |= {file.sha: file for file in _files(self._root / name)}
            if found:
                yield list(found.values())

    def drop(self, sha: str, before: datetime) -> int:
        """Remove a picture and its thumbnails, unless it was put at `before` or later; gives how many bytes went.

        Whoever puts the same bytes meanwhile finds them kept, or writes them anew. Raises ValueError as `path`,
        StorageError.
        """
        path, small = self.path(sha), self._root / THUMBNAILS / sha[:2]
        try:
            with self._guard():
                if path.is_file() and path.stat().st_mtime >= before.timestamp():
                    return 0
                return sum(_remove(file) for file in (path, *small.glob(f"{sha}-*.jpg")))
        except OSError as error:
            raise StorageError(f"The stored picture {path} cannot be removed: {error.strerror}") from error

    def remove_drafts(self, before: datetime) -> int:
        """Remove what processes that were killed have left half-written before then; gives how many files."""
        try:
            drafts = [*self._root.glob(f"??/{_DRAFT}*"), *self._root.glob(f"{THUMBNAILS}/??/{_DRAFT}*")]
            left = [file for file in drafts if file.exists() and file.stat().st_mtime < before.timestamp()]
            for file in left:
                file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"The picture folder {self._root} cannot be tidied up: {error.strerror}") from error
        return len(left)

    def _use(self, path: Path, size: int) -> bool:
        """Whether the bytes are here; from now on nobody drops them for a while."""
        try:
            with self._guard():
                if path.stat().st_size != size:
                    return False
                os.utime(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(f"The stored picture {path} cannot be used: {error.strerror}") from error
        return True

    def _guard(self) -> FileLock:
        """Between looking at a file's time and removing it nobody else does either."""
        return FileLock(self._root / _GUARD)

    def _place(self, kind: str, sha: str, ending: str) -> Path:
        if not _SHA.fullmatch(sha):
            raise ValueError("a picture is named by 64 lower-case hex digits")
        return self._root / kind / sha[:2] / f"{sha}{ending}"


def write_file(path: Path, data: bytes) -> None:
    """Write beside, then rename: readers and a crash see the whole file or none. On return it is on the disk for good.

    Raises OSError; nothing half-written is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=_DRAFT, dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _files(folder: Path) -> list[StoredFile]:
    """The pictures (or thumbnails) of one folder. Raises StorageError."""
    try:
        with os.scandir(folder) as entries:
            return [_stored(entry) for entry in entries if _SHA.fullmatch(entry.name[:64])]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"The picture folder {folder} cannot be read: {error.strerror}") from error


def _stored(entry: os.DirEntry[str]) -> StoredFile:
    found = entry.stat()
    size = found.st_size if _SHA.fullmatch(entry.name) else 0
    return StoredFile(entry.name[:64], size, datetime.fromtimestamp(found.st_mtime, UTC))


def _remove(file: Path) -> int:
    """Gives how many bytes went."""
    try:
        size = file.stat().st_size
        file.unlink()
    except FileNotFoundError:
        return 0
    return size


def _write(path: Path, data: bytes) -> None:
    try:
        write_file(path, data)
    except OSError as error:
        raise StorageError(
            f"The picture could not be stored in {path.parent}: {error.strerror}. Nothing half-written was left; "
            "make room or mend the folder, the work goes on by itself"
        ) from error


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
