"""Making a session, and making one call with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.exceptions import ReadTimeoutError
from urllib3.response import BaseHTTPResponse

from connectors.http.errors import (
    BadRequestError,
    BadUrlError,
    HttpError,
    NoAnswerError,
    NotConnectedError,
    PrivateAddressError,
    TooLargeError,
    name_of,
)
from connectors.http.transport import Adapter, NotMadeError, PrivateError, tls_context

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer. `headers` ignore case; `sent_at` and `received_at` are seconds of the caller's clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_at: float
    received_at: float

    @property
    def elapsed(self) -> float:
        """Seconds from just before the request was sent until its answer was complete."""
        return self.received_at - self.sent_at


def new_session(*, allow_private: bool, pool_size: int = 8, ca_file: Path | None = None) -> requests.Session:
    """A session that keeps connections, never retries by itself and ignores the environment's proxies and netrc.

    allow_private: whether private, loopback, link-local and reserved addresses may be called.
    pool_size: connections kept per host; as many as threads use the session.
    ca_file: certificates to trust instead of the public ones (PEM).
    A request through it without a timeout gets DEFAULT_SECONDS in total, and any read timeout is a total too.
    Raises OSError when ca_file cannot be read.
    """
    session = requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = f"hebo-sync/{_version()}"
    adapter = Adapter(allow_private=allow_private, pool_size=pool_size, tls=tls_context(ca_file))
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def prepare(session: requests.Session, method: str, url: str, **kwargs: Any) -> requests.PreparedRequest:
    """A request ready for `send`, with the session's headers. `kwargs` as of requests.Request (headers, json …).

    Raises BadUrlError, BadRequestError.
    """
    try:
        prepared = session.prepare_request(requests.Request(method, url, **kwargs))
        for value in prepared.headers.values():
            if isinstance(value, str):
                value.encode("latin-1")
    except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
        raise BadRequestError(f"{name_of(method, url)}: a header has a character that HTTP cannot carry") from None
    except (ValueError, Urllib3Error):
        raise BadUrlError(f"{name_of(method, url)}: this is not an http:// or https:// address") from None
    if urlsplit(prepared.url or "").scheme not in {"http", "https"}:
        raise BadUrlError(f"{name_of(method, url)}: only http:// and https:// addresses can be called")
    return prepared


def call(
    session: requests.Session,
    method: str,
    url: str,
    *,
    deadline: float,
    max_bytes: int,
    fresh: bool = False,
    clock: Callable[[], float] = time.monotonic,
    **kwargs: Any,
) -> Answer:
    """Prepare a request and `send` it; `kwargs` as of requests.Request (headers, params, json, data …)."""
    request = prepare(session, method, url, **kwargs)
    return send(session, request, deadline=deadline, max_bytes=max_bytes, fresh=fresh, clock=clock)


def send(
    session: requests.Session,
    request: requests.PreparedRequest,
    *,
    deadline: float,
    max_bytes: int,
    fresh: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Send once, follow no redirect, and read the whole answer. Any status is an answer.

    deadline: seconds for all of it, from the name look-up to the last byte (the look-up itself is left to the
    system's resolver and its time limit; if it takes longer, nothing is sent).
    max_bytes: the most that the decoded body may have.
    fresh: use a new connection. One that was kept may have been closed by the server meanwhile, which shows only
    after the request was written: rare, but then a POST is in doubt.
    Raises NotConnectedError (PrivateAddressError), NoAnswerError, TooLargeError.
    """
    name = name_of(request.method, request.url)
    if deadline <= 0:
        raise NotConnectedError(f"{name}: not sent, no time was left for it")
    adapter = _adapter(session, request)
    if fresh:
        adapter = Adapter(allow_private=adapter.allow_private, pool_size=1, tls=adapter.tls)
    sent_at = clock()
    try:
        response = adapter.open(request, deadline)
        try:
            body = _read(response, max_bytes, name, has_body=request.method != "HEAD")
        finally:
            response.close()
            response.release_conn()
    except (requests.RequestException, Urllib3Error) as error:
        raise _translated(error, name, deadline) from None
    finally:
        if fresh:
            adapter.close()
    return Answer(response.status, response.headers, body, sent_at, clock())


def _adapter(session: requests.Session, request: requests.PreparedRequest) -> Adapter:
    adapter = session.get_adapter(request.url or "")
    if not isinstance(adapter, Adapter):
        raise TypeError("a call needs a session made by new_session")
    return adapter


def _read(response: BaseHTTPResponse, max_bytes: int, name: str, *, has_body: bool) -> bytes:
    announced = response.headers.get("Content-Length", "")
    too_large = TooLargeError(f"{name}: the answer is larger than {max_bytes:,} bytes")
    if announced.isdecimal() and int(announced) > max_bytes and has_body:
        raise too_large
    chunks, size = [], 0
    while chunk := response.read(min(_CHUNK, max_bytes + 1 - size), decode_content=True):
        size += len(chunk)
        if size > max_bytes:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


def _translated(error: Exception, name: str, deadline: float) -> HttpError:
    """What surely was not sent is a NotConnectedError; everything else, known or not, may have been sent."""
    if isinstance(error, HttpError):
        return error
    if isinstance(error, PrivateError):
        return PrivateAddressError(f"{name}: refused, {error}")
    if isinstance(error, NotMadeError):
        return NotConnectedError(f"{name}: no connection, nothing was sent: {error}")
    if isinstance(error, (requests.Timeout, ReadTimeoutError)):
        return NoAnswerError(f"{name}: no complete answer within {deadline:g} s")
    return NoAnswerError(f"{name}: the answer was cut off or cannot be read")


@cache
def _version() -> str:
    return version("hebo-sync")
