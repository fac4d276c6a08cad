"""Database and data folder belong together: pictures, the key file and what feeds have published lie in the folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from plugin.db import Database
from plugin.models import DataFolder
from plugin.schema import DatabaseError

FILE = "data-folder.id"
OF_THE_DISK = {"lost+found"}


def is_made(folder: Path) -> bool:
    """Whether anything lies in this data folder: an empty one (a disk that was just put there) is as good as none."""
    return folder.is_dir() and any(path.name not in OF_THE_DISK for path in folder.iterdir())


def demand_same(db: Database, folder: Path, now: datetime) -> None:
    """Both carry one random id, given when they first meet. Raises DatabaseError where they differ.

    With another folder, feeds would lose what is published on them, and pictures that were paid for would be missing.
    """
    file = folder / FILE
    known = _known(db)
    if known is None:
        known = _meet(db, _id_in(file, new=secrets.token_hex(8)), now)
    if not file.exists() or _id_in(file) != known:
        raise DatabaseError(
            f"the database {db.where} belongs to another data folder than {folder}; nothing was changed. Set "
            "app.data_dir to that folder, which holds its pictures and what is published, or use a database of its "
            f"own for this one. If this is the right folder (moved, say, without the file {FILE}), write the line "
            f"{known} into {file}"
        )


def _known(db: Database) -> str | None:
    with db.read() as session:
        return session.scalars(select(DataFolder.id)).first()


def _id_in(file: Path, *, new: str = "") -> str:
    """What the file holds; made with `new` where it is missing, whole, by the first of several processes."""
    if new and not file.exists():
        draft = file.with_name(f".{FILE}.{new}")
        draft.write_text(f"{new}\n", encoding="ascii")
        with suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text(encoding="ascii").strip()


def _meet(db: Database, mine: str, now: datetime) -> str:
    """Have the database remember the folder; gives the id that it knows then."""
    with suppress(IntegrityError), db.write() as session:
        if session.scalars(select(DataFolder.id)).first() is None:
            session.add(DataFolder(id=mine, met_at=now))
    return _known(db) or mine
