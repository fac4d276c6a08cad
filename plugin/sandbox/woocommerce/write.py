"""Writing to a sandbox store by its API, with every bite that was observed on WooCommerce 11.0.1.

A picture list replaces everything; pictures are fetched one after another; one bad picture fails the whole write,
while those fetched before it stay in the library and texts that were changed stay changed; nothing is idempotent.
"""

import re
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatch
from html import escape
from typing import Any

from plugin.sandbox.woocommerce.access import ApiError
from plugin.sandbox.woocommerce.fetch import Fetcher
from plugin.sandbox.woocommerce.media import MediaError
from plugin.sandbox.woocommerce.model import Product, Variation, slug_of
from plugin.sandbox.woocommerce.pace import Pace
from plugin.sandbox.woocommerce.query import invalid
from plugin.sandbox.woocommerce.store import WooStore

REFUSED = "Sorry, you are not allowed to upload this file type."
TEXTS = ("name", "status", "description", "short_description", "type")
PLAIN = (
    "sku", "regular_price", "sale_price", "featured", "catalog_visibility", "virtual", "weight", "menu_order",
    "attributes", "meta_data", "stock_status", "manage_stock", "stock_quantity", "brands", "external_url",
)  # fmt: skip
STATUSES = ("draft", "pending", "private", "publish", "future", "auto-draft", "trash")
Body = Mapping[str, Any]


class Writer:
    """Carries out the writes. `changed` is called with a product's id after each one."""

    def __init__(self, store: WooStore, fetcher: Fetcher, pace: Pace, changed: Callable[[int], None]) -> None:
        self._store = store
        self._fetcher = fetcher
        self._pace = pace
        self._changed = changed

    # -- products ------------------------------------------------------------------------------------------------

    def create(self, body: Body, refuse: Collection[str] = ()) -> Product:
        """Make a product. Raises `ApiError`."""
        with self._store.lock:
            self._check_sku(body, 0)
            product_id = self._store.add_product(str(body.get("name", "Product")), status="draft")
            product = self._store.products.pop(product_id)
        product.slug = ""
        self._apply(product, {"status": "publish", **body}, refuse)
        with self._store.lock:
            product.slug = str(body.get("slug") or self._free_slug(product.name))
            self._store.products[product.id] = product
        self._changed(product.id)
        return product

    def update(self, product_id: int, body: Body, refuse: Collection[str] = ()) -> Product:
        """Change a product. Raises `ApiError`; of a failed write nothing of the product is changed."""
        product = self._found(product_id, 400)
        self._check_sku(body, product_id)
        self._apply(product, body, refuse)
        self._changed(product_id)
        return product

    def delete(self, product_id: int, *, force: bool) -> Product:
        """Trash a product, or delete it for good. Raises `ApiError`."""
        with self._store.lock:
            product = self._found(product_id, 404)
            if force:
                self._store.remove(product_id)
            elif product.status == "trash":
                raise ApiError("woocommerce_rest_already_trashed", "The Product has already been deleted.", 410)
            else:
                self._store.trash(product_id)
        self._changed(product_id)
        return product

    def _found(self, product_id: int, status: int) -> Product:
        with self._store.lock:
            if product_id in self._store.variations:
                raise ApiError(
                    "woocommerce_rest_invalid_product_id",
                    "To manipulate product variations you should use the "
                    "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
                    404,
                )
            found = self._store.products.get(product_id)
        if found is None:
            raise ApiError("woocommerce_rest_product_invalid_id", "Invalid ID.", status)
        return found

    def _check_sku(self, body: Body, product_id: int) -> None:
        sku = body.get("sku")
        with self._store.lock:
            taken = sku and any(
                other.id != product_id and other.values.get("sku") == sku for other in self._store.products.values()
            )
        if taken:
            message = f"The product with SKU ({escape(str(sku))}) you are trying to insert is already present."
            raise ApiError("product_invalid_sku", message, 400)

    def _free_slug(self, name: str) -> str:
        taken = {product.slug for product in self._store.products.values()}
        slug, number = slug_of(name), 2
        while (found := slug if number == 2 else f"{slug}-{number - 1}") in taken:
            number += 1
        return found

    def _apply(self, product: Product, body: Body, refuse: Collection[str]) -> None:
        """The pictures are got first, without the lock, which may take long; then all is saved at once."""
        check_types(body)
        image, gallery = self._product_images(product, body, refuse)
        self._pace.write()
        with self._store.lock:
            if "images" in body:
                product.image, product.gallery = image, gallery
                self._adopt(image, product.id)
            for key in TEXTS:
                if isinstance(body.get(key), str):
                    setattr(product, key, body[key])
            product.values.update({key: body[key] for key in PLAIN if key in body})
            for key in ("categories", "tags"):
                if key in body:
                    setattr(product, key, [int(term["id"]) for term in body[key] if "id" in term])
            product.modified = self._store.now()

    def _adopt(self, image: int, product_id: int) -> None:
        """A main image that belongs to nobody yet becomes the product's, which moves its date (observed)."""
        attachment = self._store.attachments.get(image)
        if attachment is not None and not attachment.parent:
            attachment.parent = product_id
            attachment.modified = self._store.now()

    # -- pictures ------------------------------------------------------------------------------------------------

    def _product_images(self, product: Product, body: Body, refuse: Collection[str]) -> tuple[int, list[int]]:
        """Main image and gallery that a body asks for. `[]`, `null` and `[{}]` mean none. Raises `ApiError`."""
        images = body.get("images") or []
        given = [(place, image) for place, image in enumerate(images) if image]
        if not given:
            return 0, []
        main, gallery = product.image, []
        for place, image in given:
            attachment = self._picture(image, product.id, refuse, "product")
            self._edit_texts(attachment, image)
            if place == 0:  # an empty entry in the first place leaves the main image as it is
                main = attachment
            elif attachment not in gallery:
                gallery.append(attachment)
        return main, gallery

    def _picture(self, image: Body, parent: int, refuse: Collection[str], thing: str) -> int:
        """The attachment that an entry means; `src` is fetched. Raises `ApiError`."""
        attachment = int(image.get("id") or 0)
        if not attachment and image.get("src") is not None:
            return self._fetched(image["src"], parent, refuse, thing)
        with self._store.lock:
            if attachment not in self._store.attachments:
                message = f"#{attachment} is an invalid image ID."
                raise ApiError(f"woocommerce_{thing}_invalid_image_id", message, 400)
        return attachment

    def _fetched(self, src: object, parent: int, refuse: Collection[str], thing: str) -> int:
        try:
            data, name = self._fetcher.picture(src)
            return self.keep(data, name, refuse, parent=parent, title=None)
        except MediaError as error:
            words = str(error)
            message = words if words.startswith(("Error getting", "Invalid image")) else f"Invalid image: {words}"
            raise ApiError(f"woocommerce_{thing}_image_upload_error", message, 400) from error

    def keep(
        self,
        data: bytes,
        name: str,
        refuse: Collection[str],
        *,
        parent: int = 0,
        title: str | None = None,
        alt: str = "",
    ) -> int:
        """Take a picture into the library. Of a fetched one (no title) the title is the file's name. Raises
        `MediaError`."""
        if any(fnmatch(name, pattern) for pattern in refuse):
            raise MediaError(REFUSED)
        attachment_id = self._store.add_attachment(data, name, parent=parent, title=title, alt=alt)
        with self._store.lock:
            made = self._store.attachments[attachment_id]
            if title is None:
                made.title = made.name
        self._pace.picture(made.width, made.height)
        return attachment_id

    def _edit_texts(self, attachment_id: int, image: Body) -> None:
        """`alt` and `name` change the shared attachment at once; empty ones are ignored."""
        with self._store.lock:
            attachment = self._store.attachments[attachment_id]
            if image.get("alt"):
                attachment.alt = str(image["alt"])
            if image.get("name"):
                attachment.title = str(image["name"])
                attachment.modified = self._store.now()

    # -- variations ----------------------------------------------------------------------------------------------

    def update_variation(
        self, product_id: int, variation_id: int, body: Body, refuse: Collection[str] = ()
    ) -> Variation:
        """Change a variation; its parent's date of modification moves too. Raises `ApiError`."""
        variation = self.variation(product_id, variation_id)
        image = self._variation_image(variation, body, refuse)
        self._pace.write()
        with self._store.lock:
            variation.image = image
            variation.status = str(body.get("status", variation.status))
            keys = ("description", "sku", "regular_price", "menu_order", "stock_status")
            variation.values.update({key: body[key] for key in keys if key in body})
            self._store.touch_variation(variation)
        self._changed(variation_id)
        return variation

    def variation(self, product_id: int, variation_id: int, *, allow: bool = False) -> Variation:
        """A variation of that product. Raises `ApiError` 404."""
        with self._store.lock:
            found = self._store.variations.get(variation_id)
        if found is None or found.parent != product_id:
            raise ApiError("woocommerce_rest_product_variation_invalid_id", "Invalid ID.", 404, allow=allow)
        return found

    def _variation_image(self, variation: Variation, body: Body, refuse: Collection[str]) -> int:
        """The image that a body asks for; one without id and src takes it away, as the public source has it."""
        if "image" not in body:
            return variation.image
        image = body["image"]
        if not isinstance(image, dict) or not (image.get("id") or image.get("src")):
            return 0
        attachment = self._picture(image, variation.id, refuse, "variation")
        self._edit_texts(attachment, image)
        return attachment


def check_types(body: Body) -> None:
    """Raises `ApiError` 400 for values of the wrong type, in WordPress' words."""
    status = body.get("status", "publish")
    if status not in STATUSES:
        message = f"status is not one of {', '.join(STATUSES[:-1])}, and {STATUSES[-1]}."
        raise invalid("status", message, "rest_not_in_enum")
    images = body.get("images")
    if images is not None and not isinstance(images, list):
        raise invalid("images", "images is not of type array.", "rest_invalid_type")
    for place, image in enumerate(images or []):
        if not isinstance(image, dict | list):
            raise invalid("images", f"images[{place}] is not of type object.", "rest_invalid_type")
        if isinstance(image, dict) and not re.fullmatch(r"\d*", str(image.get("id") or "")):
            raise invalid("images", f"images[{place}][id] is not of type integer.", "rest_invalid_type")
