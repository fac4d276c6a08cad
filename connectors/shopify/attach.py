"""Attaching pictures: see `attachment` for products, `variant_attachment` for variants."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.shopify.attachment import Attachment, Remember
from connectors.shopify.listing import Deadline, ProductMedia, numbers_of
from connectors.shopify.room import Room
from connectors.shopify.variant_attachment import VariantAttachment
from connectors.shopify.variant_media import VariantMedia
from connectors.types import Attached, NewImage, Placement

ATTACH_SECONDS = 330.0  # the caller's lease is ten minutes; the looks after the last request come on top


def attach(
    room: Room, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember
) -> Attached:
    """See `Connector.attach`. product_id: the product's number, or "75/79" for variant 79 of product 75.

    It ends within about seven minutes. Raises ConnectorError; what was uploaded until then is used next time.
    """
    product, variant = numbers_of(product_id)
    deadline = Deadline(room.now, ATTACH_SECONDS, f"product {product_id}")
    if variant:
        shared = VariantMedia(room, product, variant, deadline)
        return VariantAttachment(shared, product_id, images, placement, remember).run()
    return Attachment(ProductMedia(room, product, deadline), product_id, images, placement, remember).run()
