"""The store from its other side: what an author writes so that the contract suite can be run over a connector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from connectors.types import Connector, ConnectorError, NewImage


class Killed(BaseException):
    """The program dies at this point."""


class ShopKit(ABC):
    """One store of a test's own, with a clock of its own, a hand for its editors, and a switch for each trouble.

    Behind it stands a sandbox of the platform (or the platform itself). Where a platform by its nature lacks a thing,
    the kit does what is alike; the suite has no skips. What the kit tells of the shop must not come from the connector
    under test: the two are compared.

    A picture of a listing goes by its file name. The shop may change a name when it takes a picture (`x-1.jpg`); the
    suite recognises its own by the key inside.

    several_pages: so many products that reading the catalogue takes at least three pages (or chunks).
    late: so many seconds after a client gave up the shop may still finish its write.
    names_the_wait: whether the shop says how long to wait when it throttles.
    secrets: what no message, traceback or log line may contain.
    """

    several_pages: int = 30
    late: float = 20.0
    names_the_wait: bool = True
    secrets: Sequence[str] = ()

    @abstractmethod
    def connector(self) -> Connector:
        """The connector under test, opened anew, as after a restart: same credentials, same state folder.

        Its `Environment.now` must be this kit's `now`, and its `sleep` this kit's `advance`.
        """

    # The clock

    @abstractmethod
    def now(self) -> datetime:
        """The shop's time, aware UTC. It stands still unless `advance` is called.

        Let it run in another time zone than UTC inside of the shop if the platform has local times.
        """

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Time goes by; what was due in it happens."""

    # The catalogue

    @abstractmethod
    def add_product(self, title: str, pictures: int = 1) -> str:
        """A new product with so many pictures of the shop's own (0: none), dated now. Gives its id as
        `Product.id` has it. Every picture has another file name."""

    @abstractmethod
    def remove_product(self, product_id: str) -> None:
        """The product leaves the catalogue for good."""

    @abstractmethod
    def touch(self, product_id: str) -> str:
        """The shop changes the product's title now, in a way that a delta must show. Gives the new title."""

    @abstractmethod
    def listing(self, product_id: str) -> list[str]:
        """The file names of the product's pictures as the shop itself has them, in order, main picture first.

        Not asked of the connector, and not through it. A shop that follows its source with a delay (a feed) may lag
        behind an editor until the catalogue is read again.
        """

    @abstractmethod
    def snapshot(self) -> object:
        """All that a write could change, as a value to compare: products, listings, files, webhooks."""

    # The editors. Names are such as `listing` gives.

    @abstractmethod
    def editor_adds(self, product_id: str) -> str:
        """Somebody else adds a picture behind all others, now. Gives its name."""

    @abstractmethod
    def editor_removes(self, product_id: str, name: str) -> None:
        """Somebody else takes a picture off the listing: one of the shop's own, or one that the connector put there."""

    @abstractmethod
    def editor_moves(self, product_id: str, name: str, to: int) -> None:
        """Somebody else moves one of the shop's own pictures, so that it stands at this place of the listing (from 0);
        where it can only be placed among the shop's own (a feed), as near to that as can be."""

    # Trouble. Each comes once, unless it says otherwise.

    @abstractmethod
    def while_reading(self, act: Callable[[], None]) -> None:
        """Has `act` called in the course of the next read of the catalogue, after its first page (or chunk) was given
        out and before the last one is. Products are read in whatever order the connector asks for."""

    @abstractmethod
    def lose_next_answer(self, skip: int = 0, *, late: float = 0.0) -> None:
        """A write takes effect but its answer is lost, as in a crash or a time-out of the client.

        skip: so many writes go well before it; what a connector writes for one `attach` (uploads, the listing itself)
        counts one by one. late: it takes effect only so many seconds after the connector lost sight of it.
        """

    @abstractmethod
    def die_at_next_write(self, skip: int = 0, *, late: float = 0.0) -> None:
        """A write takes effect, and the program dies before it sees the answer: raise `Killed` out of whatever the
        connector does next (a look at the clock, a wait), so that its call ends there. skip, late: as above."""

    @abstractmethod
    def fail_next_write(self, skip: int = 0) -> None:
        """A write does not take effect, and the connector is told so (an error 500, a full disk). skip: as above."""

    @abstractmethod
    def editor_overwrites_next_write(self, product_id: str) -> str:
        """Right after the next write to this listing somebody else saves it as they had read it before that write,
        with one more picture at its end. Gives the name that this picture will have."""

    @abstractmethod
    def refuse_one(self, product_id: str, images: Sequence[NewImage]) -> str:
        """The shop will not take one of these pictures on this product for good (broken, too many); the others it
        takes. Gives its key. May change the product's own pictures, now."""

    @abstractmethod
    def revoke(self) -> None:
        """From now on the credentials may not write any more. Reading may go on or not."""

    @abstractmethod
    def grant(self) -> None:
        """They may again."""

    @abstractmethod
    def throttle(self, seconds: float) -> None:
        """For so many seconds the shop does nothing for us, since we ask too often or somebody else is at it."""

    @abstractmethod
    def calm(self) -> None:
        """Trouble that was ordered and has not come yet does not come any more."""

    # Pictures

    def public_url(self, path: Path, filename: str) -> str:
        """An address where the shop can fetch this file; its path ends in `filename`.

        For shops that fetch by themselves. Raises ConnectorError (permanent) where there is none.
        """
        raise ConnectorError(f"no public address is set, so nobody can fetch {filename} ({path.name})", permanent=True)


class LibraryKit(ShopKit):
    """A `ShopKit` for a connector that is a `Library`: the shop keeps files apart from the listings.

    may_delete: whether the credentials allow files to be deleted.
    may_double: whether an upload that comes `late` may find that the connector did not wait for it. Then a file more is
    in the library, which must be found as an orphan.
    """

    may_delete: bool = True
    may_double: bool = False

    @abstractmethod
    def files(self) -> Mapping[str, str]:
        """All picture files in the shop's library, shown or not: the shop's id for it → file name."""
