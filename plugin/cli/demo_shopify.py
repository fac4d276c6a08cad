"""The sandbox Shopify shop of `hebo-sync demo`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from plugin.cli.demo_shop import DemoShop, Platform
from plugin.sandbox.shopify.options import DEFAULT_CLIENT, DEFAULT_SECRET

if TYPE_CHECKING:
    from plugin.sandbox.shopify.server import ShopifyService

SHOP = "sandbox-shop.myshopify.com"
ODD_ONES = frozenset({"HB-2001", "HB-2003", "HB-2004"})  # products that cannot have pictures as they are


class ShopifyDemoShop(DemoShop):
    """See `DemoShop`."""

    def __init__(self, service: ShopifyService):
        self.url, self._store = service.url, service.store

    def allow_fetch(self, port: int) -> None:
        """Nothing: it is sent its pictures."""

    def products(self) -> Sequence[str]:
        """See `DemoShop`."""
        return [str(number) for number in self._store.products]

    def names(self, product: str) -> list[str]:
        """See `DemoShop`."""
        return self._store.media_names(int(product))

    def has(self, picture: str) -> bool:
        """See `DemoShop`."""
        return picture in self._store.media

    def add(self, data: bytes, name: str, alt: str) -> str:
        """See `DemoShop`."""
        return self._store.add_media(data, name, alt)

    def show(self, product: str, pictures: Sequence[str]) -> None:
        """See `DemoShop`."""
        self._store.set_media_order(int(product), pictures)


def serve(host: str, port: int) -> AbstractContextManager[DemoShop]:
    """Starts the shop. Raises ListenerError where the port is taken."""
    from plugin.sandbox.shopify.server import SandboxOptions, serve_shopify

    return _shop(serve_shopify(SandboxOptions(shop=SHOP), host, port))


@contextmanager
def _shop(service: ShopifyService) -> Iterator[DemoShop]:
    with service:
        store = service.store
        odd = [
            number for number, product in store.products.items() if store.variants[product.variants[0]].sku in ODD_ONES
        ]
        for number in odd:
            store.remove(number)
        yield ShopifyDemoShop(service)


SHOPIFY = Platform(
    store="sandbox-shopify",
    kind="shopify",
    title="Shopify",
    serve=serve,
    address="api_url",
    credentials={"shop": SHOP, "client_id": DEFAULT_CLIENT, "client_secret": DEFAULT_SECRET},
    by_hand=f"shop {SHOP}, Client ID {DEFAULT_CLIENT}, client secret {DEFAULT_SECRET}; its address as API address",
)
