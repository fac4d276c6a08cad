"""What a cell of a feed says about a picture: an address, or a file beside the feed."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from connectors.types import ImageRef

_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]+\Z", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")
_DRIVE = re.compile(r"[A-Za-z]:")
_SAFE = "/%:@!$&'()*+,;=~-._?"


class BadImageError(ValueError):
    """The cell names no picture that may be used. The message is one plain sentence without its subject."""


def is_path(value: str) -> bool:
    """Whether a cell names a file, and not an address (or nothing)."""
    return bool(value) and not _SCHEME.match(value)


class Resolver:
    """Turns cells into pictures, and keeps paths inside the feed's folder."""

    def __init__(self, folder: Path):
        """folder: where the feed lies."""
        self._folder = os.path.realpath(folder)

    def image(self, value: str, position: int) -> ImageRef:
        """The picture that the cell names. Raises BadImageError."""
        if _PLAIN_URL.match(value):
            return ImageRef(value, value, "", position)
        if value[:7].lower() == "http://" or value[:8].lower() == "https://":
            return ImageRef(value, _encoded(value), "", position)
        return ImageRef(value, "", "", position, None, None, self._file(value))

    def _file(self, value: str) -> Path:
        path = value.replace("\\", "/").replace("%2C", ",")
        if path.startswith("/") or _DRIVE.match(path):
            raise BadImageError(f"{value!r} is an absolute path; name the file relative to the feed, or by http(s)")
        if _SCHEME.match(path):
            raise BadImageError(f"{value!r} is neither an http(s) address nor a file")
        if "\0" in path or ".." in path.split("/"):
            raise BadImageError(f"{value!r} leads out of the feed's folder")
        folder, name = os.path.split(path)
        real = os.path.join(_real(self._folder, folder), name)
        if os.path.islink(real):
            real = os.path.realpath(real)
        if os.path.commonpath((real, self._folder)) != self._folder:
            raise BadImageError(f"{value!r} leads out of the feed's folder by a link")
        return Path(real)


@lru_cache(maxsize=256)
def _real(root: str, folder: str) -> str:
    """The folder with its links resolved; few folders hold many pictures."""
    return os.path.realpath(os.path.join(root, folder))


def _encoded(value: str) -> str:
    """The address with everything percent-encoded (the host: IDNA) that has to be. Raises BadImageError."""
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").encode("idna").decode()
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise BadImageError(f"{value!r} is not a valid address") from error
    if not host:
        raise BadImageError(f"{value!r} is not a valid address")
    path, query = quote(parts.path, safe=_SAFE), quote(parts.query, safe=_SAFE)
    return urlunsplit((parts.scheme, host + port, path, query, ""))
