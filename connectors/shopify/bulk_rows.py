"""The result of a bulk operation: lines of JSON in one file, joined to whole entries again with little memory.

Each node of a connection is a line of its own: `{"id": …}` for the root ones, `{"id": …, "__parentId": …}` for those
below them (Shopify's documentation). A child stands somewhere behind its parent, not always next to it. So the file is
gone through twice: once to see that it is whole and where each line begins, which is kept in a small database beside
it; and once by entry, in the order of the products' numbers.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

_FOLDER, _LOCK = "bulk", "in-use.lock"
_FLUSH = 20_000
_NO_NUMBER = 2**63  # SQLite cannot keep it
_LAYOUT = (
    "PRAGMA journal_mode = OFF",  # a temporary file: after a crash it is thrown away
    "PRAGMA synchronous = OFF",
    "PRAGMA temp_store = FILE",
    "PRAGMA cache_size = -16000",
    "CREATE TABLE roots (owner INTEGER, number INTEGER, at INTEGER, size INTEGER)",
    "CREATE TABLE children (parent INTEGER, at INTEGER, size INTEGER)",
)
_INDEXES = (
    "CREATE UNIQUE INDEX roots_in_order ON roots (owner, number, at, size)",
    "CREATE UNIQUE INDEX roots_by_number ON roots (number)",
    "CREATE INDEX children_by_parent ON children (parent, at, size)",
)
_LONELY = "SELECT parent FROM children WHERE parent NOT IN (SELECT number FROM roots) LIMIT 1"
_IN_ORDER = (
    "SELECT owner, number, r.at, r.size, c.at, c.size FROM roots r LEFT JOIN children c ON c.parent = r.number"
    " ORDER BY owner, number, r.at, r.size, c.at"
)


class BrokenResultError(Exception):
    """The result of a bulk operation cannot be used. The message goes on from "the result": "has 5 lines …"."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a result must have, as Shopify tells it. None: it does not tell. In lines; size: in bytes."""

    rows: int | None = None
    roots: int | None = None
    size: int | None = None


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder for the results of one reading, removed at its end; what a crash left of others is removed first."""
    place = folder / _FOLDER
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():
        _sweep(left)
    made = Path(tempfile.mkdtemp(prefix="reading-", dir=place))
    lock = FileLock(made / _LOCK, thread_local=False)  # a generator may end in another thread
    try:
        with lock:
            yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _sweep(left: Path) -> None:
    """Remove the folder of a reading that is not under way any more."""
    try:
        with FileLock(left / _LOCK, timeout=0):
            shutil.rmtree(left, ignore_errors=True)
    except (Timeout, OSError):
        return  # somebody reads there, or removes it at this moment


class BulkRows:
    """A result that was found to be whole. `groups` may be called once it is open; close it at the end."""

    def __init__(self, path: Path, child: str, expected: Size):
        """path: the downloaded result; the index is laid beside it. child: the field that a root's children become
        the nodes of. Raises BrokenResultError, OSError, sqlite3.Error."""
        self._child = child
        self._file: BinaryIO = path.open("rb")
        index = path.with_suffix(".index")
        index.unlink(missing_ok=True)
        self._db = sqlite3.connect(index, isolation_level=None, check_same_thread=False)
        with ExitStack() as stack:
            stack.callback(self.close)
            self._load(expected)
            stack.pop_all()  # it stays open

    def close(self) -> None:
        self._db.close()
        self._file.close()

    def __enter__(self) -> BulkRows:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def groups(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Product number → the roots that belong to it, each with its children, by number: products ascending.

        Raises OSError, sqlite3.Error.
        """
        with closing(self._db.execute(_IN_ORDER)) as found:
            for owner, rows in groupby(found, itemgetter(0)):
                yield owner, [self._joined(list(lines)) for _, lines in groupby(rows, itemgetter(1))]

    def _joined(self, lines: list[tuple[Any, ...]]) -> dict[str, Any]:
        _, _, at, size, *_ = lines[0]
        root: dict[str, Any] = self._line(at, size)
        root[self._child] = {"nodes": [self._line(line[4], line[5]) for line in lines if line[4] is not None]}
        return root

    def _line(self, at: int, size: int) -> Any:
        self._file.seek(at)
        return json.loads(str(self._file.read(size), "utf-8"))

    # -- the first time through ----------------------------------------------------------------------------------

    def _load(self, expected: Size) -> None:
        for statement in _LAYOUT:
            self._db.execute(statement)
        self._db.execute("BEGIN")
        seen = self._index()
        _compare(seen, expected)
        try:
            for statement in _INDEXES:
                self._db.execute(statement)
        except sqlite3.IntegrityError as error:
            raise BrokenResultError("has an entry twice") from error
        if self._db.execute(_LONELY).fetchone():
            raise BrokenResultError("has lines that belong to no product in it")
        self._db.execute("COMMIT")

    def _index(self) -> Size:
        """Note where each line begins; gives how much there was."""
        roots: list[tuple[int, int, int, int]] = []
        children: list[tuple[int, int, int]] = []
        at = rows = root_rows = 0
        for rows, line in enumerate(self._file, 1):
            owner, number, is_root = _place(line, rows)
            if is_root:
                roots.append((owner, number, at, len(line)))
                root_rows += 1
            else:
                children.append((owner, at, len(line)))
            at += len(line)
            if rows % _FLUSH == 0:
                self._flush(roots, children)
        self._flush(roots, children)
        return Size(rows, root_rows, at)

    def _flush(self, roots: list[tuple[int, int, int, int]], children: list[tuple[int, int, int]]) -> None:
        self._db.executemany("INSERT INTO roots VALUES (?, ?, ?, ?)", roots)
        self._db.executemany("INSERT INTO children VALUES (?, ?, ?)", children)
        roots.clear()
        children.clear()


def _place(line: bytes, number: int) -> tuple[int, int, bool]:
    """The product that a root line belongs to and its own number; or the parent of a line below it.

    Raises BrokenResultError.
    """
    try:
        row = json.loads(str(line, "utf-8"))
        parent = row.get("__parentId")
        if parent is not None:
            return _number(parent), 0, False
        own = _number(row["id"])
        product = row.get("product")
        return (_number(product["id"]) if isinstance(product, Mapping) else own), own, True
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenResultError(f"cannot be read in line {number}") from error


def _number(gid: str) -> int:
    """The number at the end of a gid. Raises ValueError, AttributeError."""
    number = int(gid.rpartition("/")[2])
    if not 0 <= number < _NO_NUMBER:
        raise ValueError(f"{gid} has no number")
    return number


def _compare(seen: Size, expected: Size) -> None:
    """Raises BrokenResultError where something is missing, or too much."""
    pairs = (
        ("bytes", seen.size, expected.size),
        ("lines", seen.rows, expected.rows),
        ("products", seen.roots, expected.roots),
    )
    for what, found, wanted in pairs:
        if wanted is not None and found != wanted:
            raise BrokenResultError(f"has {found} {what} instead of {wanted}")
