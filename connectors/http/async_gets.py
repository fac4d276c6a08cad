"""GETs by the hundred at once, all in one thread's event loop (aiohttp).

A thread for each costs three times the CPU: 650 µs of it for a GET where this takes 230. Only for addresses that the
operator names: nothing here looks at where they lead.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import aiohttp
import requests
from yarl import URL

from connectors.http.calls import Answer
from connectors.http.errors import (
    BadUrlError,
    HttpError,
    NoAnswerError,
    NotConnectedError,
    TooLargeError,
    name_of,
)
from connectors.http.transport import CONNECT_SECONDS, plain_reason, tls_context

KEPT = 40.0  # seconds without use: longer than the pause between two polls, shorter than servers keep a connection
_CHUNK = 65_536


class _BrokenError(Exception):
    """The connection broke after it was made."""


class AsyncGets:
    """An async context manager: its connections belong to the event loop in which it is entered, and close with it.

    template: a prepared request, whose headers each GET gets. connections: the most at once. deadline: seconds for
    a whole GET, from the name look-up to the last byte. max_bytes: the most that the decoded body may have. ca_file:
    certificates to trust instead of the public ones (PEM); they are always checked. No redirect is followed, nothing
    is ever sent twice, and the environment's proxies are ignored.
    """

    def __init__(
        self,
        template: requests.PreparedRequest,
        *,
        connections: int,
        deadline: float,
        max_bytes: int,
        ca_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._headers = dict(template.headers)
        self._connections, self._deadline, self._max_bytes = connections, deadline, max_bytes
        self._tls, self._clock = tls_context(ca_file), clock

    async def __aenter__(self) -> AsyncGets:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._tls, keepalive_timeout=KEPT),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            middlewares=(_once,),
            timeout=aiohttp.ClientTimeout(
                total=self._deadline,
                sock_connect=min(CONNECT_SECONDS, self._deadline),
                ceil_threshold=math.inf,  # else a deadline is moved to the next whole second
            ),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, url: str) -> Answer:
        """One whole answer, of any status. url: percent-encoded already.

        Raises NotConnectedError, NoAnswerError, TooLargeError, BadUrlError.
        """
        sent_at = self._clock()
        try:
            response = await self.open(url)
            async with response:
                body = await self._read(response, url)
        except (aiohttp.ClientError, TimeoutError, OSError, _BrokenError) as error:
            raise _translated(error, name_of("GET", url), self._deadline) from None
        return Answer(response.status, response.headers, body, sent_at, self._clock())

    async def open(self, url: str) -> aiohttp.ClientResponse:
        """Send; the answer's body is not read yet. Raises aiohttp's errors, and OSError."""
        return await self._session.get(URL(url, encoded=True), allow_redirects=False)

    async def _read(self, response: aiohttp.ClientResponse, url: str) -> bytes:
        chunks, size = [], 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > self._max_bytes:
                raise TooLargeError(f"{name_of('GET', url)}: the answer is larger than {self._max_bytes:,} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp sends a GET again where a kept connection broke. The server may have counted the first one: an answer
    that was lost is for the caller to judge."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenError from error


def _translated(error: Exception, name: str, deadline: float) -> HttpError:
    """As of `calls`: what surely was not sent is a NotConnectedError; everything else may have been sent."""
    if isinstance(error, HttpError):
        return error
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        return BadUrlError(f"{name}: only http:// and https:// addresses can be called")
    reason = _why_not_connected(error)
    if reason is not None:
        return NotConnectedError(f"{name}: no connection, nothing was sent: {reason}")
    if isinstance(error, TimeoutError):
        return NoAnswerError(f"{name}: no complete answer within {deadline:g} s")
    return NoAnswerError(f"{name}: the answer was cut off or cannot be read")


def _why_not_connected(error: Exception) -> str | None:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the host name {error.host} is not known"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return plain_reason(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return plain_reason(error.os_error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "it took too long"
    return None
