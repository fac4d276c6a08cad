"""The state of a sandbox store, and what other editors do to it. Thread-safe: every method takes the lock."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from plugin.sandbox.woocommerce.media import Found, file_name, look, renditions, resized, rotated, scaled_size
from plugin.sandbox.woocommerce.model import Attachment, Product, Term, Variation, Webhook, slug_of

UNCATEGORIZED = 15


class WooStore:
    """Products, variations, attachments and terms by id; `files` by their path below `/wp-content/uploads/`.

    `home` is the store's own address without a slash at its end. The methods act like somebody in the store's
    administration: they need no key, and no fault touches them. Products, variations and
    attachments share one sequence of ids, as WordPress' posts do.
    """

    def __init__(self, timezone: str = "UTC", now: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.home = "http://127.0.0.1"
        self.zone = ZoneInfo(timezone)
        self.now = now
        self.products: dict[int, Product] = {}
        self.variations: dict[int, Variation] = {}
        self.attachments: dict[int, Attachment] = {}
        self.categories: dict[int, Term] = {UNCATEGORIZED: Term(UNCATEGORIZED, "Uncategorized", "uncategorized")}
        self.tags: dict[int, Term] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.files: dict[str, bytes] = {}
        self._last = {"post": 10, "term": UNCATEGORIZED, "webhook": 0}

    def next_id(self, given: int = 0, kind: str = "post") -> int:
        """A new id, or `given` where it is not 0 (for recorded facts). Terms and webhooks count by themselves."""
        with self.lock:
            self._last[kind] = max(self._last[kind], given) if given else self._last[kind] + 1
            return given or self._last[kind]

    # -- products ------------------------------------------------------------------------------------------------

    def add_product(self, name: str, images: Sequence[int] = (), *, gallery_only: bool = False, **fields: Any) -> int:
        """Make a product and give its id. `fields`: of `Product`, or API fields of plain value (sku, price …).

        gallery_only: `images` all go to the gallery, and there is no main image.
        """
        with self.lock:
            now = self.now()
            own = {key: fields.pop(key) for key in tuple(fields) if key in Product.__dataclass_fields__}
            product_id = own.pop("id", 0)
            values = {**own.pop("values", {}), **fields}
            own = {"slug": slug_of(name), "created": now, "modified": now, "categories": [UNCATEGORIZED], **own}
            product = Product(self.next_id(product_id), name, values=values, **own)
            self._place(product, images, gallery_only=gallery_only)
            self.products[product.id] = product
            return product.id

    def update(self, product_id: int, **fields: Any) -> None:
        """Change fields of a product, as another editor; its date of modification moves."""
        with self.lock:
            product = self.products[product_id]
            for key, value in fields.items():
                if key in Product.__dataclass_fields__:
                    setattr(product, key, value)
                else:
                    product.values[key] = value
            product.modified = self.now()

    def set_images(self, product_id: int, images: Sequence[int], *, gallery_only: bool = False) -> None:
        """Give a product this list of attachments, the first one as its main image."""
        with self.lock:
            self._place(self.products[product_id], images, gallery_only=gallery_only)
            self.products[product_id].modified = self.now()

    def _place(self, product: Product, images: Sequence[int], *, gallery_only: bool) -> None:
        product.image = 0 if gallery_only or not images else images[0]
        product.gallery = list(images if gallery_only else images[1:])

    def trash(self, product_id: int) -> None:
        """Move a product to the trash: it can still be read by its id."""
        self.update(product_id, status="trash")

    def remove(self, product_id: int) -> None:
        """Delete a product for good, with its variations; its attachments stay."""
        with self.lock:
            for variation in self.products.pop(product_id).variations:
                self.variations.pop(variation, None)

    def images(self, product_id: int) -> list[int]:
        """The ids of the attachments that a product shows, the main image first; those that are gone left out."""
        with self.lock:
            return [image for image in self.products[product_id].image_ids if image in self.attachments]

    def image_names(self, product_id: int) -> list[str]:
        """The file names of the pictures that a product shows, in order."""
        with self.lock:
            return [self.attachments[image].name for image in self.images(product_id)]

    # -- variations ----------------------------------------------------------------------------------------------

    def add_variation(self, product_id: int, options: Mapping[str, str], image: int = 0, **fields: Any) -> int:
        """Make a variation and give its id. `options`: attribute name -> value; image 0: none of its own."""
        with self.lock:
            now = self.now()
            own = {key: fields.pop(key) for key in tuple(fields) if key in Variation.__dataclass_fields__}
            own = {"created": now, "modified": now, **own}
            variation_id = self.next_id(own.pop("id", 0))
            own["values"] = {**own.get("values", {}), **fields}
            self.variations[variation_id] = Variation(variation_id, product_id, dict(options), image=image, **own)
            self.products[product_id].variations.append(variation_id)
            self.products[product_id].type = "variable"
            return variation_id

    def set_variation_image(self, variation_id: int, image: int) -> None:
        """Give a variation a picture (0: none of its own); the parent's date of modification moves too."""
        with self.lock:
            variation = self.variations[variation_id]
            variation.image = image
            self.touch_variation(variation)

    def touch_variation(self, variation: Variation) -> None:
        """Move the dates of modification of a variation and its parent."""
        with self.lock:
            variation.modified = self.products[variation.parent].modified = self.now()

    # -- the library ---------------------------------------------------------------------------------------------

    def add_attachment(
        self, data: bytes, name: str, *, alt: str = "", title: str | None = None, parent: int = 0, at: int = 0
    ) -> int:
        """Put a picture into the library and give its id. The file's name becomes unique by `-1`, `-2`.

        title None: the file's name without its extension. Raises `MediaError`.
        """
        found = look(data)
        wanted = file_name(name, found)
        with self.lock:
            file = self._unique(f"{self._folder()}/{wanted}")
            file, found = self._keep(file, data, found)
            now = self.now()
            shown = title if title is not None else file.rpartition("/")[2].rpartition(".")[0]
            made = Attachment(
                self.next_id(at), file, shown, alt, found.mime, found.width, found.height, now, now, parent
            )
            self.attachments[made.id] = made
            return made.id

    def _folder(self) -> str:
        """`2026/11`, by the store's own time."""
        return datetime.fromtimestamp(self.now(), self.zone).strftime("%Y/%m")

    def _unique(self, file: str) -> str:
        """The path, or with `-1`, `-2` … where that name is taken (also as the `-scaled` one)."""
        stem, _, extension = file.rpartition(".")
        tried, number = file, 0
        while tried in self.files:
            number += 1
            tried = f"{stem}-{number}.{extension}"
        return tried

    def _keep(self, file: str, data: bytes, found: Found) -> tuple[str, Found]:
        """Store the bytes. Of a very large picture a `-scaled` copy is shown, of a turned one a `-rotated` copy."""
        self.files[file] = data
        smaller = scaled_size(found)
        try:
            copy = resized(data, *smaller) if smaller is not None else rotated(data)
        except (OSError, ValueError):  # a broken picture cannot be scaled: WordPress shows the original then
            copy = None
        if copy is None:
            return file, found
        stem, _, extension = file.rpartition(".")
        shown = f"{stem}-{'rotated' if smaller is None else 'scaled'}.{extension}"
        self.files[shown] = copy
        return shown, look(copy)

    def remove_attachment(self, attachment_id: int) -> None:
        """Delete a picture and its file. Galleries keep its id; main images that were it are none (observed so)."""
        with self.lock:
            gone = self.attachments.pop(attachment_id)
            stem, _, extension = gone.file.rpartition(".")
            original = f"{stem.removesuffix('-scaled').removesuffix('-rotated')}.{extension}"
            others = {attachment.file for attachment in self.attachments.values()}
            for path in {gone.file, original} - others:
                self.files.pop(path, None)
            holders: list[Product | Variation] = [*self.products.values(), *self.variations.values()]
            for holder in holders:
                if holder.image == attachment_id:
                    holder.image = 0

    def lose_file(self, attachment_id: int) -> None:
        """The file disappears from the disk; the attachment stays, and its picture answers 404."""
        with self.lock:
            self.files.pop(self.attachments[attachment_id].file, None)

    def file(self, path: str) -> bytes | None:
        """The bytes under a path below uploads: the picture itself or one of its sizes; None: there is none."""
        with self.lock:
            data = self.files.get(path)
            sizes = None if data is not None else self._rendition(path)
        if sizes is None:
            return data
        try:
            return resized(*sizes)
        except (OSError, ValueError):
            return None

    def _rendition(self, path: str) -> tuple[bytes, int, int] | None:
        """The picture that a path is a size of, and that size."""
        for attachment in self.attachments.values():
            for _, made, width, height in renditions(attachment.file, attachment.width, attachment.height):
                if made == path and attachment.file in self.files:
                    return self.files[attachment.file], width, height
        return None

    def orphans(self) -> list[int]:
        """Attachments that no product and no variation shows."""
        with self.lock:
            shown = {image for product in self.products.values() for image in product.image_ids}
            shown |= {variation.image for variation in self.variations.values()}
            return [attachment for attachment in self.attachments if attachment not in shown]

    # -- terms ---------------------------------------------------------------------------------------------------

    def add_category(self, name: str, parent: int = 0, *, term_id: int = 0) -> int:
        """Make a category and give its id."""
        with self.lock:
            term = Term(self.next_id(term_id, "term"), name, slug_of(name), parent)
            self.categories[term.id] = term
            return term.id

    def add_tag(self, name: str, *, term_id: int = 0) -> int:
        """Make a tag and give its id."""
        with self.lock:
            term = Term(self.next_id(term_id, "term"), name, slug_of(name))
            self.tags[term.id] = term
            return term.id

    def term_products(self, term: Term, *, tag: bool = False) -> Iterable[Product]:
        """The published products of a category or a tag."""
        with self.lock:
            listed = list(self.products.values())
        return [p for p in listed if p.status == "publish" and term.id in (p.tags if tag else p.categories)]

    # -- times ---------------------------------------------------------------------------------------------------

    def local(self, at: float) -> str:
        """A time as the store writes it: its own zone, no offset, whole seconds."""
        return datetime.fromtimestamp(int(at), self.zone).strftime("%Y-%m-%dT%H:%M:%S")

    @staticmethod
    def gmt(at: float) -> str:
        """A time in UTC, no offset, whole seconds."""
        return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S")
