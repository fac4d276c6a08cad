"""Attaching pictures to a variation ("75/79": variation 79 of product 75, and those that show the same picture).

A variation has one picture and no gallery. APPEND and AFTER_MAIN put pictures into the gallery of its product.
REPLACE_MAIN makes the first one the picture of all variations that show the same one, in this order, so that a crash
in between loses nothing and the next try finds its way:

1. the list of the product: the old picture (if it is not there), then the other new ones, at its end. A first one that
   the store has to fetch is put there too, since fetching it once for each variation would make a copy for each;
2. the variations, by number, the one that we are about last;
3. the first one leaves the product's list again, if it was there for the fetching.

The listing of a variation is its own picture, then those of its product: what is needed for the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.types import ConnectorError, NewImage, Placement
from connectors.woocommerce.arrange import Entry, by_key, ids, placed
from connectors.woocommerce.attachment import Attachment, Remember
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.listing import Shown
from connectors.woocommerce.variation_list import VariationList


class VariationAttachment(Attachment):
    """One attach to a variation."""

    def __init__(
        self,
        target: VariationList,
        product_id: str,
        images: Sequence[NewImage],
        placement: Placement,
        remember: Remember,
    ):
        super().__init__(target, product_id, images, placement, remember)
        self.variations = target
        self._replacing = placement is Placement.REPLACE_MAIN

    def target(self, found: Shown) -> list[Entry]:
        """The product's list as it should be."""
        if not self._replacing:
            return super().target(found)
        listing, entries = found.listing, self.entries(found)
        main = self._main(found)
        if main is not None:  # done: the product's list is not its place
            entries.pop(main, None)
            kept = tuple(image for image in listing.images if image.key != main)
            return placed(replace(listing, images=kept), entries, Placement.APPEND)
        first = self._first()
        if first is None:
            return list(ids(listing))
        if isinstance(entries.get(first), int) or first in by_key(listing):
            entries.pop(first, None)
        if found.own is not None and int(found.own.id) not in ids(listing):
            listing = replace(listing, images=(*listing.images, found.own))
        return placed(listing, entries, Placement.APPEND)

    def step(self, found: Shown) -> bool:
        """Shows the first picture on the variations; False: they do already, or need not."""
        first = self._first()
        if not self._replacing or first is None or self._main(found) is not None:
            return False
        self.before_write(found)
        number = by_key(found.listing).get(first) or self.numbers[first]
        try:
            self.variations.show(found.alike, number)
        except StoreError as error:
            self.failed(error, ())
        return True

    def reached(self, found: Shown) -> int:
        """See `Attachment.reached`."""
        return super().reached(found) + 2 * (self._main(found) is not None)

    def before_write(self, found: Shown) -> None:
        """See `Attachment.before_write`. Raises ConnectorError (permanent) without a picture of its own, too."""
        if found.own is None:
            raise ConnectorError(
                f"variation {self.variations.variation} of product {self.variations.product} has no picture of its own "
                "(any more), so nothing was written; give it one in the store, or publish to the product instead",
                permanent=True,
            )
        super().before_write(found)

    def _first(self) -> str | None:
        """The key that becomes the variation's picture."""
        return next(iter(self.asked()), None)

    def _main(self, found: Shown) -> str | None:
        """The key of the wanted picture that the variation shows; None: it shows another one."""
        key = found.own.key if found.own else None
        return key if key in self.wanted else None
