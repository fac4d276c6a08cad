"""The built wheel, installed elsewhere, has all that the program needs besides its code."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("plugin", "connectors", "templates")
# What the packages need besides code. Held by name, so that a moved folder does not make the comparison empty.
NEEDED = (
    "templates/packs/",
    "plugin/migrations/versions/",
    "plugin/migrations/script.py.mako",
    "plugin/web/pages/",
    "plugin/web/static/htmx.min.js",
    "plugin/web/static/app.css",
    "plugin/web/translations/zh/LC_MESSAGES/messages.mo",
)


def run(*command: str | Path, cwd: Path) -> str:
    """What the command prints. Fails with all of its output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "VIRTUAL"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=kept,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def source_files() -> set[str]:
    """Every file of the packages in the source tree, without what running them leaves behind."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with what the development environment has: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, ROOT, cwd=folder)
    (built,) = folder.glob("hebo_sync-*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a new environment: the wheel, and the dependencies of this environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    # A folder named by a .pth file: its own .pth files, among them the one of the source tree, do not count.
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def test_the_wheel_has_every_file_of_the_source_tree(wheel: Path) -> None:
    files = source_files()
    assert all(any(name.startswith(needed) for name in files) for needed in NEEDED)
    assert files - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_wheel_has_nothing_else(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    example = {"plugin/config/example.toml"}  # config.example.toml, for `init`
    assert {name for name in packed if ".dist-info/" not in name} <= source_files() | example


def test_the_command_runs_from_another_folder(elsewhere: Path, tmp_path: Path) -> None:
    assert "Usage: hebo-sync" in run(elsewhere / "hebo-sync", "--help", cwd=tmp_path)


def test_a_pack_loads_from_the_installed_package(elsewhere: Path, tmp_path: Path) -> None:
    code = "import templates; print(templates.__file__, templates.load_pack('main-image', 'en').name)"
    file, name = run(elsewhere / "python", "-c", code, cwd=tmp_path).split()
    assert Path(file).is_relative_to(elsewhere.parent)
    assert name == "main-image"


def test_init_makes_all_that_is_needed(elsewhere: Path, tmp_path: Path) -> None:
    run(elsewhere / "hebo-sync", "init", cwd=tmp_path)
    data = tmp_path / "hebo-sync-data"
    assert (tmp_path / "config.toml").is_file()
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    with sqlite3.connect(data / "hebo-sync.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    database.close()
