"""A folder with three stores on one key, and the lives of the program in it."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from plugin.cli import main
from plugin.config import load_settings
from plugin.config.settings import DATABASE_FILE
from plugin.db import Database
from tests.chaos import engine, hooks
from tests.chaos.clock import GONE, Dial
from tests.chaos.points import Director, Passed, Target, passed_from_line
from tests.chaos.processes import Said, forked, kill, read_until_closed
from tests.chaos.services import Services, photo
from tests.plugin.schema import migrated

LONGEST_LIFE = 60.0  # real seconds
COLUMNS = ("id", "title", "image_link", "additional_image_link", "price")
FEED = (  # id, photo, own second photo
    ("mug", "mug.jpg", "mug-side.jpg"),
    ("bowl", "bowl.jpg", ""),
    ("cup", "mug.jpg", ""),  # shares the mug's photo, and its pictures
    ("pot", "pot.jpg", ""),
)
CONFIG = """
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
exclusive = {exclusive}
doubt_wait = 60
[[stores]]
name = "feed"
kind = "feed"
path = "feed.tsv"
output = "out.tsv"
pack = "mini"
"""
WOO = """
[[stores]]
name = "woo"
kind = "woocommerce"
url = "{url}"
consumer_key = "ck_sandbox"
consumer_secret = "cs_sandbox"
pack = "mini"
placement = "replace-main"
"""
SHOPIFY = """
[[stores]]
name = "shopify"
kind = "shopify"
shop = "sandbox-shop.myshopify.com"
api_url = "{url}"
client_id = "sandbox-client"
client_secret = "shpss_sandbox"
pack = "mini"
"""
PACK = """
version = 1
aspect_ratio = "1:1"
size = "64x64"
title.en = "Mini"
description.en = "Two shots for tests"

[[shots]]
name = "front"
title.en = "Front"
prompt.en = 'Front view of "{{ title }}" on a white background'
alt.en = "Front: {{ title }}"

[[shots]]
name = "side"
title.en = "Side"
prompt.en = 'Side view of "{{ title }}" on a wooden table'
alt.en = "Side: {{ title }}"
"""


@dataclass(frozen=True, slots=True)
class Life:
    """What became of one life. code: its exit code; None: it was killed. hits: what was done to it."""

    code: int | None
    hits: tuple[Passed, ...]
    hung: bool = False


@dataclass
class Shop:
    """counts: how often each label was passed so far. targets: what is still to be done to the program.

    sabotage: called in each life, before the program begins. rows: of the feed.
    """

    folder: Path
    services: Services
    dial: Dial
    targets: dict[tuple[str, int], Target] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    trace: list[Passed] = field(default_factory=list)
    sabotage: Callable[[], None] | None = None
    rows: Sequence[tuple[str, str, str]] = FEED
    _database: Database | None = None

    def furnish(self, *, exclusive: bool = True) -> None:
        """Write the files."""
        (self.folder / "packs").mkdir()
        (self.folder / "packs" / "mini.toml").write_text(PACK)
        (self.folder / "data").mkdir()
        (self.folder / "data" / DATABASE_FILE).write_bytes(migrated())
        urls = self.services.urls
        text = CONFIG.format(relay=self.services.relay, service=urls["image service"], exclusive=str(exclusive).lower())
        text += WOO.format(url=urls["woo"]) if "woo" in urls else ""
        text += SHOPIFY.format(url=urls["shopify"]) if "shopify" in urls else ""
        (self.folder / "c.toml").write_text(text)
        (self.folder / "c.toml").chmod(0o600)
        self._write_feed()

    def _write_feed(self) -> None:
        for name in self.photos():
            (self.folder / name).write_bytes(photo(name))
        with (self.folder / "feed.tsv").open("w", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows((name, name.title(), main, more, "9.00 EUR") for name, main, more in self.rows)

    def photos(self) -> list[str]:
        """The names of the feed's photos."""
        return sorted({name for _, *names in self.rows for name in names if name})

    def aim(self, targets: Sequence[Target]) -> None:
        self.targets = {(target.label, target.time): target for target in targets}

    def run(self, *words: str, kill_after: float | None = None) -> Life:
        """One life: `hebo-sync WORDS`. kill_after: real seconds after which it is killed, wherever it is."""
        return self.lives([words], kill_after)[0]

    def lives(self, commands: Sequence[Sequence[str]], kill_after: float | None = None) -> list[Life]:
        """Lives side by side, one for each command."""
        begun = [self._begin(command, process) for process, command in enumerate(commands)]
        seconds = LONGEST_LIFE if kill_after is None else kill_after
        texts = read_until_closed([trace for _, trace in begun], time.monotonic() + seconds, self._gone(begun))
        return [self._end(child, texts[trace], hung=kill_after is None) for child, trace in begun]

    def _gone(self, begun: Sequence[tuple[int, int]]) -> Callable[[int], None]:
        """Called with the trace of a process that is gone: nobody waits for it any more."""
        places = {trace: process for process, (_, trace) in enumerate(begun)}
        return lambda trace: self.dial.wish(places[trace], GONE)

    def _begin(self, command: Sequence[str], process: int) -> tuple[int, int]:
        reading, writing = os.pipe()
        child = forked(partial(self._live, command, process, writing), self.folder / "program.log")
        os.close(writing)
        return child, reading

    def _live(self, command: Sequence[str], process: int, trace: int) -> int:
        """In the child."""
        director = Director(
            {point: target.mode for point, target in self.targets.items()}, self.counts, trace, self.dial.micros
        )
        hooks.install(director, self.dial, self.services.ports(), process)
        if self.sabotage is not None:
            self.sabotage()
        os.chdir(self.folder)
        if command[0] == engine.WORD:
            return engine.serve_until_quiet(Path("c.toml"))
        sys.argv = ["hebo-sync", "--config", "c.toml", *command]
        try:
            main()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        return 0

    def _end(self, child: int, said: Said, *, hung: bool) -> Life:
        """Makes its trace part of the scenario's. hung: a life that has to be killed now is one that hung."""
        hits = self._take(said.text)
        if not said.closed:
            kill(child)
            return Life(None, hits, hung)
        _, status = os.waitpid(child, 0)
        return Life(None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status), hits)

    def _take(self, text: str) -> tuple[Passed, ...]:
        hits = []
        for line in text.splitlines():
            passed = passed_from_line(line)
            if passed.mode is None:
                self.counts[passed.label] += 1
                self.trace.append(passed)
            else:
                self.targets.pop((passed.label, passed.time), None)
                hits.append(passed)
        self._put_off()
        return tuple(hits)

    def _put_off(self) -> None:
        """What was missed, since another thread's kill came first, is done when the point is passed again."""
        for label, number in [point for point in self.targets if point[1] <= self.counts[point[0]]]:
            free = self.counts[label] + 1
            while (label, free) in self.targets:
                free += 1
            self.targets[label, free] = self.targets.pop((label, number))

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The program's, while no life uses it: no connection is left open when the next one is forked."""
        if self._database is None:
            self._database = Database(load_settings(self.folder / "c.toml", {}).database.url)
        try:
            yield self._database
        finally:
            self._database.close()

    def said(self) -> str:
        """Everything that the lives printed."""
        return (self.folder / "program.log").read_text()

    def feed(self, name: str) -> dict[str, dict[str, str]]:
        """Rows by id; none where there is no such file yet."""
        file = self.folder / name
        if not file.exists():
            return {}
        with file.open(newline="") as lines:
            return {row["id"]: row for row in csv.DictReader(lines, delimiter="\t")}
