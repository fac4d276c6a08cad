"""A Shopify of a few lines, for tests of single answers: it says over real HTTP what a test wants it to say.

with wire() as shop:
    shop.replies = [graphql({"shop": {"name": "Mug"}}), status(503), b""]     # b"": the connection is cut
    shop.client().query("shop_and_scopes")
    shop.asked[0].header("X-Shopify-Access-Token"), shop.asked[0].json()["variables"]
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import requests

from connectors.http import new_session
from connectors.shopify.client import Client
from connectors.shopify.options import ShopifyOptions
from connectors.shopify.room import Room, open_room
from connectors.types import ConnectorError, Environment, Keep, KeptAlone, Vault
from tests.connectors.raw_server import RawServer, answer, serving

CLIENT = "0123456789abcdef0123456789abcdef"
TOKEN = "shpat_0123456789abcdef0123456789abcdef"
SECRET = "shpss_0123456789abcdef0123456789abcdef"
REFRESH = "shprt_0123456789abcdef0123456789abcdef"
SHOP = "my-shop.myshopify.com"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{"  # an answer that breaks off

Replying = Callable[["Asked"], bytes]


class Clock:
    """A time that passes only where somebody sleeps; `slept` keeps how long."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_(seconds)

    def pass_(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class PlainVault:
    """Turns the text around, so that it does not stand in the file as it is."""

    def __init__(self, key: str = "1") -> None:
        self.key = key

    def seal(self, text: str) -> str:
        return self.key + text[::-1]

    def unseal(self, sealed: str) -> str:
        if not sealed.startswith(self.key):
            raise ConnectorError("the program's key was changed", permanent=True)
        return sealed[1:][::-1]


@dataclass(frozen=True)
class Asked:
    """A request as it came over the wire."""

    raw: bytes

    @property
    def path(self) -> str:
        return self.raw.split(b" ", 2)[1].decode()

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    def header(self, name: str) -> str:
        lines = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(": ") for line in lines)
        return next((value for key, _, value in pairs if key.lower() == name.lower()), "")

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


def status(code: int, body: Any = b"", **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    shown = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return answer(content, f"{code} Whatever", shown)


def cost(requested: float, actual: float | None, available: float, maximum: float = 2000) -> dict[str, Any]:
    throttle = {"maximumAvailable": maximum, "currentlyAvailable": available, "restoreRate": maximum / 2}
    return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": throttle}}


def graphql(data: Any, errors: Sequence[Mapping[str, Any]] = (), *, extensions: Any = None, **headers: str) -> bytes:
    body: dict[str, Any] = {"data": data, "extensions": extensions or cost(10, 10, 1990)}
    if errors:
        body["errors"] = list(errors)
    return status(200, body, **headers)


def failure(code: str, message: str = "Something", **extensions: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, **extensions}, "path": ["x"]}


def throttled(requested: float = 10, available: float = 0, maximum: float = 100) -> bytes:
    body = {"errors": [failure("THROTTLED", "Throttled")], "extensions": cost(requested, None, available, maximum)}
    return status(200, body)


@dataclass
class Wire:
    """The server and what belongs to one store of ours.

    replies: one after the other, the last one for ever; a function is asked. tokens: the same for the address that
    gives tokens.
    """

    folder: Path
    server: RawServer
    replies: list[bytes | Replying] = field(default_factory=list)
    tokens: list[bytes | Replying] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    keep: Keep = field(default_factory=KeptAlone)
    vault: Vault | None = field(default_factory=PlainVault)
    sessions: list[requests.Session] = field(default_factory=list)

    @property
    def asked(self) -> list[Asked]:
        return [Asked(raw) for raw in self.server.requests]

    def options(self, **changes: Any) -> ShopifyOptions:
        ways = {"access_token", "client_id", "client_secret"} & set(changes)
        default = {} if ways else {"access_token": TOKEN}
        return ShopifyOptions(**{"shop": SHOP, "api_url": self.server.url, **default, **changes})

    def environment(self) -> Environment:
        """As after a new opening in the same process."""
        if not self.sessions:
            self.sessions.append(new_session(allow_private=True))
        session = self.sessions[0]
        return Environment(
            "store",
            self.folder,
            self.folder,
            lambda ca_file=None: session,
            self.clock.now,
            self.clock.sleep,
            vault=self.vault,
            keep=self.keep,
        )

    def room(self, **changes: Any) -> Room:
        return open_room(self.options(**changes), self.environment())

    def client(self, **changes: Any) -> Client:
        return self.room(**changes).client

    def restart(self) -> None:
        """Another process: what is kept in memory is gone."""
        self.keep = KeptAlone()


def opened_elsewhere(url: str, folder: Path, vault: Vault) -> Room:
    """The store as another process opens it, with a pair of tokens, at the real time."""
    options = {"client_id": CLIENT, "client_secret": SECRET, "refresh_token": REFRESH}
    session = new_session(allow_private=True)
    environment = Environment(
        "store", folder, folder, lambda ca_file=None: session, lambda: datetime.now(UTC), vault=vault
    )
    return open_room(ShopifyOptions(shop=SHOP, api_url=url, **options), environment)


@contextmanager
def wire(folder: Path) -> Iterator[Wire]:
    found: Wire

    def talk(server: RawServer, connection: socket.socket) -> None:
        while raw := server.read_request(connection):
            asked = Asked(raw)
            left = found.tokens if asked.path == "/admin/oauth/access_token" else found.replies
            reply = left.pop(0) if len(left) > 1 else left[0]
            said = reply(asked) if callable(reply) else reply
            if not said:
                return
            connection.sendall(said)
            if b"Connection: close" in said:
                return

    with serving(talk) as server:
        found = Wire(folder, server)
        try:
            yield found
        finally:
            for session in found.sessions:
                session.close()
