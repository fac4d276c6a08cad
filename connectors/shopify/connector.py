"""The Shopify store: its parts joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from connectors.shopify import library
from connectors.shopify.attach import attach
from connectors.shopify.catalogue import Catalogue
from connectors.shopify.check import check
from connectors.shopify.options import ShopifyOptions
from connectors.shopify.restore import restore
from connectors.shopify.room import open_room
from connectors.types import (
    Attached,
    Environment,
    Gone,
    Listing,
    NewImage,
    Placement,
    Product,
    Skipped,
    StoredPicture,
    StoreInfo,
)


class ShopifyConnector:
    """A `Connector` and `Library`. Opening it asks nothing of the shop."""

    def __init__(self, options: ShopifyOptions, environment: Environment):
        """options: which shop, and the credentials. environment: session, state folder, clock, vault."""
        self._room = open_room(options, environment)

    def check(self) -> StoreInfo:
        """See `Connector.check`."""
        return check(self._room)

    def products(self, changed_since: datetime | None) -> Iterator[Product | Skipped | Gone]:
        """See `Connector.products`."""
        return Catalogue(self._room).products(changed_since)

    def product(self, product_id: str) -> Product:
        """See `Connector.product`. Raises ShopError (permanent) if it is gone."""
        return Catalogue(self._room).product(product_id)

    def attach(
        self,
        product_id: str,
        images: Sequence[NewImage],
        placement: Placement,
        remember: Callable[[Listing], None],
    ) -> Attached:
        """See `Connector.attach`."""
        return attach(self._room, product_id, images, placement, remember)

    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        """See `Connector.restore`."""
        return restore(self._room, product_id, before, added)

    def orphans(self) -> Sequence[StoredPicture]:
        """See `Library.orphans`."""
        return library.orphans(self._room)

    def delete(self, pictures: Sequence[StoredPicture]) -> Mapping[str, str]:
        """See `Library.delete`."""
        return library.delete(self._room, pictures)
