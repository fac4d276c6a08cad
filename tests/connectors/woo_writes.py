"""What the tests of writing to a WooCommerce store share beside `woo_kit`: a relay for pictures, and retries."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connectors import Attached, ConnectorError, Listing, NewImage, Placement, key_in
from connectors.woocommerce.attach import attach
from connectors.woocommerce.restore import restore
from plugin.sandbox.woocommerce.server import WooOptions, WooService, serve_woocommerce
from tests.connectors.woo_kit import Clock, WooShop, jpeg, key, no_address

T = TypeVar("T")
SCALE, LONGEST = 0.004, 0.02  # real seconds for each second that is waited: late work of the store gets its turn
APPEND, AFTER, REPLACE = Placement.APPEND, Placement.AFTER_MAIN, Placement.REPLACE_MAIN
NUMBERS = {key(number): str(number) for number in range(1, 1000)}


class Waiting(Clock):
    """A clock that the store goes by, too, since signatures carry the time."""

    def __init__(self) -> None:
        super().__init__()
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def stamp(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.time += timedelta(seconds=seconds)
        time.sleep(min(seconds * SCALE, LONGEST))


class Relay:
    """Serves pictures to the store by file name. `statuses`: what is answered instead of a picture."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2].partition("?")[0]
                self.send_response(relay.statuses.get(name, 200 if name in relay.files else 404))
                self.end_headers()
                self.wfile.write(relay.files.get(name, b""))

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/pictures/{name}?sig=x"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Desk:
    """Our side of a store: pictures to attach, attaching and undoing, and what was remembered."""

    def __init__(self, woo: WooService, folder: Path, clock: Waiting, relay: Relay | None):
        """relay: where the store fetches pictures from; None: nobody outside can fetch."""
        self.woo, self.store, self.clock, self.relay = woo, woo.store, clock, relay
        self.kit = WooShop(woo, folder, clock)
        self.room = self.kit.room()
        self.state = self.room.state
        self.remembered: list[Listing] = []

    def image(self, number: int) -> NewImage:
        """A picture of ours."""
        if self.relay is None:
            return self.kit.image(number, no_address)
        made = self.kit.image(number)
        url = self.relay.url(made.filename)
        self.relay.files[made.filename] = made.path.read_bytes()
        return NewImage(made.key, made.path, made.filename, made.alt, lambda: url)

    def images(self, *numbers: int) -> list[NewImage]:
        return [self.image(number) for number in numbers]

    def attach(self, product: int | str, images: Sequence[NewImage], placement: Placement = APPEND) -> Attached:
        """One attach; nothing but the room's state is kept between two."""
        return attach(self.room, str(product), images, placement, self.remembered.append)

    def restore(self, product: int | str, before: Listing, after: Listing, *numbers: int) -> Listing:
        return restore(self.room, str(product), before, after, [key(number) for number in numbers])

    def insist(self, act: Callable[[], T]) -> T:
        """As the pipeline does: an error that may pass is waited for. `remembered` keeps the first snapshot first."""
        for pause in (10, 60, 300, *[1800] * 20):
            try:
                return act()
            except ConnectorError as error:
                if error.permanent:
                    raise
                self.clock.sleep(max(pause, error.retry_after or 0))
        raise AssertionError("it never ended")

    def product(self, pictures: int = 2, **fields: Any) -> int:
        """A product of the shop's with so many pictures, whose main one we know to be that."""
        number = self.store.add_product("Mug", [self.theirs() for _ in range(pictures)], **fields)
        if pictures and not fields.get("gallery_only"):
            self.state.note_main_images({number: self.store.images(number)[0]})
        return number

    def theirs(self) -> int:
        """A picture of the shop's own in its library."""
        return self.store.add_attachment(jpeg(0), "photo.jpg")

    def shown(self, product: int) -> list[int | str]:
        """What a product shows: "1" for the picture of ours with that number, the store's number of any other."""
        return [self.name(number) for number in self.store.images(product)]

    def name(self, number: int) -> int | str:
        """See `shown`, for one picture of the store's."""
        ours = key_in(self.store.attachments[number].name)
        return NUMBERS[ours] if ours else number

    def calls(self) -> list[str]:
        """What was asked since `woo.forget()`: "GET products/12" and the like."""
        return [f"{seen.method} {seen.path[len('/wp-json/wc/v3/') :]}" for seen in self.woo.requests if seen.call]


class KilledError(BaseException):
    """As if the process had been killed: nothing of the program handles it."""


def killed_at(desk: Desk, step: int, act: Callable[[], object], *, after: bool) -> bool:
    """Do something and be killed at a request, before it is sent or after the store has answered; False: it ended."""
    send, steps = desk.room.client._send, itertools.count(1)

    def killing(*args: Any) -> Any:
        last = next(steps) == step
        if last and not after:
            raise KilledError
        answer = send(*args)
        if last:
            raise KilledError
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.room.client, "_send", killing)
        try:
            act()
        except KilledError:
            return True
    return False


@contextmanager
def serving(folder: Path, *, upload: bool, **options: Any) -> Iterator[Desk]:
    """A store and our side of it: pictures are uploaded, or fetched by the store. options: of WooOptions."""
    clock, relay = Waiting(), None if upload else Relay()
    with serve_woocommerce(WooOptions(catalogue="empty", **options), tls=upload, now=clock.stamp) as woo:
        if relay is not None:
            woo.allow_fetch(relay.port)
        desk = Desk(woo, folder, clock, relay)
        try:
            yield desk
        finally:
            woo.settle(5)
            for session in desk.kit.sessions:
                session.close()
            if relay is not None:
                relay.close()
