"""The pipeline's small world with a sandbox Shopify shop instead of a feed; one clock for all, moved by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors import key_in
from plugin.config import Settings, load_settings
from plugin.config.settings import DATABASE_FILE
from plugin.models import Product, Publication
from plugin.pipeline import stores
from plugin.pipeline.lane import Lane
from plugin.pipeline.parts import Parts
from plugin.pipeline.publishing.undo import request_undo
from plugin.pipeline.run import LANES, begin
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import HeboListener, serve_hebo
from plugin.sandbox.shopify.server import (
    DEFAULT_CLIENT,
    DEFAULT_SECRET,
    SandboxOptions,
    ShopifyService,
    serve_shopify,
)
from plugin.states import ProductState, PublicationState
from tests.plugin.pictures.drawn import drawn, encoded
from tests.plugin.pipeline.woo_world import WaitingClock
from tests.plugin.pipeline.world import PACK, World, approve_everything
from tests.plugin.schema import migrated

STORE = "shop"
SETTINGS = """
[app]
data_dir = "data"
allow_private_addresses = true
pack_folders = ["packs"]
[hebo]
base_url = "{service}"
api_key = "sandbox-key"
exclusive = true
[[stores]]
name = "{store}"
kind = "shopify"
pack = "mini"
shop = "sandbox-shop.myshopify.com"
api_url = "{url}"
placement = "{placement}"
variants = {variants}
"""
APP = {"client_id": DEFAULT_CLIENT, "client_secret": DEFAULT_SECRET}


class KilledError(RuntimeError):
    """What ends a process of these tests in the middle of its work."""


class MortalClock(WaitingClock):
    """Dies where a connector waits for the nth time. waits: how often it has waited so far."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0
        self.dies_at: int | None = None

    def sleep(self, seconds: float) -> None:
        self.waits += 1
        if self.waits == self.dies_at:
            raise KilledError(f"killed at wait {self.waits}")
        super().sleep(seconds)


class ShopifyWorld(World):
    """shopify: the shop. placement, variants: of the store's settings; way_in: its credentials."""

    clock: MortalClock

    def __init__(self, folder: Path, service: HeboListener, clock: MortalClock, shopify: ShopifyService):
        super().__init__(folder, service, clock)
        self.shopify, self.placement, self.variants = shopify, "append", False
        self.way_in: dict[str, str] = APP

    def settings(self) -> Settings:
        text = SETTINGS.format(
            service=self.base_url, store=STORE, url=self.shopify.url, placement=self.placement,
            variants=str(self.variants).lower(),
        )  # fmt: skip
        text += "".join(f'{name} = "{value}"\n' for name, value in self.way_in.items())
        (self.folder / "c.toml").write_text(text, encoding="utf-8")
        return load_settings(self.folder / "c.toml", {})

    def photo(self, name: str) -> str:
        """A new file in the shop, drawn after its name; its gid."""
        seed = sum(ord(letter) * (place + 3) for place, letter in enumerate(name))
        return self.shopify.store.add_media(encoded(drawn(160, 160, seed=seed)), name)

    def listing(self, name: str, pictures: int = 2) -> int:
        """A product in the shop with photos `name-1.jpg` …; gives its number."""
        photos = [self.photo(f"{name}-{n}.jpg") for n in range(1, pictures + 1)]
        return self.shopify.store.add_product(name.title(), photos)

    def names(self, number: int) -> list[str]:
        """The file names on a listing, in order."""
        return self.shopify.store.media_names(number)

    def keys(self, number: int) -> list[str]:
        """The keys of our pictures on a listing, in order."""
        return [key for name in self.names(number) if (key := key_in(name)) is not None]

    def stored(self) -> list[str]:
        """The keys of all our files in the shop, sorted."""
        return sorted(key for name in self.shopify.store.file_names() if (key := key_in(name)) is not None)

    def make(self, parts: Parts) -> None:
        """Have pictures made of all that the shop has, and approved; they are published next."""
        begin(parts, None, self.clock.now())
        self.drive(parts)
        approve_everything(parts)

    def undo(self, parts: Parts) -> None:
        """A person takes everything back."""
        with parts.db.write() as session:
            for row in session.scalars(select(Publication).where(Publication.state == PublicationState.PUBLISHED)):
                request_undo(session, row, self.clock.now())
        self.drive(parts)

    def read(self, parts: Parts, *, full: bool = False, lanes: Sequence[type[Lane[Any, Any]]] = LANES) -> None:
        """An hour later: read the catalogue again, and let everything move that can."""
        self.clock.advance(3600)
        with parts.db.write() as session:
            stores.refresh(session, parts, stores.find(parts, session, STORE), full=full)
        self.drive(parts, lanes=lanes)

    def states(self, parts: Parts) -> dict[str, ProductState]:
        """Of all products, by the shop's ids."""
        with parts.db.read() as session:
            return {product.external_id: product.state for product in session.scalars(select(Product))}


@contextmanager
def shopify_world(folder: Path, **options: Any) -> Iterator[ShopifyWorld]:
    """A world without products. options: of the shop (SandboxOptions)."""
    clock = MortalClock()
    (folder / "packs").mkdir()
    (folder / "packs" / "mini.toml").write_text(PACK, encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "data" / DATABASE_FILE).write_bytes(migrated())
    chosen = SandboxOptions(**{"catalogue": "empty", **options})
    with (
        serve_hebo(HeboOptions(paint="none", duration=(6, 42)), now=clock.seconds) as service,
        serve_shopify(chosen, clock=clock.stamp) as shop,
    ):
        yield ShopifyWorld(folder, service, clock, shop)
