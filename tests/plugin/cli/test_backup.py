"""backup and restore, as somebody calls them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from plugin.cli import backup
from tests.plugin.cli.home import Home
from tests.plugin.installation import contents, installed, settings_in


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An installation in use."""
    (tmp_path / "old").mkdir()
    installed(tmp_path / "old", "config")
    return Home(tmp_path / "old", monkeypatch)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A configuration, and nothing else."""
    (tmp_path / "new").mkdir()
    settings_in(tmp_path / "new", "config")
    return Home(tmp_path / "new", monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hebo-sync.tar"


def test_there_and_back(home: Home, elsewhere: Home, file: Path) -> None:
    made = home("backup", file)
    assert (made.code, made.err) == (0, "")
    for said in (str(file), "15 products", "15 tasks", "3 files of pictures", "keep it safe", "the configuration file"):
        assert said in made.out
    checked = home("backup", file, "--check")
    assert (checked.code, f"{file} is whole: a backup of" in checked.out) == (0, True)
    restored = elsewhere("restore", file)
    assert (restored.code, restored.err) == (0, "")
    for said in ("everything is stopped", "paid for a second time", "hebo-sync resume", "both would spend"):
        assert said in restored.out
    assert contents(elsewhere.folder / "config")["secret.key"] == contents(home.folder / "config")["secret.key"]
    ids = [[row["id"] for row in called("tasks", "list", "--json").json] for called in (home, elsewhere)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 15


def test_a_move_is_not_stopped(home: Home, elsewhere: Home, file: Path) -> None:
    home("backup", file)
    moved = elsewhere("restore", file, "--moved")
    assert moved.code == 0
    assert "everything is stopped" not in moved.out
    assert "both would spend" in moved.out


def test_what_was_left_out_is_said(home: Home, elsewhere: Home, file: Path) -> None:
    made = home("backup", file, "--without-key", "--without-pictures")
    assert "no key file is in it: keep secret.key" in made.out
    assert "no pictures" in made.out
    restored = elsewhere("restore", file)
    assert "! secrets that the key here does not open: 2" in restored.err
    assert "! the backup has no pictures" in restored.err


def test_missing_pictures_are_said(home: Home, elsewhere: Home, file: Path) -> None:
    for path in (home.folder / "config/pictures").glob("??/*"):
        path.unlink()
    refused = home("backup", file)
    assert (refused.code, refused.out, file.exists()) == (1, "", False)
    assert "say --skip-missing" in refused.err
    made = home("backup", file, "--skip-missing")
    assert "pictures that were missing or damaged, and are not in it: 3" in made.out
    assert "! pictures that were missing when the backup was made: 3" in elsewhere("restore", file).err


def test_what_goes_wrong_is_one_line(home: Home, file: Path) -> None:
    file.write_bytes(b"a shopping list")
    for arguments in (("backup", file), ("backup", file, "--check"), ("restore", file)):
        called = home(*arguments)
        assert (called.code, called.out, called.err.count("\n")) == (1, "", 1)
        assert "no backup" in called.err


def test_restoring_over_an_installation_is_refused(home: Home, file: Path) -> None:
    home("backup", file)
    before = contents(home.folder)
    refused = home("restore", file)
    assert (refused.code, refused.out) == (1, "")
    assert "a restore never writes over anything; nothing was done" in refused.err
    assert contents(home.folder) == before


def test_a_bar_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("rich.console.Console", lambda **_: Console(file=shown, force_terminal=True, width=100))
    with backup.bar("writing") as progress:
        progress.begin(2_000_000)
        progress.moved(1_000_000)
    assert "writing" in shown.getvalue()
    assert "1.0/2.0 MB" in shown.getvalue()


def test_doctor_on_a_new_machine_leaves_room_for_a_restore(home: Home, elsewhere: Home, file: Path) -> None:
    home("backup", file)
    assert "(will be made)" in elsewhere("doctor").out
    assert elsewhere("restore", file).code == 0


def test_after_init_it_says_that_the_folder_can_go(home: Home, elsewhere: Home, file: Path) -> None:
    home("backup", file)
    elsewhere("init")
    refused = elsewhere("restore", file)
    assert refused.code == 1
    assert "in which nothing was entered, can go" in refused.err
