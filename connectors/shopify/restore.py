"""Taking our pictures off a listing again.

The three-way merge is short (`connectors.arrange.without`): `attach` moves nothing but media of ours, and moving these
never changes the order of the others among each other. So with ours gone the rest is as it was before, the old main
picture first, and as others have changed it since; nothing has to be moved back. Only what a variant showed is given
back to it, before ours leave the product: a variant would lose them and show nothing of its own.

The files stay in the shop, since they may be used elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connectors.shopify.errors import ShopError
from connectors.shopify.listing import Deadline, ProductGoneError, ProductMedia, Shown, numbers_of
from connectors.shopify.room import Room
from connectors.shopify.variant_media import VariantMedia
from connectors.types import ConnectorError, Listing

RESTORE_SECONDS = 240.0
TRIES = 4


def restore(room: Room, product_id: str, before: Listing, added: Sequence[str]) -> Listing:
    """See `Connector.restore`. A product that is gone has nothing to undo: its listing is empty.

    Raises ConnectorError: permanent where only a person can go on.
    """
    product, variant = numbers_of(product_id)
    deadline = Deadline(room.now, RESTORE_SECONDS, f"product {product_id}")
    try:
        if variant:
            return _VariantWayBack(VariantMedia(room, product, variant, deadline), product_id, before, added).run()
        return _WayBack(ProductMedia(room, product, deadline), product_id, added).run()
    except ProductGoneError:
        return Listing(product_id, (), None)


class _WayBack:
    """One undo on a product."""

    def __init__(self, target: ProductMedia, product_id: str, added: Collection[str]):
        self.media, self.room, self.product_id = target, target.room, product_id
        self.added = frozenset(added)

    def run(self) -> Listing:
        """Until nothing of ours remains."""
        for _ in range(TRIES + 1):
            found = self.media.read()
            if not self.step(found):
                return self._finished(found)
        if self.media.lost is not None:
            raise ConnectorError(
                f"product {self.product_id}: {self.media.lost}. Its pictures are not taken off so far; it is tried "
                "again",
                retry_after=self.media.lost.retry_after,
            )
        raise ConnectorError(
            f"product {self.product_id}: somebody else keeps changing its pictures at the same time, or Shopify is "
            "still at work on them, so ours could not be taken off; it is tried again",
            retry_after=60,
        )

    def step(self, found: Shown) -> bool:
        """One write, if one is needed."""
        ours = [image.id for image in found.listing.images if image.key in self.added]
        if not ours:
            return False
        try:
            self.media.change(remove=ours)
        except ShopError as error:
            self.media.recover(error, lambda now: not now.listing.keys() & self.added)
        return True

    def _finished(self, found: Shown) -> Listing:
        self.room.state.forget_placings(self.media.product, self.added)
        self.media.demand_quiet()
        return found.view(self.product_id)


class _VariantWayBack(_WayBack):
    """One undo on a variant: first what the variants showed, then the list of their product."""

    def __init__(self, target: VariantMedia, product_id: str, before: Listing, added: Collection[str]):
        super().__init__(target, product_id, added)
        self.variants = target
        self.old = before.main or ""

    def run(self) -> Listing:
        """See `_WayBack.run`. An undo that stops where a variant shows nothing is never given up: nobody else knows
        what it showed."""
        try:
            return super().run()
        except ConnectorError as error:
            if not error.permanent or isinstance(error, ProductGoneError) or not self._is_halfway():
                raise
            raise ConnectorError(
                f"product {self.product_id}: {error}. A variant shows no picture until this goes on; it is tried again",
                retry_after=600,
            ) from error

    def _is_halfway(self) -> bool:
        """Whether a variant shows nothing because of us; if that cannot be read: whether one may."""
        try:
            found = self.variants.read()
        except ConnectorError:
            return bool(self.room.state.swaps(self.media.product))
        return any(not found.bare.isdisjoint(variants) for variants in self._ways(found).values())

    def step(self, found: Shown) -> bool:
        """One write, if one is needed."""
        ways = self._ways(found)
        if not ways:
            self.variants.settle(found)
            return super().step(found)
        try:
            for old, variants in ways.items():
                self.variants.show(variants, found.bare, old)
        except ShopError as error:
            self.variants.recover(error, lambda now: not self._ways(now))
        return True

    def _ways(self, found: Shown) -> dict[str, dict[str, str]]:
        """What goes back to which variants, which show ours or, in the midst of an exchange of ours, nothing: media →
        variant → what it shows. Where somebody has taken off what they showed, that stays so."""
        keys = {image.id: image.key for image in found.listing.images}
        worn, ways = self.room.state.worn(self.media.product), dict[str, dict[str, str]]()
        for variant, media in found.variants.items():
            if keys.get(media) in self.added or (variant in found.bare and media == self.old):
                # What was before may be a picture of ours that was taken off since; then what was before that.
                olds = (old for old in (self.old, worn.get(variant, "")) if old in keys)
                old = next((old for old in olds if keys[old] not in self.added), "")
                if old:
                    ways.setdefault(old, {})[variant] = media
        return ways
