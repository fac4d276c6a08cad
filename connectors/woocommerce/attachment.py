"""Attaching pictures to a product: make them ready, read fresh, write once, read back, until the list shows them.

    upload ──> read ──> all there, once, in place? ──yes──> done
                ^            │no
                └── write <──┘      remember the list as it was, before the first write

With an Application Password the bytes are uploaded first and attached by number: the write is short, and writing it
again does nothing twice. Without one the write tells the store to fetch the pictures, which it does one after another
and twice if it is told twice: see `listing` for how a lost answer is met.

What cannot be closed (observed on WooCommerce 11.0.1): a person or a program that saves the product in the moment
between our read and our write loses the pictures it added. With uploaded pictures that moment is one request; with
pictures that the store fetches it is as long as the fetching. The other way round is seen when reading back: then
theirs and ours are put together and written again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from connectors.types import KEY_PATTERN, Attached, ConnectorError, Listing, NewImage, Placement, StoredPicture
from connectors.woocommerce.arrange import Entry, by_key, ids, placed
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.listing import ProductList, Shown
from connectors.woocommerce.uploads import RefusedError, Uploads

TRIES = 4
_BAD_PICTURE = "image_upload_error"  # woocommerce_product_…, woocommerce_variation_…
_BAD_NUMBER = "_invalid_image_id"
_PASSING = re.compile(
    r"curl error|tim(ed|e)[ -]?out|could not resolve|failed to connect|server error|bad gateway|unavailable|too many",
    re.IGNORECASE,
)

_ADDRESS = re.compile(r"https?://\S+?(?=[.,:]?(?:\s|\Z))")
_NO_URL = "valid url"

Remember = Callable[[Listing], None]


class Attachment:
    """One attach to the list of one product."""

    def __init__(
        self, target: ProductList, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember
    ):
        """target: the product's list. product_id: as the caller names it."""
        self.list, self.room, self.product_id = target, target.room, product_id
        self.uploads = Uploads(target.room, target.deadline)
        self.wanted = {image.key: image for image in images}
        self.placement = placement
        self.numbers: dict[str, int] = {}  # key → what the library has
        self.refused: dict[str, str] = {}
        self.postponed: dict[str, str] = {}
        self._remember: Remember | None = remember
        self._one_by_one = False
        self._written: list[int] | None = None  # the last list that the store took, until it was compared
        self._lost: StoreError | None = None
        self._tries, self._progress = 0, -1
        self._alts_mended = False
        self._bad_number = ""
        self._sent = False  # a write that the store carried out, or may have

    def run(self) -> Attached:
        """Until every picture is there or refused. Raises ConnectorError."""
        try:
            return self._until_there()
        except StoreError as error:
            if not self._sent or error.status not in {401, 403}:
                raise
            raise ConnectorError(  # "refused" would leave pictures on the listing that nobody could take off again
                f"product {self.product_id}: {error}. Pictures may be on the listing already; it is looked at again "
                "until it can be told",
                retry_after=600,
            ) from error

    def _until_there(self) -> Attached:
        self._make_ready()
        while True:
            found = self.list.settled()
            target = self._target(found)
            if target != ids(found.listing):
                self._write(found, target)
            elif not self.step(found) and not self._mended_alts(found):
                return self._finished(found)

    def asked(self) -> list[str]:
        """The keys that are to be on the list, in order."""
        return [key for key in self.wanted if key not in self.refused and key not in self.postponed]

    def target(self, found: Shown) -> list[Entry]:
        """The list as it should be."""
        return placed(found.listing, self.entries(found), self.placement)

    def entries(self, found: Shown) -> dict[str, Entry]:
        """What is to be placed: its number, or its key where the store must fetch it (one at a time if need be)."""
        there, fetching = by_key(found.listing), 0
        entries: dict[str, Entry] = {}
        for key in self.asked():
            if key not in there and key not in self.numbers:
                fetching += 1
                if self._one_by_one and fetching > 1:
                    continue
            entries[key] = self.numbers.get(key, key)
        return entries

    def step(self, found: Shown) -> bool:
        """What is to be done beside the list, one write at a time; False: nothing (any more)."""
        return False

    def reached(self, found: Shown) -> int:
        """How many of the wanted pictures are where they belong."""
        return sum(key in by_key(found.listing) for key in self.wanted)

    def before_write(self, found: Shown) -> None:
        """The checks before any write, and the snapshot before the first. Raises ConnectorError."""
        progress = self.reached(found) + len(self.refused) + len(self.postponed)
        if progress > self._progress:
            self._progress, self._tries = progress, 0
        self._tries += 1
        if self._tries > TRIES:
            raise self._given_up()
        self.list.demand_main(found, "publish the pictures")
        self._note(found)
        if self._remember is not None:
            self._remember(found.view(self.product_id))
            self._remember = None

    def failed(self, error: StoreError, fetching: Sequence[str]) -> None:
        """A write that did not give an answer of success. Goes on where reading tells, or a next write can help."""
        stopped = bool(error.code) and error.status not in {502, 504}  # these are a gateway's words, not the store's
        if fetching and (stopped or not error.maybe_done):  # it has finished, or never began
            lost = self.room.now() if error.maybe_done else None
            self.room.state.forget_fetch(self.list.product, lost=lost)
        if error.maybe_done:
            self._lost, self._sent = error, True
            earlier = self.room.state.lost_write(self.list.product)
            if not fetching:
                self.room.state.note_lost_write(self.list.product, self.room.now())
            if fetching or error.status in {429, 503}:
                self._tries = TRIES  # look, but do not write again now
            else:
                aim = self._progress - len(self.refused) - len(self.postponed)
                if self.list.look_for(lambda found: self.reached(found) > aim) and earlier is None:
                    self.room.state.forget_lost_write(self.list.product)
        elif fetching and error.code.endswith(_BAD_PICTURE):
            self._set_aside(error, fetching)
        elif error.code.endswith(_BAD_NUMBER):
            self._forget_number(error)
        else:
            raise error

    def _make_ready(self) -> None:
        """Uploads what has to be; what the listing already shows is not, where we may have been here before."""
        keys = list(self.wanted)
        if self.uploads.traces(keys) or self.room.state.fetch(self.list.product):
            there = by_key(self.list.settled().listing)
            keys = [key for key in keys if key not in there]
            self.numbers = self.uploads.known(keys)
        self._upload([key for key in keys if key not in self.numbers])

    def _upload(self, keys: Sequence[str]) -> None:
        """Without a password: sees what the library has already, which then need not be fetched again."""
        if not self.room.client.can_upload:
            self.numbers.update(self.uploads.found(self.room.state.uploads_sent(keys)))
            return
        for key in keys:
            try:
                self.numbers[key] = self.uploads.upload(self.wanted[key])
            except RefusedError as error:
                self.refused[key] = str(error)

    def _target(self, found: Shown) -> list[Entry]:
        """As `target`; a list that the store took, but shows in another order, is written again, once."""
        target, written = self.target(found), self._written
        self._written = None
        if written is None or written == ids(found.listing) or sorted(written) != sorted(ids(found.listing)):
            return target
        return list(written)

    def _write(self, found: Shown, target: Sequence[Entry]) -> None:
        fetching = [entry for entry in target if isinstance(entry, str)]
        sources = {key: self._source(self.wanted[key]) for key in fetching}
        self.before_write(found)
        if fetching:
            self.room.state.note_fetch(self.list.product, fetching, self.room.now())
        try:
            answer = self.list.write(target, sources)
        except StoreError as error:
            self.failed(error, fetching)
            return
        self._sent = True
        if fetching:
            self.room.state.forget_fetch(self.list.product)
            self._demand_names(answer, target, fetching)
        there = by_key(answer.listing)  # what is overwritten from now on is put back by number
        self.numbers.update((key, there[key]) for key in self.wanted if key in there)
        self._written = [self.numbers.get(entry, 0) if isinstance(entry, str) else entry for entry in target]

    def _source(self, image: NewImage) -> dict[str, Any]:
        """What tells the store to fetch the picture. Raises ConnectorError if nobody can fetch from here."""
        try:
            source = {"src": image.public_url(), "name": PurePosixPath(image.filename).stem}
        except ConnectorError as error:
            raise ConnectorError(
                f"product {self.product_id}: the store can neither be sent pictures nor fetch them. Either add an "
                "Application Password to the store's settings (WordPress: Users → Profile), which needs https; or set "
                f"a public address under which the store reaches this program ({error})",
                permanent=error.permanent,
                retry_after=error.retry_after,
            ) from error
        return {**source, "alt": image.alt} if image.alt else source

    def _set_aside(self, error: StoreError, fetching: Sequence[str]) -> None:
        """One bad picture fails the whole write, and the product is unchanged: leave out the one that the store
        names; where it names none, write them one by one."""
        named = set(KEY_PATTERN.findall(error.detail.lower())) & set(fetching)
        bad = list(fetching) if len(fetching) == 1 else sorted(named)
        self._one_by_one = self._one_by_one or not bad
        reason = _reason(error.detail)
        aside = self.postponed if _PASSING.search(error.detail) else self.refused
        aside.update(dict.fromkeys(bad, reason))
        self.numbers.update(self.uploads.found([key for key in fetching if key not in bad]))  # fetched before it

    def _forget_number(self, error: StoreError) -> None:
        """A file has gone from the library since it was looked at; one of ours is made ready again.

        Raises the error if the store says so again: it lists a picture (a video's, say) that it does not take back.
        """
        if self._bad_number == error.detail:
            raise error
        self._bad_number = error.detail
        gone = {int(number) for number in re.findall(r"\d+", error.detail)}
        keys = [key for key, number in self.numbers.items() if number in gone]
        for key in keys:
            self.room.state.forget_picture(self.numbers.pop(key))
        self._upload(keys)

    def _demand_names(self, answer: Shown, target: Sequence[Entry], fetching: Sequence[str]) -> None:
        """See to it that what the store fetched can be told from the shop's own pictures.

        Raises ConnectorError: permanent if it cannot, since the next try would put the pictures there once more.
        """
        if set(fetching) <= by_key(answer.listing).keys():
            return
        found = self.uploads.found([key for key in fetching if key not in by_key(answer.listing)])
        if found:  # another writer was faster than the answer
            self.numbers.update(found)
            return
        now = self.list.read()
        renamed = now.renamed(fetching)
        kept = [number for number in ids(now.listing) if number not in renamed]
        if renamed and kept:
            self.list.write(kept, {})
            raise ConnectorError(
                f"product {self.product_id}: the store gave the pictures other file names, so they could not be told "
                "from the shop's own any more, and they were taken off again. Switch off the plugin that renames "
                "pictures, or tell it to leave names with “hs-” alone",
                permanent=True,
            )
        if len(ids(answer.listing)) == len(target):
            raise ConnectorError(
                f"product {self.product_id}: the store took the pictures, but under names and titles of its own, so "
                "they cannot be told from the shop's own. Look at the product and take off what should not be there. "
                "Then switch off the plugin that renames pictures, or tell it to leave names with “hs-” alone",
                permanent=True,
            )
        raise ConnectorError(
            f"product {self.product_id}: the store answered that it took the pictures, but it does not show them; it "
            "is looked at again"
        )

    def _mended_alts(self, found: Shown) -> bool:
        """Writes the texts that the store lost, once; they go with our own files alone. Whether it wrote."""
        numbers = by_key(found.listing)
        shown = {int(image.id): image.alt for image in found.listing.images}
        lost = {
            key: {"id": numbers[key], "alt": image.alt}
            for key, image in self.wanted.items()
            if image.alt.strip() and key in numbers and not shown[numbers[key]]
        }
        if not lost or self._remember is not None or self._alts_mended:
            return False
        self._alts_mended = True
        keys = {number: key for key, number in numbers.items() if key in lost}
        with suppress(StoreError):  # the pictures are there, with or without their texts
            self.list.write([keys.get(number, number) for number in ids(found.listing)], lost)
        return True

    def _finished(self, found: Shown) -> Attached:
        """Notes what is known now. Raises ConnectorError if a picture is left for later."""
        state, images = self.room.state, found.listing.images
        if self._remember is None and images:
            state.note_main_images({self.list.product: int(images[0].id)})
        self._note(found)
        if self.postponed:
            reason = next(iter(self.postponed.values()))
            raise ConnectorError(
                f"product {self.product_id}: the store could not fetch {len(self.postponed)} of {len(self.wanted)} "
                f"pictures now ({reason}); the others are there, and these are tried again"
            )
        return Attached(found.view(self.product_id), self.refused)

    def _note(self, found: Shown) -> None:
        """Files of ours that were seen: without a password only these are known when orphans are looked for."""
        ours = {image.id: image for image in found.view(self.product_id).images if image.key in self.wanted}
        known = {picture.id for picture in self.room.state.pictures(self.wanted)} if ours else set()
        fresh = [StoredPicture(number, image.key or "", "", image.url) for number, image in ours.items()]
        if ours.keys() - known:
            self.room.state.note_pictures(fresh, self.room.now())

    def _given_up(self) -> ConnectorError:
        if self._lost is not None:
            return ConnectorError(
                f"product {self.product_id}: {self._lost}. The pictures are not there so far; it is looked at again",
                retry_after=self._lost.retry_after,
            )
        return ConnectorError(
            f"product {self.product_id}: somebody else keeps changing its pictures at the same time, and ours were "
            f"overwritten {TRIES} times; theirs stand, and it is tried again",
            retry_after=60,
        )


def _reason(detail: str) -> str:
    """Why the store did not take a picture that it was to fetch, without its address: who knows that may fetch, too."""
    said = _ADDRESS.sub("from our address", detail) or "the store did not say why"
    if _NO_URL in detail.lower():
        return f"{said} (stores fetch from public addresses only, and on the ports 80, 443 and 8080)"
    return said
