"""The control endpoints that all sandbox services share: reading a request, and the fault rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from plugin.sandbox.control import ControlError, answer, control_side, given
from plugin.sandbox.faults import FaultBook, Rule


class Weather(Rule):
    """Rules of a service that exists in this test alone."""

    KINDS: ClassVar[Mapping[str, frozenset[str]]] = {"ask": frozenset({"slow"}), "tell": frozenset()}


@pytest.fixture
def book() -> FaultBook[Weather]:
    return FaultBook(0)


@pytest.fixture
def client(book: FaultBook[Weather]) -> FlaskClient:
    app = Flask(__name__)
    control = control_side("weather-control", lambda: book, Weather)

    @control.post("/echo")
    def echo() -> Response:
        if "detail" in (body := given()):
            raise ControlError(str(body["detail"]))
        return answer(body, 201)

    app.register_blueprint(control)
    return app.test_client()


def test_rules_are_replaced_added_shown_and_cleared(client: FlaskClient, book: FaultBook[Weather]) -> None:
    client.post("/sandbox/faults", json={"rules": ["tell:http_500"]})
    client.post("/sandbox/faults", json={"rules": ["ask:slow=2:x1", {"call": "ask", "kind": "http_503"}]})
    client.post("/sandbox/faults", json={"rules": ["tell:http_404"], "add": True})
    chosen = book.choose("ask")
    assert chosen.answer == Weather("ask", "http_503")
    assert chosen.kinds() == {"slow"}
    rules = client.get("/sandbox/faults").get_json()["rules"]
    assert [(rule["kind"], rule["fired"]) for rule in rules] == [("slow", 1), ("http_503", 1), ("http_404", 0)]
    assert client.delete("/sandbox/faults").get_json() == {"rules": []}
    assert book.fired() == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"no json", "the body is not valid JSON"),
        (b"[]", "the body must be a JSON object"),
        (b"", 'give {"rules": [...]}'),
        (b'{"rules": 3}', 'give {"rules": [...]}'),
        (b'{"rules": ["ask:explode"]}', "'explode' is no fault of ask"),
        (b'{"rules": [{"call": "ask"}]}', "a rule needs call and kind"),
        (b'{"rules": [7]}', "not iterable"),
    ],
)
def test_wrong_words_are_explained_and_change_nothing(
    client: FlaskClient, book: FaultBook[Weather], body: bytes, detail: str
) -> None:
    book.add([Weather("tell", "http_500")])
    said = client.post("/sandbox/faults", data=body)
    assert said.status_code == 400
    assert detail in said.get_json()["detail"]
    assert [rule["call"] for rule in book.fired()] == ["tell"]


def test_a_service_adds_endpoints_of_its_own(client: FlaskClient) -> None:
    echoed = client.post("/sandbox/echo", json={"name": "青瓷"})
    assert (echoed.status_code, echoed.get_json()) == (201, {"name": "青瓷"})
    assert "青瓷" in echoed.get_data(as_text=True)
    refused = client.post("/sandbox/echo", json={"detail": "give a name"})
    assert (refused.status_code, refused.get_json()) == (400, {"detail": "give a name"})
