"""Attaching pictures: see `attachment` for products, `variation_attachment` for variations."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.types import Attached, NewImage, Placement
from connectors.woocommerce.attachment import Attachment, Remember
from connectors.woocommerce.listing import Deadline, ProductList, numbers_of
from connectors.woocommerce.room import Room
from connectors.woocommerce.variation_attachment import VariationAttachment
from connectors.woocommerce.variation_list import VariationList

ATTACH_SECONDS = 330.0  # the caller's lease is ten minutes; the looks after the last request come on top


def attach(
    room: Room, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember
) -> Attached:
    """See `Connector.attach`. product_id: the store's number, or "75/79" for variation 79 of product 75.

    It ends within about six minutes. Raises ConnectorError; what was uploaded until then is used next time.
    """
    product, variation = numbers_of(product_id)
    deadline = Deadline(room.now, ATTACH_SECONDS, f"product {product_id}")
    if variation:
        shared = VariationList(room, product, variation, deadline)
        return VariationAttachment(shared, product_id, images, placement, remember).run()
    return Attachment(ProductList(room, product, deadline), product_id, images, placement, remember).run()
