"""One product's list of pictures in the store: read fresh, written whole.

Rules observed on WooCommerce 11.0.1 that shape this:

- A PUT replaces the whole list, in order, the first entry being the main picture. There is no way to say "only if
  nobody changed it": whoever saves the product between our GET and our PUT loses that change, and nobody can see it
  afterwards. So everything is made ready first, the GET stands right before the PUT, and another GET follows. Where
  the store has to fetch pictures, the PUT takes seconds, and this window is as long.
- Told to fetch a picture, the store goes on after the client has given up, and fetches again if it is told again. So
  what it was told is noted before each such PUT; as long as it may be at work, nothing else is written to the product.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.types import KEY_PATTERN, ConnectorError, ImageRef, Listing
from connectors.woocommerce.arrange import Entry, body
from connectors.woocommerce.client import PATIENCE, Client, Reply
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.product import image_ref, moment_of
from connectors.woocommerce.replies import one
from connectors.woocommerce.room import Room

STORE_LIMIT = timedelta(minutes=10)  # a store has finished, or was stopped by its server, after so long
FETCH_LOOKS = (2.0, 4.0, 8.0, 16.0, 25.0)  # seconds before each further look for what the store may be fetching
LOST_LOOKS = (1.0, 3.0, 6.0)  # seconds before each further look for what a lost answer may have written
READ_SECONDS = 30.0
_WRITE_SECONDS = 60.0
_FETCH_SECONDS, _FETCH_EACH, _FETCH_MOST = 30.0, 45.0, 300.0


class Deadline:
    """The end of a whole task, however many requests it takes."""

    def __init__(self, now: Callable[[], datetime], seconds: float, task: str):
        """seconds: from now on. task: what is given up then, for the message."""
        self._now, self._task = now, task
        self._end = now() + timedelta(seconds=seconds)

    def read(self, client: Client, path: str, params: Mapping[str, str], *, anonymous: bool = False) -> Reply:
        """Read within the time that is left. Raises StoreError, ConnectorError."""
        seconds, patience = self.left(READ_SECONDS), self.left(PATIENCE)
        return client.read(path, params, seconds=seconds, patience=patience, anonymous=anonymous)

    def left(self, most: float) -> float:
        """Seconds for the next request, at most so many. Raises ConnectorError if hardly any are left."""
        left = (self._end - self._now()).total_seconds()
        if left < min(most, 5.0):
            raise ConnectorError(
                f"{self._task}: the store is too slow now. What is uploaded is kept, and it is tried again",
                retry_after=60,
            )
        return min(most, left)


def numbers_of(product_id: str) -> tuple[int, int]:
    """The numbers of a product and, for "75/79", of its variation (else 0). Raises ConnectorError (permanent)."""
    product, slash, variation = product_id.partition("/")
    if not product.isdecimal() or (slash and not variation.isdecimal()):
        raise ConnectorError(f"product {product_id}: a WooCommerce product has a number", permanent=True)
    return int(product), int(variation or 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a product shows. titles: picture → its title, which carries our key even where a file was renamed.

    Only where it was read for a variation: its number, and the pictures of all variations that have one of their own.
    """

    listing: Listing
    titles: Mapping[int, str] = field(default_factory=dict)
    variation: int = 0
    variations: Mapping[int, ImageRef] = field(default_factory=dict)

    @property
    def own(self) -> ImageRef | None:
        """The variation's own picture."""
        return self.variations.get(self.variation)

    @property
    def alike(self) -> list[int]:
        """The variations that show the same picture, in order."""
        own = self.own
        return [number for number, image in self.variations.items() if own and image.id == own.id]

    def renamed(self, keys: Collection[str]) -> set[int]:
        """The pictures made of these keys whose file does not carry the key."""
        unnamed = {int(image.id) for image in self.listing.images if image.key is None}
        return {number for number in unnamed if _key_of(self.titles.get(number, "")) in keys}

    def view(self, product_id: str) -> Listing:
        """The listing as callers know it: for a variation ("75/79") its own picture, then the product's."""
        images = self.listing.images
        if "/" in product_id:
            images = (self.own, *images) if self.own else images
            return Listing(product_id, images, self.own.id if self.own else None)
        return Listing(product_id, images, images[0].id if images else None)


class ProductList:
    """The list of one product."""

    def __init__(self, room: Room, product: int, deadline: Deadline):
        """product: the store's number of it."""
        self.room, self.product, self.deadline = room, product, deadline
        self.path = f"wc/v3/products/{product}"
        self._changed_at: datetime | None = None  # the latest that the store told

    def read(self) -> Shown:
        """The list now. Raises StoreError (permanent, 404: no such product), ConnectorError for one in the trash, or
        (may pass) if the store keeps showing what was before."""
        product = self._fresh()
        if product.get("status") == "trash":
            raise ConnectorError(
                f"product {self.product} is in the store's trash, so nothing was written to it; restore it there first",
                permanent=True,
            )
        return self._shown(product, written=False)

    def _fresh(self) -> Mapping[str, Any]:
        """The product, not as a cache remembers it: each write moves its date (observed on WooCommerce 11.0.1)."""
        params = {"_fields": "id,status,images,date_modified_gmt"}
        for wait in (0.0, *LOST_LOOKS):
            if wait:
                self.room.sleep(wait)
            product = one(self.deadline.read(self.room.client, self.path, params), f"product {self.product}")
            if self._is_latest(product):
                return product
        raise ConnectorError(
            f"product {self.product}: the store goes on showing how the product was before the last write, so nothing "
            "is written from that. A caching plugin or a CDN keeps answers of the REST API: except /wp-json/ there. "
            "It is looked at again",
            retry_after=120,
        )

    def _is_latest(self, product: Mapping[str, Any]) -> bool:
        changed_at = moment_of(product.get("date_modified_gmt"))
        if changed_at is None or self._changed_at is None or changed_at >= self._changed_at:
            self._changed_at = changed_at or self._changed_at
            return True
        return False

    def settled(self) -> Shown:
        """The list, read when the store is not fetching pictures for it any more.

        Raises ConnectorError (may pass) if it may still be after all looks.
        """
        found = self.read()
        for wait in FETCH_LOOKS:
            if not self._is_fetching(found):
                return found
            self.room.sleep(wait)
            found = self.read()
        left = self._is_fetching(found)
        if not left:
            return found
        raise ConnectorError(
            f"product {self.product}: the store was told to fetch pictures for it and may still be at it. Nothing is "
            "written before that is known; it is looked at again",
            retry_after=min(120.0, left + 1),
        )

    def _is_fetching(self, found: Shown) -> float:
        """For how many seconds the store may still be fetching; 0: it is not. One write brings all or none."""
        fetch = self.room.state.fetch(self.product)
        if fetch is None:
            return 0.0
        arrived = bool(fetch.keys & found.listing.keys())
        left = (fetch.sent_at + STORE_LIMIT - self.room.now()).total_seconds()
        if left > 0 and not arrived:
            return left
        self.room.state.forget_fetch(self.product, lost=None if arrived else fetch.sent_at)
        return 0.0

    def write(self, entries: Sequence[Entry], sources: Mapping[str, Mapping[str, Any]]) -> Shown:
        """Write the whole list once; the list that the store answers. See `arrange.body`. Raises StoreError."""
        fetched = sum(1 for entry in entries if isinstance(entry, str) and "src" in sources[entry])
        seconds = min(_FETCH_MOST, _FETCH_SECONDS + _FETCH_EACH * fetched) if fetched else _WRITE_SECONDS
        content = body(entries, sources)
        params = {"_fields": "id,images,date_modified_gmt"}
        reply = self.room.client.write("PUT", self.path, content, params=params, seconds=self.deadline.left(seconds))
        product = one(reply, f"product {self.product}", written=True)
        self._is_latest(product)
        return self._shown(product, written=True)

    def look_for(self, arrived: Callable[[Shown], bool]) -> bool:
        """After a lost answer: wait until it has arrived, but not for long. Whether it has. Raises ConnectorError."""
        for wait in LOST_LOOKS:
            self.room.sleep(wait)
            if arrived(self.read()):
                return True
        return False

    def demand_quiet(self) -> None:
        """See to it that no write from before comes after this undo. Raises ConnectorError (may pass) if one may."""
        sent_at = self.room.state.lost_write(self.product)
        left = (sent_at + STORE_LIMIT - self.room.now()).total_seconds() if sent_at else 0.0
        if left > 0:
            raise ConnectorError(
                f"product {self.product}: our pictures are off it, but the store never answered an earlier write and "
                "may still carry it out, which would put them there again; it is looked at once more",
                retry_after=left + 1,
            )

    def _shown(self, product: Mapping[str, Any], *, written: bool) -> Shown:
        """The pictures of an answer, those too whose file is missing: leaving one out would lose it.

        Raises StoreError if the list is not whole; nothing may be written from it then.
        """
        images = product.get("images")
        if not isinstance(images, list) or not all(map(_is_picture, images)):
            raise StoreError(
                f"the store gave no whole list of the pictures of product {self.product}, so nothing is written from "
                "it; a plugin may be spoiling the REST API's answers",
                maybe_done=written,
            )
        raw = [entry for entry in images if entry["id"]]  # older stores list a placeholder with the number 0
        home = self.room.client.home
        found = tuple(image_ref(entry, home, position) for position, entry in enumerate(raw))
        titles = {int(entry["id"]): str(entry.get("name") or "") for entry in raw}
        return Shown(Listing(str(self.product), found, found[0].id if found else None), titles)

    def demand_main(self, found: Shown, doing: str) -> None:
        """See to it that the first picture is the main one: writing the list would make it that, for good.

        A product with only a gallery lists a gallery picture first (observed on WooCommerce 11.0.1). What is not
        known is asked, where the store tells. doing: for the message. Raises ConnectorError (permanent).
        """
        images = found.listing.images
        if not images:
            raise ConnectorError(
                f"product {self.product} has no picture in the store, so one of ours would become its main picture; "
                f"give it a main picture there, then {doing} again",
                permanent=True,
            )
        first = int(images[0].id)
        if self.room.state.main_images([self.product]).get(self.product) == first:
            return
        featured = self._featured()
        if featured is not None and str(featured) not in {image.id for image in images}:
            raise ConnectorError(
                f"product {self.product} has a gallery but no main picture, and writing to it would make the first "
                f"picture of the gallery the main one; choose its main picture in the store, then {doing} again",
                permanent=True,
            )
        if featured is not None and featured != first:
            raise ConnectorError(
                f"product {self.product}: the store names another main picture than the one that it lists first, and "
                "writing the list would change it; it is looked at again. If this stays, a plugin sorts the pictures "
                "in the REST API's answers",
                retry_after=60,
            )
        if featured == first:
            self.room.state.note_main_images({self.product: first})

    def _featured(self) -> int | None:
        """The main picture's number (0: none) as WordPress tells it; None: it does not tell."""
        client, path = self.room.client, f"wp/v2/product/{self.product}"
        try:
            reply = self.deadline.read(client, path, {"_fields": "featured_media"}, anonymous=not client.can_upload)
        except StoreError as error:
            if error.status is None or error.status == 429 or error.status >= 500:
                raise
            return None
        number = one(reply, f"product {self.product}").get("featured_media")
        return number if isinstance(number, int) else None


def _is_picture(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("id"), int) and not isinstance(entry["id"], bool)


def _key_of(text: str) -> str | None:
    found = KEY_PATTERN.search(text.lower())
    return found.group() if found else None
