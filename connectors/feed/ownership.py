"""Whether the file at the output's place is ours to write over: a wrong path must not cost anybody a file."""

from __future__ import annotations

import filecmp
import re
import sqlite3
from pathlib import Path

from connectors.feed.state import meta, set_meta
from connectors.state import transaction
from connectors.types import KEY_PATTERN, ConnectorError

OUTPUT_PATH = "output_path"  # the state's note of where it wrote last
_CHUNK = 1024 * 1024
_KEY = re.compile(KEY_PATTERN.pattern.encode())


def was_written_here(db: sqlite3.Connection, output: Path) -> bool:
    """Whether this state wrote to that very place before (a state of an older version did not note where)."""
    known = meta(db, OUTPUT_PATH)
    return known == str(output) if known is not None else meta(db, "output") is not None


def claim_output(db: sqlite3.Connection, output: Path, feed: Path) -> None:
    """Note where the output is, before the first write to it: a kill in between must not make it look foreign.

    Raises ConnectorError (permanent) before a file would be written over that something else has made.
    """
    if not was_written_here(db, output):
        for problem in foreign_problem(output, feed):
            raise ConnectorError(problem, permanent=True)
    if meta(db, OUTPUT_PATH) != str(output):
        with transaction(db):
            set_meta(db, OUTPUT_PATH, str(output))


def foreign_problem(output: Path, feed: Path) -> list[str]:
    """Why a file that is there already may not be written over; nothing where it is empty, a copy of the feed, or
    carries our pictures (a feed of ours, whose state was lost)."""
    if not output.is_file() or output.stat().st_size == 0 or _carries_our_keys(output):
        return []
    if feed.is_file() and filecmp.cmp(output, feed, shallow=False):
        return []
    return [
        f"The output {output} is there already and was not written by hebo-sync, so it is left alone. Name another "
        "output, or move that file away."
    ]


def _carries_our_keys(output: Path) -> bool:
    rest = b""
    with output.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            seen = rest + chunk
            if _KEY.search(seen):
                return True
            rest = seen[-64:]  # a key may lie across two chunks
    return False
