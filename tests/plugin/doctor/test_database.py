"""The database, the disk and the clock, as doctor sees them."""

from __future__ import annotations

import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from plugin.clock import SystemClock
from plugin.config import Settings
from plugin.db import Database
from plugin.doctor import Level, check_closed, database, disk
from plugin.doctor.clock import check_machine_clock
from plugin.doctor.database import check_database
from plugin.machine_clock import shown, this_machine
from plugin.models import Picture
from plugin.pipeline.parts import Parts

GB = 10**9
USAGE = namedtuple("USAGE", ["total", "used", "free"])


def file_of(parts: Parts) -> Path:
    return Path(str(parts.db.engine.url.database))


def test_a_sound_one_of_either_kind(database: Database) -> None:
    with database.write() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32))"))
    finding, *more = check_database(database)
    assert (finding.level, more) == (Level.OK, [])
    assert finding.message.endswith(" MB")
    assert "password" not in finding.message


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("server:/x / nfs4 rw 0 0\n", "nfs4"),
        ("/dev/a / ext4 rw 0 0\nodd\n//nas/x {folder} cifs rw 0 0\n", "cifs"),
        ("server:/x / nfs4 rw 0 0\n/dev/a {folder} ext4 rw 0 0\n", None),
        ("server:/x /elsewhere nfs4 rw 0 0\n", None),
    ],
)
def test_a_network_file_system(tmp_path: Path, lines: str, kind: str | None) -> None:
    (tmp_path / "mounts").write_text(lines.format(folder=tmp_path))
    found = list(database.check_place(tmp_path / "data" / "d.sqlite3", tmp_path / "mounts"))
    assert [f"({kind})" in finding.message for finding in found] == ([True] if kind else [])
    assert list(database.check_place(tmp_path / "d", tmp_path / "no such list")) == []


def test_one_that_others_write_to_all_the_time(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    with closing(sqlite3.connect(file_of(parts), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        finding = {one.check: one for one in database.check_database(parts.db)}["database's writers"]
    assert finding.level is Level.WARNING
    assert "loses nothing" in finding.meaning


def test_one_that_cannot_be_written(parts: Parts, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(file_of(parts))) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    (tmp_path / "copy.sqlite3-wal").mkdir()  # where the log is to be laid down
    found = list(database._writable(copy))
    assert [finding.level for finding in found] == [Level.ERROR]
    assert "cannot be written" in found[0].message


def test_a_log_that_has_grown(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LARGE_LOG", 0)
    with parts.db.write() as session:
        session.execute(text("UPDATE store SET problem = 'x'"))
    finding = {one.check: one for one in database.check_database(parts.db)}["database's log"]
    assert "Never delete it" in finding.meaning


def test_room_inside_the_file_is_noted(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MUCH_FREE", 0)
    with closing(sqlite3.connect(file_of(parts))) as connection:
        connection.execute("CREATE TABLE large (x)")
        connection.execute("INSERT INTO large VALUES (zeroblob(100000))")
        connection.execute("DROP TABLE large")
        connection.commit()
    (note,) = database.check_database(parts.db)[0].notes
    assert "VACUUM" in note


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    settings = Settings.model_validate({"base_dir": tmp_path, "app": {"data_dir": "none"}})
    findings = {finding.check: finding for finding in check_closed(settings)}
    assert findings["database"].level is Level.WARNING
    assert "is not there" in findings["database"].message
    assert "cannot be tried now" in findings["image service"].message
    assert not (tmp_path / "none" / "hebo-sync.sqlite3").exists()


@pytest.mark.parametrize(
    ("free", "a_week", "level", "told"),
    [
        (100 * GB, 7 * GB, Level.OK, "2.0 GB a day came in the last 7 days, so that is enough for 50 days"),
        (20 * GB, 7 * GB, Level.WARNING, "enough for 10 days"),
        (20 * GB, 0, Level.OK, "20.0 GB are free"),
    ],
)
def test_for_how_long_the_disk_is_enough(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, free: int, a_week: int, level: Level, told: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: USAGE(0, 0, free))
    words = {"extension": "png", "mime": "image/png", "width": 1, "height": 1}
    with parts.db.write() as session:
        now = parts.clock.now()
        session.add(Picture(sha="a" * 64, size=a_week, created_at=now, **words))
        session.add(Picture(sha="b" * 64, size=GB, created_at=now - timedelta(days=8), **words))
        session.add(Picture(sha="c" * 64, size=GB, created_at=now, dropped_at=now, **words))
    (finding,) = disk.check_disk(parts)
    assert (finding.level, told in finding.message) == (level, True)


@pytest.mark.parametrize(
    ("hours", "level", "told"), [(0, Level.OK, "was not set"), (1, Level.WARNING, "3,600 s ahead")]
)
def test_a_clock_that_was_set(parts: Parts, hours: int, level: Level, told: str) -> None:
    offset = shown(parts.db, this_machine()) - timedelta(hours=hours)
    (finding,) = check_machine_clock(replace(parts, clock=SystemClock(offset=offset)))
    assert (finding.level, told in finding.message) == (level, True)
