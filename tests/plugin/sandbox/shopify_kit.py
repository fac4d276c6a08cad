"""What the tests of the sandbox Shopify share: a clock, shops, and calls to them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import requests
from flask.testing import FlaskClient
from PIL import Image

from plugin.sandbox.shopify.server import DEFAULT_TOKEN, SandboxOptions, ShopifyService, create_shopify, serve_shopify
from plugin.sandbox.shopify.service import ShopifyParts
from plugin.sandbox.shopify.store import ShopifyStore

DOCUMENTS = Path(__file__).parents[3] / "connectors" / "shopify" / "documents"
START = 1_795_000_000.0
API = "/admin/api/2026-10/graphql.json"
Answer = dict[str, Any]


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


@cache
def picture(kind: str = "JPEG", width: int = 40, height: int = 30, colour: str = "#35506b") -> bytes:
    """A picture of one colour."""
    output = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(output, kind)
    return output.getvalue()


def document(name: str) -> str:
    """One of the documents that the connector sends."""
    return (DOCUMENTS / f"{name}.graphql").read_text(encoding="utf-8")


class Desk:
    """A shop in this process, a clock, and a client that holds a token."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.app = create_shopify(SandboxOptions(**{"catalogue": "empty", **options}), self.clock)
        self.parts: ShopifyParts = self.app.extensions["shopify"]
        self.store: ShopifyStore = self.parts.store
        self.store.home = "http://localhost"
        self.client: FlaskClient = self.app.test_client()
        self.token = DEFAULT_TOKEN

    def send(self, text: str, variables: Mapping[str, Any]) -> Any:
        """The HTTP answer to a document."""
        body = {"query": text, "variables": dict(variables)}
        return self.client.post(API, json=body, headers={"X-Shopify-Access-Token": self.token})

    def ask(self, text: str, **variables: Any) -> Answer:
        """The JSON of an answer. `text`: a document, or the name of one of the connector's."""
        response = self.send(text if " " in text else document(text), variables)
        assert response.status_code == 200, response.text
        answer: Answer = response.get_json()
        return answer

    def data(self, text: str, **variables: Any) -> Any:
        """The value of the one root field of an answer without errors."""
        answer = self.ask(text, **variables)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    def codes(self, text: str, **variables: Any) -> list[str]:
        """The codes of `errors[]`."""
        return [error["extensions"]["code"] for error in self.ask(text, **variables).get("errors", ())]

    def refusals(self, text: str, **variables: Any) -> list[str]:
        """The codes of userErrors or mediaUserErrors; the payload's other values are null then."""
        payload = self.data(text, **variables)
        errors = payload.get("userErrors") or payload.get("mediaUserErrors") or []
        if errors:
            assert [value for value in payload.values() if value not in (None, errors)] in ([], [[]])
        return [error.get("code", error["message"]) for error in errors]

    # -- pictures and products -----------------------------------------------------------------------------------

    def media(self, count: int = 1, name: str = "photo") -> list[str]:
        """READY pictures."""
        return [self.store.add_media(picture(), f"{name}-{place}.jpg") for place in range(1, count + 1)]

    def target(self, name: str = "a.jpg", mime: str = "image/jpeg") -> Answer:
        """A staged target."""
        wanted = {"resource": "IMAGE", "httpMethod": "POST", "filename": name, "mimeType": mime}
        target: Answer = self.data("staged_uploads_create", input=[wanted])["stagedTargets"][0]
        return target

    def upload(self, target: Answer, data: bytes, name: str = "a.jpg") -> int:
        """Send a file to a target; the HTTP status."""
        fields = [(each["name"], each["value"]) for each in target["parameters"]]
        return self.post(form(fields, ("file", name, data)))

    def post(self, prepared: requests.PreparedRequest) -> int:
        """Send a form to the staged uploads; the HTTP status."""
        response = self.client.post("/staged/", data=prepared.body, content_type=prepared.headers["Content-Type"])
        return response.status_code

    def staged(self, data: bytes | None = None, name: str = "a.jpg", mime: str = "image/jpeg") -> str:
        """An uploaded file's resourceUrl."""
        target = self.target(name, mime)
        assert self.upload(target, picture() if data is None else data, name) == 201
        return str(target["resourceUrl"])

    def create(self, name: str = "a.jpg", data: bytes | None = None, **fields: Any) -> str:
        """Upload a picture and make a file of it, which is not READY; its gid."""
        wanted = {"originalSource": self.staged(data, name), "filename": name, "contentType": "IMAGE", **fields}
        payload = self.data("file_create", files=[wanted])
        assert payload["userErrors"] == []
        return str(payload["files"][0]["id"])

    def status(self, gid: str) -> str:
        """A file's status as the API tells it."""
        return str(self.data("files_status", ids=[gid])[0]["fileStatus"])


def form(fields: list[tuple[str, str]], *files: tuple[str, str, bytes], last: bool = True) -> requests.PreparedRequest:
    """A multipart form with files at its end, or, where not `last`, before the fields."""
    parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields]
    sent = [(name, (filename, data, "image/jpeg")) for name, filename, data in files]
    return requests.Request("POST", "http://localhost/", files=[*parts, *sent] if last else [*sent, *parts]).prepare()


def product_gid(number: int) -> str:
    """A product's global id."""
    return f"gid://shopify/Product/{number}"


@contextmanager
def served(clock: Clock | None = None, **options: Any) -> Iterator[tuple[ShopifyService, requests.Session]]:
    """A shop over real HTTP, and a session that holds its token."""
    known = SandboxOptions(**{"catalogue": "empty", **options})
    with serve_shopify(known, clock=clock or Clock()) as shop, requests.Session() as session:
        session.trust_env = False
        session.headers["X-Shopify-Access-Token"] = DEFAULT_TOKEN
        yield shop, session


def sent(shop: ShopifyService, session: requests.Session, name: str, **variables: Any) -> requests.Response:
    """The answer to one of the connector's documents."""
    return session.post(f"{shop.url}{API}", json={"query": document(name), "variables": variables}, timeout=10)
