"""The pipeline's small world with a sandbox WooCommerce store instead of a feed; one clock for all, moved by hand.

Over http the store fetches pictures from a relay that really serves; with TLS they are uploaded.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import select

from plugin import open_parts
from plugin.cli.relay import relay_beside
from plugin.config import Settings, load_settings
from plugin.config.settings import DATABASE_FILE
from plugin.listener import free_port
from plugin.models import Publication
from plugin.pipeline.parts import Parts, Policy
from plugin.pipeline.publishing.undo import request_undo
from plugin.pipeline.run import begin
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import HeboListener, serve_hebo
from plugin.sandbox.woocommerce.server import (
    DEFAULT_KEY,
    DEFAULT_PASSWORD,
    DEFAULT_SECRET,
    DEFAULT_USER,
    WooOptions,
    WooService,
    serve_woocommerce,
)
from plugin.states import PublicationState
from tests.plugin.pipeline.world import PACK, TestClock, World, approve_everything
from tests.plugin.schema import migrated

SETTINGS = """
[app]
data_dir = "data"
allow_private_addresses = true
pack_folders = ["packs"]
public_url = "http://127.0.0.1:{relay}"
[relay]
port = {relay}
[hebo]
base_url = "{service}"
api_key = "sandbox-key"
exclusive = true
[[stores]]
name = "shop"
kind = "woocommerce"
pack = "mini"
url = "{url}"
consumer_key = "{key}"
consumer_secret = "{secret}"
placement = "{placement}"
"""
PASSWORD = """
app_user = "{user}"
app_password = "{password}"
verify = "{ca_file}"
"""


class WaitingClock(TestClock):
    """What a connector waits for takes no time."""

    __test__ = False

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def stamp(self) -> float:
        """Seconds since 1970, for the store."""
        return self.now().timestamp()


class WooWorld(World):
    """woo: the store. placement: where its new pictures go."""

    def __init__(self, folder: Path, service: HeboListener, clock: TestClock, woo: WooService):
        super().__init__(folder, service, clock)
        self.woo, self.placement = woo, "append"
        self._relay = free_port()
        woo.allow_fetch(self._relay)

    def settings(self) -> Settings:
        text = SETTINGS.format(
            relay=self._relay, service=self.base_url, url=self.woo.url, key=DEFAULT_KEY, secret=DEFAULT_SECRET,
            placement=self.placement,
        )  # fmt: skip
        if self.woo.ca_file is not None:
            text += PASSWORD.format(user=DEFAULT_USER, password=DEFAULT_PASSWORD, ca_file=self.woo.ca_file)
        (self.folder / "c.toml").write_text(text, encoding="utf-8")
        return load_settings(self.folder / "c.toml", {})

    @contextmanager
    def parts(self, **policy: Any) -> Iterator[Parts]:
        """The real parts with the relay beside them, as of a new process."""
        chosen = Policy(**{"unattended": True, **policy})
        with open_parts(self.settings(), clock=self.clock, policy=chosen) as parts, relay_beside(parts):
            yield parts

    def listing(self, name: str, pictures: int = 2) -> int:
        """A product in the store with photos `name-1.png` …; gives its number."""
        numbers = [
            self.woo.store.add_attachment(_photo(f"{name}{n}"), f"{name}-{n}.png") for n in range(1, pictures + 1)
        ]
        return self.woo.store.add_product(name.title(), numbers)

    def names(self, number: int) -> list[str]:
        """The file names on a listing, in order."""
        return self.woo.store.image_names(number)

    def make(self, parts: Parts) -> None:
        """Have pictures made of all that the store has, and approved; they are published next."""
        begin(parts, None, self.clock.now())
        self.drive(parts)
        approve_everything(parts)

    def undo(self, parts: Parts) -> None:
        """A person takes everything back."""
        with parts.db.write() as session:
            for row in session.scalars(select(Publication).where(Publication.state == PublicationState.PUBLISHED)):
                request_undo(session, row, self.clock.now())
        self.drive(parts)


def _photo(seed: str) -> bytes:
    shade = sum(ord(letter) * (place + 3) for place, letter in enumerate(seed))
    image = Image.new("RGB", (160, 160), "white")
    ImageDraw.Draw(image).ellipse((30, 20, 130, 90 + shade % 50), fill=(shade * 37 % 200, shade * 71 % 200, 90))
    output = io.BytesIO()
    image.save(output, "PNG")
    return output.getvalue()


@contextmanager
def woo_world(folder: Path, *, tls: bool = False) -> Iterator[WooWorld]:
    """A world without products."""
    clock = WaitingClock()
    (folder / "packs").mkdir()
    (folder / "packs" / "mini.toml").write_text(PACK, encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "data" / DATABASE_FILE).write_bytes(migrated())
    options = WooOptions(catalogue="empty")
    with (
        serve_hebo(HeboOptions(paint="none", duration=(6, 42)), now=clock.seconds) as service,
        serve_woocommerce(options, tls=tls, now=clock.stamp) as woo,
    ):
        yield WooWorld(folder, service, clock, woo)
