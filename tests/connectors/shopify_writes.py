"""What the tests of writing to a Shopify store share: a sandbox shop over real HTTP, a clock, pictures, attaching.

with serving(tmp_path, attach_at="front") as desk:
    mug = desk.product(2)                     # a product with two pictures of the shop's own
    desk.attach(mug, desk.images(1, 2), REPLACE)
    desk.shown(mug)                           # ["1", "a", "2", "b"]: ours by number, others by letter
    desk.calls()                              # what was asked since desk.forget()
"""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from PIL import Image

from connectors import Attached, ConnectorError, Environment, Listing, NewImage, Placement, key_in
from connectors.http import new_session
from connectors.shopify import ShopifyConnector, ShopifyOptions
from connectors.shopify.attach import attach
from connectors.shopify.restore import restore
from connectors.shopify.room import Room, open_room
from plugin.sandbox.shopify.model import Media
from plugin.sandbox.shopify.options import DEFAULT_TOKEN, SandboxOptions
from plugin.sandbox.shopify.server import ShopifyService, serve_shopify

T = TypeVar("T")
SHOP = "sandbox-shop.myshopify.com"
APPEND, AFTER, REPLACE = Placement.APPEND, Placement.AFTER_MAIN, Placement.REPLACE_MAIN
LETTERS = "abcdefghijklmnopqrstuvw"


class Clock:
    """A clock that the shop goes by, too; waiting takes no time. `due` is done when its time has come."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC).replace(microsecond=0)
        self.slept: list[float] = []
        self.due: list[tuple[datetime, Callable[[], object]]] = []

    def now(self) -> datetime:
        return self.time

    def stamp(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        now = [act for moment, act in self.due if moment <= self.time]
        self.due = [(moment, act) for moment, act in self.due if moment > self.time]
        for act in now:
            act()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """Have something done in so many seconds."""
        self.due.append((self.time + timedelta(seconds=seconds), act))


def key(number: int) -> str:
    """A key of ours."""
    return "hs-" + base64.b32encode(number.to_bytes(17, "big")).decode().lower()[-26:].replace("=", "a")


NUMBERS = {key(number): str(number) for number in range(1, 1000)}


def picture(colour: int, kind: str = "JPEG", size: tuple[int, int] = (24, 24)) -> bytes:
    """A small picture."""
    output = io.BytesIO()
    Image.new("RGB", size, f"#{colour % 0xFFFFFF:06x}").save(output, kind)
    return output.getvalue()


def no_address() -> str:
    """The `public_url` of a picture where no public address is configured."""
    raise ConnectorError("no public address is configured", permanent=True)


PHOTO = picture(0x336699)


@dataclass
class Desk:
    """A shop, and our side of it."""

    shop: ShopifyService
    folder: Path
    clock: Clock
    sessions: list[requests.Session] = field(default_factory=list)
    remembered: list[Listing] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = self.shop.store
        self.room = self.opened()
        self.state = self.room.state
        self._seen = 0

    def session(self, ca_file: Path | None = None) -> requests.Session:
        self.sessions.append(new_session(allow_private=True, ca_file=ca_file))
        return self.sessions[-1]

    def options(self, **changes: Any) -> ShopifyOptions:
        return ShopifyOptions.model_validate(
            {"shop": SHOP, "api_url": self.shop.url, "access_token": DEFAULT_TOKEN} | changes
        )

    def environment(self) -> Environment:
        place = self.folder / "state"
        return Environment("shop", place, self.folder, self.session, self.clock.now, self.clock.sleep)

    def opened(self) -> Room:
        """The connector's parts, opened anew as after a restart."""
        return open_room(self.options(), self.environment())

    def connector(self) -> ShopifyConnector:
        return ShopifyConnector(self.options(), self.environment())

    # The shop

    def theirs(self, name: str = "") -> str:
        """A picture of the shop's own; its gid."""
        letter = LETTERS[len(self.names)]
        gid = self.store.add_media(PHOTO, name or f"photo-{letter}.jpg")
        self.names[gid] = letter
        return str(gid)

    def video(self) -> str:
        """A video in the shop; its gid."""
        gid = self.store.add_media(b"", "film.mp4", "a film", kind="Video")
        self.names[gid] = "V"
        return str(gid)

    def product(self, pictures: int = 2) -> int:
        return int(self.store.add_product("Mug", [self.theirs() for _ in range(pictures)]))

    def shirt(self, *colours: str) -> tuple[int, list[int]]:
        """A product "ab…" and variants: for each word its place in the list of media ("-": none)."""
        product = self.product(4)
        media = self.store.media_ids(product)
        shown = ["" if place == "-" else media[int(place)] for place in colours]
        return product, [self.store.add_variant(product, {"No": str(n)}, gid) for n, gid in enumerate(shown)]

    def name(self, gid: str) -> str:
        """ "1" for the picture of ours with that number, a letter for any other."""
        ours = key_in(self.file(gid).name)
        return NUMBERS[ours] if ours else self.names[gid]

    def file(self, gid: str) -> Media:
        return self.store.media[gid]

    def shown(self, product: int) -> str:
        """What a product shows, by names."""
        return "".join(self.name(gid) for gid in self.store.media_ids(product))

    def wears(self, variants: Sequence[int]) -> str:
        """What variants show, by names; "-": nothing."""
        media = [self.store.variants[variant].media for variant in variants]
        return "".join(self.name(gid) if gid else "-" for gid in media)

    def ours(self) -> str:
        """The files of ours in the shop, in the order of their making."""
        return "".join(NUMBERS[found] for one in self.store.media.values() if (found := key_in(one.name)))

    # Our side

    def image(self, number: int, kind: str = "JPEG", name: str = "") -> NewImage:
        """A picture of ours, in a file."""
        path = self.folder / "ours" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture(number * 1000, kind))
        return NewImage(key(number), path, name or f"mug-{key(number)}.jpg", f"alt {number}", no_address)

    def images(self, *numbers: int) -> list[NewImage]:
        return [self.image(number) for number in numbers]

    def attach(self, product: int | str, images: Sequence[NewImage], placement: Placement = APPEND) -> Attached:
        """One attach; nothing but the room's state is kept between two."""
        return attach(self.room, str(product), images, placement, self.remembered.append)

    def restore(self, product: int | str, *numbers: int) -> Listing:
        """Undo, by the first snapshot that was remembered."""
        return restore(self.room, str(product), self.remembered[0], [key(number) for number in numbers])

    def insist(self, act: Callable[[], T]) -> T:
        """As the pipeline does: an error that may pass is waited for."""
        for pause in (10, 60, 300, *[1800] * 8):
            try:
                return act()
            except ConnectorError as error:
                if error.permanent:
                    raise
                self.clock.sleep(max(pause, error.retry_after or 0))
        raise AssertionError("it never ended")

    def forget(self) -> None:
        """`calls` and `points` count from here."""
        self._seen = len(self.shop.requests)

    def calls(self) -> list[str]:
        """What was asked, in the words of the fault rules."""
        return [seen.call for seen in self.shop.requests[self._seen :]]

    def points(self) -> int:
        """What it cost."""
        return sum(seen.points for seen in self.shop.requests[self._seen :])

    def fault(self, *texts: str) -> None:
        self.shop.faults.clear()
        self.shop.fault(*texts)


class KilledError(BaseException):
    """As if the process had been killed: nothing of the program handles it."""


def killed_at(desk: Desk, step: int, act: Callable[[], object], *, after: bool) -> bool:
    """Do something and be killed at a request, before it is sent or after the shop has answered; False: it ended."""
    send, steps = desk.room.client._sent, itertools.count(1)

    def killing(*args: Any, **more: Any) -> Any:
        last = next(steps) == step
        if last and not after:
            raise KilledError
        answer = send(*args, **more)
        if last:
            raise KilledError
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.room.client, "_sent", killing)
        try:
            act()
        except KilledError:
            return True
    return False


@contextmanager
def serving(folder: Path, **options: Any) -> Iterator[Desk]:
    """A shop without products, and our side of it. options: of SandboxOptions."""
    clock = Clock()
    with serve_shopify(SandboxOptions(catalogue="empty", **options), clock=clock.stamp) as shop:
        desk = Desk(shop, folder, clock)
        try:
            yield desk
        finally:
            for session in desk.sessions:
                session.close()
