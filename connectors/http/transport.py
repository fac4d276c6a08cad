"""Sockets whose timeout is a budget, and connections that look where they go before they go there."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.exceptions import NewConnectionError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Timeout
from urllib3.util.connection import allowed_gai_family

from connectors.http.errors import PrivateAddressError, name_of

DEFAULT_SECONDS = 60.0  # the total time of a request whose caller names none
CONNECT_SECONDS = 10.0  # the most that finding, reaching and greeting a server may take
_LEAST = 0.001  # a socket timeout of 0 would mean "do not block"

_Address = tuple[Any, ...]  # one row of getaddrinfo


class _Socket(socket.socket):
    """A socket whose timeout is a budget for all that follows, until it is set again.

    urllib3 sets it when a connection is made, when a kept one is used again, and when the answer is awaited.
    """

    _ends: float | None = None

    def settimeout(self, value: float | None, /) -> None:
        self._ends = None if value is None else time.monotonic() + value
        super().settimeout(value)

    def gettimeout(self) -> float | None:
        """What is left of the budget: a TLS socket takes it over from the plain one that it wraps."""
        return None if self._ends is None else max(self._ends - time.monotonic(), _LEAST)

    def _spend(self) -> None:
        if self._ends is not None:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("the deadline has passed")
            super().settimeout(left)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._spend()
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self._spend()
        return super().send(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self._spend()
        return super().sendall(*args, **kwargs)


class _TlsSocket(_Socket, ssl.SSLSocket):
    """The same over TLS."""


class NotMadeError(NewConnectionError):
    """A connection was not made; its text is a plain reason."""

    def __init__(self, connection: HTTPConnection, reason: str):
        super().__init__(connection, reason)
        self.text = reason

    def __str__(self) -> str:
        return self.text


class PrivateError(NotMadeError):
    """… because of where it would have led."""


class _Connection(HTTPConnection):
    """Resolves once, looks at what came out, and connects to exactly that."""

    allow_private = False

    def connect(self) -> None:
        """As urllib3's, but every failure here is one error: nothing was sent yet, whatever went wrong."""
        total = self.timeout
        ends = time.monotonic() + (DEFAULT_SECONDS if total is None else total)
        try:
            super().connect()
        except NotMadeError:
            raise
        except (OSError, ValueError, Urllib3Error) as error:
            self.close()
            raise NotMadeError(self, plain_reason(error)) from error
        left = ends - time.monotonic()
        if left <= 0:
            self.close()
            raise NotMadeError(self, "it took too long")
        self.sock.settimeout(left)

    def _new_conn(self) -> socket.socket:
        ends = time.monotonic() + min(CONNECT_SECONDS, self.timeout or CONNECT_SECONDS)
        addresses = self._resolve()
        if not self.allow_private:
            self._refuse_private(addresses)
        return _dial(addresses, ends)

    def _resolve(self) -> Sequence[_Address]:
        try:
            return socket.getaddrinfo(self.host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            raise NotMadeError(self, f"the host name {self.host} is not known") from None

    def _refuse_private(self, addresses: Sequence[_Address]) -> None:
        """One private address among several is enough: which of them is used is not ours to choose."""
        for *_, (address, *_) in addresses:
            if _is_private(address):
                raise PrivateError(self, f"{self.host} is at the private address {address}")


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _AnyConnection(_Connection):
    allow_private = True


class _AnyTlsConnection(_TlsConnection):
    allow_private = True


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _AnyPool(HTTPConnectionPool):
    ConnectionCls = _AnyConnection


class _AnyTlsPool(HTTPSConnectionPool):
    ConnectionCls = _AnyTlsConnection


class Adapter(HTTPAdapter):
    """Hands out the connections above; one TLS context for all of them (loading certificates takes 10 ms and more)."""

    def __init__(self, *, allow_private: bool, pool_size: int, tls: ssl.SSLContext):
        self.allow_private = allow_private
        self.tls = tls
        self._used_last: tuple[str, HTTPConnectionPool] | None = None
        super().__init__(pool_connections=max(10, pool_size), pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002 - the base class's
        super().init_poolmanager(connections, maxsize, block, ssl_context=self.tls, **kwargs)
        private = {"http": _AnyPool, "https": _AnyTlsPool}
        self.poolmanager.pool_classes_by_scheme = private if self.allow_private else {"http": _Pool, "https": _TlsPool}

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> HTTPConnectionPool:
        """As of requests. Most calls go where the last one went, and need not have the pool's key made anew: that is a
        seventh of what a poll costs."""
        url = request.url or ""
        origin, known = url[: url.find("/", url.find("//") + 2)], self._used_last
        if known is not None and known[0] == origin and known[1].pool is not None:  # None: closed meanwhile
            return known[1]
        pool = super().get_connection_with_tls_context(request, *args, **kwargs)
        assert isinstance(pool, HTTPConnectionPool)  # noqa: S101  # its declared type is wider
        self._used_last = (origin, pool)
        return pool

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to add: the context already has its certificates."""

    def open(self, request: requests.PreparedRequest, seconds: float) -> BaseHTTPResponse:
        """Send once and follow nothing; the answer's body is not read yet. seconds: for all of it, reading included.

        A plain urllib3 answer: what requests would make of it costs an eighth of a poll. Raises urllib3's errors; where
        no connection was made, and nothing was sent, it is NotMadeError, or its PrivateError.
        """
        pool = self.get_connection_with_tls_context(request, verify=True)
        return pool.urlopen(
            request.method or "",
            request.path_url,
            request.body,
            request.headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=Timeout(total=seconds),
            chunked=request.body is not None and "Content-Length" not in request.headers,
            preload_content=False,
            decode_content=False,
        )

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """As of requests, for who calls through the session itself; certificates are always checked. Raises
        PrivateAddressError among others."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = Timeout(total=DEFAULT_SECONDS)
        try:
            return super().send(request, **{**kwargs, "verify": True, "proxies": None})
        except requests.ConnectionError as error:
            reason = getattr(error.args[0] if error.args else None, "reason", None)
            if isinstance(reason, PrivateError):
                raise PrivateAddressError(f"{name_of(request.method, request.url)}: refused, {reason}") from None
            raise


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts these certificates (PEM), else the public ones. Raises OSError if they cannot be read."""
    return _public_context() if ca_file is None else _context(ca_file)


@cache
def _public_context() -> ssl.SSLContext:
    """Made once: reading all public certificates takes 10 ms, and sessions are made often."""
    return _context(Path(requests.utils.DEFAULT_CA_BUNDLE_PATH))


def _context(ca_file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file))
    context.sslsocket_class = _TlsSocket
    return context


def _dial(addresses: Sequence[_Address], ends: float) -> _Socket:
    """Connect to the first address that answers; each gets its share of the time that is left."""
    failure: OSError = TimeoutError()
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        left = ends - time.monotonic()
        if left <= 0:
            break
        sock = _Socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(left / (len(addresses) - position))
            sock.connect(address)
        except OSError as error:
            failure = error
            sock.close()
        else:
            sock.settimeout(max(ends - time.monotonic(), _LEAST))
            return sock
    raise failure


def _is_private(address: str) -> bool:
    """Whether a numeric address is one that outsiders must not make us call."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if not ip.is_global or ip.is_multicast or ip.is_reserved or getattr(ip, "is_site_local", False):
        return True
    return any(ip in network for network in EXTRA_BLOCKED_NET_RANGES)


def plain_reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the certificate is not accepted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'the handshake failed'}"
    if isinstance(error, OSError):
        return f"the connection failed ({os.strerror(error.errno) if error.errno else type(error).__name__})"
    return f"the connection failed ({type(error).__name__})"
