"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import filecmp
import glob
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

Signature = tuple[int, int, int]


def signature(path: Path) -> Signature | None:
    """What tells whether a file changed: modification time (ns), size, inode. None if there is no such file."""
    try:
        return signature_of(path.stat())
    except OSError:
        return None


def signature_of(status: os.stat_result) -> Signature:
    """The same from a `stat` that was made already."""
    return status.st_mtime_ns, status.st_size, status.st_ino


def write_whole(path: Path, write: Callable[[BinaryIO], None], *, sync_name: bool = True) -> None:
    """Has the file written under another name, and puts it in its place. Keeps the old file's permissions.

    sync_name: make the name durable too; without it the caller does so by `sync_folder`.

    Raises OSError; then the old file is still there, untouched.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as out:
            write(out)
            out.flush()
            with suppress(FileNotFoundError):
                os.fchmod(out.fileno(), path.stat().st_mode & 0o7777)
            os.fsync(out.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)  # there only if something went wrong
    if sync_name:
        sync_folder(path.parent)


def copy_whole(source: Path, target: Path) -> bool:
    """Copies a file, unless the target is identical already. Gives whether it copied. Raises OSError.

    The name is not durable until `sync_folder`.
    """
    if target.is_file() and filecmp.cmp(source, target, shallow=False):
        return False
    with open(source, "rb") as stream:
        write_whole(target, lambda out: copyfileobj(stream, out), sync_name=False)
    return True


def needs_a_person(error: OSError) -> bool:
    """Whether trying again cannot help: rights, or something else in the place of a folder. A full disk may pass."""
    return isinstance(error, PermissionError | NotADirectoryError | FileExistsError)


def remove_leftovers(path: Path) -> None:
    """Removes what killed writers of this file left behind. Only for who alone may write it now."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
