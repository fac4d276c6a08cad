"""Trouble on order in front of a sandbox Shopify: for the write that is meant, by the test's own clock."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from typing import Any

from werkzeug.test import run_wsgi_app

from plugin.listener import cut

STAGED, BULK = "/staged/", "/bulk/"
PREPARING = frozenset({"stagedUploadsCreate", "upload"})  # nothing of the shop's changes by them
ASKING = frozenset({"bulkOperationRunQuery", "bulkOperationCancel"})  # mutations that only read
_MUTATION = re.compile(r"\A\s*mutation\b[^{]*\{\s*(\w+)")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_CATALOGUE = re.compile(r"\{\s*products\s*\(")
_TOLD = re.compile(rb'"(?:access_token|refresh_token|value)": ?"([^"]{32,})"')
_ADDRESS = re.compile(rb'"url": ?"[^"]*/bulk/([^"]+)"')
Environ = dict[str, Any]
App = Callable[..., Iterable[bytes]]
After = Callable[[], None]


@dataclass(slots=True)
class Strike:
    """What happens to a write. skip: so many go well before it. late: seconds until it takes effect; None: never.

    then: called when it has come.
    """

    skip: int
    late: float | None
    then: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. call: the mutation's field, "upload", or "" for what writes nothing. query: the document, or ""."""

    environ: Environ
    body: bytes
    call: str
    query: str = ""

    @property
    def is_api(self) -> bool:
        """Whether it went to the GraphQL API, where points are counted."""
        return bool(self.environ["PATH_INFO"].endswith("/graphql.json"))

    def again(self) -> Environ:
        """The request anew, as an application takes it; each can be read once."""
        return {**self.environ, "wsgi.input": io.BytesIO(self.body)}


def asked(environ: Environ) -> Asked:
    """A request that came."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["PATH_INFO"].startswith(STAGED):
        return Asked(environ, body, "upload" if environ["REQUEST_METHOD"] != "GET" else "")
    if not environ["PATH_INFO"].endswith("/graphql.json"):
        return Asked(environ, body, "")
    query = _COMMENT.sub("", json.loads(body)["query"])
    found = _MUTATION.match(query)
    return Asked(environ, body, found[1] if found and found[1] not in ASKING else "", query)


class Overheard:
    """A WSGI application before the shop's own that keeps what the shop tells and others must not know.

    secrets: tokens, and what makes an upload's address a signed one. addresses: of bulk results, which need no token.
    """

    def __init__(self, app: App):
        self._app = app
        self.secrets: list[str] = []
        self.addresses: list[str] = []

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        answer, status, headers = run_wsgi_app(self._app, environ, buffered=True)
        body = b"".join(answer)
        for kept, pattern in ((self.secrets, _TOLD), (self.addresses, _ADDRESS)):
            kept.extend({told.decode() for told in pattern.findall(body)} - set(kept))
        start_response(status, list(headers))
        return [body]


class Orders:
    """A WSGI application before the shop's own. Thread-safe, as far as one write at a time is.

    uploads: whether what only prepares a write (uploads, and asking for their addresses) counts as a write, too.
    waits: whether throttling is told with the time that it will last (429), or as Shopify does it for its points.
    """

    def __init__(self, app: App, now: Callable[[], datetime], *, uploads: bool, waits: bool):
        self._app, self._now = Overheard(app), now
        self._harmless = frozenset() if uploads else PREPARING
        self._waits = waits
        self._lock = threading.Lock()
        self._due: list[tuple[datetime, Callable[[], object]]] = []
        self.strike: Strike | None = None
        self.throttled_until: datetime | None = None
        self.while_reading: Callable[[], None] | None = None
        self.after_write: dict[str, Callable[[], After]] = {}  # product → before → after the next write
        self.secrets, self.addresses = self._app.secrets, self._app.addresses

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        seen = asked(environ)
        if self.throttled_until and self._now() < self.throttled_until and seen.is_api:
            return self._throttled(start_response, (self.throttled_until - self._now()).total_seconds())
        if seen.call and seen.call not in self._harmless:
            return self._write(seen, start_response)
        if self.while_reading:
            return self._read(seen, start_response)
        return self._app(seen.again(), start_response)

    def next_due(self) -> datetime:
        """When the next late write takes effect."""
        with self._lock:
            return min((moment for moment, _ in self._due), default=datetime.max.replace(tzinfo=UTC))

    def settle(self) -> None:
        """What is due by now happens."""
        now = self._now()
        with self._lock:
            due = [act for moment, act in self._due if moment <= now]
            self._due = [(moment, act) for moment, act in self._due if moment > now]
        for act in due:
            with suppress(ConnectionAbortedError):  # by a fault of the shop's own; nobody waits for this answer
                act()

    def _write(self, seen: Asked, start_response: Any) -> Iterable[bytes]:
        strike = self._struck()
        if strike is None:
            return self._carried_out(seen, start_response)
        if strike.late is None:
            return _answered(start_response, "500 Internal Server Error", {"errors": "Internal Server Error"})
        with self._lock:
            moment = self._now() + timedelta(seconds=strike.late)
            self._due.append((moment, partial(run_wsgi_app, partial(self._later, seen), {}, buffered=True)))
        self.settle()
        if strike.then:
            strike.then()
        return cut()

    def _later(self, seen: Asked, _: Environ, start_response: Any) -> Iterable[bytes]:
        return self._carried_out(seen, start_response)

    def _struck(self) -> Strike | None:
        with self._lock:
            strike = self.strike
            if strike and strike.skip:
                strike.skip -= 1
                return None
            self.strike = None
            return strike

    def _carried_out(self, seen: Asked, start_response: Any) -> Iterable[bytes]:
        product = next((gid for gid in self.after_write if f'"{gid}"'.encode() in seen.body), None)
        if product is None or seen.call in PREPARING:
            return self._app(seen.again(), start_response)
        after = self.after_write.pop(product)()
        return self._between(seen, start_response, lambda _: after())

    def _read(self, seen: Asked, start_response: Any) -> Iterable[bytes]:
        """A page of the catalogue, or the file of a bulk operation; if others follow, it happens between."""
        is_file = seen.environ["PATH_INFO"].startswith(BULK)
        if not is_file and not _CATALOGUE.search(seen.query):
            return self._app(seen.again(), start_response)

        def act(body: bytes) -> None:
            if is_file or b'"hasNextPage":true' in body.replace(b" ", b""):
                with self._lock:
                    happens, self.while_reading = self.while_reading, None
                if happens:
                    happens()

        return self._between(seen, start_response, act)

    def _between(self, seen: Asked, start_response: Any, act: Callable[[bytes], object]) -> Iterable[bytes]:
        """The shop's answer, after which something happens before anybody sees it."""
        try:
            answer, status, headers = run_wsgi_app(self._app, seen.again(), buffered=True)
        except ConnectionAbortedError:  # by a fault of the shop's own
            act(b"")
            raise
        body = b"".join(answer)
        act(body)
        start_response(status, list(headers))
        return [body]

    def _throttled(self, start_response: Any, seconds: float) -> Iterable[bytes]:
        if self._waits:
            wait = ("Retry-After", str(ceil(seconds)))
            return _answered(start_response, "429 Too Many Requests", {"errors": "Too Many Requests"}, wait)
        bucket = {"maximumAvailable": 2000.0, "currentlyAvailable": 0, "restoreRate": 100.0}
        cost = {"requestedQueryCost": 50, "actualQueryCost": None, "throttleStatus": bucket}
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
        return _answered(start_response, "200 OK", {"errors": [error], "extensions": {"cost": cost}})


def _answered(start_response: Any, status: str, told: object, *headers: tuple[str, str]) -> Iterable[bytes]:
    body = json.dumps(told).encode()
    always = [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, [*always, *headers])
    return [body]
