"""The sandbox really fetches references and really paints: over HTTP, with short durations."""

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask, Response, abort
from PIL import Image, ImageDraw

from plugin.listener import Listener
from plugin.sandbox.hebo.options import HeboOptions, ImageFormat
from plugin.sandbox.hebo.server import serve_hebo

QUICK: dict[str, Any] = {
    "duration": (0.05, 0.1),
    "queued_for": 0.01,
    "fetch_delay": 0.02,
    "fetch_pause": 0.01,
    "fetch_retries": 2,
    "fetch_timeout": 1.0,
    "poll_bands": ((float("inf"), 0.02),),
}


def shop() -> Flask:
    """A shop with a picture, and with what goes wrong with pictures."""
    app = Flask(__name__)
    calls: list[str] = []

    @app.get("/good.jpg")
    def good() -> Response:
        buffer = io.BytesIO()
        picture = Image.new("RGB", (300, 300), "white")
        ImageDraw.Draw(picture).ellipse((60, 60, 240, 240), fill="teal")
        picture.save(buffer, "JPEG")
        return Response(buffer.getvalue(), mimetype="image/jpeg")

    @app.get("/twice.jpg")
    def twice() -> Response:
        calls.append("twice")
        return good() if len(calls) == 3 else abort(503)

    @app.get("/page.jpg")
    def page() -> Response:
        return Response("<html></html>", mimetype="text/html")

    @app.get("/large.jpg")
    def large() -> Response:
        return Response((bytes(1_000_000) for _ in range(40)), mimetype="image/jpeg")

    @app.get("/empty.jpg")
    def empty() -> Response:
        return Response(b"", mimetype="image/jpeg")

    return app


@pytest.fixture(scope="module")
def shop_url() -> Iterator[str]:
    with Listener(shop()) as listener:
        yield listener.url


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer sandbox-key"
        yield session


def finished(session: requests.Session, url: str, image_url: str, **body: Any) -> dict[str, Any]:
    """Submit, and poll until the end."""
    sent = {"image_url": image_url, "prompts": ["a kitchen", "海报"], **body}
    task_id = session.post(f"{url}/v1/ecom/batch", json=sent, timeout=5).json()["task_id"]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(0.05)
        answer = session.get(f"{url}/v1/ecom/tasks/{task_id}", timeout=5).json()
        if answer["status"] not in {"queued", "processing", "retrying"}:
            return dict(answer)
    raise AssertionError("the task did not end")


@pytest.mark.parametrize(("kind", "name"), [("png", "PNG"), ("jpeg", "JPEG")])
def test_pictures_are_made_from_the_reference(
    shop_url: str, session: requests.Session, kind: ImageFormat, name: str
) -> None:
    with serve_hebo(HeboOptions(**QUICK, image_format=kind)) as listener:
        task = finished(session, listener.url, shop_url + "/good.jpg", aspect_ratio="16:9")
        contents = [session.get(result["image_url"], timeout=5).content for result in task["results"]]
        state = session.get(listener.url + "/sandbox/state", timeout=5).json()
    assert (task["status"], len(set(contents))) == ("completed", 2)
    for content in contents:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            assert (picture.format, picture.size) == (name, (1365, 768))
    entry = state["tasks"][0]
    assert (entry["results_fetched"], entry["reference_fetches"], state["crashes"]) == (2, 1, [])
    assert entry["submitted_at"] < entry["ended_at"] <= entry["discovered_at"]


def test_the_same_seed_makes_the_same_pictures(shop_url: str, session: requests.Session) -> None:
    made = []
    for _ in range(2):
        with serve_hebo(HeboOptions(**QUICK, seed=7)) as listener:
            task = finished(session, listener.url, shop_url + "/good.jpg")
            made.append([session.get(result["image_url"], timeout=5).content for result in task["results"]])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/missing.jpg", "HTTP 404"),
        ("/page.jpg", "cannot be decoded"),
        ("/empty.jpg", "empty"),
        ("/large.jpg", "more than 20 MB"),
    ],
)
def test_a_bad_reference_fails_every_item_and_is_refunded(
    shop_url: str, session: requests.Session, path: str, words: str
) -> None:
    with serve_hebo(HeboOptions(**QUICK)) as listener:
        task = finished(session, listener.url, shop_url + path)
        state = session.get(listener.url + "/sandbox/state", timeout=5).json()
    assert (task["status"], task["quota"]["refunded"], state["totals"]["used"]) == ("failed", 2, 0)
    assert state["tasks"][0]["reference_fetches"] == 3
    for item in task["failed_items"]:
        assert words in item["error_message"]
        assert (item["manual_retry_allowed"], item["retry_count"]) == (True, 2)


def test_an_unreachable_shop_fails_the_task(session: requests.Session) -> None:
    with serve_hebo(HeboOptions(**QUICK)) as listener:
        task = finished(session, listener.url, "http://127.0.0.1:9/a.jpg")
    assert "could not be fetched" in task["failed_items"][0]["error_message"]


def test_a_reference_that_comes_at_the_third_attempt_is_used(shop_url: str, session: requests.Session) -> None:
    with serve_hebo(HeboOptions(**QUICK)) as listener:
        task = finished(session, listener.url, shop_url + "/twice.jpg")
    assert task["status"] == "completed"


def test_planned_failures_do_not_fetch(shop_url: str, session: requests.Session) -> None:
    with serve_hebo(HeboOptions(**QUICK, fail_rate=1.0)) as listener:
        finished(session, listener.url, shop_url + "/good.jpg")
        state = session.get(listener.url + "/sandbox/state", timeout=5).json()
    assert state["tasks"][0]["reference_fetches"] == 0
