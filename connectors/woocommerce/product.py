"""From WooCommerce's JSON to a product: facts as clean text, pictures with valid addresses.

The shapes are those observed on WooCommerce 11.0.1. Older stores lack some keys (brands), and plugins spoil others, so
that only what a product cannot do without is demanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from markupsafe import Markup
from requests.utils import requote_uri

from connectors.types import ImageRef, Product

# `images` as a whole: WordPress answers `images.id` with an empty list, since it looks for the key in the list itself.
FIELDS = (
    "id,name,type,status,permalink,description,short_description,price,categories,tags,brands,attributes,images,"
    "variations,date_created_gmt,date_modified_gmt,total_sales"
)
# WooCommerce's own grey picture, which some set as a real one.
_PLACEHOLDER = re.compile(r"/woocommerce-placeholder[-0-9x]*\.(png|webp|jpe?g)\Z", re.IGNORECASE)
NO_IMAGE = "it has no image; add one in the store, since pictures are made from it"
BROKEN_IMAGE = "the file of its main image is missing; choose another main image in the store"
_BRANDS = frozenset(
    {"brand", "brands", "品牌", "牌子", "marke", "hersteller", "marque", "marca", "merk", "бренд", "ブランド", "브랜드"}
)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_BLOCK = re.compile(
    r"(?=</?(?:address|article|blockquote|br|dd|div|dl|dt|figcaption|figure|h[1-6]|hr|li|ol|p|pre|section|table|td|th|"
    r"tr|ul)\b)",
    re.IGNORECASE,
)
_MOST_DIGITS = 18  # what a database's number holds
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\ufeff]")


class BrokenError(ValueError):
    """An entry of the catalogue that cannot be read. The message is one plain sentence without its subject."""


def text_of(markup: Any) -> str:
    """The text of a piece of HTML on one line: blocks apart, entities decoded. Anything but a text gives ""."""
    if not isinstance(markup, str):
        return ""
    text = markup
    if "<" in markup or "&" in markup:
        text = Markup(_BLOCK.sub(" ", _UNSEEN.sub(" ", markup))).striptags()  # noqa: S704 - the markup is taken out
    return " ".join(_INVISIBLE.sub("", text).split())


def product_of(raw: Mapping[str, Any], home: str, currency: str) -> Product:
    """The product of an entry of wc/v3/products. home: the store's address. `main_image` None: it has none that can
    be used (`image_problem` says why).

    Raises BrokenError.
    """
    images = image_refs(raw, home)
    return Product(
        id=str(id_of(raw)),
        title=text_of(raw.get("name")),
        description=description_of(raw),
        vendor=_vendor(raw),
        kind=", ".join(_names(raw, "categories")),
        tags=tuple(_names(raw, "tags")),
        options=options_of(raw),
        price=price_of(raw.get("price")),
        currency=currency,
        url=address_of(raw.get("permalink"), home),
        main_image=images[0] if images and image_problem(raw, home) is None else None,
        images=images,
        updated_at=moment_of(raw.get("date_modified_gmt")),
        listed_at=moment_of(raw.get("date_created_gmt")),
        sales_rank=_sales_rank(raw.get("total_sales")),
    )


def id_of(raw: Any) -> int:
    """The store's number of an entry. Raises BrokenError."""
    number = raw.get("id") if isinstance(raw, Mapping) else None
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        raise BrokenError("the store gave an entry without a number")
    return number


def description_of(raw: Mapping[str, Any]) -> str:
    """The description as text, or else the short one."""
    return text_of(raw.get("description")) or text_of(raw.get("short_description"))


def options_of(raw: Mapping[str, Any]) -> dict[str, str]:
    """Attributes by name: all values of a product's, the one value of a variation's."""
    found = {}
    for attribute in _entries(raw, "attributes"):
        values = attribute.get("options")
        listed = values if isinstance(values, list) else [attribute.get("option")]
        name, value = text_of(attribute.get("name")), ", ".join(filter(None, map(text_of, listed)))
        if name and value:
            found[name] = value
    return found


def price_of(text: Any) -> Decimal | None:
    """The amount; None where there is none (an empty text: not for sale yet)."""
    try:
        amount = Decimal(str(text or "x"))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _sales_rank(total: Any) -> int | None:
    """From how often it was sold (an integer; some plugins give a text): the more, the lower."""
    sold = str(total)
    return -int(sold) if sold.isascii() and sold.isdigit() and len(sold) <= _MOST_DIGITS else None


def moment_of(text: Any) -> datetime | None:
    """A …_gmt date as aware UTC; None where it says none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found and (found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))


def image_refs(raw: Mapping[str, Any], home: str) -> tuple[ImageRef, ...]:
    """The pictures that an entry lists, in order. Those whose file is missing in the store are left out.

    Raises BrokenError.
    """
    return tuple(
        [image_ref(image, home, position) for position, image in enumerate(shown_images(raw)) if image.get("src")]
    )


def image_ref(image: Mapping[str, Any], home: str, position: int = 0) -> ImageRef:
    """One picture of the store's."""
    alt = image.get("alt")
    return ImageRef(str(image["id"]), address_of(image.get("src"), home), alt if isinstance(alt, str) else "", position)


def main_number(raw: Mapping[str, Any]) -> int | None:
    """The number of the first picture; None: the entry has none. Raises BrokenError."""
    images = shown_images(raw)
    return int(images[0]["id"]) if images else None


def image_problem(raw: Mapping[str, Any], home: str) -> str | None:
    """Why no pictures can be made from an entry's main image, in a plain sentence; None: they can.

    A main image that was deleted from the library is not listed any more (observed). Raises BrokenError.
    """
    images = shown_images(raw)
    address = address_of(images[0].get("src"), home) if images else ""
    if not images or _PLACEHOLDER.search(urlsplit(address).path):
        return NO_IMAGE
    return None if address else BROKEN_IMAGE


def address_of(value: Any, home: str) -> str:
    """A valid absolute http(s) address: stores give raw Chinese characters, spaces, `//host/…` and `/path`.

    "" where none can be made of it.
    """
    if not isinstance(value, str) or not value.strip():
        return ""
    try:
        parts = urlsplit(urljoin(home + "/", value.strip()))
        host = (parts.hostname or "").encode("idna").decode()
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host:
        return ""
    host = f"[{host}]" if ":" in host else host
    path, query = (_LONE_PERCENT.sub("%25", part) for part in (parts.path, parts.query))
    return str(requote_uri(urlunsplit((parts.scheme, host + port, path, query, ""))))


def shown_images(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of `images`. Older stores list a placeholder with the number 0, which is no image."""
    images = raw.get("images")
    if not isinstance(images, list):
        raise BrokenError("the store gave no list of its images; a plugin may be spoiling the REST API's answers")
    return [
        image for image in images if isinstance(image, Mapping) and isinstance(image.get("id"), int) and image["id"]
    ]


def _vendor(raw: Mapping[str, Any]) -> str:
    """The brand: WooCommerce's own field, or an attribute of that name."""
    named = next(_names(raw, "brands"), "")
    attributes = options_of(raw).items()
    return named or next((value for name, value in attributes if name.casefold() in _BRANDS), "")


def _names(raw: Mapping[str, Any], key: str) -> Iterator[str]:
    """The names of terms; the category that everything without one is in says nothing."""
    terms = (term for term in _entries(raw, key) if term.get("slug") != "uncategorized")
    return (name for term in terms if (name := text_of(term.get("name"))))


def _entries(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = raw.get(key)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []
