"""A sound connector to the paper store, as short as the contract lets it be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from connectors import (
    Attached,
    ConnectorError,
    Gone,
    ImageRef,
    Listing,
    NewImage,
    Placement,
    Product,
    Skipped,
    StoredPicture,
    StoreInfo,
    key_in,
)
from tests.connectors.paper_store import Answer, Item, LostError, PaperStore

T = TypeVar("T")
SECRET = "paper-secret-42"
_LOOKS = (5.0, 30.0)  # seconds; the store finishes within 20 what it was asked for
_TRIES = 4


class PaperConnector:
    """A `Connector` and a `Library`."""

    def __init__(self, store: PaperStore, *, may_delete: bool = True):
        self.store, self._may_delete = store, may_delete

    def check(self) -> StoreInfo:
        problems = ("The key may only read; give it the right to write.",) if self.store.trouble.revoked else ()
        return StoreInfo("Paper store", problems=problems)

    def products(self, changed_since: datetime | None) -> Iterator[Product | Skipped | Gone]:
        for item in self.items(changed_since):
            yield self._product(item)

    def items(self, since: datetime | None) -> Iterator[Item]:
        """By cursor: what shifts does not matter."""
        page = self.ask(lambda: self.store.page() if since is None else self.store.changes(since))
        while page:
            yield from page
            last = page[-1]
            page = self.ask(lambda: self._next(since, last))  # noqa: B023  (called at once)

    def _next(self, since: datetime | None, last: Item) -> list[Item]:
        if since is None:
            return self.store.page(last.number)
        return self.store.changes(since, (last.modified, last.number))

    def product(self, product_id: str) -> Product:
        return self._product(self.ask(lambda: self.store.product(int(product_id))))

    def attach(
        self,
        product_id: str,
        images: Sequence[NewImage],
        placement: Placement,
        remember: Callable[[Listing], None],
    ) -> Attached:
        refused: dict[str, str] = {}
        remembered = False
        for _ in range(_TRIES):
            before = self.listing(product_id)
            new = [image for image in images if image.key not in before.keys() | refused.keys()]
            if not new:
                return Attached(before, refused)
            if not remembered:
                remember(before)
                remembered = True
            numbers = [number for image in new if (number := self._file(image, refused)) is not None]
            if numbers:
                self.put(product_id, placed([int(image.id) for image in before.images], numbers, placement))
        raise ConnectorError(f"product {product_id}: others keep writing it; it is tried again")

    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        for _ in range(_TRIES):
            now = self.listing(product_id)
            left = [int(image.id) for image in now.images if image.key not in added]
            if len(left) == len(now.images):
                return now
            self.put(product_id, left)
        raise ConnectorError(f"product {product_id}: others keep writing it; it is tried again")

    def orphans(self) -> Sequence[StoredPicture]:
        files = self.ask(self.store.library)
        shown = {number for item in self.items(None) for number in item.pictures}
        ours = ((number, file.name, key_in(file.name)) for number, file in files.items() if number not in shown)
        return [StoredPicture(str(number), key, name, self._url(name)) for number, name, key in ours if key]

    def delete(self, pictures: Sequence[StoredPicture]) -> Mapping[str, str]:
        if not self._may_delete:
            raise ConnectorError("these credentials may not delete files; give others", permanent=True)
        orphans = {picture.id for picture in self.orphans()}
        files = self.ask(self.store.library)
        left = {}
        for picture in pictures:
            if picture.id in orphans:
                self.write(lambda number=int(picture.id): self.store.delete(number))  # type: ignore[misc]
            elif int(picture.id) in files:
                left[picture.id] = "it is shown, or it is not ours"
        return left

    def listing(self, product_id: str) -> Listing:
        images = self.product(product_id).images
        return Listing(product_id, images, images[0].id if images else None)

    def _file(self, image: NewImage, refused: dict[str, str]) -> int | None:
        """The picture's number in the library, uploaded if need be."""
        for _ in range(2):
            known = [number for number, file in self.ask(self.store.library).items() if image.key in file.name]
            if known:
                return min(known)
            try:
                self.write(lambda: self.store.upload(image.filename, image.alt))
            except Answer as answer:
                refused[image.key] = f"the store does not take it ({answer})"
                return None
        raise ConnectorError(f"the picture {image.filename} did not arrive; it is tried again")

    def put(self, product_id: str, pictures: Sequence[int]) -> None:
        self.write(lambda: self.store.put(int(product_id), pictures))

    def write(self, act: Callable[[], object]) -> None:
        """Once. Where no answer comes, waits until the store must be done; the caller looks."""
        try:
            self.ask(act)
        except LostError:
            for seconds in _LOOKS:
                self.store.advance(seconds)

    def ask(self, act: Callable[[], T]) -> T:
        with self.translated():
            return act()

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except Answer as answer:
            if answer.status == 422:
                raise
            message = f"the paper store refused ({answer}); look at its log"
            permanent = answer.status in (401, 404)
            raise ConnectorError(message, permanent=permanent, retry_after=answer.wait) from None

    def _product(self, item: Item) -> Product:
        images = tuple(self._image(number, position) for position, number in enumerate(item.pictures))
        return Product(
            str(item.number),
            item.title,
            main_image=images[0] if images else None,
            images=images,
            updated_at=item.modified,
        )

    def _image(self, number: int, position: int) -> ImageRef:
        file = self.store.files[number]
        return ImageRef(str(number), self._url(file.name), file.alt, position)

    def _url(self, name: str) -> str:
        return f"https://paper.example/files/{name}?v=1"


def placed(own: Sequence[int], new: Sequence[int], placement: Placement) -> list[int]:
    """New pictures at their place."""
    if placement is Placement.APPEND:
        return [*own, *new]
    if placement is Placement.AFTER_MAIN:
        return [*own[:1], *new, *own[1:]]
    return [*new[:1], *own[:1], *new[1:], *own[1:]]
