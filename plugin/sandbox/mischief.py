"""What goes wrong with the answers of every sandbox service: cut, late, halved and replaced.

    manners = Manners(trouble, {**INSTEAD, "html": lambda rule: page(HTML)}, SPOILED)
    response = manners.answer(chosen.answer, lambda: served(app, environ))     # may cut the connection

Each service adds the kinds that only it knows, and the look of its own errors.
"""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NoReturn

from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from plugin.listener import cut
from plugin.sandbox.faults import STATUS, AnyRule, Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

PROXY = frozenset({502, 503, 504})  # statuses of which the page of a proxy tells, not the service itself


@dataclass(frozen=True)
class Manners(Generic[AnyRule]):
    """How the answers of one service go wrong.

    `trouble` makes the answer of an error status (see `proxy_page` for those in `PROXY`); `instead`, by kind, what
    comes instead of a service that never sees the call; `spoiled`, by kind, what becomes of its true answer.
    """

    trouble: Callable[[int], Response]
    instead: Mapping[str, Callable[[AnyRule], Response]]
    spoiled: Mapping[str, Callable[[Response], Response]]

    def answer(self, rule: AnyRule | None, serve: Callable[[], Response]) -> Response:
        """The answer of a call: `serve` gives the true one. Raises `ConnectionAbortedError` to cut the connection."""
        if rule is None:
            return serve()
        if rule.comes_before:
            return self._in_trouble(rule) or self.instead[rule.kind](rule)
        response = serve()
        return self._in_trouble(rule) or self.spoiled[rule.kind](response)

    def _in_trouble(self, rule: AnyRule) -> Response | None:
        status = STATUS.fullmatch(rule.kind)
        return None if status is None else self.trouble(int(status[1]))


class LateWork:
    """Work that is done some seconds after its call was answered. `closed` ends all waiting, with nothing done."""

    def __init__(self, closed: threading.Event, name: str) -> None:
        self._closed = closed
        self._name = name
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def start(self, seconds: float, work: Callable[[], object]) -> None:
        """Do the work so many seconds from now."""

        def later() -> None:
            if not self._closed.wait(seconds):
                work()
            with self._lock:
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=later, name=self._name, daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def settle(self, seconds: float) -> bool:
        """Wait until all is done, at most so long; whether it is."""
        end = time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)


def served(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    """The whole answer of the application, in memory."""
    body, status, headers = run_wsgi_app(app, environ, buffered=True)
    return Response(b"".join(body), status, headers)


def repeatable(environ: "WSGIEnvironment") -> "WSGIEnvironment":
    """A request that is held in memory, so that it can be answered when its connection is gone. Reads the body."""
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return {**environ, "wsgi.input": io.BytesIO(data)}


def in_json(body: object, status: int = 200) -> Response:
    """A JSON answer; Chinese stays readable."""
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")


def page(html: str, status: int = 200) -> Response:
    """A web page where JSON was expected."""
    return Response(html, status, mimetype="text/html")


def proxy_page(status: int) -> Response:
    """What a proxy says of a service that it cannot reach."""
    title = f"<html><head><title>{status}</title></head>"
    return page(f"{title}<body><center><h1>{status}</h1></center><hr><center>nginx</center></body></html>", status)


def with_retry_after(response: Response, seconds: float) -> Response:
    """The same answer, which says how long to wait."""
    response.headers["Retry-After"] = str(int(seconds))
    return response


def silent(closed: threading.Event, seconds: float) -> NoReturn:
    """No answer for so long, then a cut connection."""
    closed.wait(seconds)
    cut()


def truncated(response: Response) -> Response:
    """The first half of the body, as if it were all."""
    body = response.get_data()
    return Response(body[: len(body) // 2], response.status_code, mimetype=response.mimetype)


def cut_body(response: Response) -> Response:
    """The first half of the body; then the connection is cut."""
    body = response.get_data()

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        cut()

    headers = {"Content-Length": str(len(body))}
    return Response(half(), response.status_code, headers, mimetype=response.mimetype)


def empty_body(response: Response) -> Response:
    """Status 200 and not a byte, where more was to come."""
    return Response(b"", 200, content_type=response.content_type)


INSTEAD: Mapping[str, Callable[[Rule], Response]] = {"drop_before": lambda rule: cut()}
SPOILED: Mapping[str, Callable[[Response], Response]] = {
    "drop_after": lambda response: cut(),
    "truncated": truncated,
    "cut_body": cut_body,
    "empty_body": empty_body,
}
