"""Another editor of the same store, who had read a listing before our write and does not know of it."""

import io
from dataclasses import dataclass

from PIL import Image

from plugin.sandbox.woocommerce.store import WooStore


@dataclass(frozen=True)
class Read:
    """What the editor saw: a product's images in order, or a variation's one."""

    product: int
    images: tuple[int, ...]
    gallery_only: bool
    variation: int = 0


class Editor:
    """Writes like the store's administration does: at once, and without a key."""

    def __init__(self, store: WooStore) -> None:
        self._store = store
        self._picture = drawn()

    def read(self, subject: str) -> Read | None:
        """What stands there now; `subject`: `12`, or `12/variations/34`. None: there is no such listing."""
        words = subject.split("/")
        with self._store.lock:
            product = self._store.products.get(int(words[0] or 0)) if words[0].isdigit() else None
            if product is None:
                return None
            if len(words) == 1:
                return Read(product.id, tuple(product.image_ids), not product.image)
            variation = self._store.variations.get(int(words[-1])) if words[-1].isdigit() else None
            return None if variation is None else Read(product.id, (variation.image,), False, variation.id)

    def add(self, read: Read) -> None:
        """Add a picture of theirs to what they saw; a variation gets it instead of its own."""
        self._put(read, self._theirs(read.product))

    def write_back(self, read: Read) -> None:
        """Write back what they saw, with a picture of theirs: what was written meanwhile is lost."""
        self._put(read, self._theirs(read.product))

    def _put(self, read: Read, theirs: int) -> None:
        if read.variation:
            self._store.set_variation_image(read.variation, read.images[0])
        else:
            self._store.set_images(read.product, [*read.images, theirs], gallery_only=read.gallery_only)

    def _theirs(self, product: int) -> int:
        return self._store.add_attachment(self._picture, f"editor-{product}.jpg", alt="by another editor")


def drawn() -> bytes:
    """A small picture."""
    output = io.BytesIO()
    Image.new("RGB", (400, 400), "#c05a3c").save(output, "JPEG")
    return output.getvalue()
