"""Databases as earlier versions left them, with rows in every table: SQL text under `dumps`, named REVISION-FORM.

Each was written by the code of its time: a shop was walked into every state that a task, a picture and a publication
can have, and the program was killed. 0001-4 and 0002-3 are what their migrations make by now; the forms before them
are what the same migrations made when they were first used.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

DUMPS = Path(__file__).parent / "dumps"
FORMS = tuple(sorted(path.stem for path in DUMPS.glob("*.sql")))
KEY = "aGViby1zeW5jLXRlc3Qta2V5LWZvci1vbGQtZHVtcHM="  # of the secrets in them
API_KEY = "sandbox-key"

Rows = dict[str, list[dict[str, Any]]]


def load(form: str, file: Path) -> Path:
    """The database of that form in a new file."""
    with closing(sqlite3.connect(file)) as made:
        made.executescript((DUMPS / f"{form}.sql").read_text(encoding="utf-8"))
        made.execute("PRAGMA journal_mode=WAL")
    return file


def revision_of(form: str) -> str:
    return form.partition("-")[0]


def text_of(file: Path) -> str:
    """All of a database as SQL."""
    with closing(sqlite3.connect(file)) as opened:
        return "\n".join(opened.iterdump())


def rows_of(file: Path) -> Rows:
    """Every table's rows in the order of their ids, but for what only migrations write."""
    with closing(sqlite3.connect(file)) as opened:
        opened.row_factory = sqlite3.Row
        names = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [dict(row) for row in opened.execute(f'SELECT * FROM "{name}" ORDER BY 1')]
            for name in names
            if name != "alembic_version"
        }
