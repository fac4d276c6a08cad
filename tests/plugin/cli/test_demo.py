"""hebo-sync demo, as a child process that is signed in to, stopped, and gone on with; and one pass without pages."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from plugin.cli import demo as module
from plugin.sandbox import catalogue, hebo_options
from plugin.sandbox.hebo_options import HeboOptions

PROGRAM = str(Path(sys.executable).with_name("hebo-sync"))
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
        self.address = self._told(r"the pages: (http://127\.0\.0\.1:\d+)")[1]
        name, password = self._told(r"sign in as (\w+) with the password (\w+)").groups()
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

    def _told(self, pattern: str) -> re.Match[str]:
        assert self.process.stdout is not None
        while (found := re.search(pattern, self.said)) is None:
            line = self.process.stdout.readline()
            assert line, f"it ended: {self.said}"
            self.said += line
        return found


@contextmanager
def running(folder: Path) -> Iterator[Demo]:
    child = Demo(folder)
    try:
        child.sign_in()
        yield child
    finally:
        child.end(signal.SIGKILL)
        child.browser.close()


def test_pictures_arrive_on_the_page_and_a_second_start_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        ends = time.monotonic() + WITHIN
        while not (shown := first.pictures()) and time.monotonic() < ends:
            time.sleep(0.3)
        assert shown, first.said
        picture = first.browser.get(first.address + shown[0], timeout=30)
        assert picture.headers["Content-Type"].startswith("image/")
        assert first.end(signal.SIGINT) == 0
        assert "Traceback" not in first.said
    with running(tmp_path) as second:
        assert set(second.pictures()) >= set(shown)
        assert second.end(signal.SIGINT) == 0


def test_one_pass_without_pages_publishes_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = partial(HeboOptions, poll_bands=((5, 0.4), (float("inf"), 1.0)))
    monkeypatch.setattr(hebo_options, "HeboOptions", lambda duration: hasty(duration=(1, 2)))
    monkeypatch.setattr(catalogue, "write_catalogue", partial(catalogue.write_catalogue, count=2))
    monkeypatch.setattr(module, "CONFIG", module.CONFIG + HASTE)
    done = CliRunner().invoke(module.demo, ["--once", "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "published  16" in done.output
    feed = (tmp_path / "catalogue" / "feed-with-pictures.tsv").read_text(encoding="utf-8")
    assert feed.count("hs-") >= 16
