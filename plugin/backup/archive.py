"""The file itself: a tar without compression, for pictures are compressed already."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from plugin.backup.errors import BackupError, DamagedBackupError
from plugin.backup.manifest import MANIFEST, Manifest, Member, is_known, picture_in

CHUNK = 1 << 20  # bytes
MOST_MANIFEST = 1 << 30  # bytes; a million pictures have 0.2 GB
PRIVATE = 0o600

Watch = Callable[[int], None]  # told how many bytes were gone through since the last call


class _Tar(tarfile.TarFile):
    members: list[tarfile.TarInfo]  # all that were written or read; emptied, since there may be a million


class ArchiveWriter:
    """Puts files into a tar, and remembers what they are."""

    def __init__(self, stream: IO[bytes], made_at: datetime, watch: Watch):
        self._tar = _Tar.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)  # closed below
        self._time, self._watch = int(made_at.timestamp()), watch
        self.members: dict[str, Member] = {}

    def add(self, name: str, data: bytes) -> None:
        self._put(name, io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest())

    def add_file(self, name: str, path: Path) -> None:
        """A file that nobody changes meanwhile. Raises OSError."""
        with path.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            file.seek(0)
            self._put(name, file, size, sha)

    def close(self, manifest: Manifest) -> None:
        """The last member, and the end of the tar."""
        self.add(MANIFEST, manifest.to_bytes())
        self._tar.close()

    def _put(self, name: str, stream: IO[bytes], size: int, sha: str) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, self._time, PRIVATE
        self._tar.addfile(info, stream)
        self._tar.members.clear()
        self.members[name] = Member(size=size, sha256=sha)
        self._watch(size)


def check_backup(file: Path, watch: Watch = lambda _: None) -> Manifest:
    """Read all of a backup and compare it with its list. Raises DamagedBackupError, BackupError."""
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    with members_of(file) as members:
        for name, stream, size in members:
            if manifest is not None or name in found:
                raise DamagedBackupError(f"{file} is no backup of hebo-sync: {name!r} has no place there")
            if name == MANIFEST:
                manifest = _manifest(file, stream, size)
            else:
                found[name] = _measure(stream, size, watch)
    if manifest is None:
        raise DamagedBackupError(f"{file} is no whole backup: its end is missing. Use another one")
    _compare(file, manifest, found)
    return manifest


@contextmanager
def members_of(file: Path) -> Iterator[Iterator[tuple[str, IO[bytes], int]]]:
    """Name, content and size of each file in a backup, one after another; only names that may be there.

    Raises DamagedBackupError, and BackupError where it cannot be read.
    """
    try:
        stream = file.open("rb")
    except OSError as error:
        raise BackupError(f"the backup {file} cannot be read: {error.strerror or error}") from error
    try:
        with stream, _Tar.open(fileobj=stream, mode="r|") as tar:
            yield _members(file, tar)
    except (tarfile.TarError, EOFError) as error:
        raise DamagedBackupError(
            f"{file} is no backup of hebo-sync, or not a whole one ({error}). Use another one"
        ) from error


def _members(file: Path, tar: _Tar) -> Iterator[tuple[str, IO[bytes], int]]:
    while (info := tar.next()) is not None:
        stream: Any = tar.extractfile(info) if info.isreg() else None
        if stream is None or not (info.name == MANIFEST or is_known(info.name)):
            raise DamagedBackupError(f"{file} is no backup of hebo-sync: {info.name!r} has no place there")
        yield info.name, stream, info.size
        tar.members.clear()


def _manifest(file: Path, stream: IO[bytes], size: int) -> Manifest:
    if size > MOST_MANIFEST:
        raise DamagedBackupError(f"{file} is no backup of hebo-sync: its list of files is too long")
    try:
        return Manifest.from_bytes(stream.read())
    except DamagedBackupError as error:
        raise DamagedBackupError(f"{file} cannot be used: {error}") from error


def _measure(stream: IO[bytes], size: int, watch: Watch) -> Member:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
        watch(len(chunk))
    return Member(size=size, sha256=digest.hexdigest())


def _compare(file: Path, manifest: Manifest, found: dict[str, Member]) -> None:
    for name, member in manifest.members.items():
        if found.get(name) != member or picture_in(name) not in (None, member.sha256):
            raise DamagedBackupError(f"{file} is damaged: {name} is not what was put there. Use another one")
    if found.keys() != manifest.members.keys():
        raise DamagedBackupError(f"{file} is no backup of hebo-sync: it holds what its list does not have")
