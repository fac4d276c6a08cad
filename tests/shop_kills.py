"""kill -9 of `hebo-sync serve` while a WooCommerce store carries out a write that it was asked for."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors import key_in
from plugin.sandbox.woocommerce.server import DEFAULT_KEY, DEFAULT_SECRET, WooService
from tests.plugin.pictures.drawn import drawn, encoded
from tests.serving import wait_until_up
from tests.test_crashes import PACK, PROGRAM, free_port

CONFIG = """
[app]
data_dir = "data"
public_url = "http://127.0.0.1:{relay}"
allow_private_addresses = true
pack_folders = ["packs"]
[server]
port = {port}
[relay]
port = {relay}
[hebo]
base_url = "{service}"
api_key = "sandbox-key"
exclusive = true
poll_bands = [[5, 0.4], [20, 0.8], [inf, 1.5]]
poll_margin = 0.1
[[stores]]
name = "shop"
kind = "woocommerce"
url = "{url}"
consumer_key = "{key}"
consumer_secret = "{secret}"
pack = "mini"
review = false
schedule = "every minute"
"""
OWN = ("jug.jpg", "jug-side.jpg")
LONGEST = 60.0  # seconds that something waited for may take on a busy machine
LOOK = 0.02


class Jug:
    """A shop with one product, and the program that is served for it; each life is a process."""

    def __init__(self, folder: Path, service: str, woo: WooService):
        self.folder, self.woo, self.port = folder, woo, free_port()
        store, relay = woo.store, free_port()
        woo.allow_fetch(relay)
        photos = [store.add_attachment(encoded(drawn(seed=seed)), name) for seed, name in enumerate(OWN)]
        self.number = store.add_product("Jug", photos)
        (folder / "packs").mkdir()
        (folder / "packs" / "mini.toml").write_text(PACK)
        text = CONFIG.format(
            relay=relay, port=self.port, service=service, url=woo.url, key=DEFAULT_KEY, secret=DEFAULT_SECRET
        )
        (folder / "c.toml").write_text(text)

    @contextmanager
    def life(self) -> Iterator[None]:
        """A process that answers, until it is killed at the end."""
        command = (PROGRAM, "--config", "c.toml", "serve")
        log = (self.folder / "serve.log").open("a")
        with log, subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, text=True) as process:
            try:
                wait_until_up(f"http://127.0.0.1:{self.port}", process, self.said)
                yield
            finally:
                process.kill()

    def said(self) -> str:
        return (self.folder / "serve.log").read_text()

    def fetched(self) -> list[str]:
        """The keys of ours in the store's library."""
        with self.woo.store.lock:
            names = [attachment.name for attachment in self.woo.store.attachments.values()]
        return [key for name in names if (key := key_in(name)) is not None]


def wait_for(true: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(LOOK)
    return False
