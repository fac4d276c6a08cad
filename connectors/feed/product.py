"""From the cells of a row to a product."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from connectors.feed.images import BadImageError, Resolver
from connectors.feed.index import Row, moment
from connectors.feed.listing import Composed, Entry, compose
from connectors.feed.model import IMAGE, Fields
from connectors.feed.pictures import Pictures
from connectors.types import ImageRef, Listing, Product, Skipped

OPTIONS = ("color", "size", "material", "pattern", "gender", "age_group", "size_type", "size_system", "condition")
LABELS = tuple(f"custom_label_{number}" for number in range(5))
_PRICE = re.compile(r"\s*([A-Za-z]{3})?\s*(\d[\d.,' \u00a0\u202f]*)\s*([A-Za-z]{3})?\s*\Z")
_NO_IMAGE = "has no image_link; add one to the feed, since pictures are made from it"
_MOST_DIGITS = 18  # what a database's number holds
_DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}\Z")


@lru_cache(maxsize=4096)
def price_of(text: str) -> tuple[Decimal | None, str]:
    """Amount and currency of "19.99 USD", "EUR 1.299,00", "12,50"; (None, "") where that cannot be read."""
    found = _PRICE.match(text)
    if found is None:
        return None, ""
    before, number, after = found.groups()
    try:
        return Decimal(_plain_number(re.sub(r"[' \u00a0\u202f]", "", number))), (before or after or "").upper()
    except InvalidOperation:
        return None, ""


def _plain_number(text: str) -> str:
    """The number with a point for its decimals and nothing between its thousands."""
    if "," in text and "." in text:
        thousands, point = (",", ".") if text.rindex(".") > text.rindex(",") else (".", ",")
        return text.replace(thousands, "").replace(point, ".")
    if _DECIMAL_COMMA.match(text):
        return text.replace(",", ".")
    return text.replace(",", "")


def _rank(text: str) -> int | None:
    """A place like "1" or "#12": no column of Google's format, but of marketplaces' exports. None: it says none."""
    digits = text.strip().removeprefix("#")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else None


def product_of(row: Row, fields: Fields, main: ImageRef | None, images: tuple[ImageRef, ...]) -> Product:
    """The product of a row. main: what pictures are generated from; images: its listing."""
    values = fields.values
    get = values.get
    price, currency = price_of(get("price", ""))
    return Product(
        id=row.key,
        title=get("title", "").strip(),
        description=get("description", "").strip(),
        vendor=get("brand", "").strip(),
        kind=(get("product_type", "") or get("google_product_category", "")).strip(),
        tags=tuple([value for label in LABELS if (value := get(label))]),
        options={name: value for name in OPTIONS if (value := get(name))},
        price=price,
        currency=currency,
        url=get("link", "").strip(),
        group=get("item_group_id", "").strip(),
        main_image=main,
        images=images,
        updated_at=_moment(row.changed_at),
        sales_rank=_rank(get("sales_rank", "")),
    )


class Listings:
    """What a row and its publications look like: the output's view of a product."""

    def __init__(self, resolver: Resolver, pictures: Pictures):
        """resolver: for the pictures of the feed; pictures: for ours."""
        self._resolver, self._pictures = resolver, pictures

    def read(self, row: Row, fields: Fields, entries: Sequence[Entry]) -> Iterator[Product | Skipped]:
        """The product, or why it is left out; then what is wrong with its further pictures."""
        main, where = main_cell(fields), f"product {row.key} (line {row.line})"
        if not main:
            yield Skipped(where, _NO_IMAGE, row.key)
            return
        try:
            reference = self._resolver.image(main, 0)
        except BadImageError as error:
            yield Skipped(where, f"its image_link cannot be used: {error}", row.key)
            return
        if entries:
            images, bad = self._images(compose(main, fields.additional, entries).all())
        else:
            images, bad = self._images(fields.additional, reference)
        yield product_of(row, fields, reference, images)
        for reason in bad:
            yield Skipped(where, f"one of its additional images is left out: {reason}")

    def product(self, row: Row, fields: Fields, entries: Sequence[Entry]) -> Product:
        """The product, also if it has no usable picture."""
        images = self._images(compose(main_cell(fields), fields.additional, entries).all())[0]
        return product_of(row, fields, self._reference(fields), images)

    def listing(self, product_id: str, composed: Composed) -> Listing:
        """The pictures of a product."""
        images = self._images(composed.all())[0]
        main = self._cell(composed.main)
        return Listing(product_id, images, main if main and images and images[0].id == main else None)

    def _reference(self, fields: Fields) -> ImageRef | None:
        main = main_cell(fields)
        try:
            return self._resolver.image(main, 0) if main else None
        except BadImageError:
            return None

    def _cell(self, picture: str | Entry) -> str:
        return self._pictures.cell(picture) if isinstance(picture, Entry) else picture

    def _images(self, pictures: Sequence[str | Entry], *first: ImageRef) -> tuple[tuple[ImageRef, ...], Sequence[str]]:
        """What the cells and entries name, behind `first`; and what is wrong with those that are left out."""
        images = list(first)
        bad: list[str] = []
        for picture in pictures:
            try:
                images.append(self._image(picture, len(images)))
            except BadImageError as error:
                bad.append(str(error))
        return tuple(images), bad

    def _image(self, picture: str | Entry, position: int) -> ImageRef:
        if isinstance(picture, Entry):
            return self._pictures.image(picture, position)
        return self._resolver.image(picture, position)


def main_cell(fields: Fields) -> str:
    """What the row has as its main picture."""
    return fields.values.get(IMAGE, "").strip()


@lru_cache(maxsize=64)
def _moment(stamp: int) -> datetime:
    """Few rows differ in it: those of one reading have the same."""
    return moment(stamp)
