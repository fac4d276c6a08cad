"""What protects every page: signed cookies, the CSRF token, known hosts, small bodies, strict headers, quiet errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from plugin.config import ServerSettings
from plugin.pipeline.parts import Parts
from plugin.web import errors
from plugin.web.auth.password_sign_in import COOKIE
from plugin.web.hosts import KnownHosts, own_names

ROOT = str(Path(__file__).parent)
MOST_BYTES = 1_000_000  # of a request's body
MOST_FIELDS = 5_000
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
MOST_ROW_ID = 2**31 - 1  # larger numbers are no row's, and some databases would not even compare them
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class RowIdConverter(IntegerConverter):
    """<int:…> in addresses: a number that a row can have; any other is a page that is not there."""

    def __init__(self, map: Map, *, max: int = MOST_ROW_ID, **options: Any):  # the names of the library
        super().__init__(map, max=max, **options)


def install(app: Flask, parts: Parts) -> None:
    """Everything that does not depend on who asks. To be installed first."""
    server = parts.settings.server
    secure = is_https(server)
    headers = HEADERS | (HTTPS_ONLY if secure else {})
    app.url_map.converters["int"] = RowIdConverter
    app.config.update(_cookies(secure=secure), **_limits())
    app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"] = parts.keys.derive("sessions")
    errors.install(app)
    _install_headers(app, headers)
    if server.public_url:  # a proxy of the operator's stands in front, and says whom it speaks for
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0, x_port=0, x_prefix=0)  # type: ignore[method-assign]  # Flask's own form
    app.wsgi_app = KnownHosts(app.wsgi_app, own_names(server), headers)  # type: ignore[method-assign]  # Flask's own form


def protect_forms(app: Flask, parts: Parts) -> None:
    """Take changes from our own pages only. To be installed after what asks for the identity."""
    public = urlsplit(parts.settings.server.public_url or "").netloc

    @app.before_request
    def demand_origin() -> None:
        if request.method not in SAFE and not _is_ours(public):
            abort(403)

    CSRFProtect(app)


def is_https(server: ServerSettings) -> bool:
    """Whether people open the pages by https, so that cookies need not go by anything else."""
    return (server.public_url or "").startswith("https://")


def _is_ours(public: str) -> bool:
    """Whether the browser says that one of our pages sent this; clients that are no browsers say nothing.

    public: the host by which people open the pages, since a proxy may pass on another one.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] in {request.host, public} - {""}


def _cookies(*, secure: bool) -> dict[str, object]:
    """Browsers take a cookie named __Host-… from this very host by https only, with the path / (RFC 6265bis, 4.1.3)."""
    prefix = "__Host-" if secure else ""
    return {
        COOKIE: f"{prefix}hebo-sync",
        "SESSION_COOKIE_NAME": f"{prefix}hebo-sync-page",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/",
    }


def _limits() -> dict[str, object]:
    return {
        "MAX_CONTENT_LENGTH": MOST_BYTES,
        "MAX_FORM_MEMORY_SIZE": MOST_BYTES,
        "MAX_FORM_PARTS": MOST_FIELDS,
        "WTF_CSRF_TIME_LIMIT": None,  # a page may stay open all day: its token ends with the sign-in
        "WTF_CSRF_SSL_STRICT": False,  # `_is_ours` looks at the origin, and knows the proxy's host
    }


def _install_headers(app: Flask, headers: dict[str, str]) -> None:
    @app.after_request
    def guard(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")  # pictures and static files say their own
        return response
