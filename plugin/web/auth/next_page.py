"""Where to go after signing in: the page that was asked for, and never to another site."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from flask import Request

LONGEST = 2000
# One slash, then visible ASCII without a backslash, which browsers take for a slash.
_LOCAL = re.compile(r"/(?!/)[!-\[\]-~]*")
_NOT_PAGES = ("/sign-in", "/sign-out", "/set-up", "/pictures/", "/static/")


def local_path(text: str | None) -> str | None:
    """The text, if it is a path on this site (with a query, perhaps) that one may be sent to; else None."""
    if text is None or len(text) > LONGEST or not _LOCAL.fullmatch(text) or text.startswith(_NOT_PAGES):
        return None
    return text


def asked_for(request: Request) -> str | None:
    """The page that somebody was on, or wanted to be on, when they had to sign in; None: the first one will do."""
    if "HX-Request" in request.headers:
        return _same_site(request, request.headers.get("HX-Current-URL"))
    if request.method not in ("GET", "HEAD"):
        return _same_site(request, request.referrer)
    path = quote(request.path, safe="/:@!$&'()*+,;=")
    query = quote(request.query_string, safe="/:@!$&'()*+,;=?%")
    page = local_path(f"{path}?{query}" if query else path)
    return None if page == "/" else page


def _same_site(request: Request, address: str | None) -> str | None:
    """The path of an address on this site."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return None
    if parts.netloc != request.host:
        return None
    return local_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)
