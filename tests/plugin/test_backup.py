"""Making and checking a backup: all that is needed is in it, one state of it, and never half of it."""

from __future__ import annotations

import io
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given, strategies
from sqlalchemy import select, text

from plugin.backup import BackupError, Choice, DamagedBackupError, Manifest, check_backup, make_backup
from plugin.backup.archive import ArchiveWriter
from plugin.backup.make import Progress
from plugin.backup.manifest import DATABASE, is_known, picture_name
from plugin.config import Settings
from plugin.db import Database
from plugin.models import Account, Event, Picture
from plugin.schema import DatabaseError
from tests.plugin.installation import DROPPED, NOW, PICTURES, RESCUED, SHAS, installed, settings_in
from tests.plugin.migrations.dumped import rows_of

ROOT = Path(__file__).parents[2]
ALL = Choice()
MAKE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from plugin.backup import Choice, make_backup
from plugin.backup.make import Progress
from plugin.config import load_settings
def begin(_):
{begin}
settings, now = load_settings(Path(sys.argv[1]), {{}}), datetime.now(UTC)
make_backup(settings, "1", Path(sys.argv[2]), Choice(), now, Progress(begin=begin))
"""
FULL = """
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""
SLOW = """
    import time
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return installed(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups/hebo-sync.tar"


def make(settings: Settings, file: Path, choice: Choice = ALL, **progress: Any) -> Manifest:
    return make_backup(settings, "1.2.3", file, choice, NOW, Progress(**progress))


def taken_out(file: Path, name: str, folder: Path) -> Path:
    """One file of a backup."""
    with tarfile.open(file) as tar:
        stream = tar.extractfile(name)
        assert stream is not None
        (folder / "taken out").write_bytes(stream.read())
    return folder / "taken out"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A whole backup."""
    folder = tmp_path_factory.mktemp("good")
    make(installed(folder), folder / "good.tar")
    return (folder / "good.tar").read_bytes()


def database(settings: Settings) -> Path:
    return settings.app.data_dir / "hebo-sync.sqlite3"


def open_of(settings: Settings) -> closing[Database]:
    return closing(Database(settings.database.url))


class TestWhatIsInIt:
    def test_all_that_is_needed_and_nothing_that_passes(self, settings: Settings, file: Path, tmp_path: Path) -> None:
        made = make(settings, file)
        assert check_backup(file) == made
        assert set(made.members) == {
            *map(picture_name, SHAS),
            "secret.key",
            RESCUED,
            "stores/shop/feed.sqlite3",
            "stores/shop/notes.txt",
            DATABASE,
        }
        assert (made.pictures, made.with_key, made.source, made.missing) == (3, True, "sqlite", ())
        assert made.counts == {name: len(rows) for name, rows in rows_of(database(settings)).items()}
        assert rows_of(taken_out(file, DATABASE, tmp_path)) == rows_of(database(settings))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [path.name for path in file.parent.iterdir()] == [file.name]

    def test_a_database_of_a_connector_stays_as_it_is(self, settings: Settings, file: Path, tmp_path: Path) -> None:
        make(settings, file)
        with closing(sqlite3.connect(taken_out(file, "stores/shop/feed.sqlite3", tmp_path))) as state:
            assert state.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert state.execute("SELECT count(*) FROM meta").fetchone() == (1,)

    def test_key_and_pictures_may_be_left_out(self, settings: Settings, file: Path) -> None:
        made = make(settings, file, Choice(with_key=False, with_pictures=False))
        assert (made.with_key, made.with_pictures, made.pictures) == (False, False, 0)
        assert set(made.members) == {RESCUED, "stores/shop/feed.sqlite3", "stores/shop/notes.txt", DATABASE}

    def test_an_id_that_the_database_takes_meanwhile_is_kept(self, settings: Settings, file: Path) -> None:
        """It may have been taken after the database was copied: then it stands nowhere else."""

        def store(_: int) -> None:
            (settings.app.data_dir / RESCUED).rename(settings.app.data_dir / "rescue/0123456789abcdef-8.json")

        assert {RESCUED, "rescue/0123456789abcdef-8.json"} <= make(settings, file, begin=store).members.keys()

    def test_it_is_one_state_although_others_write(self, settings: Settings, file: Path, tmp_path: Path) -> None:
        """Each transaction moves two figures; no backup has one without the other."""
        stop, begun = threading.Event(), threading.Event()

        def write() -> None:
            with open_of(settings) as db:
                while not stop.is_set():
                    with db.write() as session:
                        session.scalars(select(Account)).one().troubles += 1
                        session.add(Event(at=NOW, code="written", data={"text": "x" * 3000}))
                    begun.set()

        before = len(rows_of(database(settings))["event"])
        writer = threading.Thread(target=write)
        writer.start()
        try:
            seen = []
            for _ in range(3):
                begun.clear()
                assert begun.wait(10)
                make(settings, file)
                rows = rows_of(taken_out(file, DATABASE, tmp_path))
                seen.append((rows["account"][0]["troubles"], len(rows["event"]) - before))
        finally:
            stop.set()
            writer.join()
        assert all(counted == written > 0 for counted, written in seen)
        assert sorted(set(seen)) == seen


class TestPictures:
    def test_one_that_was_dropped_meanwhile_is_no_trouble(self, settings: Settings, file: Path, tmp_path: Path) -> None:
        def drop(_: int) -> None:
            (settings.app.data_dir / picture_name(SHAS[0])).unlink()
            with open_of(settings) as db, db.write() as session:
                session.get_one(Picture, SHAS[0]).dropped_at = NOW

        made = make(settings, file, begin=drop)
        assert (made.pictures, made.missing) == (2, ())
        kept = {row["sha"]: row["dropped_at"] for row in rows_of(taken_out(file, DATABASE, tmp_path))["picture"]}
        assert kept[SHAS[0]] is not None
        assert kept[SHAS[1]] is None

    @pytest.mark.parametrize("bytes_left", [None, DROPPED], ids=["missing", "damaged"])
    def test_one_that_is_needed_must_be_there(self, settings: Settings, file: Path, bytes_left: bytes | None) -> None:
        path = settings.app.data_dir / picture_name(SHAS[0])
        path.unlink() if bytes_left is None else path.write_bytes(bytes_left)
        with pytest.raises(BackupError, match=f"needs them: 1 .*{SHAS[0]}.*No backup was made"):
            make(settings, file)
        assert list(file.parent.iterdir()) == []
        made = make(settings, file, Choice(missing_ok=True))
        assert (made.missing, made.pictures) == ((SHAS[0],), len(PICTURES) - 1)


class TestNeverHalf:
    @pytest.fixture
    def older(self, settings: Settings, file: Path) -> bytes:
        """A good backup that is there already."""
        make(settings, file)
        with open_of(settings) as db, db.write() as session:
            session.add(Event(at=NOW, code="later", data={}))
        return file.read_bytes()

    def test_a_new_one_takes_the_place_of_an_old_one(self, settings: Settings, file: Path, older: bytes) -> None:
        make(settings, file)
        assert file.read_bytes() != older
        check_backup(file)

    def test_an_error_leaves_the_old_one(self, settings: Settings, file: Path, older: bytes) -> None:
        def interrupt(_: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make(settings, file, moved=interrupt)
        assert file.read_bytes() == older
        assert [path.name for path in file.parent.iterdir()] == [file.name]

    def test_a_full_disk_says_so_and_leaves_the_old_one(self, settings: Settings, file: Path, older: bytes) -> None:
        told = in_a_process(settings, file, FULL).communicate(timeout=60)[1]
        assert "no backup was made: File too large" in told
        assert "Nothing half-done was left" in told
        assert file.read_bytes() == older
        assert [path.name for path in file.parent.iterdir()] == [file.name]

    def test_a_kill_leaves_the_old_one_and_the_next_one_cleans_up(
        self, settings: Settings, file: Path, older: bytes
    ) -> None:
        with in_a_process(settings, file, SLOW) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "begun\n"
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=60)
        assert file.read_bytes() == older
        assert len(list(file.parent.iterdir())) > 1
        make(settings, file)
        assert [path.name for path in file.parent.iterdir()] == [file.name]

    def test_no_room_is_seen_before(self, settings: Settings, file: Path) -> None:
        with open_of(settings) as db, db.write() as session:
            session.get_one(Picture, SHAS[0]).size = 10**15
        with pytest.raises(BackupError, match=r"needs \d+ MB, and there are \d+ MB free"):
            make(settings, file)
        assert list(file.parent.iterdir()) == []

    def test_two_at_once_at_one_place(self, settings: Settings, file: Path) -> None:
        with FileLock(f"{file}.part.lock"), pytest.raises(BackupError, match="another backup is just being written"):
            make(settings, file)
        assert not file.exists()

    def test_nothing_else_is_written_over(self, settings: Settings, file: Path) -> None:
        file.write_text("[app]\n")
        with pytest.raises(BackupError, match="is there already and is no backup"):
            make(settings, file)
        assert file.read_text() == "[app]\n"

    def test_a_place_that_is_not_there(self, settings: Settings, tmp_path: Path) -> None:
        with pytest.raises(BackupError, match="there is no folder"):
            make(settings, tmp_path / "nowhere/hebo-sync.tar")


class TestSources:
    def test_a_damaged_database_makes_no_backup(self, settings: Settings, file: Path) -> None:
        data = bytearray(database(settings).read_bytes())
        for page in range(8, len(data) // 4096):
            data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
        database(settings).write_bytes(data)
        with pytest.raises(BackupError, match=r"damaged|malformed"):
            make(settings, file)
        assert list(file.parent.iterdir()) == []

    def test_a_newer_version_s_database(self, settings: Settings, file: Path) -> None:
        with open_of(settings) as db, db.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseError, match="made by a newer hebo-sync"):
            make(settings, file)
        assert list(file.parent.iterdir()) == []

    def test_nothing_to_back_up(self, tmp_path: Path, file: Path) -> None:
        settings = settings_in(tmp_path, "empty")
        settings.app.data_dir.mkdir()
        with pytest.raises(BackupError, match="there is no database"):
            make(settings, file)
        database(settings).write_bytes(b"")
        with pytest.raises(BackupError, match="the database is empty"):
            make(settings, file)
        assert list(file.parent.iterdir()) == []


class TestCheck:
    @pytest.mark.parametrize("name", [picture_name(SHAS[1]), "secret.key", DATABASE, "manifest.json"])
    def test_one_wrong_byte_is_found(self, good: bytes, file: Path, name: str) -> None:
        with tarfile.open(fileobj=io.BytesIO(good)) as tar:
            info = tar.getmember(name)
        for at in (0, info.size // 2, info.size - 1):
            place = info.offset_data + at
            file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
            with pytest.raises(DamagedBackupError, match=r"damaged|cannot be used"):
                check_backup(file)

    @pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.95])
    def test_a_cut_file_is_found(self, good: bytes, file: Path, share: float) -> None:
        file.write_bytes(good[: int(len(good) * share)])
        with pytest.raises(DamagedBackupError, match=r"not a whole one|no whole backup"):
            check_backup(file)

    def test_what_is_no_tar(self, file: Path) -> None:
        file.write_bytes(b"a shopping list\n" * 100)
        with pytest.raises(DamagedBackupError, match="no backup of hebo-sync"):
            check_backup(file)
        with pytest.raises(BackupError, match="cannot be read: No such file"):
            check_backup(file.with_name("nowhere.tar"))

    @pytest.mark.parametrize(
        "name",
        [
            "../secret.key", "/etc/passwd", "stores/shop/../../secret.key", "stores/../secret.key", "pictures/../x",
            "stores/shop/.hidden", "stores/shop", "hebo-sync.sqlite3", "pictures/aa/" + "b" * 64, "C:\\x", "",
        ],
    )  # fmt: skip
    def test_a_name_that_leads_elsewhere(self, good: bytes, file: Path, name: str) -> None:
        add(file, good, tarfile.TarInfo(name))
        with pytest.raises(DamagedBackupError, match="has no place there"):
            check_backup(file)

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
    def test_only_plain_files(self, good: bytes, file: Path, kind: bytes) -> None:
        info = tarfile.TarInfo("stores/shop/link")
        info.type, info.linkname = kind, "/etc/passwd"
        add(file, good, info)
        with pytest.raises(DamagedBackupError, match="has no place there"):
            check_backup(file)

    def test_a_file_that_the_list_does_not_have(self, good: bytes, file: Path) -> None:
        add(file, good, tarfile.TarInfo("stores/shop/more"))
        with pytest.raises(DamagedBackupError, match="holds what its list does not have"):
            check_backup(file)

    def test_a_file_twice(self, good: bytes, file: Path) -> None:
        add(file, good, tarfile.TarInfo("secret.key"), tarfile.TarInfo("secret.key"))
        with pytest.raises(DamagedBackupError, match=r"'secret\.key' has no place there"):
            check_backup(file)

    def test_a_list_of_a_later_kind(self, good: bytes, file: Path) -> None:
        with file.open("wb") as stream:
            ArchiveWriter(stream, NOW, lambda _: None).close(listed(good).model_copy(update={"format": 2}))
        with pytest.raises(DamagedBackupError, match="install a newer hebo-sync"):
            check_backup(file)


@given(strategies.text(strategies.sampled_from("stores/pictures.ab\\:\0 é"), max_size=80))
def test_no_known_name_leads_out_of_the_folder(name: str) -> None:
    root = Path("/srv/data")
    for known in (name, f"stores/shop/{name}"):
        if is_known(known):
            assert (root / known).is_relative_to(root)
            assert ".." not in Path(known).parts


def listed(data: bytes) -> Manifest:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        stream = tar.extractfile("manifest.json")
        assert stream is not None
        return Manifest.from_bytes(stream.read())


def add(file: Path, good: bytes, *infos: tarfile.TarInfo) -> None:
    """The good backup with other members before its own."""
    with tarfile.open(file, "w") as tar:
        for info in infos:
            tar.addfile(info)
    with tarfile.open(fileobj=io.BytesIO(good)) as whole, tarfile.open(file, "a") as tar:
        for info in whole:
            if info.name not in tar.getnames():
                tar.addfile(info, whole.extractfile(info))


def in_a_process(settings: Settings, file: Path, begin: str) -> subprocess.Popen[str]:
    """A backup in a process of its own, with `begin` called once the database is copied."""
    config = settings.app.data_dir.with_name("plain.toml")
    config.write_text(f'[app]\ndata_dir = "{settings.app.data_dir.name}"\n')  # its stores need not be known
    command = [sys.executable, "-c", MAKE.format(begin=begin), str(config), str(file)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
