"""Another editor of the same shop, who changes a listing right before or after one of our calls."""

import io
from functools import cache

from PIL import Image

from plugin.sandbox.shopify.store import ShopifyStore


class Editor:
    """Acts like the shop's administration does: at once, and without a token.

    Deeds: `add` (a picture of theirs at the end), `front` (one in front), `move` (the last media goes to the front),
    `remove` (the last media leaves the listing), `delete` (its file is deleted), `title` (another title).
    """

    def __init__(self, store: ShopifyStore) -> None:
        self._store = store

    def act(self, product_id: int, deed: str = "add") -> None:
        """Do something to a product; nothing where it is gone, or shows nothing that could be moved or removed."""
        with self._store.lock:
            product = self._store.products.get(product_id)
            if product is None:
                return
            if deed in {"add", "front"}:
                self._store.attach(product_id, self._theirs(product_id), 0 if deed == "front" else None)
            elif deed == "title":
                self._store.update(product_id, title=f"{product.title} (new)")
            elif product.media:
                self._with_last(product_id, product.media, deed)

    def _with_last(self, product_id: int, media: list[str], deed: str) -> None:
        if deed == "move":
            self._store.set_media_order(product_id, [media[-1], *media[:-1]])
        elif deed == "remove":
            self._store.detach(product_id, media[-1])
        else:
            self._store.remove_file(media[-1])

    def _theirs(self, product_id: int) -> str:
        return self._store.add_media(drawn(), f"editor-{product_id}.jpg", "by another editor")


@cache
def drawn() -> bytes:
    """A small picture."""
    output = io.BytesIO()
    Image.new("RGB", (400, 400), "#c05a3c").save(output, "JPEG")
    return output.getvalue()
