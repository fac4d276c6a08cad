"""The variations of a product as products: one for each photo that is not the product's own.

Several variations often show one photo (the red shirt in S, M and L), so one product stands for all of them: pictures
are paid for once. Its id is "75/76": product 75, and the lowest number of these variations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.types import Product
from connectors.woocommerce.client import Client
from connectors.woocommerce.paging import PER_PAGE, entries_of
from connectors.woocommerce.product import (
    BrokenError,
    address_of,
    id_of,
    image_ref,
    moment_of,
    options_of,
    price_of,
    text_of,
)

FIELDS = "id,status,permalink,description,price,attributes,image,date_modified_gmt"


@dataclass(frozen=True, slots=True)
class Variation:
    """number: the store's. raw: as wc/v3 gives it in the context `edit`, where an image is its own or null."""

    number: int
    raw: Mapping[str, Any]


def read_variations(client: Client, product: int, numbers: Sequence[int]) -> list[Variation]:
    """The variations of a product, by number. numbers: of all of them, as the product lists them.

    Raises StoreError (404: the product is gone), ConnectorError. In the usual context a variation without an image of
    its own shows the product's (observed on WooCommerce 11.0.1).
    """
    params = {"context": "edit", "per_page": str(PER_PAGE), "_fields": FIELDS}
    found: list[Variation] = []
    for at in range(0, len(numbers), PER_PAGE):
        if len(numbers) > PER_PAGE:  # by name, so that nothing moves between pages
            params["include"] = ",".join(map(str, numbers[at : at + PER_PAGE]))
        reply = client.read(f"wc/v3/products/{product}/variations", params)
        found += map(_variation, entries_of(reply, f"the list of variations of product {product}"))
    return sorted((one for one in found if one.number), key=lambda one: one.number)


def of_photos(product: Product, variations: Iterable[Variation], home: str, *, drafts: bool) -> Iterator[Product]:
    """A product for each photo that variations have and their product does not begin with. home: the store's address.

    drafts: those that customers cannot see, too.
    """
    for number, alike in _by_photo(product, variations, drafts=drafts).items():
        yield _product(product, f"{product.id}/{alike[0].number}", number, alike, home)


def of_variation(product: Product, variations: Iterable[Variation], number: int, home: str) -> Product | None:
    """The product for the photo of this variation; None: there is no such variation, or it has none of its own."""
    for photo, alike in _by_photo(product, variations, drafts=True).items():
        if any(one.number == number for one in alike):
            return _product(product, f"{product.id}/{number}", photo, alike, home)
    return None


def _by_photo(product: Product, variations: Iterable[Variation], *, drafts: bool) -> dict[int, list[Variation]]:
    """Photo → the variations that show it, by number.

    What the product shows as its main image is not a variation's own, nor what stood there before pictures of ours
    did: a variation may name it expressly.
    """
    not_own = {image.id for image in product.images[:1]}
    not_own |= {image.id for image in [image for image in product.images if not image.key][:1]}
    found: dict[int, list[Variation]] = {}
    for variation in variations:
        image = variation.raw.get("image")
        photo = image.get("id") if isinstance(image, Mapping) and image.get("src") else None
        seen = drafts or variation.raw.get("status", "publish") == "publish"
        if isinstance(photo, int) and photo and str(photo) not in not_own and seen:
            found.setdefault(photo, []).append(variation)
    return found


def _product(product: Product, product_id: str, photo: int, alike: list[Variation], home: str) -> Product:
    """`images` is the photo alone: where that is one of ours, another picture must not pass for the photo."""
    first = alike[0].raw
    ref = image_ref(first["image"], home)
    options = _common_options(alike)
    prices = [price for one in alike if (price := price_of(one.raw.get("price"))) is not None]
    moments = [moment for one in alike if (moment := moment_of(one.raw.get("date_modified_gmt")))]
    return replace(
        product,
        id=product_id,
        title=" – ".join(filter(None, (product.title, ", ".join(options.values())))),
        description=text_of(first.get("description")) or product.description,
        options={**product.options, **options},
        price=min(prices, default=product.price),
        url=address_of(first.get("permalink"), home) or product.url,
        group=product.id,
        main_image=ref if ref.url else None,
        images=(ref,) if ref.url else (),
        updated_at=max(moments, default=product.updated_at),
    )


def _common_options(alike: list[Variation]) -> dict[str, str]:
    """What all these variations have in common: the colour, if they differ in size."""
    first, *others = [options_of(one.raw) for one in alike]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _variation(raw: Any) -> Variation:
    """A broken entry has the number 0."""
    try:
        return Variation(id_of(raw), raw)
    except BrokenError:
        return Variation(0, {})
