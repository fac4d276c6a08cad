"""The real program on an empty data folder, as a new user starts it; the image service is the sandbox."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from plugin.listener import free_port
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import serve_hebo
from tests.plugin.pictures.drawn import drawn, encoded
from tests.serving import wait_until_up

PROGRAM = Path(sys.executable).with_name("hebo-sync")
COLUMNS = ("id", "title", "image_link", "additional_image_link", "price")
CODE = re.compile(r"\b[A-Z0-9]{4}(?:-[A-Z0-9]{4})+\b")
BANDS = ((10.0, 0.5), (float("inf"), 1.0))
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
poll_bands = [[10, 0.5], [inf, 1]]
poll_margin = 0.1
"""
PACK = """
version = 1
aspect_ratio = "1:1"
size = "512x512"
title = { en = "Two shots", zh = "两张图" }
description = { en = "Two quick pictures", zh = "两张快速图片" }

[[shots]]
name = "front"
title = { en = "Front", zh = "正面" }
prompt = { en = 'Front view of "{{ title }}" on white', zh = '“{{ title }}”的正面图，白色背景' }
alt = { en = "Front: {{ title }}", zh = "正面：{{ title }}" }

[[shots]]
name = "side"
title = { en = "Side", zh = "侧面" }
prompt = { en = 'Side view of "{{ title }}" on wood', zh = '“{{ title }}”的侧面图，木纹背景' }
alt = { en = "Side: {{ title }}", zh = "侧面：{{ title }}" }
"""


@dataclass
class Shop:
    """address: of the pages. relay: the port of the picture relay. lines: what the program printed."""

    folder: Path
    address: str
    service: str
    relay: int
    lines: list[str] = field(default_factory=list)

    def set_up_code(self) -> str:
        """The one-time code, from the terminal."""
        found = CODE.search("\n".join(self.lines))
        assert found, self.lines
        return found[0]

    def write_feed(self, names: Sequence[str]) -> None:
        """The feed with these products, each with a photo by relative path."""
        for number, name in enumerate(names):
            photo = self.folder / f"{name}.jpg"
            if not photo.exists():
                photo.write_bytes(encoded(drawn(400, 400, seed=number)))
        draft = self.folder / "feed.new"
        with draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows((name, f"Stoneware {name}", f"{name}.jpg", "", "9.00 EUR") for name in names)
        draft.replace(self.folder / "feed.tsv")

    def additional(self, name: str) -> list[str]:
        """The additional pictures of a product on its listing, the output feed."""
        with (self.folder / "out.tsv").open(newline="", encoding="utf-8") as file:
            rows = {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}
        return [link for link in rows[name]["additional_image_link"].split(",") if link]


@contextmanager
def running_shop(folder: Path) -> Iterator[Shop]:
    options = HeboOptions(duration=(1.0, 3.0), poll_bands=BANDS)
    (folder / "packs").mkdir()
    (folder / "packs" / "two-shots.toml").write_text(PACK, encoding="utf-8")
    with serve_hebo(options) as service:
        port, relay = free_port(), free_port()
        (folder / "config.toml").write_text(CONFIG.format(port=port, relay=relay, service=service.url))
        shop = Shop(folder, f"http://127.0.0.1:{port}", service.url, relay)
        shop.write_feed(("mug", "bowl"))
        with _serving(shop):
            yield shop


@contextmanager
def _serving(shop: Shop) -> Iterator[None]:
    command = (PROGRAM, "--config", "config.toml", "serve")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=shop.folder, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=shop.lines.extend, args=(process.stdout,))
        reader.start()
        try:
            wait_until_up(shop.address, process, lambda: shop.lines)
            yield
        finally:
            process.terminate()
            process.wait(15)
            reader.join(5)
    assert process.returncode == 0, shop.lines
