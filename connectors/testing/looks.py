"""What the tests of the suite look with: at the shop, at what the connector says of it, and at errors."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import pytest

from connectors.testing.kit import ShopKit
from connectors.types import Attached, ConnectorError, ImageRef, Listing, NewImage, Placement, Product, key_in

T = TypeVar("T")
_PAUSES = (10.0, 60.0, 300.0, 1800.0, 1800.0)  # seconds between tries, as the program has them, if no more is asked for
PLACEMENTS = pytest.mark.parametrize("placement", list(Placement))


class Memory:
    """A `remember` for `attach`: keeps what it is given, and what the shop had at that moment."""

    def __init__(self, shop: ShopKit, product_id: str):
        self._shop, self._product_id = shop, product_id
        self.listings: list[Listing] = []
        self.shown: list[list[str]] = []

    def __call__(self, listing: Listing) -> None:
        self.listings.append(listing)
        self.shown.append(shown(self._shop, self._product_id))

    @property
    def before(self) -> Listing:
        """The first snapshot, which is the one that counts: a second try keeps it."""
        assert self.listings, "attach wrote without having called `remember`"
        return self.listings[0]


def never(_: Listing) -> None:
    """A `remember` where nothing may be written."""
    raise AssertionError("`remember` was called, though nothing was to be written")


def stocked(shop: ShopKit, pictures: int = 3) -> str:
    """A product with pictures of the shop's own, in a catalogue that the connector has read."""
    product_id = shop.add_product("Steel mug", pictures)
    shop.advance(1)
    refresh(shop)
    return product_id


def refresh(shop: ShopKit) -> list[Product]:
    """Reads the whole catalogue, as the program does now and then."""
    return [item for item in shop.connector().products(None) if isinstance(item, Product)]


def name_of(image: ImageRef) -> str:
    """What a picture goes by here: its key if it is one of ours, else its file name."""
    file = image.path.name if image.path else PurePosixPath(unquote(urlsplit(image.url).path)).name
    return image.key or file


def names(images: Iterable[ImageRef]) -> list[str]:
    """The same for all of them."""
    return [name_of(image) for image in images]


def shown(shop: ShopKit, product_id: str) -> list[str]:
    """What the shop itself has, in the same words."""
    return [key_in(name) or name for name in shop.listing(product_id)]


def agreed(shop: ShopKit, listing: Listing) -> list[str]:
    """What the connector just said of a listing, once it is sure that the shop says the same."""
    said, has = names(listing.images), shown(shop, listing.product_id)
    assert said == has, f"the connector says {said}, the shop has {has}"
    main = next((image for image in listing.images if image.id == listing.main), None)
    assert (main and name_of(main)) == (has[0] if has else None), (
        f"Listing.main is {listing.main!r}, the shop has {has}"
    )
    return said


def looked_up(shop: ShopKit, product_id: str) -> list[str]:
    """The listing as the program finds it at its next refresh, once connector and shop agree on it."""
    found = {product.id: product for product in refresh(shop)}
    assert product_id in found, f"the catalogue does not give product {product_id}"
    streamed, asked = names(found[product_id].images), names(shop.connector().product(product_id).images)
    has = shown(shop, product_id)
    assert streamed == has, f"`products` says {streamed}, the shop has {has}"
    assert asked == has, f"`product` says {asked}, the shop has {has}"
    return has


def keys(images: Iterable[NewImage]) -> list[str]:
    """Their keys, in order."""
    return [image.key for image in images]


def arranged(own: Sequence[str], new: Sequence[str], placement: Placement) -> list[str]:
    """Where new pictures belong among those that a listing has."""
    if placement is Placement.APPEND:
        return [*own, *new]
    if placement is Placement.AFTER_MAIN:
        return [*own[:1], *new, *own[1:]]
    return [*new[:1], *own[:1], *new[1:], *own[1:]]


def attach(
    shop: ShopKit,
    product_id: str,
    images: Sequence[NewImage],
    placement: Placement,
    remember: Callable[[Listing], None] | None = None,
) -> Attached:
    """One attempt, by a fresh connector."""
    memory = remember or Memory(shop, product_id)
    return shop.connector().attach(product_id, images, placement, memory)


def published(
    shop: ShopKit, product_id: str, images: Sequence[NewImage], placement: Placement
) -> tuple[Listing, Listing]:
    """The listing before and after a publication that goes through."""
    memory = Memory(shop, product_id)
    after = attach(shop, product_id, images, placement, memory).listing
    return memory.before, after


def persist(shop: ShopKit, act: Callable[[], T]) -> T:
    """What the program does: tries again later, as long as the connector says that this may help."""
    for pause in _PAUSES:
        error = failure(shop, act)
        if not isinstance(error, ConnectorError):
            return error
        assert not error.permanent, f"it would have passed, but the error says that asking again is no use: {error}"
        shop.advance(max(pause, error.retry_after or 0))
    raise AssertionError(f"still failing after {len(_PAUSES)} tries, {sum(_PAUSES):.0f} s on")


def failure(shop: ShopKit, act: Callable[[], T]) -> T | ConnectorError:
    """What it gives, or how it fails; in no case may the error tell a secret."""
    try:
        return act()
    except ConnectorError as error:
        failed = error
    assert str(failed), "an error without a message helps nobody"
    demand_no_secret(shop, "".join(traceback.format_exception(failed)), "an error or its traceback")
    return failed


def refusal(shop: ShopKit, act: Callable[[], object]) -> ConnectorError:
    """How it fails, as it must."""
    error = failure(shop, act)
    assert isinstance(error, ConnectorError), f"a ConnectorError was due, it gave {error!r}"
    return error


def demand_no_secret(shop: ShopKit, text: str, where: str) -> None:
    """No secret of the shop's may be in it. The message does not repeat the secret."""
    told = [number for number, secret in enumerate(shop.secrets) if secret in text]
    assert not told, f"{where} contains the shop's secrets no. {told} (of ShopKit.secrets)"
