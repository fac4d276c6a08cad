"""Large results: an address streamed into a file."""

from __future__ import annotations

import os
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.util import Timeout

from connectors.http import HttpError, PrivateAddressError, prepare
from connectors.shopify.errors import Asked, ShopError
from connectors.shopify.replies import not_given, unreachable

_CHUNK = 262_144


def fetch(session: requests.Session, asked: Asked, url: str, path: Path, *, seconds: float, size: int | None) -> None:
    """GET into a file beside `path`, which takes its place when it is whole. No redirect is followed.

    seconds: for all of it. size: bytes that it must have (None: as many as the answer announces).
    Raises ShopError; OSError if the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        got = _into(session, asked, url, part, seconds, size)
        if size is not None and got != size:
            raise ShopError(
                f"{asked.shop}: {asked.about} came with {got:,} bytes instead of {size:,}; it is fetched again",
                code="UNREADABLE",
            )
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _into(session: requests.Session, asked: Asked, url: str, part: Path, seconds: float, size: int | None) -> int:
    """Bytes that came, not many more than `size`. An answer that ends before its announced length is an error of
    urllib3's."""
    try:
        request = prepare(session, "GET", url, headers={"Accept-Encoding": "identity"})
        adapter = session.get_adapter(request.url or "")
        response = adapter.send(request, stream=True, timeout=Timeout(total=seconds))  # type: ignore[arg-type]
        with response:
            if response.status_code != 200:
                raise not_given(asked, response.status_code)
            return _copy(response, part, size)
    except (PrivateAddressError, HttpError) as error:
        raise unreachable(asked, error) from error
    except (requests.RequestException, Urllib3Error) as error:
        raise ShopError(f"{asked.shop}: {asked.about} could not be fetched wholly; it is fetched again") from error


def _copy(response: requests.Response, part: Path, most: int | None) -> int:
    size = 0
    with part.open("wb") as file:
        while (most is None or size <= most) and (chunk := response.raw.read(_CHUNK, decode_content=True)):
            size += file.write(chunk)
    return size
