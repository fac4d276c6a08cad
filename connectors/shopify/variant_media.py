"""The media of a variant: its own, which other variants may show too, and the list of its product.

A variant shows one media of its product's at most (the schema: PRODUCT_VARIANT_ALREADY_HAS_MEDIA), so that another one
takes two calls: the old one is detached, the new one appended. What a variant showed is noted before the first, and
forgotten when a reading shows that all is done; a crash in between is found by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from connectors.shopify.errors import ShopError, UserErrorsError
from connectors.shopify.listing import Deadline, ProductMedia, Shown
from connectors.shopify.product import BrokenError, number_of
from connectors.shopify.room import Room

_PAIRS = 100  # variants of one call (the schema: MAXIMUM_VARIANT_MEDIA_PAIRS_EXCEEDED)
_EACH, _FIXED = 4, 4  # points: a variant, its connection, a media; besides, the product and the connection
_FIRST_PAGE, _MARGIN, _MOST = 20, 5, 250


class VariantMedia(ProductMedia):
    """The media of a variant's product, and those of all its variants."""

    def __init__(self, room: Room, product: int, variant: int, deadline: Deadline):
        """product, variant: their numbers."""
        super().__init__(room, product, deadline)
        self.variant = f"gid://shopify/ProductVariant/{variant}"
        self.number = variant
        self._variants = 0

    def read(self) -> Shown:
        """The product's media, then what the variants show."""
        found = super().read()
        shown = self._shown()
        halfway = self.room.state.swaps(self.product)
        bare = frozenset(variant for variant in halfway if variant in shown and not shown[variant])
        resolved = {variant: media or halfway.get(variant, "") for variant, media in shown.items()}
        own = {variant: media for variant, media in resolved.items() if media}
        return replace(found, variant=self.variant, variants=own, bare=bare)

    def show(self, variants: Mapping[str, str], bare: frozenset[str], media: str) -> None:
        """Give these variants this media of the product's. variants: gid → what they show. bare: those of them that
        show nothing this moment. The variant that we are about is the last. Raises ShopError, UserErrorsError."""
        if not media:
            raise ValueError("a variant is never left without its media")
        order = sorted(variants, key=lambda variant: variant == self.variant)
        self.room.state.note_swaps(self.product, variants)
        for at in range(0, len(order), _PAIRS):
            some = {variant: variants[variant] for variant in order[at : at + _PAIRS]}
            worn = {variant: shown for variant, shown in some.items() if variant not in bare}
            if worn:
                self._pair("product_variant_detach_media", worn)
            self._append(dict.fromkeys(some, media), some)

    def settle(self, found: Shown) -> None:
        """Forget the exchanges that have come to an end, as a reading shows."""
        over = self.room.state.swaps(self.product).keys() - found.bare
        if over:
            self.room.state.forget_swaps(self.product, over)

    def _append(self, wanted: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Where the shop refuses it, they get back what they showed before: they show nothing this moment."""
        try:
            self._pair("product_variant_append_media", wanted)
        except UserErrorsError:
            with suppress(UserErrorsError):  # a reading tells what they show then
                self._pair("product_variant_append_media", before)
            raise

    def _pair(self, document: str, pairs: Mapping[str, str]) -> None:
        pairing = [{"variantId": variant, "mediaIds": [media]} for variant, media in pairs.items()]
        self.mutate(document, {"productId": self.gid, "variantMedia": pairing})

    def _shown(self) -> dict[str, str]:
        """Variant → its media ("": none), by number."""
        try:
            return dict(sorted(self._read_variants(), key=lambda one: number_of({"id": one[0]}, "ProductVariant")))
        except BrokenError as error:
            raise ShopError(f"{self.name}: its variants cannot be read ({error}); it is tried again") from error

    def _read_variants(self) -> Iterator[tuple[str, str]]:
        first = self.room.client.page(min(max(self._variants + _MARGIN, _FIRST_PAGE), _MOST), _EACH, _FIXED)
        self._variants = 0
        for raw in self.pages("product_variant_media", "variants", first, _EACH):
            self._variants += 1
            try:
                media = raw["media"]["nodes"]
                yield str(raw["id"]), str(media[0]["id"]) if media else ""
            except (KeyError, TypeError) as error:
                raise BrokenError("Shopify gave no list of a variant's media") from error
