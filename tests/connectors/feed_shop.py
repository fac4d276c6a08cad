"""A feed store from its other side, for the contract suite: the ERP that exports the input, and the shop that imports
the output.

What a feed lacks by its nature is mapped to what is alike: an editor is the ERP that writes the input anew; a lost
answer is a disk that fails after the file is in its place (which leaves what a crash between file and state leaves);
lost rights are a folder that cannot be written to, not by root either; throttling is another process that holds the
feed; a picture is refused where the listing is full.
"""

from __future__ import annotations

import errno
import fcntl
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from typing import IO, BinaryIO

import pytest
import requests

from connectors import Environment, NewImage, key_in
from connectors.feed import FeedConnector, FeedOptions, files, index
from connectors.feed import connector as connector_module
from connectors.feed.listing import MAX_ADDITIONAL
from connectors.feed.source import Source
from connectors.testing import Killed, ShopKit
from tests.connectors.feed_formats import FORMATS, Row

_CHUNK = 20  # so many rows are taken into the index at once; by the thousand, all would be slow here
Write = Callable[[BinaryIO], None]


@dataclass(slots=True)
class Strike:
    """What is ordered for a write to come. skip: so many go well before it. only: files elsewhere do not count."""

    skip: int
    act: Callable[[Path, Write], None]
    only: Path | None = None


class Disk:
    """Writes whole files as the connector has it done, and does otherwise on order."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.strike: Strike | None = None
        self.whole = files.write_whole
        patch.setattr(files, "write_whole", self._write_whole)
        patch.setattr(connector_module, "write_whole", self._write_whole)

    def _write_whole(self, path: Path, write: Write, *, sync_name: bool = True) -> None:
        strike = self.strike
        if strike is None or (strike.only or path) != path:
            self.whole(path, write, sync_name=sync_name)
        elif strike.skip:
            strike.skip -= 1
            self.whole(path, write, sync_name=sync_name)
        else:
            self.strike = None
            strike.act(path, write)


class Chunks:
    """Lets something happen while the rows of the input are given out."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.act: Callable[[], None] | None = None
        self._rows = 0
        self._read = Source.read

        def read(source: Source, offset: int, length: int) -> bytes:
            return self._row(source, offset, length)

        patch.setattr(Source, "read", read)

    def order(self, act: Callable[[], None]) -> None:
        self.act, self._rows = act, 0

    def _row(self, source: Source, offset: int, length: int) -> bytes:
        row = self._read(source, offset, length)
        self._rows += 1
        if self._rows > 1 and self.act:
            act, self.act = self.act, None
            act()
        return row


class FeedShop(ShopKit):
    """One feed in one format, in a folder of its own."""

    several_pages = 3 * _CHUNK
    names_the_wait = False

    def __init__(self, folder: Path, kind: str, patch: pytest.MonkeyPatch):
        """kind: "tsv", "csv" or "xml". patch: undone by the caller when the test is over."""
        self._root, self._format = folder, FORMATS[kind]
        self._input, self._output = folder / "erp" / f"feed.{kind}", folder / "shop" / f"out.{kind}"
        self._away = folder / "shop-away"
        self._rows: dict[str, Row] = {}
        self._number = 0
        self._time = datetime(2035, 1, 1, tzinfo=UTC)
        self._due: list[tuple[datetime, Callable[[], None]]] = []
        self._lock: IO[bytes] | None = None
        self._disk, self._chunks = Disk(patch), Chunks(patch)
        patch.setattr(index, "_CHUNK", _CHUNK)
        patch.setattr(connector_module, "_LOCK_SECONDS", 0.02)  # of real time: a file lock knows no other clock
        self._input.parent.mkdir()
        self._output.parent.mkdir()
        self._export()

    def connector(self) -> FeedConnector:
        options = FeedOptions(path=self._input.relative_to(self._root), output=self._output.relative_to(self._root))
        return FeedConnector(options, Environment("shop", self._root / "state", self._root, _session, self.now))

    # The clock

    def now(self) -> datetime:
        return self._time

    def advance(self, seconds: float) -> None:
        self._time += timedelta(seconds=seconds)
        due = [act for moment, act in self._due if moment <= self._time]
        self._due = [(moment, act) for moment, act in self._due if moment > self._time]
        for act in due:
            act()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self._due.append((self._time + timedelta(seconds=seconds), act))

    # The catalogue

    def add_product(self, title: str, pictures: int = 1) -> str:
        product_id = f"P{self._next()}"
        self._rows[product_id] = Row(title, [self._picture() for _ in range(pictures)])
        self._export()
        return product_id

    def remove_product(self, product_id: str) -> None:
        del self._rows[product_id]
        self._export()

    def touch(self, product_id: str) -> str:
        title = self._rows[product_id].title = f"Touched {self._next()}"
        self._export()
        return title

    def listing(self, product_id: str) -> list[str]:
        """What the shop imports: the output; the ERP's own feed for as long as there is none."""
        output = self._output if self._output.parent.is_dir() else self._away / self._output.name
        rows = self._format.read(output if output.exists() else self._input)
        return [_file(picture) for picture in rows[product_id].pictures]

    def snapshot(self) -> object:
        folders = (self._input.parent, self._output.parent)
        return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _picture(self) -> str:
        return f"https://erp.example/photos/{self._next()}.jpg"

    def _export(self) -> None:
        """As an ERP does: a new file, renamed."""
        new = self._input.with_suffix(".new")
        new.write_bytes(self._format.write(self._rows))
        new.replace(self._input)

    # The editors

    def editor_adds(self, product_id: str) -> str:
        picture = self._picture()
        self._rows[product_id].pictures.append(picture)
        self._export()
        return _file(picture)

    def editor_removes(self, product_id: str, name: str) -> None:
        if key_in(name):
            self._lose(name)
        else:
            row = self._rows[product_id]
            row.pictures = [picture for picture in row.pictures if _file(picture) != name]
            self._export()

    def _lose(self, name: str) -> None:
        """Somebody deletes the file of a picture of ours, and where it came from: it leaves the next output."""
        (self._output.with_name(f"{self._output.stem}-pictures") / name).unlink()
        with closing(sqlite3.connect(self._root / "state" / "feed.sqlite3")) as db:
            (source,) = db.execute("SELECT source FROM live WHERE filename = ?", (name,)).fetchone()
        Path(source).unlink()
        self.connector().flush()

    def editor_moves(self, product_id: str, name: str, to: int) -> None:
        """The ERP moves it in front of the next picture of its own that the shop has there, or to the end."""
        behind = [other for other in self.listing(product_id) if other != name][to:]
        pictures = self._rows[product_id].pictures
        moved = next(picture for picture in pictures if _file(picture) == name)
        pictures.remove(moved)
        own = [_file(picture) for picture in pictures]
        at = next((own.index(other) for other in behind if other in own), len(own))
        pictures.insert(at, moved)
        self._export()

    # Trouble

    def while_reading(self, act: Callable[[], None]) -> None:
        self._chunks.order(act)

    def lose_next_answer(self, skip: int = 0, *, late: float = 0.0) -> None:
        self._break_off(OSError(errno.EIO, "Input/output error"), skip, late)

    def die_at_next_write(self, skip: int = 0, *, late: float = 0.0) -> None:
        self._break_off(Killed(), skip, late)

    def _break_off(self, error: BaseException, skip: int, late: float) -> None:
        def break_off(path: Path, write: Write) -> None:
            whole = BytesIO()
            write(whole)
            self._later(late, lambda: self._disk.whole(path, lambda out: copyfileobj(BytesIO(whole.getvalue()), out)))
            self.advance(0)
            raise error

        self._disk.strike = Strike(skip, break_off)

    def fail_next_write(self, skip: int = 0) -> None:
        def fail(path: Path, write: Write) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        self._disk.strike = Strike(skip, fail)

    def editor_overwrites_next_write(self, product_id: str) -> str:
        picture = self._picture()

        def overwrite(path: Path, write: Write) -> None:
            self._disk.whole(path, write)
            self._rows[product_id].pictures.append(picture)
            self._export()

        self._disk.strike = Strike(0, overwrite, only=self._output)
        return _file(picture)

    def refuse_one(self, product_id: str, images: Sequence[NewImage]) -> str:
        """The ERP fills the listing up, so that there is room for all but the last."""
        pictures = self._rows[product_id].pictures
        while len(pictures) + len(images) <= 1 + MAX_ADDITIONAL:
            pictures.append(self._picture())
        self._export()
        return images[-1].key

    def revoke(self) -> None:
        """A file stands where the shop's folder was."""
        self._output.parent.rename(self._away)
        self._output.parent.touch()

    def grant(self) -> None:
        self._output.parent.unlink()
        self._away.rename(self._output.parent)

    def throttle(self, seconds: float) -> None:
        """Another process holds the feed."""
        self._lock = open(self._root / "state" / "feed.lock", "ab")  # noqa: SIM115  (closed by `let_go`)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._later(seconds, self.let_go)

    def let_go(self) -> None:
        """The other process is done."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def calm(self) -> None:
        self._disk.strike = self._chunks.act = None


def _session(ca_file: Path | None = None) -> requests.Session:
    raise AssertionError("a feed asks for no HTTP")


def _file(picture: str) -> str:
    return picture.rsplit("/", 1)[-1]
