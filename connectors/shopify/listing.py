"""One product's media in the shop: read fresh, changed by the smallest writes there are.

What shapes this (the schema, and Shopify's documentation):

- `fileUpdate` puts files on a product and takes them off it; it touches no other media. Where it puts them is said
  nowhere, so that is looked at afterwards.
- `productReorderMedia` moves single media, one move after another, some time after its answer: a job.
- There is no write of a whole list, so an editor's change at the same time is never overwritten by us.

A write whose answer is lost may be carried out a little later. So each is noted before it is sent, and forgotten when
its outcome is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.shopify.arrange import Move
from connectors.shopify.errors import ShopError, UserErrorsError
from connectors.shopify.paging import Connection, connection_of
from connectors.shopify.product import BrokenError, image_of
from connectors.shopify.room import Room
from connectors.types import ConnectorError, ImageRef, Listing

STORE_LIMIT = timedelta(minutes=2)  # no request of Shopify's goes on for so long (second-hand: a minute at most)
LOST_LOOKS = (1.0, 3.0, 6.0)  # seconds before each further look for what a lost answer may have written
JOB_LOOKS = (0.5, 0.5, 1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 10.0, 10.0, 10.0)  # seconds before each look at a job
BUSY = frozenset({"FILE_LOCKED", "MEDIA_CANNOT_BE_MODIFIED", "NON_READY_STATE", "NON_READY_MEDIA"})  # passes
MOVED_ON = frozenset({"FILE_DOES_NOT_EXIST", "MEDIA_DOES_NOT_EXIST", "MEDIA_DOES_NOT_EXIST_ON_PRODUCT"})
_VARIANT_MOVED_ON = {"MEDIA_IS_NOT_ATTACHED_TO_VARIANT", "PRODUCT_VARIANT_ALREADY_HAS_MEDIA"}
_GONE_BY_NOW = MOVED_ON | _VARIANT_MOVED_ON | {"PRODUCT_VARIANT_DOES_NOT_EXIST_ON_PRODUCT"}
_PRODUCT_GONE = {"PRODUCT_DOES_NOT_EXIST", "REFERENCE_TARGET_DOES_NOT_EXIST"}
READ_SECONDS, WRITE_SECONDS = 30.0, 60.0
_BUSY_WAIT = 4.0
_FIRST_PAGE, _MOST, _MARGIN = 20, 250, 8
_EACH, _FIXED = 2, 4  # points: a media and its image; the product and the connection


class ProductGoneError(ConnectorError):
    """The shop has no such product (any more)."""


class Deadline:
    """The end of a whole task, however many requests it takes."""

    def __init__(self, now: Callable[[], datetime], seconds: float, task: str):
        """seconds: from now on. task: what is given up then, for the message."""
        self._now, self._task = now, task
        self._end = now() + timedelta(seconds=seconds)

    def left(self, most: float) -> float:
        """Seconds for the next request, at most so many. Raises ConnectorError if hardly any are left."""
        left = (self._end - self._now()).total_seconds()
        if left < min(most, 5.0):
            raise ConnectorError(
                f"{self._task}: Shopify is too slow now. What is uploaded is kept, and it is tried again",
                retry_after=60,
            )
        return min(most, left)


def numbers_of(product_id: str) -> tuple[int, int]:
    """The numbers of a product and, for "75/79", of its variant (else 0). Raises ConnectorError (permanent)."""
    product, slash, variant = product_id.partition("/")
    if not product.isdecimal() or (slash and not variant.isdecimal()):
        raise ConnectorError(f"product {product_id}: a Shopify product has a number", permanent=True)
    return int(product), int(variant or 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """The media of a product, in order.

    Only where it was read for a variant: its gid, what the variants show (gid → media, in the order of their numbers;
    those without media of their own are left out), and which of them show nothing this moment, as their media is being
    exchanged: they are counted as showing what they did before.
    """

    listing: Listing
    variant: str = ""
    variants: Mapping[str, str] = field(default_factory=dict)
    bare: frozenset[str] = frozenset()

    @property
    def own(self) -> ImageRef | None:
        """What the variant shows; None: nothing of its own."""
        media = self.variants.get(self.variant)
        return next((image for image in self.listing.images if image.id == media), None)

    @property
    def alike(self) -> dict[str, str]:
        """The variants that show the same, with what they show."""
        own = self.variants.get(self.variant)
        return {variant: media for variant, media in self.variants.items() if own and media == own}

    def view(self, product_id: str) -> Listing:
        """The listing as callers know it; the main picture of a variant ("75/79") is what the variant shows."""
        images = self.listing.images
        first = images[0].id if images else None
        return Listing(product_id, images, self.variants.get(self.variant) if self.variant else first)


class ProductMedia:
    """The media of one product."""

    def __init__(self, room: Room, product: int, deadline: Deadline):
        """product: its number."""
        self.room, self.product, self.deadline = room, product, deadline
        self.gid, self.name = f"gid://shopify/Product/{product}", f"product {product}"
        self.lost: ShopError | None = None  # the last write that may or may not have been carried out
        self._count = 0
        self._earlier: datetime | None = None

    def read(self) -> Shown:
        """The media now. Raises ProductGoneError, ShopError."""
        raws = list(self.pages("product_media_snapshot", "media", self._page()))
        self._count = len(raws)
        return Shown(self._listing(raws))

    def pages(self, document: str, field: str, first: int, each: int = _EACH) -> Iterator[Any]:
        """The nodes of a connection of the product, all pages. first: how many to ask for at first.

        Raises ProductGoneError, ShopError.
        """
        page = Connection((), more=True, cursor=None)
        while page.more:
            variables = {"id": self.gid, "first": first, "after": page.cursor}
            seconds = self.deadline.left(READ_SECONDS)
            data = self.room.client.query(document, variables, about=self.name, seconds=seconds).data
            if data.get("product") is None:
                raise ProductGoneError(
                    f"{self.name} is not in the shop any more, so nothing was written to it", permanent=True
                )
            page = connection_of(data["product"], field, self.room.client, f"the {field} of {self.name}")
            yield from page.nodes
            first = self.room.client.page(_MOST, each, _FIXED)

    def change(self, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Put files on the product, in this order, and take others off it. Raises ShopError, UserErrorsError.

        The field of a userErrors entry counts the files of `add`, then those of `remove`.
        """
        files = [{"id": media, "referencesToAdd": [self.gid]} for media in add]
        files += [{"id": media, "referencesToRemove": [self.gid]} for media in remove]
        self.mutate("file_update", {"files": files})

    def reorder(self, moves: Sequence[Move]) -> None:
        """Move media, and wait until it is done. Raises ShopError, UserErrorsError; ConnectorError (may pass) if it
        takes too long."""
        steps = [{"id": move.media, "newPosition": str(move.to)} for move in moves]
        job = self.mutate("product_reorder_media", {"id": self.gid, "moves": steps}).get("job")
        if isinstance(job, Mapping) and not job.get("done"):
            self._wait_for(str(job.get("id")))

    def mutate(self, document: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """One write that concerns the product. Raises ShopError, UserErrorsError."""
        seconds = self.deadline.left(WRITE_SECONDS)
        with self._noted():
            return self.room.client.mutate(document, variables, about=self.name, seconds=seconds)

    def recover(self, error: ShopError, arrived: Callable[[Shown], bool]) -> None:
        """After a failed write: wait until another look is of use. Raises the error where nothing can come of it."""
        if error.maybe_done:
            self.lost = error
            if self._look_for(arrived) and self._earlier is None:
                self.room.state.forget_lost_write(self.product)
        elif not isinstance(error, UserErrorsError):
            raise error
        elif "PRODUCT_SUSPENDED" in error.codes():
            raise ShopError(
                f"{self.name} is suspended by Shopify, so nothing was written to it; see in Shopify why",
                code="PRODUCT_SUSPENDED",
                permanent=True,
            ) from error
        elif not error.codes() <= BUSY | _GONE_BY_NOW | _PRODUCT_GONE:
            raise error
        elif error.codes() & BUSY:
            self.room.sleep(_BUSY_WAIT)

    def demand_quiet(self) -> None:
        """See to it that no write from before comes after this undo. Raises ConnectorError (may pass) if one may."""
        sent_at = self.awaited()
        if sent_at is not None:
            left = (sent_at + STORE_LIMIT - self.room.now()).total_seconds()
            raise ConnectorError(
                f"{self.name}: our pictures are off it, but Shopify never answered an earlier write and may still "
                "carry it out, which would put them there again; it is looked at once more",
                retry_after=left + 1,
            )

    def awaited(self) -> datetime | None:
        """When a write was sent that was never answered, and that the shop may still carry out; None: there is none."""
        state, now = self.room.state, self.room.now()
        sent_at = state.lost_write(self.product)
        if sent_at is not None and sent_at > now:  # the clock was set back: nobody knows how long ago it was
            state.note_lost_write(self.product, now)
            return now
        if sent_at is not None and now - sent_at >= STORE_LIMIT:
            state.forget_lost_write(self.product)
            return None
        return sent_at

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """The intent is kept while the outcome is not known; an earlier write that may still come is not forgotten."""
        self._earlier = self.awaited()
        self.room.state.note_lost_write(self.product, self.room.now())
        try:
            yield
        except ConnectorError as error:
            if not (isinstance(error, ShopError) and error.maybe_done):
                self._put_back()
            raise
        self._put_back()

    def _put_back(self) -> None:
        if self._earlier is None:
            self.room.state.forget_lost_write(self.product)
        else:
            self.room.state.note_lost_write(self.product, self._earlier)

    def _look_for(self, arrived: Callable[[Shown], bool]) -> bool:
        for wait in LOST_LOOKS:
            self.room.sleep(wait)
            if arrived(self.read()):
                return True
        return False

    def _wait_for(self, job: str) -> None:
        for wait in JOB_LOOKS:
            self.room.sleep(wait)
            seconds = self.deadline.left(READ_SECONDS)
            found = self.room.client.query("job_status", {"id": job}, about=self.name, seconds=seconds).data.get("job")
            if not isinstance(found, Mapping) or found.get("done"):
                return
        raise ConnectorError(
            f"{self.name}: Shopify has not put the pictures in order so far; it is looked at again", retry_after=60
        )

    def _page(self) -> int:
        """Few media are asked for where few are there: what is asked for counts, not what comes."""
        most = min(max(self._count + _MARGIN, _FIRST_PAGE), _MOST)
        return self.room.client.page(most, _EACH, _FIXED)

    def _listing(self, raws: Iterable[Any]) -> Listing:
        """The list. Media that cannot be read are an error, since places are counted."""
        try:
            found = {image.id: image for image in (_media_of(raw, at) for at, raw in enumerate(raws))}
        except BrokenError as error:
            raise ShopError(f"{self.name}: {error}; nothing is written from that, and it is tried again") from error
        unnamed = [image.id for image in found.values() if not image.key]
        urls = self.room.state.urls(unnamed) if unnamed else {}  # of ours: not shown yet, or renamed by somebody since
        images = tuple(replace(image, url=urls.get(image.id, image.url)) for image in found.values())
        return Listing(str(self.product), images, images[0].id if images else None)


def _media_of(raw: Any, position: int) -> ImageRef:
    """Any media: an image, a video, a 3D model, one that failed. Only an image that is ready has an address."""
    image = image_of(raw, position)
    if image is not None:
        return image
    return ImageRef(str(raw["id"]), alt=str(raw.get("alt") or ""), position=position)


def input_index(error_field: Sequence[str]) -> int | None:
    """Which item of a list a userErrors entry is about: the first number in its path."""
    return next((int(part) for part in error_field if part.isdecimal()), None)
