"""What the tests of the WooCommerce store share: a sandbox store over real HTTP, a clock, pictures to attach.

with woo_shop(tmp_path, tls=True) as shop:
    mug = shop.product("Mug", "mug.jpg", "mug-side.jpg")     # ids are the store's numbers
    connector = shop.open(variations=True)                  # options beside address and keys
    connector.attach(str(mug), [shop.image(1)], Placement.APPEND, lambda listing: None)
    shop.woo.store.image_names(mug), shop.woo.count("write"), shop.woo.fault("list:http_503:x1")
"""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from connectors import Callback, Environment, Gone, NewImage, Product, Skipped
from connectors.http import new_session
from connectors.types import ConnectorError
from connectors.woocommerce import WooCommerceConnector, WooCommerceOptions
from connectors.woocommerce.room import Room, open_room
from plugin.sandbox.woocommerce.server import (
    DEFAULT_KEY,
    DEFAULT_PASSWORD,
    DEFAULT_SECRET,
    DEFAULT_USER,
    WooOptions,
    WooService,
    serve_woocommerce,
)

Opening = Callable[[], AbstractContextManager[Callback]]
_COLOURS = itertools.count(1)


class Clock:
    """Now is real time and what was slept through; sleeping takes no time, and is kept in `slept`."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=sum(self.slept))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def key(number: int) -> str:
    """A key of ours."""
    return "hs-" + base64.b32encode(number.to_bytes(17, "big")).decode().lower()[-26:].replace("=", "a")


def jpeg(colour: int | None = None) -> bytes:
    """A small picture; another one each time, unless a colour (0 to 0xFFFFFF) is named."""
    number = next(_COLOURS) * 7919 % 0xFFFFFF if colour is None else colour
    output = io.BytesIO()
    Image.new("RGB", (24, 24), f"#{number:06x}").save(output, "JPEG")
    return output.getvalue()


def no_address() -> str:
    """The `public_url` of a picture where no public address is configured."""
    raise ConnectorError("no public address is configured", permanent=True)


@dataclass
class WooShop:
    """A sandbox store, and a folder for what we keep of it. Sessions that it gave are closed at its end."""

    woo: WooService
    folder: Path
    clock: Clock = field(default_factory=Clock)
    sessions: list[requests.Session] = field(default_factory=list)
    callback: Opening | None = None

    def session(self, ca_file: Path | None = None) -> requests.Session:
        self.sessions.append(new_session(allow_private=True, ca_file=ca_file))
        return self.sessions[-1]

    def options(self, **changes: Any) -> WooCommerceOptions:
        """Address and keys of the store; over TLS its certificate and an Application Password, too."""
        values: dict[str, Any] = {
            "url": self.woo.url,
            "consumer_key": DEFAULT_KEY,
            "consumer_secret": DEFAULT_SECRET,
        }
        if self.woo.ca_file is not None:
            values |= {"verify": self.woo.ca_file, "app_user": DEFAULT_USER, "app_password": DEFAULT_PASSWORD}
        return WooCommerceOptions.model_validate(values | changes)

    def environment(self) -> Environment:
        return Environment(
            store="shop",
            state_dir=self.folder / "state",
            base_dir=self.folder,
            session=self.session,
            now=self.clock.now,
            sleep=self.clock.sleep,
            callback=self.callback,
        )

    def open(self, **changes: Any) -> WooCommerceConnector:
        """A connector, as a new process opens it. changes: of the options."""
        return WooCommerceConnector(self.options(**changes), self.environment())

    def room(self, **changes: Any) -> Room:
        """The parts of one, for tests of the modules below."""
        return open_room(self.options(**changes), self.environment())

    def picture(self, name: str, alt: str = "") -> int:
        """A picture in the store's library."""
        return self.woo.store.add_attachment(jpeg(), name, alt=alt)

    def product(self, name: str, *pictures: str, **fields: Any) -> int:
        """A product in the store with pictures of these file names, the first as its main image."""
        return self.woo.store.add_product(name, [self.picture(picture) for picture in pictures], **fields)

    def image(self, number: int, public_url: Callable[[], str] = no_address) -> NewImage:
        """A picture of ours, in a file."""
        path = self.folder / "ours" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(number * 1000 % 0xFFFFFF))
        return NewImage(key(number), path, f"mug-{key(number)}.jpg", f"alt {number}", public_url)


@contextmanager
def woo_shop(folder: Path, *, tls: bool = False, **options: Any) -> Iterator[WooShop]:
    """A store of its own, empty unless `options` (of WooOptions) say otherwise."""
    with serve_woocommerce(WooOptions(**{"catalogue": "empty", **options}), tls=tls) as woo:
        shop = WooShop(woo, folder)
        try:
            yield shop
        finally:
            for session in shop.sessions:
                session.close()


def read(
    connector: WooCommerceConnector, since: datetime | None = None
) -> tuple[list[Product], list[Skipped], list[Gone]]:
    """A reading of the catalogue, by what it gave."""
    found = list(connector.products(since))
    return (
        [one for one in found if isinstance(one, Product)],
        [one for one in found if isinstance(one, Skipped)],
        [one for one in found if isinstance(one, Gone)],
    )


def shirt(shop: WooShop) -> tuple[int, dict[str, int]]:
    """A shirt in three colours and two sizes; the colours have photos, but white shows the shirt's."""
    number = shop.product("Shirt", "white.jpg", attributes=[{"name": "Color", "options": ["Red", "Blue", "White"]}])
    made = {}
    for colour in ("Red", "Blue", "White"):
        image = 0 if colour == "White" else shop.picture(f"{colour.lower()}.jpg")
        for size in ("S", "M"):
            made[colour + size] = shop.woo.store.add_variation(number, {"Color": colour, "Size": size}, image)
    return number, made
