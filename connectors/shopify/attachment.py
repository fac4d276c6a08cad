"""Attaching pictures to a product: read, make files of them, put these on the product, move them to their place.

    read ──> upload what lacks, until READY ──> all there, once? ──yes──> in place? ──yes──> done
                                                 ^   │no                   │no
                                                 │   └─> fileUpdate ─> read│
                                                 └────── read <─ productReorderMedia, job done

The listing as it was is remembered before the first write to it. Only media of ours are ever moved, so that an editor
who works on the listing at the same time loses nothing; where they take ours off (by saving what they had read
before), ours are put there again a few times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from connectors.shopify.arrange import by_key, ids, moves, placed, spare
from connectors.shopify.errors import ShopError, UserError, UserErrorsError
from connectors.shopify.listing import MOVED_ON, ProductGoneError, ProductMedia, Shown, input_index
from connectors.shopify.uploads import Uploads
from connectors.types import Attached, ConnectorError, Listing, NewImage, Placement

TRIES = 6
MOST_MEDIA = 250  # of one product (second-hand; the schema has PRODUCT_MEDIA_LIMIT_EXCEEDED)
FRESH = timedelta(seconds=30)  # a listing that was read longer ago is read again before the first write
_LIMIT = "PRODUCT_MEDIA_LIMIT_EXCEEDED"
_FULL = f"the product has {MOST_MEDIA} pictures, videos and 3D models already, the most that Shopify allows"
_UNUSABLE = frozenset({_LIMIT, "INVALID_FAILED_MEDIA_STATE", "UNSUPPORTED_FILE_REFERENCE", "TOO_MANY_FILE_REFERENCE"})

Remember = Callable[[Listing], None]


class Attachment:
    """One attach to the listing of one product."""

    def __init__(
        self,
        target: ProductMedia,
        product_id: str,
        images: Sequence[NewImage],
        placement: Placement,
        remember: Remember,
    ):
        """target: the product's media. product_id: as the caller names it."""
        self.media, self.room, self.product_id = target, target.room, product_id
        self.uploads = Uploads(target.room, target.deadline, target.name)
        self.wanted = {image.key: image for image in images}
        self.placement = placement
        self.refused = self.uploads.refused
        self._files: dict[str, str] = {}  # key → gid
        self._remember: Remember | None = remember
        self._found: Shown | None = None  # the listing as it was read last
        self._sent = False  # a write to the listing that the shop carried out, or may have
        self._tries, self._progress = 0, -1
        self._remade: set[str] = set()

    def run(self) -> Attached:
        """Until every picture is there, in its place, or refused. Raises ConnectorError."""
        try:
            return self._until_there()
        except ConnectorError as error:
            if not error.permanent:
                raise
            if isinstance(error, ProductGoneError) or not self._is_begun():
                self.room.state.forget_placings(self.media.product, self.wanted)
                raise
            raise ConnectorError(  # "refused" would leave pictures on the listing that nobody could take off again
                f"product {self.product_id}: {error}. Pictures may be on the listing already; it is looked at again "
                "until it can be told",
                retry_after=600,
            ) from error

    def _is_begun(self) -> bool:
        """Whether pictures of this call may be on the listing, or come there yet, be it by an earlier attempt."""
        if self._sent or self.media.awaited() is not None:
            return True
        if self._found is None:  # it cannot be read
            return not self.room.state.placings(self.media.product).isdisjoint(self.wanted)
        return not self._found.listing.keys().isdisjoint(self.wanted)

    def _until_there(self) -> Attached:
        found = self._prepared()
        while self._step(found):
            found = self._read()
        return self._finished(found)

    def asked(self) -> list[str]:
        """The keys that are to be on the listing, in order."""
        return [key for key in self.wanted if key not in self.refused]

    def target(self, found: Shown, wanted: Mapping[str, str], fresh: frozenset[str]) -> list[str]:
        """The order as it should be; all that is wanted is there."""
        return placed(found.listing, wanted, self.placement, fresh)

    def further(self, found: Shown) -> bool:
        """What is to be done when all media are in their places, one write at a time; False: nothing (any more)."""
        return False

    def reached(self, found: Shown) -> int:
        """How many of the wanted pictures are there."""
        return sum(key in by_key(found.listing) for key in self.wanted)

    def before_write(self, found: Shown) -> None:
        """The checks before any write, and the snapshot before the first. Raises ConnectorError."""
        progress = self.reached(found) + len(self.refused)
        if progress > self._progress:
            self._progress, self._tries = progress, 0
        self._tries += 1
        if self._tries > TRIES:
            raise self._given_up()
        if self._remember is not None:
            self._remember(found.view(self.product_id))
            self._remember = None

    def failed(self, error: ShopError, arrived: Callable[[Shown], bool]) -> None:
        """A write that did not give an answer of success. Goes on where reading tells. Raises ShopError."""
        self._sent = self._sent or error.maybe_done
        self.media.recover(error, arrived)

    def wrote(self) -> None:
        """A write was carried out."""
        self._sent = True

    def _read(self) -> Shown:
        found = self._found = self.media.read()
        there = {key: gid for key, gid in by_key(found.listing).items() if key in self.wanted}
        self._files.update(there)
        for key in there.keys() & self.refused.keys():  # by a write whose answer was lost
            del self.refused[key]
        return found

    def _prepared(self) -> Shown:
        """Reads the listing and makes files of what it lacks."""
        found, began = self._read(), self.room.now()
        lacking = [image for key, image in self.wanted.items() if key not in by_key(found.listing)]
        if not lacking:
            return found
        self.check(found)
        keys = self.uploads.fitting(lacking)
        free = max(MOST_MEDIA - len(found.listing.images), 0)
        self.refused.update(dict.fromkeys(keys[free:], _FULL))
        if keys[:free]:
            self._files.update(self.uploads.ready(keys[:free]))
        return self._read() if self.room.now() - began > FRESH else found

    def check(self, found: Shown) -> None:
        """See to it that pictures can be published there, before anything is uploaded. Raises ConnectorError."""

    def _step(self, found: Shown) -> bool:
        """One write, if one is needed."""
        there = by_key(found.listing)
        lacking = [key for key in self.asked() if key not in there]
        doubled = spare(found.listing, self.wanted.keys())
        if lacking or doubled:
            self._change(found, lacking, doubled)
            return True
        wanted = {key: there[key] for key in self.asked()}
        fresh = self.room.state.placings(self.media.product) & wanted.keys()
        steps = moves(ids(found.listing), self.target(found, wanted, fresh), set(wanted.values()))
        if not steps:
            self.room.state.forget_placings(self.media.product, fresh)
            return self.further(found)
        self.before_write(found)
        try:
            self.media.reorder(steps)
            self.wrote()
        except ShopError as error:
            self.failed(error, lambda now: ids(now.listing) == self.target(now, wanted, fresh))
        return True

    def _change(self, found: Shown, lacking: Sequence[str], doubled: Sequence[str]) -> None:
        self._make_again([key for key in lacking if key not in self._files])
        adding = [key for key in lacking if key in self._files]
        if not adding and not doubled:
            return
        self.before_write(found)
        self.room.state.note_placings(self.media.product, adding)
        try:
            self.media.change([self._files[key] for key in adding], doubled)
            self.wrote()
        except UserErrorsError as error:
            self._told(error, adding)
        except ShopError as error:
            self.failed(error, lambda now: set(adding) <= by_key(now.listing).keys())

    def _make_again(self, keys: Sequence[str]) -> None:
        """Files that have gone since they were looked at are made once more; twice is enough."""
        for key in keys:
            if key in self._remade:
                self.refused[key] = "somebody or something deletes the file in the shop whenever it is there"
        again = [key for key in keys if key not in self.refused]
        if again:
            self._remade.update(again)
            self.uploads.forget(again)
            self._files.update(self.uploads.ready(self.uploads.fitting([self.wanted[key] for key in again])))

    def _told(self, error: UserErrorsError, adding: Sequence[str]) -> None:
        """The shop would not have some of the pictures there."""
        refused = len(self.refused)
        for one in error.errors:
            key = _meant(one, adding)
            if key is not None and one.code in _UNUSABLE:
                self.refused[key] = _FULL if one.code == _LIMIT else one.message
            elif key is not None and one.code in MOVED_ON:
                self._files.pop(key, None)
        if len(self.refused) == refused:
            self.failed(error, lambda now: False)

    def _finished(self, found: Shown) -> Attached:
        self.room.state.forget_placings(self.media.product, self.wanted)
        return Attached(found.view(self.product_id), dict(self.refused))

    def _given_up(self) -> ConnectorError:
        if self.media.lost is not None:
            return ConnectorError(
                f"product {self.product_id}: {self.media.lost}. The pictures are not there so far; it is looked at "
                "again",
                retry_after=self.media.lost.retry_after,
            )
        return ConnectorError(
            f"product {self.product_id}: somebody else keeps changing its pictures at the same time, or Shopify is "
            f"still at work on them, and ours could not be put in place {TRIES} times; it is tried again",
            retry_after=60,
        )


def _meant(error: UserError, adding: Sequence[str]) -> str | None:
    """Which picture an entry is about: where it names none and there is no room, the last."""
    at = input_index(error.field)
    if at is not None and at < len(adding):
        return adding[at]
    return adding[-1] if adding and at is None and error.code in _UNUSABLE else None
