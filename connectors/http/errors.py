"""What can go wrong with a call, by what the caller must know: may the server have acted on it?

    HttpError                     (also a requests.RequestException)
    ├── BadRequestError           the request cannot be written; nothing was sent
    │   └── BadUrlError
    ├── NotConnectedError         no connection was made; nothing was sent
    │   └── PrivateAddressError
    ├── NoAnswerError             sent, or maybe sent; no complete answer came
    └── TooLargeError             answered, with more than max_bytes

No message carries a header, a body, a query string or a user name of the URL.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

import requests


class HttpError(requests.RequestException):
    """A call did not give a usable answer. `maybe_sent`: the server may have acted on the request."""

    maybe_sent: ClassVar[bool] = False


class BadRequestError(HttpError):
    """The request cannot be written as HTTP (a URL or a header is malformed). Nothing was sent."""


class BadUrlError(BadRequestError):
    """The URL is malformed or is not http(s). Nothing was sent."""


class NotConnectedError(HttpError):
    """No connection was made (DNS, refused, TLS, connect timeout, no time left). Nothing was sent."""


class PrivateAddressError(NotConnectedError):
    """The host is at a private, loopback, link-local or reserved address. Nothing was sent."""


class NoAnswerError(HttpError):
    """Sent, or maybe sent, and no complete answer came: cut, unreadable, or the deadline passed."""

    maybe_sent = True


class TooLargeError(HttpError):
    """The answer is larger than was allowed; what came of it is thrown away."""

    maybe_sent = True


def name_of(method: str | None, url: str | None) -> str:
    """The request as a message may show it: no query (signatures live there), no user name, no port tricks."""
    try:
        parts = urlsplit(url or "")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return f"{method} (unreadable address)"
    return f"{method} {parts.scheme}://{parts.hostname or ''}{port}{parts.path}"[:300]
