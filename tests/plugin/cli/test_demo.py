"""hebo-sync demo, as a child process that is signed in to, stopped, and gone on with; and one pass without pages."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from plugin import open_parts
from plugin.cli import demo as module
from plugin.cli import demo_shop
from plugin.listener import bind
from plugin.sandbox.catalogue import feed as catalogue
from plugin.sandbox.hebo import options as hebo_options
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.shopify import server as shopify
from plugin.sandbox.shopify.options import SandboxOptions
from plugin.sandbox.woocommerce import server as woocommerce
from plugin.sandbox.woocommerce.options import WooOptions
from plugin.stored import keep

PROGRAM = str(Path(sys.executable).with_name("hebo-sync"))
ROW = "SELECT id FROM store WHERE name = '{}'"
READABLE = 15 + 12 + 13  # products of the feed, the WooCommerce shop and the Shopify shop
WITHIN = 90.0  # seconds; on a machine with nothing else to do pictures are there after 12
PHOTO = "The product&#39;s photo"
HASTE = "poll_bands = [[5, 0.4], [inf, 1.0]]\npoll_margin = 0.1\n"


class Demo:
    """One child process, and a browser that signs in with what it printed."""

    def __init__(self, folder: Path):
        command = (PROGRAM, "demo", "--no-browser", "--port", "0", "--folder", str(folder))
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.browser = requests.Session()
        self.said = ""

    def sign_in(self) -> None:
        self.address = self.hear(r"the pages: (http://127\.0\.0\.1:\d+)")[1]
        name, password = self.hear(r"sign in as (\w+) with the password (\w+)").groups()
        page = self.browser.get(f"{self.address}/sign-in", timeout=30).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        sent = {"csrf_token": token[1], "name": name, "password": password}
        self.browser.post(f"{self.address}/sign-in", sent, timeout=30).raise_for_status()

    def pictures(self) -> list[str]:
        """The addresses of the made pictures that the first page of products shows."""
        page = self.browser.get(f"{self.address}/products", timeout=30)
        assert page.url == f"{self.address}/products", "it is not signed in"
        shown = re.findall(r'<img [^>]*src="([^"]+)" alt="([^"]*)"', page.text)
        return [source for source, alt in shown if alt != PHOTO]

    def end(self, number: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.said += self.process.communicate(timeout=30)[0]
        return self.process.returncode

    def hear(self, pattern: str) -> re.Match[str]:
        assert self.process.stdout is not None
        while (found := re.search(pattern, self.said)) is None:
            line = self.process.stdout.readline()
            assert line, f"it ended: {self.said}"
            self.said += line
        return found


def page_in_shop(demo: Demo, folder: Path, title: str, store: str) -> str:
    """The shop's own page of a product of its, found by the link on ours."""
    home = demo.hear(rf"sandbox {title} shop: (http://127\.0\.0\.1:\d+) \(")[1]
    first = counted(folder, f"SELECT min(id) FROM product WHERE store_id = ({ROW.format(store)})")
    text = demo.browser.get(f"{demo.address}/products/{first}", timeout=30).text
    link = re.search(rf'href="({home}/products?/[^"]+)"', text)
    assert link is not None, text
    return demo.browser.get(link[1], timeout=30).text


@contextmanager
def running(folder: Path) -> Iterator[Demo]:
    child = Demo(folder)
    try:
        yield child
    finally:
        child.end(signal.SIGKILL)
        child.browser.close()


def counted(folder: Path, query: str) -> int:
    """What the demo's own database says."""
    file = folder / "hebo-sync-data" / "hebo-sync.sqlite3"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return int(db.execute(query).fetchone()[0])


def test_pictures_arrive_once_somebody_looks_and_a_second_start_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.hear(r"sign in as")
        first.hear(r"to connect it by hand too: consumer key ck_\w+, consumer secret cs_\w+")
        first.hear(
            r"to connect it by hand too: shop [\w.-]+, Client ID [\w-]+, client secret shpss_\w+; .* API address"
        )
        first.hear(rf"hebo-sync --config {tmp_path}/config\.toml products list")
        ends = time.monotonic() + WITHIN
        while counted(tmp_path, "SELECT count(*) FROM product WHERE state = 'ready'") < READABLE:
            assert time.monotonic() < ends, first.said
            time.sleep(0.3)
        assert counted(tmp_path, "SELECT count(*) FROM task") == 0
        first.sign_in()
        ends = time.monotonic() + WITHIN
        while not (shown := first.pictures()) and time.monotonic() < ends:
            time.sleep(0.3)
        assert shown, first.said
        assert "<h1>" in page_in_shop(first, tmp_path, "WooCommerce", "sandbox-shop")
        assert "<h1>" in page_in_shop(first, tmp_path, "Shopify", "sandbox-shopify")
        chosen = f"SELECT count(*) FROM task WHERE store_id != ({ROW.format('sample')})"
        assert counted(tmp_path, chosen) == 0  # pictures only for those that somebody chooses
        picture = first.browser.get(first.address + shown[0], timeout=30)
        assert picture.headers["Content-Type"].startswith("image/")
        assert first.end(signal.SIGINT) == 0
        assert "Traceback" not in first.said
        assert f"the demo's files stay in {tmp_path}: remove that folder" in first.said
    with running(tmp_path) as second:
        second.sign_in()
        assert set(second.pictures()) >= set(shown)
        assert second.end(signal.SIGINT) == 0


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short intervals, a feed of one product, shops that answer at once, and one product of each."""
    quick = partial(HeboOptions, poll_bands=((5, 0.4), (float("inf"), 1.0)))
    monkeypatch.setattr(hebo_options, "HeboOptions", lambda duration: quick(duration=(1, 2)))
    monkeypatch.setattr(catalogue, "write_catalogue", partial(catalogue.write_catalogue, count=1))
    monkeypatch.setattr(module, "CONFIG", module.CONFIG + HASTE)
    monkeypatch.setattr(demo_shop, "PICKED", 1)
    monkeypatch.setattr(woocommerce, "WooOptions", lambda **given: WooOptions(**{**given, "pace": 0.0}))
    swift = {"ready_after": 0.1, "job_after": 0.1, "bulk_after": 0.1}
    monkeypatch.setattr(shopify, "SandboxOptions", lambda **given: SandboxOptions(**{**given, **swift}))


def port_of(title: str, said: str) -> int:
    """Of a sandbox shop, as the demo named it."""
    found = re.search(rf"sandbox {title} shop: http://127.0.0.1:(\d+)", said)
    assert found is not None, said
    return int(found[1])


def ports(said: str) -> tuple[int, int]:
    return port_of("WooCommerce", said), port_of("Shopify", said)


def demand_shown(said: str) -> None:
    """Both shops show what was published to them, in this demo or in an earlier one."""
    for store in ("sandbox-shop", "sandbox-shopify"):
        assert f"the store {store} showed 8 new pictures on 1 of its products" in said, said


def one_pass(folder: Path) -> str:
    done = CliRunner().invoke(module.demo, ["--once", "--folder", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("hasty")
def test_one_pass_without_pages_publishes_to_all_stores_and_a_second_one_finds_all_of_it(tmp_path: Path) -> None:
    said = one_pass(tmp_path)
    for store in ("sandbox-shop", "sandbox-shopify"):
        assert f"asked for pictures of 1 products of {store}: 8 images" in said
    assert "published  24" in said
    demand_shown(said)
    assert f"--config {tmp_path}/config.toml products list (or images list, tasks list, ledger;" in said
    assert f"the demo's files stay in {tmp_path}: remove that folder" in said
    feed = (tmp_path / "catalogue" / "feed-with-pictures.tsv").read_text(encoding="utf-8")
    assert feed.count("hs-") >= 8
    with ExitStack() as others:
        for port in ports(said):  # other programs have the shops' ports by now
            others.enter_context(closing(bind("127.0.0.1", port)))
        again = one_pass(tmp_path)
    assert not set(ports(again)) & set(ports(said))
    assert ("submitted  0" in again, "published  0" in again) == (True, True)
    demand_shown(again)
    assert counted(tmp_path, "SELECT count(*) FROM product WHERE state = 'gone'") == 0
    third = one_pass(tmp_path)
    assert ports(third) == ports(again)  # where they were led to, they stay
    demand_shown(third)


def test_a_second_start_keeps_what_was_set_on_the_page(tmp_path: Path) -> None:
    catalogue.write_catalogue(tmp_path / "catalogue")
    settings = module._prepare(tmp_path, "http://127.0.0.1:9", automatic=False)
    with open_parts(settings) as parts, parts.db.write() as session:
        keep(session, parts.keys, {"daily_budget": 60, "exclusive": False}, parts.clock.now())
    with open_parts(module._prepare(tmp_path, "http://127.0.0.1:9", automatic=False)) as parts:
        hebo = parts.settings.hebo
    assert (hebo.daily_budget, hebo.exclusive, hebo.api_key is not None) == (60, True, True)


def test_the_program_is_named_so_that_it_can_be_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "hebo-sync"
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", "")
    assert module._program() == str(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module._program() == "hebo-sync"
