"""The pictures of a variation: its own one, which others may share, and the list of its product.

Observed on WooCommerce 11.0.1: a variation has one picture; with none of its own it shows the product's, and only
`context=edit` tells the two apart. Its product has the gallery.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from connectors.types import ImageRef
from connectors.woocommerce.errors import StoreError, plain
from connectors.woocommerce.listing import Deadline, ProductList, Shown
from connectors.woocommerce.product import image_ref
from connectors.woocommerce.replies import is_last, many, one
from connectors.woocommerce.room import Room

_AT_ONCE = 100  # items of a batch
_WRITE_SECONDS = 60.0


class VariationList(ProductList):
    """The list of a variation's product, and the pictures of all its variations."""

    def __init__(self, room: Room, product: int, variation: int, deadline: Deadline):
        super().__init__(room, product, deadline)
        self.variation = variation

    def read(self) -> Shown:
        """The variations, then the list. `own` is None where the variation shows the product's picture, or is gone."""
        variations = self._own_images()
        return replace(super().read(), variation=self.variation, variations=variations)

    def _own_images(self) -> dict[int, ImageRef]:
        """The variations that have a picture of their own, in the order of their numbers."""
        home = self.room.client.home
        found = {
            int(entry["id"]): image_ref(entry["image"], home)
            for entry in self._variations()
            if isinstance(entry.get("image"), Mapping) and entry["image"].get("id")
        }
        return dict(sorted(found.items()))

    def show(self, variations: Collection[int], image: int) -> None:
        """Give these variations this picture as their own; the one that we are about is the last.

        It is what tells whether the others are done: after a crash the rest is found by it. Raises StoreError.
        """
        if image <= 0:
            raise ValueError("a variation is never left without its picture")
        others = [number for number in variations if number != self.variation]
        for at in range(0, len(others), _AT_ONCE):
            self._show_together(others[at : at + _AT_ONCE], image)
        if self.variation in variations:
            path, params = f"{self.path}/variations/{self.variation}", {"_fields": "id"}
            left = self.deadline.left(_WRITE_SECONDS)
            self.room.client.write("PUT", path, {"image": {"id": image}}, params=params, seconds=left)

    def _show_together(self, variations: Sequence[int], image: int) -> None:
        update = [{"id": number, "image": {"id": image}} for number in variations]
        left = self.deadline.left(_WRITE_SECONDS)
        reply = self.room.client.write("POST", f"{self.path}/variations/batch", {"update": update}, seconds=left)
        updated = one(reply, f"product {self.product}", written=True).get("update")
        for entry in updated if isinstance(updated, list) else ():
            error = entry.get("error") if isinstance(entry, Mapping) else None
            if isinstance(error, Mapping):
                raise _refused(f"variation {entry.get('id')} of product {self.product}", error)

    def _variations(self) -> Iterator[Mapping[str, Any]]:
        for page in count(1):
            params = {"context": "edit", "per_page": "100", "page": str(page), "orderby": "id", "order": "asc"}
            reply = self.deadline.read(self.room.client, f"{self.path}/variations", {**params, "_fields": "id,image"})
            yield from many(reply, f"the variations of product {self.product}")
            if is_last(reply, page, 100):
                return


def _refused(subject: str, error: Mapping[str, Any]) -> StoreError:
    """One item of a batch failed, though the batch as a whole was answered with success."""
    detail, data = plain(str(error.get("message") or "")), error.get("data")
    return StoreError(
        f"{subject} did not take its picture: {detail}; it is tried again",
        status=data.get("status") if isinstance(data, Mapping) else None,
        code=str(error.get("code") or ""),
        detail=detail,
    )
