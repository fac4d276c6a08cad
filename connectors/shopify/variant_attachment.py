"""Attaching pictures to a variant ("75/79": variant 79 of product 75, and those that show the same media).

The pictures go onto the product's list, which all its variants share, and never to its head: with APPEND at the end,
else behind what the variant shows. REPLACE_MAIN then makes the first one what the variants show that showed the same,
in this order, so that a crash in between loses nothing and the next try finds its way: the list, the other variants,
the one that we are about.

The listing of a variant is the list of its product; its main picture is what the variant shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.shopify.arrange import behind, by_key
from connectors.shopify.attachment import Attachment, Remember
from connectors.shopify.errors import ShopError
from connectors.shopify.listing import Shown
from connectors.shopify.variant_media import VariantMedia
from connectors.types import ConnectorError, NewImage, Placement


class VariantAttachment(Attachment):
    """One attach to a variant."""

    def __init__(
        self,
        target: VariantMedia,
        product_id: str,
        images: Sequence[NewImage],
        placement: Placement,
        remember: Remember,
    ):
        super().__init__(target, product_id, images, placement, remember)
        self.variants = target

    def target(self, found: Shown, wanted: Mapping[str, str], fresh: frozenset[str]) -> list[str]:
        """The order of the product's list as it should be."""
        if self.placement is Placement.APPEND:
            return super().target(found, wanted, fresh)
        return behind(found.listing, wanted, found.own.id if found.own else "", fresh)

    def further(self, found: Shown) -> bool:
        """Shows the first picture on the variants; False: they do already, or need not."""
        first = next(iter(self.asked()), None)
        if self.placement is not Placement.REPLACE_MAIN or first is None or found.own is None or self._is_shown(found):
            self.variants.settle(found)
            return False
        self.before_write(found)
        if not found.own.key:
            self.room.state.note_worn(self.media.product, found.alike)
        try:
            self.variants.show(found.alike, found.bare, by_key(found.listing)[first])
            self.wrote()
        except ShopError as error:
            self.failed(error, self._is_shown)
        return True

    def reached(self, found: Shown) -> int:
        """See `Attachment.reached`."""
        return super().reached(found) + 2 * self._is_ours(found)

    def check(self, found: Shown) -> None:
        """See `Attachment.check`. Raises ConnectorError (permanent) where the variant has no media of its own.

        Where it lost them when some of the pictures were there already, these stay, so that they can be undone.
        """
        if found.own is None and found.listing.keys().isdisjoint(self.wanted):
            raise ConnectorError(
                f"variant {self.variants.number} of product {self.variants.product} has no picture of its own (any "
                "more), so nothing was written; give it one in the store, or publish to the product instead",
                permanent=True,
            )

    def before_write(self, found: Shown) -> None:
        """See `Attachment.before_write`; and the variant must still have media of its own."""
        self.check(found)
        super().before_write(found)

    def _is_ours(self, found: Shown) -> bool:
        """Whether the variant shows one of the wanted pictures."""
        return found.own is not None and found.own.key in self.wanted

    def _is_shown(self, found: Shown) -> bool:
        """Whether it does, and no exchange is left half-way with any that show the same."""
        return self._is_ours(found) and not found.bare & found.alike.keys()
