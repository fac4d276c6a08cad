"""Taking our pictures off a listing again.

The three-way merge is short (`arrange.without`), since `attach` neither moves others' pictures among each other nor
takes one off: with ours gone, the rest is as it was before, and as others have changed it since. Only a variation,
which has room for a single picture, is given back the one that it had, and the product's list loses the copy of it
that `attach` put there.

The list is written by numbers alone, so that writing it again does nothing twice. A list is never emptied: the store
would take that for an order to wipe it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connectors.types import ConnectorError, Listing
from connectors.woocommerce.arrange import Entry, ids, without
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.listing import Deadline, ProductList, Shown, numbers_of
from connectors.woocommerce.room import Room
from connectors.woocommerce.variation_list import VariationList

RESTORE_SECONDS = 240.0
TRIES = 4
_NO_PRODUCT = "woocommerce_rest_product_invalid_id"
_NO_PICTURE = "_invalid_image_id"


def restore(room: Room, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
    """See `Connector.restore`. A product that is gone has nothing to undo: its listing is empty.

    Raises ConnectorError: permanent where only a person can go on, and then nothing was changed.
    """
    product, variation = numbers_of(product_id)
    deadline = Deadline(room.now, RESTORE_SECONDS, f"product {product_id}")
    try:
        if variation:
            shared = VariationList(room, product, variation, deadline)
            return _VariationWayBack(shared, product_id, before, after, added).run()
        return _ProductWayBack(ProductList(room, product, deadline), product_id, before, after, added).run()
    except StoreError as error:
        if error.code == _NO_PRODUCT:
            return Listing(product_id, (), None)
        raise


class _WayBack:
    """One undo on the list of one product."""

    def __init__(self, target: ProductList, product_id: str, added: Collection[str]):
        self.list, self.room, self.product_id = target, target.room, product_id
        self.added = frozenset(added)
        self._lost: StoreError | None = None
        self._bad_number = ""
        self._wrote = False

    def run(self) -> Listing:
        """Until nothing of ours remains."""
        for _ in range(TRIES + 1):
            found = self.list.settled()
            if not self.step(found):
                return self._finished(found)
        if self._lost is not None:
            raise ConnectorError(
                f"product {self.product_id}: {self._lost}. Its pictures are not taken off so far; it is tried again",
                retry_after=self._lost.retry_after,
            )
        raise ConnectorError(
            f"product {self.product_id}: somebody else keeps changing its pictures at the same time, so ours could not "
            "be taken off; it is tried again",
            retry_after=60,
        )

    def step(self, found: Shown) -> bool:
        """One write, if one is needed."""
        target = self.target(found)
        if target == ids(found.listing):
            return False
        if not target:
            raise ConnectorError(
                f"product {self.product_id} has no pictures but ours any more, and a product is not left without any; "
                "give it another picture in the store, then undo again. Nothing was changed",
                permanent=True,
            )
        self.list.demand_main(found, "undo")
        self._write(found, target)
        return True

    def target(self, found: Shown) -> list[Entry]:
        """The list as it should be."""
        return without(found.listing, self.added)

    def failed(self, error: StoreError, found: Shown) -> None:
        """A write without an answer of success: look, and go on where a next write can help."""
        if error.code.endswith(_NO_PICTURE) and self._bad_number != error.detail:
            self._bad_number = error.detail  # somebody has just deleted one: read again
            return
        if not error.maybe_done or error.status in {429, 503}:
            raise error
        self._lost = error
        self.list.look_for(lambda now: now != found)

    def _write(self, found: Shown, target: Sequence[Entry]) -> None:
        self._wrote = True
        try:
            self.list.write(target, {})
        except StoreError as error:
            self.failed(error, found)

    def _finished(self, found: Shown) -> Listing:
        self.list.demand_quiet()
        if self._wrote and found.listing.main is not None:
            self.room.state.note_main_images({self.list.product: int(found.listing.main)})
        return found.view(self.product_id)


class _ProductWayBack(_WayBack):
    """One undo on a product."""

    def __init__(self, target: ProductList, product_id: str, before: Listing, after: Listing, added: Collection[str]):
        super().__init__(target, product_id, added)
        self.before, self.left = ids(before), without(after, self.added)

    def target(self, found: Shown) -> list[Entry]:
        """The list as it should be. A main picture that its gallery shows once more is listed twice, and loses the
        second place when it is moved into the gallery (WooCommerce lists nothing twice there): that is given back."""
        rest = super().target(found)
        lost = not self._wrote and rest == self.left == list(dict.fromkeys(self.before))
        return list(self.before) if lost else rest


class _VariationWayBack(_WayBack):
    """One undo on a variation: its own picture first, then the list of its product."""

    def __init__(self, target: VariationList, product_id: str, before: Listing, after: Listing, added: Collection[str]):
        super().__init__(target, product_id, added)
        self.variations = target
        old = before.images[0] if before.main is not None else None
        self.old = None if old is None or old.key in self.added else int(old.id)
        listed_before = [image.id for image in before.images[1:]]
        replaced = before.main != after.main and before.main not in listed_before
        self.copied = self.old if replaced and before.main in [image.id for image in after.images[1:]] else None

    def step(self, found: Shown) -> bool:
        """One write, if one is needed."""
        ours = [number for number, image in found.variations.items() if image.key in self.added]
        if not ours:
            return super().step(found)
        if self.old is None:
            raise self._unknown("is not known")
        self._wrote = True
        try:
            self.variations.show(ours, self.old)
        except StoreError as error:
            if error.code.endswith(_NO_PICTURE):
                raise self._unknown("is not in the store's library any more") from error
            self.failed(error, found)
        return True

    def target(self, found: Shown) -> list[Entry]:
        """The product's list, without the copy of the old picture that we put there."""
        return [number for number in super().target(found) if number != self.copied]

    def _unknown(self, why: str) -> ConnectorError:
        variation, product = self.variations.variation, self.variations.product
        return ConnectorError(
            f"the picture that variation {variation} of product {product} showed before {why}; give it another picture "
            "in the store, then undo again. Nothing was changed",
            permanent=True,
        )
