"""An installation with something in every place that a backup has to know: rows, pictures, a key, a feed's state."""

from __future__ import annotations

import hashlib
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import update

from connectors.feed.state import State, set_meta
from plugin.config import Settings, load_settings
from plugin.config.settings import DATABASE_FILE
from plugin.db import Database
from plugin.models import Picture
from plugin.pictures import PictureStore
from plugin.pipeline.submitting.rescue import FOLDER
from tests.plugin.migrations.dumped import FORMS, KEY, load, rows_of

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
PICTURES = tuple(f"picture {number}".encode() * 100 for number in range(3))
SHAS = tuple(hashlib.sha256(data).hexdigest() for data in PICTURES)
DROPPED = b"a picture that is not kept any more"
RESCUED = f"{FOLDER}/0123456789abcdef-7.json"
FOLDER_ID = "data-folder.id"
CONFIG = """
[app]
data_dir = "{name}"
{more}
[[stores]]
name = "shop"
kind = "feed"
path = "feed.tsv"
output = "out.tsv"
"""


def settings_in(folder: Path, name: str = "data", more: str = "") -> Settings:
    """Settings with a data folder of that name, which is not made. more: lines of the file."""
    config = folder / f"{name}.toml"
    config.write_text(CONFIG.format(name=name, more=more), encoding="utf-8")
    return load_settings(config, {})


def installed(folder: Path, name: str = "data") -> Settings:
    """An installation in use: what the last version left, brought up to date, with pictures."""
    settings = settings_in(folder, name)
    data = settings.app.data_dir
    data.mkdir()
    (data / DATABASE_FILE).write_bytes(_database())
    (data / FOLDER_ID).write_text(f"{rows_of(data / DATABASE_FILE)['data_folder'][0]['id']}\n")
    (data / "secret.key").write_text(f"{KEY}\n")
    (data / "secret.key").chmod(0o600)
    kept = PictureStore(data / "pictures")
    for picture in (*PICTURES, DROPPED):
        kept.put(picture)
    (data / "pictures/thumbnails/aa").mkdir(parents=True)
    (data / "pictures/thumbnails/aa/small.jpg").write_bytes(b"made anew where it is missing")
    _state(data / "stores/shop")
    (data / FOLDER).mkdir()
    (data / RESCUED).write_bytes(b"{}")
    return settings


def _state(folder: Path) -> None:
    with State(folder).connect() as db:
        set_meta(db, "output", "what the feed's output was written from")
    (folder / "bulk").mkdir()
    (folder / "bulk/passing.jsonl").write_bytes(b"for a moment only")
    (folder / "feed.lock").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"of another connector")


@cache
def _database() -> bytes:
    with TemporaryDirectory(prefix="hebo-sync-installed-") as folder:
        file = load(FORMS[-1], Path(folder) / "old.sqlite3")
        with closing(Database(f"sqlite:///{file}")) as db:
            db.migrate()
            with db.write() as session:
                session.execute(update(Picture).values(dropped_at=NOW))
                session.add_all([_row(data) for data in PICTURES])
                session.add(_row(DROPPED, dropped_at=NOW))
        return file.read_bytes()


def _row(data: bytes, **columns: Any) -> Picture:
    values: dict[str, Any] = {"extension": "png", "mime": "image/png", "width": 1, "height": 1, "created_at": NOW}
    return Picture(sha=hashlib.sha256(data).hexdigest(), size=len(data), **values, **columns)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below, but SQLite files, which may differ without holding anything else."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "sqlite3" not in path.name
    }
