"""The WooCommerce store: its parts joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import requests

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
from connectors.woocommerce import library
from connectors.woocommerce.attach import attach
from connectors.woocommerce.catalogue import Catalogue
from connectors.woocommerce.check import check
from connectors.woocommerce.options import WooCommerceOptions
from connectors.woocommerce.restore import restore
from connectors.woocommerce.room import open_room


class WooCommerceConnector:
    """A `Connector`, `Library` and `PictureSource`. Opening it asks nothing of the store."""

    def __init__(self, options: WooCommerceOptions, environment: Environment):
        """options: where the store is, and the credentials. environment: session, state folder, clock.

        Raises StoreError (permanent) where the certificate file cannot be used.
        """
        self._room = open_room(options, environment)
        self._callback = environment.callback

    def check(self) -> StoreInfo:
        """See `Connector.check`: within about 40 s, and with one webhook that is deleted again."""
        return check(self._room, self._callback)

    def products(self, changed_since: datetime | None) -> Iterator[Product | Skipped | Gone]:
        """See `Connector.products`."""
        return Catalogue(self._room).products(changed_since)

    def product(self, product_id: str) -> Product:
        """See `Connector.product`. Raises StoreError (permanent) if it is gone."""
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
        return restore(self._room, product_id, before, after, added)

    def picture_session(self) -> requests.Session | None:
        """See `PictureSource.picture_session`: only we trust a certificate that is not public."""
        return self._room.client.session if self._room.options.verify else None

    def orphans(self) -> Sequence[StoredPicture]:
        """See `Library.orphans`."""
        return library.orphans(self._room)

    def delete(self, pictures: Sequence[StoredPicture]) -> Mapping[str, str]:
        """See `Library.delete`."""
        return library.delete(self._room, pictures)
