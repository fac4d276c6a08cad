"""The words that every store connector speaks: products, pictures, listings, and the seam itself.

A connector turns one shop platform into these types and back. It knows nothing of prompts, of the image
API or of the database: what it needs from outside (HTTP sessions, a clock, a folder of its own) comes in
through `Environment`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, runtime_checkable
from urllib.parse import unquote, urlsplit

import requests

T = TypeVar("T")

# A published picture carries its key inside its file name; stores add "-1", "-scaled" or another
# extension around it, so the key is found by pattern and never by comparing whole names.
KEY_PATTERN = re.compile(r"hs-[a-z2-7]{26}")


def key_in(name: str) -> str | None:
    """The key of ours that a file name or URL carries, or None."""
    found = KEY_PATTERN.search(unquote(urlsplit(name).path).lower())
    return found.group() if found else None


class Placement(StrEnum):
    """Where new pictures go in a listing."""

    APPEND = "append"
    AFTER_MAIN = "after-main"
    REPLACE_MAIN = "replace-main"  # the old main picture stays, as the second


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One picture of a listing, as the store names it.

    `url` is absolute. A feed may name a file instead: then `path` is set and `url` is empty.
    """

    id: str
    url: str = ""
    alt: str = ""
    position: int = 0
    width: int | None = None
    height: int | None = None
    path: Path | None = None

    @property
    def key(self) -> str | None:
        """Our key, if this picture was made by hebo-sync (looked for in the file name and in the id)."""
        return key_in(self.url or (self.path.name if self.path else "")) or key_in(self.id)


@dataclass(frozen=True, slots=True)
class Product:
    """One product as the store has it now.

    `group` ties variants of one product together (feed: item_group_id). `updated_at` is aware UTC, and so is
    `listed_at`: when the product came into the store; None: the store does not tell. `sales_rank`: the lower, the
    better it sells; it is compared with products of the same store only. None: not known.
    `main_image` is what pictures are generated from; None: the product has no usable picture.
    `images` is the whole listing in order, main picture first.
    """

    id: str
    title: str
    description: str = ""
    vendor: str = ""
    kind: str = ""
    tags: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    price: Decimal | None = None
    currency: str = ""
    url: str = ""
    group: str = ""
    main_image: ImageRef | None = None
    images: tuple[ImageRef, ...] = ()
    updated_at: datetime | None = None
    listed_at: datetime | None = None
    sales_rank: int | None = None

    def facts(self) -> dict[str, Any]:
        """What a prompt may use; plain values, uncleaned (the prompt engine cleans them)."""
        return {
            "title": self.title,
            "description": self.description,
            "vendor": self.vendor,
            "kind": self.kind,
            "tags": list(self.tags),
            "options": dict(self.options),
            "price": str(self.price) if self.price is not None else "",
            "currency": self.currency,
        }


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the catalogue that could not be read; the rest of the catalogue goes on.

    `where` is what a person can look up ("line 17", "product 42 (line 17)"); `reason` is one plain sentence that
    goes on from it after a colon, so it does not name it again. `product_id` is set where a known product is left
    out as a whole: nothing can be made for it as it is.
    """

    where: str
    reason: str
    product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The product is no longer in the store; a store that can tell yields it in a delta."""

    product_id: str


@dataclass(frozen=True, slots=True)
class NewImage:
    """A picture to attach. `path` is the verified, marked file; `filename` carries `key`.

    `public_url` gives an address from which a store may fetch the file, or raises ConnectorError
    (permanent) where no public URL is configured.
    """

    key: str
    path: Path
    filename: str
    alt: str
    public_url: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Listing:
    """The pictures of one product, in order; `main` is the id of the main one (None: it has none)."""

    product_id: str
    images: tuple[ImageRef, ...]
    main: str | None

    def keys(self) -> frozenset[str]:
        """The keys of ours that the listing carries."""
        return frozenset(image.key for image in self.images if image.key)


@dataclass(frozen=True, slots=True)
class Attached:
    """What `attach` did: the listing as it is now, and each key that the store would not take, with why."""

    listing: Listing
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What `check` found out. `problems` is what must be mended before anything is spent (empty: ready);
    `notes` is what a person should know."""

    name: str
    currency: str = ""
    version: str = ""
    timezone: str = ""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ConnectorError(Exception):
    """A store did not do what was asked. The message says what happened and what to do next.

    permanent: asking again as it is will not help (the admin must act).
    retry_after: seconds that the store asked us to wait, if it did.
    """

    def __init__(self, message: str, *, permanent: bool = False, retry_after: float | None = None):
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after


@runtime_checkable
class Connector(Protocol):
    """One store. Instances are cheap, hold no global state and may be used by one thread at a time.

    Every method raises ConnectorError when the store refuses or does not answer.
    """

    def check(self) -> StoreInfo:
        """Look at the store without changing it: what it is and what the credentials may do."""
        ...

    def products(self, changed_since: datetime | None) -> Iterator[Product | Skipped | Gone]:
        """Stream the catalogue (None: all of it; else at least all that changed since then, aware UTC).

        What left the store since then is told by `Gone`, which may be said again. A full read need not say it, and
        a store that cannot tell is swept now and then by a full read: what that does not give is gone.
        """
        ...

    def product(self, product_id: str) -> Product:
        """The product as the store has it this moment."""
        ...

    def attach(
        self,
        product_id: str,
        images: Sequence[NewImage],
        placement: Placement,
        remember: Callable[[Listing], None],
    ) -> Attached:
        """Put the pictures on the listing. Idempotent by key: what the listing already carries is not written again.

        `remember` is called with the listing as it was, after the fresh read and before the first write; only
        when it has returned (the snapshot is durable) may the listing be changed. It is not called when
        nothing has to be written.
        """
        ...

    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        """Undo one attach as a three-way merge; idempotent. Gives the listing as it is then.

        Of `added` (keys) nothing remains on the listing; what we moved goes back; what others did since stays.
        """
        ...


@runtime_checkable
class Batching(Protocol):
    """Optional: writes made inside `batch()` become durable together, when the block ends without an error.

    If leaving the block raises ConnectorError, none of the block's writes took effect.
    """

    def batch(self) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture file in a store's library that carries a key of ours. `id` is the store's name for it.

    `since`: when it came there, aware UTC, where the store tells.
    """

    id: str
    key: str
    name: str
    url: str
    since: datetime | None = None


@runtime_checkable
class Library(Protocol):
    """Optional: the store keeps picture files apart from the listings that show them.

    Taking a picture off a listing leaves its file there, since it may be used elsewhere (a page, an advertisement).
    """

    def orphans(self) -> Sequence[StoredPicture]:
        """The files that carry a key of ours and that no listing shows, as far as the credentials let us see.

        Reads the whole catalogue. Raises ConnectorError.
        """
        ...

    def delete(self, pictures: Sequence[StoredPicture]) -> Mapping[str, str]:
        """Delete these files for good; asked for by a person only. Gives those that are still there, id → why.

        A file without a key of ours, or that a listing shows by now, is not deleted. Raises ConnectorError
        (permanent) where the credentials do not allow any deletion; the message says which are needed.
        """
        ...


@runtime_checkable
class PictureSource(Protocol):
    """Optional: the store's pictures cannot be fetched by just anybody (it has a certificate of its own)."""

    def picture_session(self) -> requests.Session | None:
        """A session that can fetch them; who asks does not close it. None: anybody can fetch them."""
        ...


class Callback(Protocol):
    """An address of ours that a store is to call, to prove that it can reach us."""

    @property
    def url(self) -> str:
        """The address; unguessable, and good for a few minutes."""
        ...

    def arrived(self, seconds: float) -> bool:
        """Whether it was called; waits for it, at most so long."""
        ...


class SessionFactory(Protocol):
    """Gives an HTTP session with timeouts and address rules, whose connections are kept; who asks does not close it."""

    def __call__(self, ca_file: Path | None = None) -> requests.Session:
        """ca_file: certificates to trust instead of the public ones (PEM). Raises OSError if it cannot be read."""
        ...


class Vault(Protocol):
    """Encryption for the secrets that a connector has to keep between runs, such as a token that it renewed."""

    def seal(self, text: str) -> str:
        """The text, so that nobody but this program can read it."""
        ...

    def unseal(self, sealed: str) -> str:
        """The text again. Raises ConnectorError (permanent) where the program's key is another one by now."""
        ...


class Keep(Protocol):
    """Objects that outlive one opening of a connector: a shop's rate governor, say."""

    def __call__(self, name: str, make: Callable[[], T]) -> T:
        """The store's object of that name, made at first asking and kept as long as the process works with the store.

        All connectors of the store in this process get the same one, from any thread.
        """
        ...


class KeptAlone:
    """A `Keep` of its own, for a connector that is opened alone."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, name: str, make: Callable[[], T]) -> T:
        """See `Keep`."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            return cast(T, self._kept[name])


@dataclass(frozen=True, slots=True)
class Environment:
    """What a connector gets from outside.

    state_dir: a folder of this store's own, kept between runs. base_dir: what relative paths in the options
    are relative to. now: aware UTC. sleep: waits so many seconds.
    callback: opens an address for the store to call; None: no public address is set, so nobody outside can fetch
    a picture from here either.
    vault: None: no secret may be kept. keep: what lives longer than one connector.
    """

    store: str
    state_dir: Path
    base_dir: Path
    session: SessionFactory
    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    callback: Callable[[], AbstractContextManager[Callback]] | None = None
    vault: Vault | None = None
    keep: Keep = field(default_factory=KeptAlone)
