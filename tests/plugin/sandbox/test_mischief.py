"""What goes wrong with answers of every sandbox service, and on which side of the service's own work."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from plugin.sandbox.faults import Rule
from plugin.sandbox.mischief import (
    INSTEAD,
    PROXY,
    SPOILED,
    LateWork,
    Manners,
    cut_body,
    empty_body,
    in_json,
    page,
    proxy_page,
    repeatable,
    served,
    silent,
    truncated,
    with_retry_after,
)

BEFORE = frozenset({"drop_before", "html"})


class Weather(Rule):
    """Rules of a service that exists in this test alone."""

    KINDS: ClassVar[Mapping[str, frozenset[str]]] = {"ask": BEFORE | SPOILED.keys()}

    @property
    def comes_before(self) -> bool:
        return self.kind in BEFORE or super().comes_before


def trouble(status: int) -> Response:
    return proxy_page(status) if status in PROXY else in_json({"error": status}, status)


MANNERS: Manners[Weather] = Manners(trouble, {**INSTEAD, "html": lambda rule: page("<p>maintenance</p>")}, SPOILED)


class Service:
    """Gives one answer and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Response:
        self.asked += 1
        return in_json({"weather": "晴"}, 201)


@pytest.mark.parametrize(
    ("kind", "status", "body", "asked"),
    [
        (None, 201, '{"weather": "晴"}', 1),
        ("http_500", 500, '{"error": 500}', 0),
        ("http_500_after", 500, '{"error": 500}', 1),
        ("http_502", 502, "nginx", 0),
        ("http_504_after", 504, "nginx", 1),
        ("html", 200, "<p>maintenance</p>", 0),
        ("empty_body", 200, "", 1),
        ("drop_before", None, "", 0),
        ("drop_after", None, "", 1),
    ],
)
def test_answers_are_spoiled_before_or_after_the_work(
    kind: str | None, status: int | None, body: str, asked: int
) -> None:
    service = Service()
    rule = None if kind is None else Weather("ask", kind)
    if status is None:
        with pytest.raises(ConnectionAbortedError):
            MANNERS.answer(rule, service)
    else:
        response = MANNERS.answer(rule, service)
        assert response.status_code == status
        assert body in response.get_data(as_text=True)
    assert service.asked == asked


@given(st.binary(max_size=50))
def test_half_a_body_is_told_as_all_or_cut_in_the_midst(body: bytes) -> None:
    whole = Response(body, 202, mimetype="image/png")
    half = truncated(whole)
    assert (half.get_data(), half.status_code, half.mimetype) == (body[: len(body) // 2], 202, "image/png")
    assert half.content_length == len(body) // 2
    broken = cut_body(whole)
    assert (broken.content_length, broken.status_code) == (len(body), 202)
    sent: list[bytes] = []
    with pytest.raises(ConnectionAbortedError):
        sent.extend(iter(broken.response))  # type: ignore[arg-type]  # bytes, as `cut_body` makes them
    assert empty_body(whole).content_type == "image/png"


def test_waiting_is_told_in_whole_seconds() -> None:
    response = with_retry_after(page("busy", 429), 5.7)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "5")


def test_silence_ends_in_a_cut_connection() -> None:
    closed = threading.Event()
    started = time.monotonic()
    with pytest.raises(ConnectionAbortedError):
        silent(closed, 0.05)
    assert time.monotonic() - started >= 0.05
    closed.set()
    with pytest.raises(ConnectionAbortedError):
        silent(closed, 600)
    assert time.monotonic() - started < 60


def test_a_held_request_can_be_answered_later() -> None:
    builder = EnvironBuilder(method="POST", data=b"a picture")
    held = repeatable(builder.get_environ())
    builder.close()
    seen: list[bytes] = []

    @Request.application
    def app(request: Request) -> Response:
        seen.append(request.get_data())
        return Response(b"taken", 201, {"X-Count": str(len(seen))})

    response = served(app, held)
    assert (response.status_code, response.get_data(), response.headers["X-Count"]) == (201, b"taken", "1")
    assert seen == [b"a picture"]


@pytest.mark.parametrize("ended", [False, True])
def test_late_work_is_done_once_unless_all_ends(ended: bool) -> None:
    closed = threading.Event()
    late = LateWork(closed, "weather-late")
    done: list[int] = []
    for seconds in [600.0] if ended else [0.02, 0.0]:
        late.start(seconds, partial(done.append, 1))
    if ended:
        assert not late.settle(0.01)
        closed.set()
    assert late.settle(5)
    assert done == ([] if ended else [1, 1])
