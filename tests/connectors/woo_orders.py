"""Trouble on order in front of a sandbox WooCommerce store: for the write that is meant, by the test's own clock."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from werkzeug.test import run_wsgi_app

from plugin.listener import cut

LIST = "/wp-json/wc/v3/products"
PROBE = f"{LIST}/0"  # a write to a product that cannot exist is a question
_PRODUCT = re.compile(rf"{LIST}/(\d+)\Z")
Environ = dict[str, Any]
App = Callable[..., Iterable[bytes]]


@dataclass(slots=True)
class Strike:
    """What happens to a write. skip: so many go well before it. late: seconds until it takes effect; None: never.

    then: called when it has come.
    """

    skip: int
    late: float | None
    then: Callable[[], object] | None = None


class Orders:
    """A WSGI application before the store's own. Thread-safe, as far as one write at a time is."""

    def __init__(self, app: App, now: Callable[[], datetime]):
        self._app, self._now = app, now
        self._lock = threading.Lock()
        self._due: list[tuple[datetime, Callable[[], object]]] = []
        self.strike: Strike | None = None
        self.throttled_until: datetime | None = None
        self.while_reading: Callable[[], None] | None = None
        self.after_write: dict[int, Callable[[], Callable[[], None]]] = {}  # product → before → after the next write

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if self.throttled_until and self._now() < self.throttled_until:
            wait = ceil((self.throttled_until - self._now()).total_seconds())
            return _refused(start_response, "429 Too Many Requests", "too_many_requests", wait)
        if environ["REQUEST_METHOD"] != "GET" and environ["PATH_INFO"] != PROBE:
            return self._write(environ, start_response)
        if environ["PATH_INFO"] == LIST and self.while_reading:
            return self._page(environ, start_response)
        return self._app(environ, start_response)

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
            act()

    def _write(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        strike = self._struck()
        if strike is None:
            return self._carried_out(environ, start_response)
        if strike.late is None:
            return _refused(start_response, "500 Internal Server Error", "internal_server_error", None)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        kept = {**environ, "wsgi.input": io.BytesIO(body)}
        with self._lock:
            moment = self._now() + timedelta(seconds=strike.late)
            self._due.append((moment, lambda: run_wsgi_app(self._carried_out, kept)))
        self.settle()
        if strike.then:
            strike.then()
        return cut()

    def _struck(self) -> Strike | None:
        with self._lock:
            strike = self.strike
            if strike and strike.skip:
                strike.skip -= 1
                return None
            self.strike = None
            return strike

    def _carried_out(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        found = _PRODUCT.match(environ["PATH_INFO"])
        before = self.after_write.pop(int(found[1]), None) if found else None
        if before is None:
            return self._app(environ, start_response)
        after = before()
        answer, status, headers = run_wsgi_app(self._app, environ)
        body = b"".join(answer)
        after()
        start_response(status, list(headers))
        return [body]

    def _page(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """A page of the catalogue; if others follow, it happens between."""
        answer, status, headers = run_wsgi_app(self._app, environ)
        body = b"".join(answer)
        if int(headers.get("X-WP-TotalPages", "1")) > 1:
            with self._lock:
                act, self.while_reading = self.while_reading, None
            if act:
                act()
        start_response(status, list(headers))
        return [body]


def _refused(start_response: Any, status: str, code: str, wait: int | None) -> Iterable[bytes]:
    number = int(status[:3])
    body = json.dumps({"code": code, "message": status[4:], "data": {"status": number}}).encode()
    headers = [("Content-Type", "application/json; charset=UTF-8"), ("Content-Length", str(len(body)))]
    start_response(status, headers if wait is None else [*headers, ("Retry-After", str(wait))])
    return [body]
