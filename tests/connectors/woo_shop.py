"""A WooCommerce store from its other side, for the contract suite: the sandbox store over real HTTP, by the test's own
clock, with trouble on order in front of it.

Two flavours: `uploads` has an Application Password, over TLS; `fetches` has consumer keys only, over http, and fetches
the pictures from a small server of this kit.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Self

from PIL import Image

from connectors import Callback, Environment, NewImage
from connectors.http import new_session
from connectors.testing import Killed, LibraryKit
from connectors.woocommerce import WooCommerceConnector, WooCommerceOptions
from plugin.listener import Listener
from plugin.sandbox.woocommerce.server import ApiKey, WooOptions, create_woocommerce
from plugin.sandbox.woocommerce.service import WooParts
from plugin.sandbox.woocommerce.tls import Certificates, Tunnel
from tests.connectors.woo_orders import App, Orders, Strike

KEY, SECRET = "ck_7d1f03a9c2", "cs_5e88b41f6d"
USER, PASSWORD = "mei", "kq3W mmZ9 0aXc 77Tp Lr2d yH5v"


class Server:
    """A WSGI server that goes on from test to test, since starting one takes longest."""

    def __init__(self, *, tls: bool):
        self.app: App | None = None
        self._certificates = Certificates() if tls else None
        self._listener = Listener(self, threads=8).start()
        self._tunnel = None
        self.url = self._listener.url
        if self._certificates:
            target = (self._listener.host, self._listener.port)
            self._tunnel = Tunnel("127.0.0.1", 0, target, self._certificates.context())
            self.url = f"https://localhost:{self._tunnel.port}"

    @property
    def ca_file(self) -> Path | None:
        return self._certificates.ca_file if self._certificates else None

    @property
    def port(self) -> int:
        return self._listener.port

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert self.app is not None
        return self.app(environ, start_response)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._tunnel:
            self._tunnel.close()
        self._listener.stop()
        if self._certificates:
            self._certificates.close()


class StoreServer(Server):
    """A sandbox store that is served, emptied for each test."""

    def __init__(self, *, tls: bool):
        super().__init__(tls=tls)
        self.stamp: Callable[[], float] = time.time
        options = WooOptions(catalogue="empty", keys={KEY: ApiKey(SECRET)}, fetch_hosts=("127.0.0.1",))
        self.store_app = create_woocommerce(options, lambda: self.stamp(), tls=tls)  # noqa: PLW0108  (it changes)
        self.parts: WooParts = self.store_app.extensions["woocommerce"]
        self.parts.home = self.url

    def empty(self, stamp: Callable[[], float]) -> None:
        """As new; stamp: its clock from now on, seconds since 1970."""
        self.stamp = stamp
        store = self.parts.store
        for kept in (store.products, store.variations, store.attachments, store.webhooks, store.files):
            kept.clear()
        self.parts.gate.restrict(KEY, "read_write")
        self.parts.gate.set_password(USER, PASSWORD)

    def __exit__(self, *exc_info: object) -> None:
        self.parts.close()
        super().__exit__(*exc_info)


class Relay:
    """What the outside may ask of us: pictures by name, and addresses for a store to call."""

    def __init__(self, server: Server):
        self.url, self.port = server.url, server.port
        self._files: dict[str, Path] = {}
        self._called: dict[str, threading.Event] = {}
        server.app = self._answer

    def address(self, path: Path, filename: str) -> str:
        self._files[filename] = path
        return f"{self.url}/pictures/{filename}?sig=abc"

    @contextmanager
    def opening(self) -> Iterator[Called]:
        """See `Environment.callback`."""
        name = f"called-{len(self._called)}"
        self._called[name] = threading.Event()
        yield Called(f"{self.url}/{name}", self._called[name])

    def _answer(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        name = environ["PATH_INFO"].rpartition("/")[2]
        if name in self._called:
            self._called[name].set()
        found = name in self._called or name in self._files
        body = self._files[name].read_bytes() if name in self._files else b""
        start_response("200 OK" if found else "404 Not Found", [("Content-Length", str(len(body)))])
        return [body]


@dataclass(frozen=True, slots=True)
class Called:
    """An address of ours that a store is to call."""

    url: str
    event: threading.Event

    def arrived(self, seconds: float) -> bool:
        return self.event.wait(seconds)


class WooShopKit(LibraryKit):
    """A store of its own. To be closed."""

    several_pages = 250  # 100 a page
    secrets = (KEY, SECRET, PASSWORD, PASSWORD.replace(" ", ""))

    def __init__(self, folder: Path, server: StoreServer, relay: Relay):
        """server: with TLS this store takes uploads, without it fetches from the relay."""
        self.may_delete = self.may_double = self._uploads = server.ca_file is not None
        self.late = 20.0 if self._uploads else 150.0  # the store fetches one picture after the other
        self._folder, self._server, self._relay = folder, server, relay
        self._time = datetime.now(UTC).replace(microsecond=0)  # real, since answers carry the real date
        self._numbers, self._dies = count(1), threading.Event()
        self._session = new_session(allow_private=True, ca_file=server.ca_file)
        server.empty(self._stamp)
        server.parts.fetcher.ports.add(relay.port)
        self._parts, self._store = server.parts, server.parts.store
        server.app = self._orders = Orders(server.store_app, self.now)

    def close(self) -> None:
        self._session.close()

    def connector(self) -> WooCommerceConnector:
        password = {"app_user": USER, "app_password": PASSWORD, "verify": self._server.ca_file}
        options = {"url": self._server.url, "consumer_key": KEY, "consumer_secret": SECRET}
        callback: Callable[[], AbstractContextManager[Callback]] = self._relay.opening
        environment = Environment(
            "shop",
            self._folder / "state",
            self._folder,
            lambda ca_file=None: self._session,
            self._clock,
            self.advance,
            None if self._uploads else callback,
        )
        values = options | password if self._uploads else options
        return WooCommerceConnector(WooCommerceOptions.model_validate(values), environment)

    # The clock

    def now(self) -> datetime:
        return self._time

    def _stamp(self) -> float:
        return self._time.timestamp()

    def advance(self, seconds: float) -> None:
        end = self._time + timedelta(seconds=seconds)
        while (moment := self._orders.next_due()) <= end:
            self._time = moment  # signatures are good for a quarter of an hour
            self._orders.settle()
        self._time = end

    # The catalogue

    def add_product(self, title: str, pictures: int = 1) -> str:
        return str(self._store.add_product(title, [self._photo() for _ in range(pictures)]))

    def remove_product(self, product_id: str) -> None:
        self._store.remove(int(product_id))

    def touch(self, product_id: str) -> str:
        title = f"Touched {next(self._numbers)}"
        self._store.update(int(product_id), name=title)
        return title

    def listing(self, product_id: str) -> list[str]:
        return list(self._store.image_names(int(product_id)))

    def snapshot(self) -> object:
        return deepcopy((self._store.products, self._store.attachments, self._store.webhooks))

    def files(self) -> Mapping[str, str]:
        return {str(number): attachment.name for number, attachment in self._store.attachments.items()}

    def _photo(self) -> int:
        return self._store.add_attachment(PHOTO, f"相片-{next(self._numbers)}.jpg")

    # The editors

    def editor_adds(self, product_id: str) -> str:
        photo = self._photo()
        self._store.set_images(int(product_id), [*self._store.images(int(product_id)), photo])
        return self._store.attachments[photo].name

    def editor_removes(self, product_id: str, name: str) -> None:
        images = self._store.images(int(product_id))
        self._store.set_images(int(product_id), [image for image in images if image != self._named(images, name)])

    def editor_moves(self, product_id: str, name: str, to: int) -> None:
        images = self._store.images(int(product_id))
        moved = self._named(images, name)
        images.remove(moved)
        images.insert(to, moved)
        self._store.set_images(int(product_id), images)

    def _named(self, images: Sequence[int], name: str) -> int:
        return next(image for image in images if self._store.attachments[image].name == name)

    # Trouble

    def while_reading(self, act: Callable[[], None]) -> None:
        self._orders.while_reading = act

    def lose_next_answer(self, skip: int = 0, *, late: float = 0.0) -> None:
        self._orders.strike = Strike(skip, late)

    def die_at_next_write(self, skip: int = 0, *, late: float = 0.0) -> None:
        self._orders.strike = Strike(skip, late, self._dies.set)

    def _clock(self) -> datetime:
        """What the connector sees; after a fatal write nothing any more."""
        if self._dies.is_set():
            self._dies.clear()
            raise Killed
        return self._time

    def fail_next_write(self, skip: int = 0) -> None:
        self._orders.strike = Strike(skip, None)

    def editor_overwrites_next_write(self, product_id: str) -> str:
        number, photo = int(product_id), self._photo()

        def before() -> Callable[[], None]:
            had = self._store.images(number)
            return lambda: self._store.set_images(number, [*had, photo])

        self._orders.after_write[number] = before
        return self._store.attachments[photo].name

    def refuse_one(self, product_id: str, images: Sequence[NewImage]) -> str:
        """Its file is no picture."""
        bad = images[len(images) // 2]
        bad.path.write_bytes(b"<html>not found</html>")
        return bad.key

    def revoke(self) -> None:
        self._parts.gate.restrict(KEY, "read")
        self._parts.gate.revoke(USER)

    def grant(self) -> None:
        self._parts.gate.restrict(KEY, "read_write")
        self._parts.gate.set_password(USER, PASSWORD)

    def throttle(self, seconds: float) -> None:
        self._orders.throttled_until = self._time + timedelta(seconds=seconds)

    def calm(self) -> None:
        self._orders.strike = self._orders.while_reading = None
        self._orders.after_write.clear()
        self._dies.clear()

    def public_url(self, path: Path, filename: str) -> str:
        return super().public_url(path, filename) if self._uploads else self._relay.address(path, filename)


def _photo() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(output, "JPEG")
    return output.getvalue()


PHOTO = _photo()
