"""The paper store from its other side: a kit that may be copied to begin one's own with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta

from connectors import NewImage
from connectors.testing import Killed, LibraryKit
from tests.connectors.paper_connector import SECRET, PaperConnector
from tests.connectors.paper_store import PAGE, Answer, File, Item, LostError, PaperStore, Trouble


class PaperShop(LibraryKit):
    several_pages = 3 * PAGE + 1
    secrets = (SECRET,)

    def __init__(self, kind: type[PaperConnector] = PaperConnector, *, may_delete: bool = True):
        """kind: the connector under test."""
        self._kind, self.may_delete, self._store = kind, may_delete, PaperStore()

    def connector(self) -> PaperConnector:
        return self._kind(self._store, may_delete=self.may_delete)

    # The clock

    def now(self) -> datetime:
        return self._store.time

    def advance(self, seconds: float) -> None:
        self._store.advance(seconds)

    # The catalogue

    def add_product(self, title: str, pictures: int = 1) -> str:
        number = self._store.next()
        files = [self._file() for _ in range(pictures)]
        self._store.items[number] = Item(number, title, files, self._store.time)
        return str(number)

    def remove_product(self, product_id: str) -> None:
        del self._store.items[int(product_id)]

    def touch(self, product_id: str) -> str:
        item = self._store.items[int(product_id)]
        item.title = f"Touched {self._store.next()}"
        self._store.change(item.number)
        return item.title

    def listing(self, product_id: str) -> list[str]:
        return [self._store.files[number].name for number in self._store.items[int(product_id)].pictures]

    def files(self) -> Mapping[str, str]:
        return {str(number): file.name for number, file in self._store.files.items()}

    def snapshot(self) -> object:
        return deepcopy((self._store.items, self._store.files))

    def _file(self) -> int:
        number = self._store.next()
        self._store.files[number] = File(f"photo-{number}.jpg")
        return number

    # The editors

    def editor_adds(self, product_id: str) -> str:
        number = self._file()
        self._store.change(int(product_id), [*self._pictures(product_id), number])
        return self._store.files[number].name

    def editor_removes(self, product_id: str, name: str) -> None:
        left = [number for number in self._pictures(product_id) if self._store.files[number].name != name]
        self._store.change(int(product_id), left)

    def editor_moves(self, product_id: str, name: str, to: int) -> None:
        pictures = self._pictures(product_id)
        moved = next(number for number in pictures if self._store.files[number].name == name)
        pictures.remove(moved)
        pictures.insert(to, moved)
        self._store.change(int(product_id), pictures)

    def _pictures(self, product_id: str) -> list[int]:
        return list(self._store.items[int(product_id)].pictures)

    # Trouble

    def while_reading(self, act: Callable[[], None]) -> None:
        self._store.trouble.while_reading = act

    def lose_next_answer(self, skip: int = 0, *, late: float = 0.0) -> None:
        def lose(act: Callable[[], int]) -> int:
            self._store.later(late, act)
            raise LostError

        self._store.trouble.strike, self._store.trouble.skip = lose, skip

    def die_at_next_write(self, skip: int = 0, *, late: float = 0.0) -> None:
        def die(act: Callable[[], int]) -> int:
            self._store.later(late, act)
            raise Killed

        self._store.trouble.strike, self._store.trouble.skip = die, skip

    def fail_next_write(self, skip: int = 0) -> None:
        def fail(act: Callable[[], int]) -> int:
            raise Answer(500)

        self._store.trouble.strike, self._store.trouble.skip = fail, skip

    def editor_overwrites_next_write(self, product_id: str) -> str:
        number = self._file()
        self._store.trouble.editor = (int(product_id), number)
        return self._store.files[number].name

    def refuse_one(self, product_id: str, images: Sequence[NewImage]) -> str:
        key = images[len(images) // 2].key
        self._store.trouble.refused.add(key)
        return key

    def revoke(self) -> None:
        self._store.trouble.revoked = True

    def grant(self) -> None:
        self._store.trouble.revoked = False

    def throttle(self, seconds: float) -> None:
        self._store.trouble.throttled_until = self._store.time + timedelta(seconds=seconds)

    def calm(self) -> None:
        ordered = self._store.trouble
        self._store.trouble = Trouble(
            revoked=ordered.revoked, throttled_until=ordered.throttled_until, refused=ordered.refused
        )
