"""What the tests of the sandbox store share: a host with pictures, clients, and ready shops."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from flask import Flask, Response, redirect, request
from PIL import Image
from woocommerce import API

from plugin.listener import Listener
from plugin.sandbox.woocommerce.server import (
    DEFAULT_KEY,
    DEFAULT_PASSWORD,
    DEFAULT_SECRET,
    DEFAULT_USER,
    WooOptions,
    WooService,
    serve_woocommerce,
)

RECORDINGS = Path(__file__).parent / "woo_recordings"
PASSWORD = (DEFAULT_USER, DEFAULT_PASSWORD)
BASIC = (DEFAULT_KEY, DEFAULT_SECRET)


def picture(width: int = 800, height: int = 800, kind: str = "JPEG", colour: str = "#35506b") -> bytes:
    """A picture of one colour."""
    output = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(output, kind)
    return output.getvalue()


PICTURE = picture()


def picture_app() -> Flask:
    """Pictures, and everything that is not one, by path."""
    app = Flask(__name__)
    app.config["SEEN"] = []

    @app.before_request
    def remember() -> None:
        app.config["SEEN"].append(request.path)

    @app.get("/img/<name>")
    def img(name: str) -> Response:
        return Response(PICTURE, mimetype="image/jpeg")

    @app.get("/as/<name>")
    def noext(name: str) -> Response:
        return Response(PICTURE, mimetype="image/jpeg")

    @app.get("/status/<int:status>/<name>")
    def status(status: int, name: str) -> Response:
        return Response("no", status)

    @app.get("/html/<name>")
    def html(name: str) -> Response:
        return Response("<html><body>no picture</body></html>", mimetype="text/html")

    @app.get("/empty/<name>")
    def empty(name: str) -> Response:
        return Response(b"", mimetype="image/jpeg")

    @app.get("/cut/<name>")
    def cut(name: str) -> Response:
        return Response(iter([PICTURE[:1000]]), headers={"Content-Length": str(len(PICTURE))}, mimetype="image/jpeg")

    @app.get("/broken/<name>")
    def broken(name: str) -> Response:
        return Response(PICTURE[: len(PICTURE) // 2], mimetype="image/jpeg")

    @app.get("/to/<path:target>")
    def to(target: str) -> Any:
        return redirect(f"/{target}" if not target.startswith("http") else target)

    return app


@contextmanager
def pictures() -> Iterator[tuple[str, list[str]]]:
    """The address of a host with pictures, and the paths that it was asked for."""
    app = picture_app()
    with Listener(app) as listener:
        yield listener.url, app.config["SEEN"]


@contextmanager
def hook_receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """An address for webhooks, and the headers and bodies that came there."""
    app, received = Flask(__name__), list[tuple[dict[str, str], bytes]]()

    @app.post("/hook")
    def hook() -> str:
        received.append((dict(request.headers), request.get_data()))
        return ""

    with Listener(app) as listener:
        yield f"{listener.url}/hook", received


@contextmanager
def shop(**options: Any) -> Iterator[WooService]:
    """An empty shop in UTC, or what the options say."""
    given = {"catalogue": "empty", "timezone": "UTC", **options}
    tls = given.pop("tls", False)
    now = given.pop("now", None)
    with serve_woocommerce(WooOptions(**given), tls=tls, **({"now": now} if now else {})) as service:
        yield service


def api(service: WooService, key: str = DEFAULT_KEY, secret: str = DEFAULT_SECRET) -> API:
    """The store's own client, signing by OAuth 1.0a."""
    return API(service.url, key, secret, version="wc/v3", timeout=10)


@contextmanager
def https(service: WooService, auth: tuple[str, str] | None = PASSWORD) -> Iterator[requests.Session]:
    """A session that trusts the store's certificate."""
    with requests.Session() as session:
        session.trust_env = False  # else REQUESTS_CA_BUNDLE beats `verify`
        session.verify = str(service.ca_file)
        if auth is not None:
            session.auth = auth
        yield session


def add_product(service: WooService, images: int = 2, **fields: Any) -> int:
    """A product with so many pictures `mug-1.jpg`, `mug-2.jpg` …"""
    ids = [service.store.add_attachment(PICTURE, f"mug-{n + 1}.jpg") for n in range(images)]
    return service.store.add_product("Mug", ids, **fields)
