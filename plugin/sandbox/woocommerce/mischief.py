"""Does what the fault rules say, around the store: a WSGI layer that cuts, delays, replaces and spoils answers.

It also keeps the log of requests, and reads `?rest_route=` as WordPress does.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from flask import request
from werkzeug.wrappers import Request, Response

from plugin.listener import cut
from plugin.sandbox.faults import NOTHING, Chosen
from plugin.sandbox.mischief import (
    INSTEAD,
    PROXY,
    SPOILED,
    LateWork,
    Manners,
    in_json,
    page,
    proxy_page,
    repeatable,
    served,
    silent,
    with_retry_after,
)
from plugin.sandbox.woocommerce.editor import Editor
from plugin.sandbox.woocommerce.faults import ACCESS, EDITORS, IMAGES, LATE, SLOW, FaultRule
from plugin.sandbox.woocommerce.service import Seen, WooParts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CALL_KEY = "woocommerce.call"
HTML = (
    "<!doctype html><html><head><title>One moment, please...</title></head>"
    "<body><h1>Checking your browser</h1><p>This site is protected by a security plugin.</p></body></html>"
)
CRITICAL = {
    "code": "internal_server_error",
    "message": "<p>There has been a critical error on this website.</p>",
    "data": {"status": 500},
}
SECRET = re.compile(r"^(oauth_\w+|consumer_(key|secret))$")
PATHS = (  # the first that fits: methods, path below /wp-json, the call
    ("*", r"/wc/v3/products/batch", "batch"),
    ("GET", r"/wc/v3/products", "list"),
    ("*", r"/wc/v3/products", "write"),
    ("*", r"/wc/v3/products/(?:categories|tags)", "terms"),
    ("GET", r"/wc/v3/products/(\d+)", "product"),
    ("DELETE", r"/wc/v3/products/(\d+)", "delete"),
    ("*", r"/wc/v3/products/(\d+)", "write"),
    ("GET", r"/wc/v3/products/(\d+)/variations(?:/\d+)?", "variations"),
    ("*", r"/wc/v3/products/(\d+/variations/\w+)", "variation"),
    ("*", r"/wc/v3/webhooks(?:/\d+)?", "webhook"),
    ("*", r"/wc/v3/(?:settings|data|system_status).*", "info"),
    ("POST", r"/wp/v2/media", "upload"),
    ("DELETE", r"/wp/v2/media/(\d+)", "media_delete"),
    ("*", r"/wp/v2/media.*", "media"),
    ("*", r"/wp/v2/product.*", "post"),
    ("*", r"/wp/v2/users.*", "user"),
    ("*", r"/?", "index"),
)


@dataclass(frozen=True)
class Call:
    """One call: what kind, what it is about, and what goes wrong with it."""

    kind: str = ""
    subject: str = ""
    chosen: Chosen[FaultRule] = NOTHING

    @property
    def refused(self) -> tuple[str, ...]:
        """Patterns of file names that the store does not take this time."""
        return tuple(str(rule.value or "*") for rule in self.chosen.others if rule.kind in IMAGES)


def this_call() -> Call:
    """The call being answered."""
    call: Call = request.environ.get(CALL_KEY, Call())
    return call


def classify(method: str, path: str) -> tuple[str, str]:
    """The kind of a call and its subject (a product's id, or the like); empty for other paths."""
    if path.startswith("/wp-content/uploads/"):
        return "file", path.rpartition("/")[2]
    if not path.startswith("/wp-json"):
        return "", ""
    rest = path.removeprefix("/wp-json")
    for methods, pattern, kind in PATHS:
        found = re.fullmatch(pattern, rest.rstrip("/") or "/")
        if found and methods in {"*", method}:
            return kind, found[1] if found.re.groups else ""
    return "other", ""


class Mischief:
    """The layer around a store's application."""

    def __init__(self, app: "WSGIApplication", shop: WooParts) -> None:
        self._app = app
        self._shop = shop
        self._editor = Editor(shop.store)
        self._late = LateWork(shop.closed, "woocommerce-late")
        self._manners = Manners(trouble, {**BEFORE, "timeout": lambda rule: silent(shop.closed, rule.amount)}, AFTER)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        rerouted(environ, plain=self._shop.options.plain_permalinks)
        kind, subject = classify(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        chosen = self._shop.faults.choose(kind, subject) if kind else NOTHING
        call = environ[CALL_KEY] = Call(kind, subject, chosen)
        started = time.monotonic()
        try:
            response = self._answer(call, environ)
        except ConnectionAbortedError:
            self._log(call, environ, None, started)
            raise
        self._log(call, environ, response.status_code, started)
        return response(environ, start_response)

    def settle(self, seconds: float) -> bool:
        """Wait until late work is done; whether it is."""
        return self._late.settle(seconds)

    def _log(self, call: Call, environ: "WSGIEnvironment", status: int | None, started: float) -> None:
        if environ["PATH_INFO"].startswith("/sandbox/"):
            return
        pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        params = {name: value for name, value in pairs if not SECRET.match(name)}
        who = self._shop.gate.named(Request(environ))
        seconds = time.monotonic() - started
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        self._shop.requests.append(Seen(method, path, params, status, call.kind, who, seconds))

    def _answer(self, call: Call, environ: "WSGIEnvironment") -> Response:
        chosen = call.chosen
        self._change_access(chosen, environ)
        rule = chosen.answer
        if rule is not None and rule.kind in LATE:
            return self._do_late(call, environ, rule)
        response = self._manners.answer(rule, lambda: self._with_editors(call, environ))
        if chosen.kinds() & SLOW:
            self._shop.closed.wait(chosen.amount(SLOW))
        return response

    def _change_access(self, chosen: Chosen[FaultRule], environ: "WSGIEnvironment") -> None:
        """Permission is lost from this call on."""
        kinds = chosen.kinds() & ACCESS
        if not kinds:
            return
        name = self._shop.gate.named(Request(environ))
        if "revoke" in kinds:
            self._shop.gate.revoke(name)
        else:
            self._shop.gate.restrict(name)

    def _with_editors(self, call: Call, environ: "WSGIEnvironment") -> Response:
        """The store's answer; another editor writes the same listing before or after, where a rule says so."""
        kinds = call.chosen.kinds() & EDITORS
        read = self._editor.read(call.subject) if kinds else None
        if read is not None and "editor_before" in kinds:
            self._editor.add(read)
        response = served(self._app, environ)
        if read is not None and "editor" in kinds:
            self._editor.write_back(read)
        return response

    def _do_late(self, call: Call, environ: "WSGIEnvironment", rule: FaultRule) -> Response:
        """A gateway gives up now (504, or the connection is cut), and the store does the work some seconds later."""
        held = repeatable(environ)
        self._late.start(rule.amount, lambda: self._with_editors(call, held))
        return cut() if rule.kind == "late_cut" else trouble(504)


def rerouted(environ: "WSGIEnvironment", *, plain: bool) -> None:
    """`/?rest_route=/wc/v3/…` means `/wp-json/wc/v3/…`; with plain permalinks the latter does not exist."""
    if plain and environ["PATH_INFO"].startswith("/wp-json"):
        environ["PATH_INFO"] = "/no-such-page"
        return
    query = environ.get("QUERY_STRING", "")
    if environ["PATH_INFO"] == "/" and "rest_route=" in query:
        route = dict(parse_qsl(query)).get("rest_route", "/")
        environ["PATH_INFO"] = quote(f"/wp-json{route}", safe="/")


def trouble(status: int) -> Response:
    """An answer with an error status: WordPress' JSON, or a proxy's HTML for 502 to 504."""
    return proxy_page(status) if status in PROXY else in_json({**CRITICAL, "data": {"status": status}}, status)


def rate_limited(rule: FaultRule) -> Response:
    """A host's 429."""
    return with_retry_after(page("<html><body><h1>429 Too Many Requests</h1></body></html>", 429), rule.amount)


BEFORE: Mapping[str, Callable[[FaultRule], Response]] = {
    **INSTEAD,
    "html": lambda rule: page(HTML),
    "redirect": lambda rule: Response("", 302, {"Location": "http://127.0.0.1:9/wp-login.php"}),
    "rate_limited": rate_limited,
}
AFTER: Mapping[str, Callable[[Response], Response]] = {**SPOILED, "html_after": lambda response: page(HTML)}
