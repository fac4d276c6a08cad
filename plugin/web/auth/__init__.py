"""Who a request comes from: one small interface (`Authenticator`), the password sign-in behind it, the set-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flask import Blueprint, Flask, Request, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

blueprint = Blueprint("auth", __name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever is signed in: decisions are recorded under `name`."""

    name: str


class Authenticator(Protocol):
    """Says who a request comes from. The password sign-in is one; a shop platform's session token can be another."""

    def identify(self, request: Request) -> Identity | None:
        """None: nobody who is known; the page asks to sign in."""
        ...


OPEN = frozenset({"auth.sign_in", "auth.set_up", "health.show", "language.choose", "static"})


def install(app: Flask, authenticator: Authenticator) -> None:
    @app.before_request
    def demand_identity() -> Response | None:
        g.identity = authenticator.identify(request)
        if g.identity is not None or request.endpoint in OPEN:
            return None
        return redirect(url_for("auth.sign_in"))

    @app.context_processor
    def names() -> dict[str, object]:
        return {"identity": g.get("identity")}


@blueprint.get("/sign-in")
def sign_in() -> str:
    return render_template("sign_in.html")


@blueprint.post("/sign-out")
def sign_out() -> Response:
    return redirect(url_for("auth.sign_in"))


@blueprint.get("/set-up")
def set_up() -> str:
    return render_template("set_up.html")
