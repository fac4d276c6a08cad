"""Pictures of ours whose files somebody renamed in the shop: a person in its files, or an app that renames images.

A picture of ours is told by the key in its file name. Without it, it would pass for a photo of the shop's own, and
pictures would be made, and paid, from pictures that were made. The journal knows its gid, which stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from connectors.shopify.room import Room
from connectors.types import key_in


def name_ours(room: Room, raws: Iterable[Any]) -> None:
    """Gives our pictures the addresses that were noted when they were made.

    raws: products or variants as the documents ask for them, with their `media`; changed in place. One look into the
    journal for all of them.
    """
    unnamed = [node for raw in raws for node in _unnamed(raw)]  # a file more than once: several variants show it
    urls = room.state.urls({node["id"] for node in unnamed})
    for node in unnamed if urls else ():
        node["image"]["url"] = urls.get(node["id"], node["image"]["url"])


def _unnamed(raw: Any) -> Iterator[dict[str, Any]]:
    """The images of an entry that carry no key in their address; what cannot be read is left to who reads it."""
    media = raw.get("media") if isinstance(raw, dict) else None
    nodes = media.get("nodes") if isinstance(media, dict) else None
    for node in nodes if isinstance(nodes, list) else ():
        image = node.get("image") if isinstance(node, dict) else None
        url = image.get("url") if isinstance(image, dict) else None
        if isinstance(url, str) and isinstance(node.get("id"), str) and key_in(url) is None:
            yield node
