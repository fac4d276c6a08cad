"""What the control endpoints of all sandbox services have in common: reading a request, and the fault rules.

    control = control_side("shopify-control", lambda: parts().faults, FaultRule)      # has /sandbox/faults already

    @control.post("/expire")
    def expire() -> Response:
        token = given().get("token")
        if not isinstance(token, str):
            raise ControlError("give a token")

They need no key: a sandbox is for this machine only.
"""

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from plugin.sandbox.faults import AnyRule, FaultBook, FaultError


class ControlError(Exception):
    """A request to the control endpoints that makes no sense: answered 400, with the message as `detail`."""


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """A JSON answer; Chinese stays readable."""
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")


def given() -> dict[str, Any]:
    """The request's JSON object, empty without a body. Raises `ControlError`."""
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise ControlError("the body is not valid JSON") from error
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body


def read_rules(entries: object, kind: type[AnyRule]) -> list[AnyRule]:
    """Rules of this class, given as objects or as texts. Raises `ControlError`."""
    if not isinstance(entries, list):
        raise ControlError('give {"rules": [...]}')
    try:
        return [kind.from_text(entry) if isinstance(entry, str) else kind.from_json(dict(entry)) for entry in entries]
    except (FaultError, TypeError, ValueError) as error:
        raise ControlError(str(error)) from error


def control_side(name: str, book: Callable[[], FaultBook[AnyRule]], kind: type[AnyRule]) -> Blueprint:
    """A blueprint of this name under /sandbox, with the endpoint `faults`; `book` finds the rules of a request.

    A `ControlError` that one of its views raises is answered in JSON.
    """
    control = Blueprint(name, __name__, url_prefix="/sandbox")
    control.register_error_handler(ControlError, lambda error: answer({"detail": str(error)}, 400))

    @control.get("/faults")
    def show_faults() -> Response:
        """The rules, each with how often it applied (`fired`)."""
        return answer({"rules": book().fired()})

    @control.post("/faults")
    def set_faults() -> Response:
        """`{"rules": [object or "CALL:KIND[=VALUE][:P|:xN]", …], "add": false}`: replaces the rules, or adds some."""
        body = given()
        rules = read_rules(body.get("rules"), kind)
        if not body.get("add"):
            book().clear()
        book().add(rules)
        return show_faults()

    @control.delete("/faults")
    def clear_faults() -> Response:
        """End all rules."""
        book().clear()
        return show_faults()

    return control
