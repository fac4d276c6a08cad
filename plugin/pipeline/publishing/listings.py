"""Listings as JSON, for the snapshots that undo needs."""

from __future__ import annotations

from typing import Any

from connectors import ImageRef, Listing


def listing_to_json(listing: Listing) -> dict[str, Any]:
    images = [{"id": image.id, "url": image.url, "alt": image.alt} for image in listing.images]
    return {"product_id": listing.product_id, "images": images, "main": listing.main}


def listing_from_json(stored: dict[str, Any]) -> Listing:
    images = tuple(
        ImageRef(id=image["id"], url=image["url"], alt=image["alt"], position=position)
        for position, image in enumerate(stored["images"])
    )
    return Listing(stored["product_id"], images, stored["main"])
