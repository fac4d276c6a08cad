"""Connectors to the paper store that each break one rule of the contract."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from connectors import (
    Attached,
    ConnectorError,
    Gone,
    Listing,
    NewImage,
    Placement,
    Product,
    Skipped,
    StoredPicture,
    StoreInfo,
)
from tests.connectors.paper_connector import SECRET, PaperConnector
from tests.connectors.paper_store import PAGE, Item, LostError

Remember = Callable[[Listing], None]


class ReadsOnePage(PaperConnector):
    def items(self, since: datetime | None) -> Iterator[Item]:
        yield from self.store.page() if since is None else self.store.changes(since)


class CountsPages(PaperConnector):
    """Pages by number: what shifts is lost."""

    def items(self, since: datetime | None) -> Iterator[Item]:
        for number in count():
            offset = number * PAGE
            page = self.store.page(offset=offset) if since is None else self.store.changes(since, offset=offset)
            yield from page
            if len(page) < PAGE:
                return


class StopsAtAnError(PaperConnector):
    def items(self, since: datetime | None) -> Iterator[Item]:
        try:
            yield from super().items(since)
        except ConnectorError:
            return


class AsksFromTheNextSecond(PaperConnector):
    def items(self, since: datetime | None) -> Iterator[Item]:
        yield from super().items(since and since + timedelta(seconds=1))


class TellsGoneWhatIsThere(PaperConnector):
    def products(self, changed_since: datetime | None) -> Iterator[Product | Skipped | Gone]:
        for item in self.items(None):
            yield Gone(str(item.number))
        yield from super().products(changed_since)


class DropsWhatHasNoPicture(PaperConnector):
    def items(self, since: datetime | None) -> Iterator[Item]:
        return (item for item in super().items(since) if item.pictures)


class AnswersFromMemory(PaperConnector):
    known: Product | None = None

    def product(self, product_id: str) -> Product:
        self.known = self.known or super().product(product_id)
        return self.known


class ShowsThumbnails(PaperConnector):
    def _url(self, name: str) -> str:
        return f"https://paper.example/files/small-{name}"


class ChecksByWriting(PaperConnector):
    def check(self) -> StoreInfo:
        self.store.upload("test.jpg", "")
        return super().check()


class ChecksNothing(PaperConnector):
    def check(self) -> StoreInfo:
        return StoreInfo("Paper store")


class DoesNotLookForKeys(PaperConnector):
    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        if not images:
            return super().attach(product_id, images, placement, remember)
        before = self.listing(product_id)
        remember(before)
        numbers = [self.store.upload(image.filename, image.alt) for image in images]
        own = [int(image.id) for image in before.images]
        self.put(product_id, [*own, *numbers])
        return Attached(self.listing(product_id))


class DoesNotLookBack(PaperConnector):
    """Takes its own word for it: an editor who was faster wins."""

    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        before = self.listing(product_id)
        remember(before)
        numbers = [number for image in images if (number := self._file(image, {})) is not None]
        self.put(product_id, [*(int(image.id) for image in before.images), *numbers])
        new = tuple(self._image(number, 0) for number in numbers)
        return Attached(replace(before, images=(*before.images, *new)))


class WritesItsOwnListAgain(PaperConnector):
    """After an editor came between it insists on the list that it made before."""

    list: Sequence[int] = ()

    def put(self, product_id: str, pictures: Sequence[int]) -> None:
        self.list = self.list or pictures
        super().put(product_id, self.list)


class RemembersTooLate(PaperConnector):
    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        kept: list[Listing] = []
        done = super().attach(product_id, images, placement, kept.append)
        for listing in kept:
            remember(listing)
        return done


class RemembersAlways(PaperConnector):
    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        remember(self.listing(product_id))
        return super().attach(product_id, images, placement, lambda _: None)


class OverlooksThatItCannotRemember(PaperConnector):
    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        def careless(listing: Listing) -> None:
            try:
                remember(listing)
            except RuntimeError:
                logging.getLogger(__name__).info("never mind")

        done = super().attach(product_id, images, placement, careless)
        remember(done.listing)
        return done


class AlwaysAppends(PaperConnector):
    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        return super().attach(product_id, images, Placement.APPEND, remember)


class TurnsTheOrderAround(PaperConnector):
    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        return super().attach(product_id, images[::-1], placement, remember)


class LosesAlts(PaperConnector):
    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        return super().attach(product_id, [replace(image, alt="") for image in images], placement, remember)


class LosesAllForOne(PaperConnector):
    def _file(self, image: NewImage, refused: dict[str, str]) -> int | None:
        number = super()._file(image, refused)
        if number is None:
            raise ConnectorError("a picture was refused", permanent=True)
        return number


class ShowsTheKeyOfTheStore(PaperConnector):
    def ask(self, act: Callable[[], object]) -> object:  # type: ignore[override]
        try:
            return super().ask(act)
        except ConnectorError as error:
            raise ConnectorError(f"{SECRET} did not work", permanent=error.permanent) from error


class HidesTheKeyInACause(PaperConnector):
    def ask(self, act: Callable[[], object]) -> object:  # type: ignore[override]
        try:
            return super().ask(act)
        except ConnectorError as error:
            raise ConnectorError("it did not work", permanent=error.permanent) from KeyError(SECRET)


class GivesUpForGood(PaperConnector):
    def ask(self, act: Callable[[], object]) -> object:  # type: ignore[override]
        try:
            return super().ask(act)
        except ConnectorError as error:
            raise ConnectorError(str(error), permanent=True, retry_after=error.retry_after) from error


class NeverGivesUp(PaperConnector):
    def ask(self, act: Callable[[], object]) -> object:  # type: ignore[override]
        try:
            return super().ask(act)
        except ConnectorError as error:
            raise ConnectorError(str(error), retry_after=error.retry_after) from error


class DoesNotSayHowLong(PaperConnector):
    def ask(self, act: Callable[[], object]) -> object:  # type: ignore[override]
        try:
            return super().ask(act)
        except ConnectorError as error:
            raise ConnectorError(str(error), permanent=error.permanent) from error


class DoesNotWait(PaperConnector):
    """Writes again at once where no answer came, as if nothing had been sent."""

    def write(self, act: Callable[[], object]) -> None:
        try:
            self.ask(act)
        except LostError:
            self.ask(act)

    def _file(self, image: NewImage, refused: dict[str, str]) -> int | None:
        numbers: list[int] = []
        self.write(lambda: numbers.append(self.store.upload(image.filename, image.alt)))
        return numbers[0]


class UndoesToTheSnapshot(PaperConnector):
    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        self.put(product_id, [int(image.id) for image in before.images])
        return self.listing(product_id)


class UndoesAlways(PaperConnector):
    """Writes though there is nothing to undo."""

    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        left = super().restore(product_id, before, after, added)
        self.put(product_id, [int(image.id) for image in left.images])
        return left


class UndoesEverythingOfOurs(PaperConnector):
    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        return super().restore(product_id, before, after, list(self.listing(product_id).keys()))


class UndoesWithoutLookingBack(PaperConnector):
    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        now = self.listing(product_id)
        left = tuple(image for image in now.images if image.key not in added)
        self.put(product_id, [int(image.id) for image in left])
        return replace(now, images=left, main=left[0].id)


class DeletesWhenUndoing(PaperConnector):
    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        left = super().restore(product_id, before, after, added)
        self.delete(self.orphans())
        return left


class CallsEverythingAnOrphan(PaperConnector):
    def orphans(self) -> Sequence[StoredPicture]:
        files = self.store.files.items()
        return [StoredPicture(str(number), "hs-", file.name, "") for number, file in files]


class FindsNoOrphans(PaperConnector):
    def orphans(self) -> Sequence[StoredPicture]:
        return []


class DeletesWhatItIsTold(PaperConnector):
    def delete(self, pictures: Sequence[StoredPicture]) -> Mapping[str, str]:
        for picture in pictures:
            self.store.files.pop(int(picture.id), None)
        return {}


class StumblesOverWhatIsGone(PaperConnector):
    def delete(self, pictures: Sequence[StoredPicture]) -> Mapping[str, str]:
        for picture in pictures:
            self.ask(lambda number=int(picture.id): self.store.delete(number))  # type: ignore[misc]
        return {}


class LetsTheAnswerThrough(PaperConnector):
    """Raises what its client raises."""

    def product(self, product_id: str) -> Product:
        return self._product(self.store.product(int(product_id)))
