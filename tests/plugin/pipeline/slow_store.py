"""A store in memory at the outermost edge: slow, without batches, failing as it is told. Its catalogue is a feed's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from connectors import (
    Attached,
    ConnectorError,
    ConnectorKind,
    Environment,
    Gone,
    ImageRef,
    Listing,
    NewImage,
    Placement,
    Product,
    Skipped,
    StoredPicture,
    StoreInfo,
    kinds,
)
from connectors.feed import FeedOptions
from plugin.pipeline import stores

Remember = Callable[[Listing], None]
SINCE = datetime(2026, 11, 20, tzinfo=UTC)


class Street:
    """All shops of a test, by address (the option `output`). What they show and what was asked of them.

    failing: by shop, the errors of its next writes. lost: fail after the write and not before it. on_write: called in
    the midst of each write, before anything is changed.
    """

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], list[str]] = defaultdict(list)  # (address, product) → keys on the listing
        self.files: dict[str, list[str]] = defaultdict(list)  # address → keys in the library
        self.failing: dict[str, list[ConnectorError]] = defaultdict(list)
        self.lost = False
        self.writes: list[tuple[str, str]] = []
        self.on_write: Callable[[], None] = lambda: None
        self.deleted: list[str] = []

    def shown(self, address: str) -> int:
        """How many pictures of ours are on listings there."""
        return sum(len(keys) for (where, _), keys in self.keys.items() if where == address)


class SlowStore:
    """One opening of a shop."""

    def __init__(self, street: Street, options: FeedOptions, environment: Environment):
        self.street, self.address, self.name = street, options.output.name, environment.store
        self.catalogue = kinds()["feed"].open(options, environment)

    def check(self) -> StoreInfo:
        return StoreInfo(self.name)

    def products(self, changed_since: datetime | None) -> Iterator[Product | Skipped | Gone]:
        return self.catalogue.products(changed_since)

    def product(self, product_id: str) -> Product:
        return self.catalogue.product(product_id)

    def attach(self, product_id: str, images: Sequence[NewImage], placement: Placement, remember: Remember) -> Attached:
        self._begin(product_id)
        shown = self.street.keys[self.address, product_id]
        new = [image.key for image in images if image.key not in shown]
        if new:
            remember(self._listing(product_id))
        shown += new
        self.street.files[self.address] += new
        self._fail(lost=True)
        return Attached(self._listing(product_id))

    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        self._begin(product_id)
        shown = self.street.keys[self.address, product_id]
        shown[:] = [key for key in shown if key not in added]
        return self._listing(product_id)

    def _begin(self, product_id: str) -> None:
        self.street.writes.append((self.name, product_id))
        self._fail(lost=False)
        self.street.on_write()

    def _fail(self, *, lost: bool) -> None:
        if self.street.failing[self.name] and self.street.lost is lost:
            raise self.street.failing[self.name].pop(0)

    def _listing(self, product_id: str) -> Listing:
        keys = self.street.keys[self.address, product_id]
        images = (ImageRef(id=key, url=f"https://{self.address}/files/lamp-{key}-1.jpg") for key in keys)
        return Listing(product_id, tuple(images), None)


class LibraryStore(SlowStore):
    """A shop that keeps its files apart from its listings."""

    def orphans(self) -> Sequence[StoredPicture]:
        shown = {key for keys in self.street.keys.values() for key in keys}
        files = [key for key in self.street.files[self.address] if key not in shown]
        return [StoredPicture(f"f-{key}", key, f"lamp-{key}-1.jpg", f"https://x/{key}", SINCE) for key in files]

    def delete(self, pictures: Sequence[StoredPicture]) -> dict[str, str]:
        if self.street.failing[self.name]:
            raise self.street.failing[self.name].pop(0)
        for picture in pictures:
            self.street.files[self.address].remove(picture.key)
            self.street.deleted.append(picture.key)
        return {}


def open_street(monkeypatch: pytest.MonkeyPatch, shop: type[SlowStore] = SlowStore) -> Street:
    """Every feed store is such a shop from now on."""
    street = Street()

    def opened(options: FeedOptions, environment: Environment) -> SlowStore:
        return shop(street, options, environment)

    monkeypatch.setattr(stores, "kinds", lambda: {"feed": ConnectorKind("feed", "Slow", FeedOptions, opened)})
    return street
