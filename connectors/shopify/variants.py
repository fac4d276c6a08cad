"""The variants of a product as products: one for each media of their own.

Several variants often show one photo (the red shirt in S, M and L), so one product stands for all of them: pictures
are paid for once. Its id is "75/79": product 75, and the lowest number of these variants.

The schema's field for a variant's picture is `media`; `image` is deprecated. In a bulk operation it would be a third
level below the products, which is not allowed, so that variants are read by one of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connectors.shopify.paging import Connection, connection_of
from connectors.shopify.product import (
    NOT_READY,
    BrokenError,
    Entry,
    image_of,
    moment_of,
    number_of,
    price_of,
    text_of,
)
from connectors.shopify.renamed import name_ours
from connectors.shopify.room import Room
from connectors.types import Gone, ImageRef, Product, Skipped

_EACH = 10  # points of one variant, its options and its media, at most
_FIXED = 4
_MOST = 250


@dataclass(frozen=True, slots=True)
class Variant:
    """number, product: Shopify's. image: its own one, whose address is "" before it is ready; None: it has none."""

    number: int
    product: int
    image: ImageRef | None
    options: Mapping[str, str]
    price: str
    updated_at: datetime | None


def variant_of(raw: Any) -> Variant:
    """The variant of an entry as the documents ask for it. Raises BrokenError."""
    number = number_of(raw, "ProductVariant")
    return Variant(
        number,
        number_of(raw.get("product"), "Product"),
        _image(raw.get("media")),
        dict(_selected(raw.get("selectedOptions"))),
        text_of(raw.get("price")),
        moment_of(raw.get("updatedAt")),
    )


def variants_of(raws: Iterable[Any]) -> dict[int, list[Variant]]:
    """Product → its variants, by number. Raises BrokenError."""
    found: defaultdict[int, list[Variant]] = defaultdict(list)
    for variant in sorted(map(variant_of, raws), key=lambda one: one.number):
        found[variant.product].append(variant)
    return dict(found)


def read_variants(room: Room, product: int) -> list[Variant]:
    """All variants of one product as they are this moment, by number; none where it is gone. Raises ShopError,
    BrokenError."""
    client, raws = room.client, list[Any]()
    first, about = client.page(_MOST, _EACH, _FIXED), f"product {product}"
    page = Connection((), more=True, cursor=None)
    while page.more:
        variables = {"id": f"gid://shopify/Product/{product}", "first": first, "after": page.cursor}
        found = client.query("product_variants", variables, about=about).data.get("product")
        if not isinstance(found, Mapping):
            return []
        page = connection_of(found, "variants", client, f"the variants of {about}", after=page.cursor)
        raws += page.nodes
    name_ours(room, raws)
    return variants_of(raws).get(product, [])


def read_variants_of(room: Room, products: Sequence[int]) -> dict[int, list[Variant]]:
    """All variants of these products, by number, in few requests. Raises ShopError, BrokenError."""
    client, raws = room.client, list[Any]()
    page = Connection((), more=bool(products), cursor=None)
    while page.more:
        variables = {
            "first": client.page(_MOST, _EACH, _FIXED),
            "after": page.cursor,
            "query": "product_ids:" + ",".join(map(str, products)),
        }
        result = client.query("variants_page", variables, about="the variants")
        page = connection_of(result.data, "productVariants", client, "the list of variants", after=page.cursor)
        raws += page.nodes
    name_ours(room, raws)
    return variants_of(raws)


def of_media(entry: Entry, variants: Sequence[Variant]) -> Iterator[Product | Skipped]:
    """A product for each image that variants have and their product does not begin with; if the product is left out,
    they are, for its reason. variants: all of the product's, by number."""
    for alike in _by_image(entry, variants).values():
        yield _judged(entry, alike)


def of_variant(entry: Entry, variants: Sequence[Variant], number: int) -> Product | None:
    """The product for the image of this variant; None: there is no such variant, or it has none of its own."""
    for alike in _by_image(entry, variants).values():
        if any(one.number == number for one in alike):
            return _product(entry.product, f"{entry.number}/{number}", alike)
    return None


def not_there(entry: Entry, variants: Iterable[Variant], made: Iterable[Product | Skipped]) -> Iterator[Gone]:
    """The variants that no product stands for (any more), for what one can know."""
    there = {one.id if isinstance(one, Product) else one.product_id for one in made}
    names = (f"{entry.number}/{variant.number}" for variant in variants)
    return (Gone(name) for name in names if name not in there)


def _by_image(entry: Entry, variants: Sequence[Variant]) -> dict[str, list[Variant]]:
    """Image → the variants that show it, by number.

    What the product begins with is not a variant's own, nor what stood there before pictures of ours did.
    """
    found: defaultdict[str, list[Variant]] = defaultdict(list)
    for variant in variants:
        if variant.image is not None and variant.image.id not in entry.pictures.leading:
            found[variant.image.id].append(variant)
    return found


def _judged(entry: Entry, alike: Sequence[Variant]) -> Product | Skipped:
    made = _product(entry.product, f"{entry.number}/{alike[0].number}", alike)
    if entry.problem:
        return Skipped(f"a variant of {entry.named}", f"its product is left out: {entry.problem}", made.id)
    if made.main_image is None:
        return Skipped(f"{made.title} (variant {alike[0].number} of product {entry.number})", NOT_READY, made.id)
    return made


def _product(product: Product, product_id: str, alike: Sequence[Variant]) -> Product:
    """`images` is the photo alone: where that is one of ours, another picture must not pass for the photo."""
    image, options = alike[0].image, _common_options(alike)
    ready = (image,) if image is not None and image.url else ()
    prices = [price for one in alike if (price := price_of(one.price, product.currency)) is not None]
    return replace(
        product,
        id=product_id,
        title=" – ".join(filter(None, (product.title, ", ".join(options.values())))),
        options={**product.options, **options},
        price=min(prices, default=product.price),
        url=f"{product.url}?variant={alike[0].number}" if product.url else "",
        group=product.id,
        main_image=ready[0] if ready else None,
        images=ready,
        updated_at=max((one.updated_at for one in alike if one.updated_at is not None), default=product.updated_at),
    )


def _common_options(alike: Sequence[Variant]) -> dict[str, str]:
    """What all these variants have in common: the colour, if they differ in size."""
    first, *others = [one.options for one in alike]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _image(media: Any) -> ImageRef | None:
    """A variant's image: its first media, since a bulk operation gives all of them, and a page the first one only.

    Raises BrokenError.
    """
    nodes = media.get("nodes") if isinstance(media, Mapping) else None
    if not isinstance(nodes, list):
        raise BrokenError("Shopify gave no list of a variant's media")
    return image_of(nodes[0]) if nodes else None


def _selected(options: Any) -> Iterator[tuple[str, str]]:
    for option in options if isinstance(options, list) else []:
        if isinstance(option, Mapping):
            name, value = text_of(option.get("name")), text_of(option.get("value"))
            if name and value and (name, value) != ("Title", "Default Title"):
                yield name, value
