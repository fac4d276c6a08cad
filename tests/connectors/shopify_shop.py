"""A Shopify store from its other side, for the contract suite: the sandbox Shopify over real HTTP, by the test's own
clock, with trouble on order in front of it.

The flavours differ in all that a shop may be like, and in how the connector gets in; see `Flavour`.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self

from cryptography.fernet import Fernet
from flask import Flask
from PIL import Image

from connectors import Environment, NewImage
from connectors.http import new_session
from connectors.shopify import KIND
from connectors.testing import Killed, LibraryKit
from connectors.types import Connector
from plugin.listener import Listener
from plugin.sandbox.shopify.faults import fault_from_text
from plugin.sandbox.shopify.mischief import Mischief
from plugin.sandbox.shopify.model import gid
from plugin.sandbox.shopify.options import DEFAULT_CLIENT, DEFAULT_SECRET, AttachAt, SandboxOptions
from plugin.sandbox.shopify.server import create_shopify
from plugin.sandbox.shopify.service import ShopifyParts
from tests.connectors.shopify_orders import App, Orders, Strike

SHOP = "mugs.myshopify.com"
RETRY = 30 * 86_400.0  # seconds that a refresh token is good again, if the answer to it was lost (Shopify's change log)
SCOPES = ("write_products", "write_files")


@dataclass(frozen=True, slots=True)
class Flavour:
    """pair: the way in, a refresh token instead of client credentials. variants: of the connector's options.

    uploads: whether uploads and what prepares them count as writes of their own. waits: whether the shop throttles by
    429 with the time to wait, instead of by points. fails: whether a picture that is refused is one that Shopify takes
    and cannot process, instead of no picture at all. attach_at: where Shopify puts a file that is attached; nobody has
    verified it.
    """

    pair: bool
    variants: bool
    uploads: bool
    waits: bool
    fails: bool
    attach_at: AttachAt


FLAVOURS = {
    "grants": Flavour(pair=False, variants=True, uploads=True, waits=False, fails=False, attach_at="end"),
    "pair": Flavour(pair=True, variants=False, uploads=False, waits=True, fails=True, attach_at="front"),
}


class Server:
    """A WSGI server, and the pages of a shop: they go on from test to test, since making them takes longest."""

    def __init__(self) -> None:
        self.app: App | None = None
        self._pages = create_shopify(SandboxOptions(catalogue="empty"))
        self._pages.extensions["shopify"].close()
        self._listener = Listener(self, threads=8).start()
        self.url = self._listener.url

    def open(self, options: SandboxOptions, clock: Callable[[], float]) -> tuple[ShopifyParts, Mischief]:
        """A new shop behind these pages, instead of the one before: its parts, to be closed, and its front."""
        parts = self._pages.extensions["shopify"] = ShopifyParts(options, clock)
        parts.store.home = self.url
        return parts, Mischief(partial(Flask.wsgi_app, self._pages), parts)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert self.app is not None
        return self.app(environ, start_response)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.stop()


class Locked:
    """A `Vault` with a key of its own."""

    def __init__(self) -> None:
        self._fernet = Fernet(Fernet.generate_key())

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        return self._fernet.decrypt(sealed.encode()).decode()


class ShopifyShopKit(LibraryKit):
    """A store of its own. To be closed."""

    several_pages = 80
    late = 20.0

    def __init__(self, folder: Path, server: Server, flavour: Flavour, **behaviour: float):
        """behaviour: further options of the sandbox's (plugin/sandbox/shopify/options.py)."""
        self._folder, self._server, self._flavour = folder, server, flavour
        self.names_the_wait = flavour.waits
        self._time = datetime.now(UTC).replace(microsecond=0)
        self._numbers, self._dies = count(1), threading.Event()
        self._session, self._vault = new_session(allow_private=True), Locked()
        given: dict[str, Any] = {"attach_at": flavour.attach_at, **behaviour}
        options = SandboxOptions(catalogue="empty", shop=SHOP, scopes=SCOPES, **given)
        self._parts, shop = server.open(options, self._stamp)
        self._store, self._access = self._parts.store, self._parts.access
        self._access.retry_seconds = RETRY
        server.app = self._orders = Orders(shop, self.now, uploads=flavour.uploads, waits=flavour.waits)
        self._credentials = {"client_id": DEFAULT_CLIENT, "client_secret": DEFAULT_SECRET} | self._pair()
        self.secrets, self.addresses = self._orders.secrets, self._orders.addresses
        self._orders.secrets += [value for name, value in self._credentials.items() if name != "client_id"]

    def close(self) -> None:
        self._session.close()
        self._parts.close()

    def connector(self) -> Connector:
        options = {"shop": SHOP, "api_url": self._server.url, "variants": self._flavour.variants}
        environment = Environment(
            "shop",
            self._folder / "state",
            self._folder,
            lambda ca_file=None: self._session,
            self._clock,
            self.advance,
            vault=self._vault,
        )
        return KIND.open(KIND.options.model_validate(options | self._credentials), environment)

    def _pair(self) -> dict[str, str]:
        if not self._flavour.pair:
            return {}
        pair = self._access.pair()
        return {"access_token": pair.access_token, "refresh_token": pair.refresh_token}

    # The clock

    def now(self) -> datetime:
        return self._time

    def _stamp(self) -> float:
        return self._time.timestamp()

    def advance(self, seconds: float) -> None:
        end = self._time + timedelta(seconds=seconds)
        while (moment := self._orders.next_due()) <= end:
            self._time = moment
            self._orders.settle()
        self._time = end

    # The catalogue

    def add_product(self, title: str, pictures: int = 1) -> str:
        return str(self._store.add_product(title, [self._photo() for _ in range(pictures)]))

    def add_more(self, product_id: str) -> None:
        """The product gets a video in second place, and two variants with a picture each: its last one, and another."""
        number = int(product_id)
        self._store.attach(number, self._store.add_media(b"", f"film-{next(self._numbers)}.mp4", kind="Video"), 1)
        last, other = self._store.media_ids(number)[-1], self._photo()
        self._store.attach(number, other)
        for colour, media in (("Red", last), ("Blue", other)):
            self._store.add_variant(number, {"Colour": colour}, media)

    def variants(self, product_id: str) -> dict[int, str]:
        """Which media each of its variants shows."""
        return {number: self._store.variants[number].media for number in self._store.products[int(product_id)].variants}

    def remove_product(self, product_id: str) -> None:
        self._store.remove(int(product_id))

    def touch(self, product_id: str) -> str:
        title = f"Touched {next(self._numbers)}"
        self._store.update(int(product_id), title=title)
        return title

    def listing(self, product_id: str) -> list[str]:
        return list(self._store.media_names(int(product_id)))

    def snapshot(self) -> object:
        return self._store.snapshot()

    def files(self) -> Mapping[str, str]:
        return {gid: media.name for gid, media in self._store.media.items()}

    def failed(self) -> set[str]:
        """Those of the files that the shop could not make a picture of."""
        return {gid for gid, media in self._store.media.items() if media.status == "FAILED"}

    def _photo(self) -> str:
        return str(self._store.add_media(PHOTO, f"相片-{next(self._numbers)}.jpg"))

    # The editors

    def editor_adds(self, product_id: str) -> str:
        photo = self._photo()
        self._store.attach(int(product_id), photo)
        return str(self._store.media[photo].name)

    def editor_removes(self, product_id: str, name: str) -> None:
        self._store.detach(int(product_id), self._named(product_id, name))

    def editor_moves(self, product_id: str, name: str, to: int) -> None:
        moved = self._named(product_id, name)
        media = [other for other in self._store.media_ids(int(product_id)) if other != moved]
        self._store.set_media_order(int(product_id), [*media[:to], moved, *media[to:]])

    def _named(self, product_id: str, name: str) -> str:
        media: list[str] = self._store.media_ids(int(product_id))
        return next(each for each in media if self._store.media[each].name == name)

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
            had = self._store.media_ids(number)
            return lambda: self._store.set_media_order(number, [*had, photo])

        self._orders.after_write[gid("Product", number)] = before
        return str(self._store.media[photo].name)

    def editor_waits(self, product_id: str) -> bool:
        """Whether somebody who was to overwrite this listing has not come so far."""
        return gid("Product", product_id) in self._orders.after_write

    def refuse_one(self, product_id: str, images: Sequence[NewImage]) -> str:
        bad = images[len(images) // 2]
        if self._flavour.fails:
            self.fault(f"file_create:fail_media=*{bad.key}*")
        else:
            bad.path.write_bytes(b"<html>not found</html>")
        return bad.key

    def fault(self, *rules: str) -> None:
        """The shop's own faults, which stay; see plugin/sandbox/shopify/faults.py."""
        self._parts.faults.add([fault_from_text(rule) for rule in rules])

    def mend(self) -> None:
        """None of them comes any more."""
        self._parts.faults.clear()

    def fired(self) -> set[str]:
        """Which of these came so far, as "call:kind"."""
        return {f"{rule['call']}:{rule['kind']}" for rule in self._parts.faults.fired() if rule["fired"]}

    def revoke(self) -> None:
        for scope in SCOPES:
            self._access.lose_scope(scope)

    def grant(self) -> None:
        for scope in SCOPES:
            self._access.give_scope(scope)

    def throttle(self, seconds: float) -> None:
        self._orders.throttled_until = self._time + timedelta(seconds=seconds)

    def calm(self) -> None:
        self._orders.strike = self._orders.while_reading = None
        self._orders.after_write.clear()
        self._dies.clear()


def _photo() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(output, "JPEG")
    return output.getvalue()


PHOTO = _photo()
