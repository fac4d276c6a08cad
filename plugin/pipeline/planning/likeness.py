"""Whether two pictures show the same, though their bytes differ: stores and CDNs compress pictures anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.models import GeneratedImage, Publication, PublicationImage
from plugin.pictures import Look, NotAPictureError, PictureStore, StorageError, look, warnings


def shows_same(pictures: PictureStore, seen: Look, sha: str) -> bool:
    """Whether a picture shows what the stored one with these bytes shows; no where those are not kept any more."""
    try:
        known = look(pictures.read(sha))
    except (StorageError, NotAPictureError):
        return False
    return "same-as-reference" in warnings(seen, aspect_ratio=None, size=None, reference=known)


def published_on(session: Session, product_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Product → the contents of the pictures of ours that were put on its listing, maybe taken off again."""
    wanted = (
        select(Publication.product_id, GeneratedImage.picture_sha)
        .join(PublicationImage, PublicationImage.publication_id == Publication.id)
        .join(GeneratedImage, GeneratedImage.id == PublicationImage.image_id)
        .where(Publication.product_id.in_(product_ids), GeneratedImage.picture_sha.is_not(None))
    )
    found: defaultdict[int, set[str]] = defaultdict(set)
    for product_id, sha in session.execute(wanted):
        found[product_id].add(str(sha))
    return {product_id: frozenset(shas) for product_id, shas in found.items()}
