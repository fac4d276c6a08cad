"""Putting a backup back: all of it, into an empty place only, stopped, and whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import Connection, func, select, update

from plugin import open_parts
from plugin.backup import (
    BackupError,
    Choice,
    DamagedBackupError,
    NotEmptyError,
    Restored,
    make_backup,
    restore_backup,
    source,
)
from plugin.backup.archive import ArchiveWriter, check_backup
from plugin.backup.make import Progress
from plugin.backup.restore import BY, READY
from plugin.config import Settings
from plugin.db import Database
from plugin.migrations import upgrade
from plugin.models import Event, GenerationTask, Stop
from plugin.schema import DatabaseError
from plugin.states import TaskState
from tests.plugin.installation import FOLDER_ID, NOW, PICTURES, RESCUED, SHAS, contents, installed, settings_in
from tests.plugin.migrations.dumped import API_KEY, FORMS, KEY, load, revision_of, rows_of
from tests.postgres import PostgresServer

ROOT = Path(__file__).parents[2]
LATER = NOW + timedelta(days=3)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installation and a backup of it, which tests only read."""
    folder = tmp_path_factory.mktemp("home")
    backup(installed(folder), folder / "hebo-sync.tar")
    return folder


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need not outlive a power cut."""
    monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture
def file(home: Path) -> Path:
    return home / "hebo-sync.tar"


@pytest.fixture
def old(home: Path) -> Settings:
    return settings_in(home)


@pytest.fixture
def new(tmp_path: Path) -> Settings:
    """Settings of an installation that is not there yet."""
    return settings_in(tmp_path, "new")


def backup(settings: Settings, file: Path, **choice: bool) -> None:
    make_backup(settings, "1.2.3", file, Choice(**choice), NOW)


def restore(settings: Settings, file: Path, *, moved: bool = True) -> Restored:
    return restore_backup(settings, file, LATER, moved=moved)


def database(settings: Settings) -> Path:
    return settings.app.data_dir / "hebo-sync.sqlite3"


def with_settings(folder: Path, name: str, **database: str) -> Settings:
    settings = settings_in(folder, name)
    return settings.model_copy(update={"database": settings.database.model_copy(update=database)})


class TestWhole:
    def test_everything_is_as_it_was(self, old: Settings, new: Settings, file: Path) -> None:
        restored = restore(new, file)
        assert (restored.stopped, restored.unreadable) == (False, 0)
        assert rows_of(database(new)) == rows_of(database(old))
        there = contents(new.app.data_dir)
        assert there == {name: data for name, data in contents(old.app.data_dir).items() if name in there}
        assert {FOLDER_ID, RESCUED, "secret.key", "stores/shop/notes.txt"} <= there.keys()
        assert {data for name, data in there.items() if name.startswith("pictures")} == set(PICTURES)
        assert stat.S_IMODE((new.app.data_dir / "secret.key").stat().st_mode) == 0o600
        assert not [path.name for path in new.app.data_dir.iterdir() if path.name.startswith("restoring")]

    def test_the_program_starts_on_it(self, new: Settings, file: Path) -> None:
        restore(new, file)
        with open_parts(new) as parts:
            assert parts.pictures.read(SHAS[0]) == PICTURES[0]
            assert parts.settings.hebo.api_key is not None
            assert parts.settings.hebo.api_key.get_secret_value() == API_KEY

    def test_a_database_elsewhere(self, tmp_path: Path, old: Settings, file: Path) -> None:
        new = with_settings(tmp_path, "new", url=f"sqlite:///{tmp_path}/apart/db.sqlite3")
        restore(new, file)
        assert rows_of(tmp_path / "apart/db.sqlite3") == rows_of(database(old))
        assert [path.name for path in (tmp_path / "apart").iterdir()] == ["db.sqlite3"]

    @pytest.mark.parametrize("form", [FORMS[0], FORMS[-1]])
    def test_an_older_schema_is_brought_up_to_date(self, tmp_path: Path, new: Settings, form: str) -> None:
        before = settings_in(tmp_path, "before")
        before.app.data_dir.mkdir()
        tasks = len(rows_of(load(form, database(before)))["task"])
        backup(before, tmp_path / "old.tar", with_pictures=False)
        assert check_backup(tmp_path / "old.tar").revision == revision_of(form)
        restored = restore(new, tmp_path / "old.tar", moved=False)
        assert (restored.stopped, restored.unreadable > 0) == (True, True)
        with closing(Database(new.database.url)) as db, db.read() as session:
            assert len(rows_of(database(new))["task"]) == tasks
            assert session.scalars(select(Stop.by)).all() == [BY]
        assert not list(new.app.data_dir.glob("*.bak"))


class TestMoney:
    @pytest.mark.parametrize("moved", [True, False])
    def test_doubts_of_the_past_are_a_persons(self, tmp_path: Path, new: Settings, file: Path, moved: bool) -> None:
        """More was sent after the backup, so the quota of before tells nothing."""
        mine = settings_in(tmp_path, "mine")
        restore(mine, file)
        with closing(Database(mine.database.url)) as db, db.write() as session:
            first = select(func.min(GenerationTask.id)).scalar_subquery()
            session.execute(update(GenerationTask).values(baseline_used=7))
            session.execute(update(GenerationTask).where(GenerationTask.id == first).values(state=TaskState.IN_DOUBT))
        backup(mine, tmp_path / "doubtful.tar")
        restore(new, tmp_path / "doubtful.tar", moved=moved)
        with closing(Database(new.database.url)) as db, db.read() as session:
            rows = session.scalars(select(GenerationTask)).all()
            used = {row.baseline_used for row in rows if row.state is TaskState.IN_DOUBT}
            assert used == {7 if moved else None}

    def test_what_was_not_moved_is_left_stopped(self, new: Settings, file: Path) -> None:
        assert restore(new, file, moved=False).stopped
        with closing(Database(new.database.url)) as db, db.read() as session:
            stop = session.scalars(select(Stop)).one()
            told = session.scalars(select(Event).where(Event.code == "all_stopped")).one()
        assert told.data["reason"] == stop.reason
        assert (stop.at, stop.by) == (LATER, "hebo-sync restore")
        for said in ("a backup of 2026-11-22 18:00 UTC", "paid for a second time", "exclude the products", "resume"):
            assert said in stop.reason

    def test_what_was_stopped_before_stays_so(self, tmp_path: Path, new: Settings) -> None:
        stopped = installed(tmp_path)
        with closing(Database(stopped.database.url)) as db, db.write() as session:
            session.add(Stop(at=NOW, by="anna", reason="holidays"))
        backup(stopped, tmp_path / "stopped.tar")
        assert restore(new, tmp_path / "stopped.tar").stopped
        assert [row["reason"] for row in rows_of(database(new))["stop"]] == ["holidays"]
        other = settings_in(tmp_path, "other")
        assert restore(other, tmp_path / "stopped.tar", moved=False).stopped
        [stop] = rows_of(database(other))["stop"]
        assert stop["by"] == "anna"
        assert stop["reason"].startswith("Restored from a backup of ")
        assert stop["reason"].endswith("\nholidays")


class TestNeverOver:
    @pytest.mark.parametrize("name", ["secret.key", "hebo-sync.sqlite3", "pictures", "something.txt"])
    def test_a_data_folder_that_is_used(self, new: Settings, file: Path, name: str) -> None:
        new.app.data_dir.mkdir()
        (new.app.data_dir / name).write_text("mine")
        with pytest.raises(NotEmptyError, match=f"it has {name}.*Stop hebo-sync and move that folder away"):
            restore(new, file)
        assert [path.read_text() for path in new.app.data_dir.iterdir()] == ["mine"]

    def test_a_database_that_is_there(self, tmp_path: Path, file: Path) -> None:
        new = with_settings(tmp_path, "new", url=f"sqlite:///{tmp_path}/db.sqlite3")
        (tmp_path / "db.sqlite3").write_text("mine")
        with pytest.raises(NotEmptyError, match=r"db\.sqlite3 is there already"):
            restore(new, file)
        assert (tmp_path / "db.sqlite3").read_text() == "mine"

    def test_the_backup_itself_and_the_disk_s_own_folder_may_be_there(self, new: Settings, file: Path) -> None:
        new.app.data_dir.mkdir()
        (new.app.data_dir / "lost+found").mkdir()
        copy = new.app.data_dir / "hebo-sync.tar"
        copy.write_bytes(file.read_bytes())
        restore(new, copy)
        assert len(rows_of(database(new))["task"]) > 0

    def test_a_damaged_one(self, tmp_path: Path, new: Settings, file: Path) -> None:
        whole = file.read_bytes()
        (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])  # its end is padding
        with pytest.raises(DamagedBackupError):
            restore(new, tmp_path / "cut.tar")
        assert list(new.app.data_dir.iterdir()) == []

    def test_a_newer_version_s(self, tmp_path: Path, new: Settings, file: Path) -> None:
        newer = check_backup(file).model_copy(update={"revision": "9999", "members": {}})
        with (tmp_path / "newer.tar").open("wb") as stream:
            ArchiveWriter(stream, NOW, lambda _: None).close(newer)
        with pytest.raises(DatabaseError, match="made by a newer hebo-sync"):
            restore(new, tmp_path / "newer.tar")
        assert list(new.app.data_dir.iterdir()) == []

    def test_two_at_once(self, new: Settings, file: Path) -> None:
        new.app.data_dir.mkdir()
        with (
            FileLock(new.app.data_dir / "restoring.lock"),
            pytest.raises(BackupError, match=r"another restore into .* is under way"),
        ):
            restore(new, file)
        assert not database(new).exists()


class TestKeys:
    def test_a_key_that_was_put_there_by_hand(self, tmp_path: Path, old: Settings, new: Settings) -> None:
        backup(old, tmp_path / "keyless.tar", with_key=False)
        new.app.data_dir.mkdir()
        (new.app.data_dir / "secret.key").write_text(KEY)
        (new.app.data_dir / "secret.key").chmod(0o600)
        assert restore(new, tmp_path / "keyless.tar").unreadable == 0
        assert (new.app.data_dir / "secret.key").read_text() == KEY

    def test_without_the_right_key_it_says_what_cannot_be_read(self, tmp_path: Path, old: Settings, file: Path) -> None:
        backup(old, tmp_path / "keyless.tar", with_key=False)
        assert restore(settings_in(tmp_path, "keyless"), tmp_path / "keyless.tar").unreadable == 2
        other = 'secret_key = "bm90LXRoZS1yaWdodC1rZXktZm9yLXRoaXMtZGF0YSE="'
        assert restore(settings_in(tmp_path, "other", other), file).unreadable == 2


class TestBrokenOff:
    def test_a_kill_at_any_step_leaves_nothing_usable_or_all(self, tmp_path: Path, new: Settings, file: Path) -> None:
        command = [sys.executable, "-m", "tests.plugin.restore_kills", str(tmp_path / "new.toml"), str(file)]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert (told.returncode, told.stderr) == (0, "")
        assert int(told.stdout) > 15
        assert new.app.data_dir.exists()

    def test_an_interrupted_one_is_not_started_on(self, new: Settings, file: Path) -> None:
        """Ctrl-C while it unpacks leaves the folder empty."""
        sizes: list[int] = []

        def interrupt(moved: int) -> None:
            sizes.append(moved)
            if sum(sizes) > file.stat().st_size:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            restore_backup(new, file, LATER, moved=True, progress=Progress(moved=interrupt))
        assert list(new.app.data_dir.iterdir()) == []

    def test_until_it_is_finished_the_program_refuses_to_start(self, new: Settings, file: Path) -> None:
        ready = new.app.data_dir / "restoring" / READY
        ready.parent.mkdir(parents=True)
        ready.write_text("0" * 64)
        with closing(Database(new.database.url)) as db, pytest.raises(DatabaseError, match="Run the same hebo-sync"):
            db.migrate()
        with pytest.raises(BackupError, match=r"the restore of another backup into .* was broken off"):
            restore(new, file)
        assert not database(new).exists()


class TestPostgresql:
    def test_there_and_back_while_others_write(
        self, tmp_path: Path, old: Settings, file: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with postgres.fresh() as url:
            middle = with_settings(tmp_path, "middle", url=url)
            restore(middle, file)
            with pytest.raises(NotEmptyError, match=r"the database .* is there already"):
                restore(with_settings(tmp_path, "again", url=url), file)
            with closing(Database(url)) as other:

                def lay_out(connection: Connection, revision: str) -> None:
                    """Called between the first look at the database and the copying of its rows."""
                    upgrade.lay_out(connection, revision)
                    with other.write() as session:
                        session.add(Stop(at=NOW, by="somebody", reason="just now"))
                        session.add(Event(at=NOW, code="later", data={}))  # they have numbers of their own

                monkeypatch.setattr(source, "lay_out", lay_out)
                backup(middle, tmp_path / "back.tar")
                with other.read() as session:
                    assert session.query(Stop).count() == 1
        made = check_backup(tmp_path / "back.tar")
        assert (made.source, made.pictures) == ("postgresql", len(PICTURES))
        back = settings_in(tmp_path, "back")
        restore(back, tmp_path / "back.tar")
        assert rows_of(database(back)) == rows_of(database(old))
