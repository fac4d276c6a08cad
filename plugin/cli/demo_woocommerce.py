"""The sandbox WooCommerce shop of `hebo-sync demo`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from plugin.cli.demo_shop import DemoShop, Platform
from plugin.sandbox.woocommerce.options import DEFAULT_KEY, DEFAULT_SECRET

if TYPE_CHECKING:
    from plugin.sandbox.woocommerce.server import WooService

ODD_ONES = "HB-2"  # how the numbers of products begin that cannot have pictures as they are


class WooDemoShop(DemoShop):
    """See `DemoShop`."""

    def __init__(self, service: WooService):
        self.url, self._service, self._store = service.url, service, service.store

    def allow_fetch(self, port: int) -> None:
        """See `DemoShop`."""
        self._service.allow_fetch(port)

    def products(self) -> Sequence[str]:
        """See `DemoShop`."""
        return [str(number) for number in self._store.products]

    def names(self, product: str) -> list[str]:
        """See `DemoShop`."""
        return self._store.image_names(int(product))

    def has(self, picture: str) -> bool:
        """See `DemoShop`."""
        return int(picture) in self._store.attachments

    def add(self, data: bytes, name: str, alt: str) -> str:
        """See `DemoShop`."""
        return str(self._store.add_attachment(data, name, alt=alt))

    def show(self, product: str, pictures: Sequence[str]) -> None:
        """See `DemoShop`."""
        self._store.set_images(int(product), [int(number) for number in pictures])


def serve(host: str, port: int) -> AbstractContextManager[DemoShop]:
    """Starts the shop. Raises ListenerError where the port is taken."""
    from plugin.sandbox.woocommerce.server import WooOptions, serve_woocommerce

    return _shop(serve_woocommerce(WooOptions(catalogue="sample", pace=1.0), host, port))


@contextmanager
def _shop(service: WooService) -> Iterator[DemoShop]:
    with service:
        for number, product in list(service.store.products.items()):
            if str(product.values.get("sku")).startswith(ODD_ONES):
                service.store.remove(number)
        yield WooDemoShop(service)


WOOCOMMERCE = Platform(
    store="sandbox-shop",
    kind="woocommerce",
    title="WooCommerce",
    serve=serve,
    address="url",
    credentials={"consumer_key": DEFAULT_KEY, "consumer_secret": DEFAULT_SECRET},
    by_hand=f"consumer key {DEFAULT_KEY}, consumer secret {DEFAULT_SECRET}",
)
