"""Whether a product has a main image, or only a gallery.

wc/v3 lists a gallery's first picture where the main image should be, and writing that list back makes it the main
image for good (observed on WooCommerce 11.0.1). Only wp/v2 tells the two apart, by `featured_media`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.product import main_number, shown_images
from connectors.woocommerce.room import Room

GALLERY_ONLY = (
    "it has pictures in its gallery only, and adding one would make one of these its main image; choose a main image "
    "in the store first"
)


class MainImages:
    """What is known of a store's main images; asked for a page at a time, and remembered. Threads may share it."""

    def __init__(self, room: Room):
        self._room = room
        self._closed = False  # nobody may ask this store

    def problems(self, products: Sequence[Mapping[str, Any]]) -> dict[int, str]:
        """Of at most 100 entries of wc/v3/products, those that have no main image, and why nothing is made for them.

        Where the store does not tell, a product counts as having one. Raises StoreError if the store fails,
        BrokenError.
        """
        mains = {int(raw["id"]): main_number(raw) for raw in products}
        shown = {product: main for product, main in mains.items() if main is not None}
        known = self._room.state.main_images(shown)
        unknown = {product: main for product, main in shown.items() if known.get(product) != main}
        featured = self._featured(unknown)
        self._room.state.note_main_images({p: main for p, main in unknown.items() if featured.get(p) == main})
        listed = {int(raw["id"]): {image["id"] for image in shown_images(raw)} for raw in products}
        return {p: GALLERY_ONLY for p in unknown if p in featured and featured[p] not in listed[p]}

    def _featured(self, products: Collection[int]) -> dict[int, int]:
        """product → its main image (0: none), of those that the store tells."""
        if not products or self._closed:
            return {}
        if self._room.client.can_upload and (found := self._asked(products, anonymous=False)) is not None:
            return found
        found = self._asked(products, anonymous=True)
        self._closed = found is None
        return found or {}

    def _asked(self, products: Collection[int], *, anonymous: bool) -> dict[int, int] | None:
        """None: the store does not answer such questions."""
        params = {"include": ",".join(map(str, products)), "per_page": "100", "_fields": "id,featured_media"}
        if self._room.options.drafts and not anonymous:
            params["status"] = "any"
        try:
            body = self._room.client.read("wp/v2/product", params, anonymous=anonymous).body
        except StoreError as error:
            if error.status is None or error.status == 429 or error.status >= 500:
                raise
            return None
        entries = [entry for entry in body if isinstance(entry, Mapping)] if isinstance(body, list) else []
        pairs = ((entry.get("id"), entry.get("featured_media")) for entry in entries)
        return {product: image for product, image in pairs if isinstance(product, int) and isinstance(image, int)}
