"""One small shop, run once against a real sandbox service; each test gets a copy of its folder."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import HeboListener, serve_hebo
from tests.plugin.cli.home import Home, run_shop, write_shop


@pytest.fixture(scope="session")
def service() -> Iterator[HeboListener]:
    """A quick image service; some pictures fail, and may be tried again."""
    options = HeboOptions(
        seed=3, paint="none", duration=(0.1, 0.3), poll_bands=((math.inf, 0.05),), terminal_interval=0.05, fail_rate=0.2
    )
    with serve_hebo(options) as listener:
        yield listener


@pytest.fixture(scope="session")
def ran(service: HeboListener, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a shop after its run."""
    folder = tmp_path_factory.mktemp("shop")
    run_shop(write_shop(folder, service.url))
    return folder


@pytest.fixture
def home(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of the shop after its run."""
    return Home(Path(shutil.copytree(ran, tmp_path / "home")), monkeypatch)


@pytest.fixture
def fresh(service: HeboListener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A shop that nothing was done with."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    write_shop(folder, service.url)
    return Home(folder, monkeypatch)
