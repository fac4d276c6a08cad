"""The gate in front of every page: who asks, and where those are sent who may not."""

from __future__ import annotations

from typing import cast

from flask import Flask, Request, Response, abort, current_app, g, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from plugin.web.auth.identity import Authenticator, FirstOf, Identity
from plugin.web.auth.next_page import asked_for
from plugin.web.auth.password_sign_in import PasswordSignIn

KEY = "hebo_sync_password_sign_in"
UNASKED = frozenset({"health.show", "static"})  # the same for everybody
OPEN = frozenset({"auth.sign_in", "auth.set_up", "language.choose"}) | UNASKED
MARK = "mark"


def install(app: Flask, authenticator: Authenticator) -> None:
    """Let nobody pass whom the authenticator does not know, but to the pages in OPEN.

    Sets `flask.g.identity` for each request. To be installed before what looks at forms: a form that comes after
    the sign-in has ended leads to sign-in, and is not even read.
    """
    app.extensions[KEY] = password_sign_in_of(authenticator)

    @app.before_request
    def demand_identity() -> AnyResponse | None:
        g.identity = None if request.endpoint in UNASKED else authenticator.identify(request)
        if not wants_picture(request):
            bind_session(g.identity)
        if g.identity is not None or request.endpoint in OPEN:
            return None
        return turn_away()

    @app.context_processor
    def names() -> dict[str, object]:
        return {"identity": g.get("identity")}


def password_sign_in_of(authenticator: Authenticator) -> PasswordSignIn | None:
    """The password sign-in among the authenticators, if there is one: its pages need it."""
    if isinstance(authenticator, PasswordSignIn):
        return authenticator
    members = authenticator.members if isinstance(authenticator, FirstOf) else ()
    found = (password_sign_in_of(member) for member in members)
    return next((member for member in found if member is not None), None)


def password_sign_in() -> PasswordSignIn:
    """The password sign-in behind this application; 404 where people sign in by other means only."""
    found = cast(PasswordSignIn | None, current_app.extensions[KEY])
    return found if found is not None else abort(404)


def bind_session(identity: Identity | None) -> None:
    """What Flask's session holds (the CSRF token) is good for one sign-in only, and for no one's before or after."""
    if request.endpoint in UNASKED:
        return
    mark = identity.mark if identity else ""
    if session.get(MARK, "") != mark:
        new_session(mark)


def new_session(mark: str) -> None:
    """Forget what this browser's session held; what it holds from now on belongs to the sign-in of this mark."""
    session.clear()
    g.pop("csrf_token", None)
    if mark:
        session[MARK] = mark


def wants_picture(asked: Request) -> bool:
    """Whether the answer is meant for an <img>, where a page is of no use."""
    inside = asked.path.startswith("/pictures/") or asked.headers.get("Sec-Fetch-Dest") == "image"
    return inside and asked.method in ("GET", "HEAD")


def turn_away() -> AnyResponse:
    """Send whoever is not known to sign-in, or to the set-up on first run."""
    if wants_picture(request):
        return Response(status=401)
    service = cast(PasswordSignIn | None, current_app.extensions[KEY])
    if service is not None and service.first_run():
        target = url_for("auth.set_up")
    else:
        target = url_for("auth.sign_in", next=asked_for(request))
    if "HX-Request" in request.headers:  # a redirect would put the sign-in page inside of the page that is shown
        return Response(status=401, headers={"HX-Redirect": target})
    return redirect(target, 303)
