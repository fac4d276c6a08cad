"""From the Admin API's JSON to a product: facts as clean text, and which picture pictures may be made from.

A listing's media are images, videos and 3D models in one order. Only an image that is READY has an address (the
schema). One that is still being processed will stand before those behind it, so that nothing may be made from those:
the product waits. One whose processing FAILED is never shown, and is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from babel.numbers import get_currency_precision

from connectors.types import ImageRef, Product

NO_IMAGE = "it has no image; add one in the store, since pictures are made from it"
NOT_READY = "Shopify is still processing its first image; it is looked at again with the next refresh"
_GID = re.compile(r"gid://shopify/(\w+)/([1-9][0-9]{0,17})(?:\?.*)?")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\ufeff\ud800-\udfff]")  # halves of characters too
_NO_OPTION = ("Title", "Default Title")  # what a product without options has as its only one (Shopify's documentation)
_NO_CATEGORY = "Uncategorized"


class BrokenError(ValueError):
    """An entry of the catalogue that cannot be read. The message is one plain sentence without its subject."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The images among a product's media, as far as they were read.

    ready: in order; `position` counts all media. waiting: an image that may be the one to make pictures from is still
    being processed. settled: what was not read cannot change any of this. leading: the ids of the first image, and of
    the first that is none of ours, ready or not.
    """

    ready: tuple[ImageRef, ...]
    waiting: bool
    settled: bool
    leading: frozenset[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One product of the catalogue. status: a ProductStatus ("ACTIVE", "DRAFT" …). product: also where `problem`
    says why nothing can be made from its main image as it is; that is None then."""

    number: int
    status: str
    product: Product
    pictures: Pictures

    @property
    def problem(self) -> str | None:
        """A plain sentence; None: there is a picture to generate from."""
        if self.pictures.waiting:
            return NOT_READY
        return None if self.pictures.ready else NO_IMAGE

    @property
    def named(self) -> str:
        """What a person can look up."""
        return named(self.number, self.product.title)


def entry_of(raw: Any) -> Entry:
    """The entry of a product as the documents ask for it. Raises BrokenError."""
    number = number_of(raw, "Product")
    pictures = pictures_of(raw.get("media"))
    price = _mapping(_mapping(raw.get("priceRangeV2")).get("minVariantPrice"))
    currency = text_of(price.get("currencyCode"))
    product = Product(
        id=str(number),
        title=text_of(raw.get("title")),
        description=text_of(raw.get("description")),
        vendor=text_of(raw.get("vendor")),
        kind=text_of(raw.get("productType")) or _category(raw),
        tags=tuple(filter(None, map(text_of, _list(raw.get("tags"))))),
        options=dict(_options(raw)),
        price=price_of(price.get("amount"), currency),
        currency=currency,
        url=text_of(raw.get("onlineStoreUrl")),
        main_image=pictures.ready[0] if pictures.ready and not pictures.waiting else None,
        images=pictures.ready,
        updated_at=moment_of(raw.get("updatedAt")),
        listed_at=moment_of(raw.get("createdAt")),
    )
    return Entry(number, text_of(raw.get("status")), product, pictures)


def number_of(raw: Any, kind: str) -> int:
    """The number in the gid of an entry of this type. Raises BrokenError."""
    gid = raw.get("id") if isinstance(raw, Mapping) else None
    found = _GID.fullmatch(gid) if isinstance(gid, str) else None
    if found is None or found[1] != kind:
        raise BrokenError("Shopify gave an entry without a number")
    return int(found[2])


def pictures_of(connection: Any) -> Pictures:
    """The images of a media connection that was read from its beginning. Raises BrokenError."""
    if not isinstance(connection, Mapping) or not isinstance(connection.get("nodes"), list):
        raise BrokenError("Shopify gave no list of its media")
    images = [image_of(node, position) for position, node in enumerate(connection["nodes"])]
    shown = [image for image in images if image is not None]
    ready = tuple([image for image in shown if image.url])
    first = next((image for image in shown if not image.key), None)  # one of ours is never a reference
    more = bool(_mapping(connection.get("pageInfo")).get("hasNextPage"))
    leading = frozenset(image.id for image in (*shown[:1], first) if image is not None)
    return Pictures(ready, first is not None and not first.url, first is not None or not more, leading)


def image_of(node: Any, position: int = 0) -> ImageRef | None:
    """An image of a listing; its address is "" before it is ready. None: no image, or none that is ever shown.

    Raises BrokenError.
    """
    gid = node.get("id") if isinstance(node, Mapping) else None
    if not isinstance(gid, str):
        raise BrokenError("Shopify gave a list of its media that cannot be read")
    if not gid.startswith("gid://shopify/MediaImage/") or node.get("status") == "FAILED":
        return None
    image = _mapping(node.get("image")) if node.get("status") == "READY" else {}
    url, alt = image.get("url"), node.get("alt")
    return ImageRef(
        id=gid,
        url=url if isinstance(url, str) else "",
        alt=alt if isinstance(alt, str) else "",
        position=position,
        width=_size(image.get("width")),
        height=_size(image.get("height")),
    )


def named(number: int, title: str) -> str:
    """A product as a person can look it up."""
    return f"{title} (product {number})" if title else f"product {number}"


def text_of(text: Any) -> str:
    """A plain text on one line. Anything but a text gives ""."""
    return " ".join(_INVISIBLE.sub("", text).split()) if isinstance(text, str) else ""


def price_of(amount: Any, currency: str) -> Decimal | None:
    """An amount of money; None where there is none. The schema promises no number of digits ("9.9", "9.90"): here it
    has those of its currency."""
    try:
        found = Decimal(amount) if isinstance(amount, str) else Decimal("NaN")
        usual = round(found, get_currency_precision(currency)) if found.is_finite() else None
    except InvalidOperation:
        return None
    return usual if usual == found else (found if found.is_finite() else None)


def moment_of(text: Any) -> datetime | None:
    """A DateTime as aware UTC; None where it says none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None


def _options(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and all values of each option."""
    for option in map(_mapping, _list(raw.get("options"))):
        name = text_of(option.get("name"))
        values = ", ".join(filter(None, map(text_of, _list(option.get("values")))))
        if name and values and (name, values) != _NO_OPTION:
            yield name, values


def _category(raw: Mapping[str, Any]) -> str:
    """The path in Shopify's taxonomy, from the general to the particular."""
    path = text_of(_mapping(raw.get("category")).get("fullName"))
    return "" if path == _NO_CATEGORY else path


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
