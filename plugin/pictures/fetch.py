"""Getting a picture's bytes, from an address or a file, within limits of size and time."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from connectors import http
from plugin.pictures.errors import (
    BadAddressError,
    NotAPictureError,
    NotFoundError,
    PictureError,
    PrivateAddressError,
    RefusedError,
    TooLargeError,
    UnreachableError,
)

MAX_BYTES = 30_000_000
# Named one by one: hosts that negotiate would else hand out AVIF, which stores and the image service do not take.
_HEADERS = {"Accept": "image/jpeg,image/png,image/webp,image/gif;q=0.8,*/*;q=0.1", "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture's bytes, not looked at yet. `content_type` is what the host claims ("" for a file);
    `url` is where it was found after all redirects ("" for a file)."""

    data: bytes
    content_type: str = ""
    url: str = ""


def fetch_picture(
    session: requests.Session,
    url: str,
    *,
    max_bytes: int = MAX_BYTES,
    deadline: float = 60.0,
    max_redirects: int = 5,
    clock: Callable[[], float] = time.monotonic,
) -> Fetched:
    """Download one picture. `deadline` is seconds for everything, redirects included.

    session: made by connectors.http.new_session, without credentials among its headers: the address comes from
    others and may redirect anywhere. Every hop is checked anew.
    Raises the PictureErrors.
    """
    ends = clock() + deadline
    here = url
    for _ in range(max_redirects + 1):
        answer = _get(session, here, ends - clock(), max_bytes)
        if answer.status not in _REDIRECTS:
            data = _checked(answer, here)
            return Fetched(data, answer.headers.get("Content-Type", ""), here)
        here = _next(here, answer)
    raise UnreachableError(f"{_name(url)}: redirected more than {max_redirects} times")


def read_picture(path: Path, max_bytes: int = MAX_BYTES) -> Fetched:
    """Read one picture from a regular file. Raises the PictureErrors."""
    try:
        data = _read(path, max_bytes)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise NotFoundError(f"{path}: there is no such file") from None
    except PermissionError:
        raise RefusedError(f"{path}: the file may not be read; check its permissions") from None
    except OSError as error:
        raise UnreachableError(f"{path}: the file cannot be read ({error.strerror})") from error
    return Fetched(_sniffed(data, str(path)))


def _read(path: Path, max_bytes: int) -> bytes:
    # Not blocking: opening a named pipe would wait for a writer for ever.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise NotAPictureError(f"{path}: this is not a file")
        data = file.read(max_bytes + 1) if about.st_size <= max_bytes else b""
    if about.st_size > max_bytes or len(data) > max_bytes:
        raise TooLargeError(f"{path}: the file has more than {max_bytes:,} bytes")
    return data


def _get(session: requests.Session, url: str, seconds: float, max_bytes: int) -> http.Answer:
    try:
        return http.call(session, "GET", url, deadline=seconds, max_bytes=max_bytes, headers=_HEADERS)
    except http.BadRequestError:
        raise BadAddressError(f"{_name(url)}: this is not an address of a picture (http or https)") from None
    except http.PrivateAddressError:
        raise PrivateAddressError(
            f"{_name(url)}: this address is in a private network and was not called; "
            "if that is meant, set app.allow_private_addresses = true"
        ) from None
    except http.TooLargeError:
        raise TooLargeError(f"{_name(url)}: the picture has more than {max_bytes:,} bytes") from None
    except http.HttpError as error:
        raise UnreachableError(f"The picture did not come: {error}") from error


def _checked(answer: http.Answer, url: str) -> bytes:
    if 200 <= answer.status < 300:
        return _sniffed(answer.body, _name(url))
    raise _refusal(answer.status, _name(url))


def _refusal(status: int, name: str) -> PictureError:
    if status in {404, 410}:
        return NotFoundError(f"{name}: the picture does not exist ({status})")
    if status in {401, 403}:
        return RefusedError(f"{name}: the host does not give out the picture ({status})")
    return UnreachableError(f"{name}: the host answered {status} instead of a picture")


def _sniffed(data: bytes, name: str) -> bytes:
    """The data, unless it plainly is no picture; the whole truth comes from `look`."""
    if not data:
        raise NotAPictureError(f"{name}: 0 bytes came instead of a picture")
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg", b"{")):
        raise NotAPictureError(f"{name}: a web page or other text came instead of a picture")
    return data


def _next(here: str, answer: http.Answer) -> str:
    location = answer.headers.get("Location", "")
    if not location:
        raise UnreachableError(f"{_name(here)}: a redirect that leads nowhere")
    try:
        location = location.encode("latin-1").decode("utf-8")  # header bytes arrive as latin-1
        return urljoin(here, location)
    except (UnicodeError, ValueError):
        raise BadAddressError(f"{_name(here)}: redirects to an address that cannot be read") from None


def _name(url: str) -> str:
    """The address without its query string and user name."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300]
    except ValueError:
        return "(unreadable address)"
