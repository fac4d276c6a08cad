"""The REST client of a WooCommerce store: signing, kept connections, deadlines, typed errors.

wc/v3 is signed by the consumer key: OAuth 1.0a in the query over http (by the `woocommerce` package), Basic over https.
wp/v2 (the media library) takes the Application Password only, and only over https. Both as observed on
WooCommerce 11.0.1.

A read is tried again a few times, a write never: a store finishes a write after we have given up waiting for it.
Caches (a plugin's, a CDN's) know an answer by its address: each read has one of its own, since a list that is
written must not come from an old answer.
"""

from __future__ import annotations

import json
import mimetypes
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from woocommerce.oauth import OAuth

from connectors.http import Answer, HttpError, NoAnswerError, TooLargeError, prepare, send
from connectors.woocommerce.errors import (
    Asked,
    StoreError,
    redirected,
    refused,
    seconds_to_wait,
    unreachable,
    unreadable,
)
from connectors.woocommerce.options import WooCommerceOptions

__all__ = ["Client", "Reply", "StoreError"]

MAX_BYTES = 30_000_000
PATIENCE = 45.0  # seconds after which a read is not begun once more
_WAITS = (1.0, 3.0, 8.0, 16.0)  # seconds before each further try of a read
_AGAIN = frozenset({401, 408, 425, 429})  # refusals that pass by themselves; 401: the signature was seen already


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of status 2xx. `headers` ignore case; `body` is the decoded JSON (None: it was empty)."""

    status: int
    headers: Mapping[str, str]
    body: Any


class _Signer(OAuth):  # type: ignore[misc]
    @staticmethod
    def generate_nonce() -> str:
        """Never the same twice: the package's own has eight digits, and a store refuses one that it has seen."""
        return secrets.token_hex(20)


class Client:
    """One store's REST API. May be used by several threads at once.

    home: the store's address without a slash at its end. can_upload: an Application Password is given and the
    address is https.
    """

    def __init__(
        self,
        options: WooCommerceOptions,
        session: requests.Session,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ):
        """session: made by `connectors.http.new_session`, with the store's certificate file if it has one. now: aware
        UTC. sleep: waits so many seconds."""
        self.home = options.url
        self.session, self._now, self._sleep = session, now, sleep
        self._key = options.consumer_key.get_secret_value()
        self._secret = options.consumer_secret.get_secret_value()
        self._login = options.app_login()
        self._tls = options.url.startswith("https://")
        self.can_upload = self._tls and self._login is not None
        shown = options.app_password.get_secret_value() if options.app_password else ""
        self._hidden = [
            text for text in (self._key, self._secret, shown, self._login[1] if self._login else "") if text
        ]

    def read(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        seconds: float = 30.0,
        anonymous: bool = False,
        patience: float = PATIENCE,
    ) -> Reply:
        """GET what is below /wp-json/. Overload, errors of the server and lost answers are tried again.

        seconds: for one try. patience: no further try begins later than this; Retry-After is obeyed within it, and
        told in the error otherwise. anonymous: without any credentials.
        Raises StoreError; ValueError for params that cannot be signed.
        """
        began, tries = self._now(), 0
        while True:
            try:
                return self._send(path, self._request("GET", path, params, anonymous=anonymous), seconds, "GET")
            except StoreError as error:
                wait = _next_wait(error, tries)
                spent = (self._now() - began).total_seconds()
                if wait is None or spent + wait > patience:
                    raise
                tries += 1
                self._sleep(wait)

    def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        seconds: float = 60.0,
    ) -> Reply:
        """POST, PUT or DELETE, sent once. Raises StoreError; where its `maybe_done` is set, look before going on."""
        content: dict[str, Any] = {} if body is None else {"json": body}
        return self._send(path, self._request(method, path, params, **content), seconds, method)

    def upload(self, path: Path, filename: str, fields: Mapping[str, str], *, seconds: float = 120.0) -> Reply:
        """Put a file into the media library, sent once. fields: as of /wp/v2/media (alt_text, title).

        Raises StoreError (permanent where no Application Password can be used); OSError if the file cannot be read.
        """
        kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        with path.open("rb") as file:
            content: dict[str, Any] = {"files": {"file": (filename, file, kind)}, "data": dict(fields)}
            request = self._request("POST", "wp/v2/media", None, **content)
        return self._send("wp/v2/media", request, seconds, "POST")

    def _request(
        self, method: str, path: str, params: Mapping[str, str] | None, *, anonymous: bool = False, **content: Any
    ) -> requests.PreparedRequest:
        url, auth = f"{self.home}/wp-json/{path}", None
        if path.startswith("wc/") and not anonymous and not self._tls:
            url = self._signed(method, _with_query(url, params))
        else:
            auth = None if anonymous else self._basic(path)
            own = {"_": secrets.token_hex(8)} if method == "GET" else {}  # a signature has a nonce already
            url = _with_query(url, {**(params or {}), **own})
        headers = {"Accept": "application/json", "Cache-Control": "no-cache"}
        return prepare(self.session, method, url, auth=auth, headers=headers, **content)

    def _signed(self, method: str, url: str) -> str:
        stamp = int(self._now().timestamp())
        signer = _Signer(url, self._key, self._secret, version="wc/v3", method=method, oauth_timestamp=stamp)
        return str(signer.get_oauth_url())

    def _basic(self, path: str) -> tuple[bytes, bytes] | None:
        """User and password for a path. Raises StoreError where there are none that may be used."""
        if not path.startswith("wp/"):
            return (self._key.encode(), self._secret.encode()) if path.startswith("wc/") else None
        if self._login is None:
            raise StoreError(
                f"{self.home}: this needs an Application Password; add one in the store's settings", permanent=True
            )
        if not self._tls:
            raise StoreError(
                f"{self.home}: an Application Password is not used over http, where anybody on the way could read it; "
                "give the store a certificate and use its https:// address",
                permanent=True,
            )
        return self._login[0].encode(), self._login[1].encode()

    def _send(self, path: str, request: requests.PreparedRequest, seconds: float, method: str) -> Reply:
        """What creates something goes over a new connection: a kept one may be closed by the server in the very moment
        of use, and then it is not known whether the thing was made. A PUT or DELETE follows right on a read."""
        asked = Asked(self.home, method, path)
        try:
            fresh = method == "POST"
            answer = send(self.session, request, deadline=seconds, max_bytes=MAX_BYTES, fresh=fresh)
        except HttpError as error:
            raise unreachable(asked, error) from error
        return self._reply(asked, answer)

    def _reply(self, asked: Asked, answer: Answer) -> Reply:
        if 300 <= answer.status < 400:
            raise redirected(asked, answer.status, answer.headers.get("Location", ""))
        wait = seconds_to_wait(answer.headers.get("Retry-After"), self._now())
        try:
            body = json.loads(answer.body.decode("utf-8-sig")) if answer.body else None
        except ValueError:
            if answer.status >= 500 or answer.status == 429:
                raise refused(asked, answer.status, None, wait, self._hidden) from None
            raise unreadable(asked, answer.status, answer.body) from None
        if not 200 <= answer.status < 300:
            raise refused(asked, answer.status, body, wait, self._hidden)
        return Reply(answer.status, answer.headers, body)


def _next_wait(error: StoreError, tries: int) -> float | None:
    """Seconds before a read is tried again; None: it is not."""
    firewall = error.status is not None and error.status < 500 and error.status not in _AGAIN
    if error.permanent or tries >= len(_WAITS) or firewall or isinstance(error.__cause__, TooLargeError):
        return None
    if error.retry_after is not None:
        return max(error.retry_after, 0.1)
    # A kept connection that the server has just closed looks like a lost answer: ask again at once.
    lost = isinstance(error.__cause__, NoAnswerError)
    return 0.0 if lost and tries == 0 else _WAITS[tries]


def _with_query(url: str, params: Mapping[str, str] | None) -> str:
    """The address with its query inside, since the signature covers it.

    Raises ValueError for values that the signature over http breaks on (observed: empty ones and %25; a slash is
    encoded otherwise by the store). Lists are written with commas.
    """
    if not params:
        return url
    for name, value in params.items():
        if not value or set(value) & set("%/"):
            raise ValueError(f"the parameter {name}={value!r} cannot be signed")
    return f"{url}?{urlencode(params)}"
