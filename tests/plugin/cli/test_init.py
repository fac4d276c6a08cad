"""init: makes everything, and never over what is there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from plugin.cli.init import without_store
from plugin.config import load_settings
from tests.plugin.cli.home import Home


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path / "new", monkeypatch)


def test_it_makes_a_private_configuration_the_data_folder_and_the_database(empty: Home) -> None:
    called = empty("init")
    assert called.code == 0, called.err
    assert stat.S_IMODE(empty.config.stat().st_mode) == 0o600
    data_dir = load_settings(empty.config, {}).app.data_dir
    assert {"secret.key", "hebo-sync.sqlite3"} <= {path.name for path in data_dir.iterdir()}
    assert stat.S_IMODE((data_dir / "secret.key").stat().st_mode) == 0o600
    for told in (str(empty.config), str(data_dir), "keep a copy", "hebo-sync doctor"):
        assert told in called.out


def test_what_is_there_stays(empty: Home) -> None:
    empty("init")
    empty.edit('name = "main"', 'name = "mine"')
    before = empty.config.read_text(), (empty.folder / "hebo-sync-data" / "secret.key").read_text()
    called = empty("init")
    assert called.code == 0
    assert "stays as it is" in called.out
    assert (empty.config.read_text(), (empty.folder / "hebo-sync-data" / "secret.key").read_text()) == before


def test_a_broken_configuration_is_bad_usage(empty: Home) -> None:
    empty.folder.mkdir()
    empty.config.write_text("[hebo]\napi_keey = 'x'\n")
    called = empty("init")
    assert (called.code, called.out) == (2, f"{empty.config} is there already and stays as it is\n")
    assert "api_key" in called.err


def test_it_sets_up_no_store_that_nobody_has_entered(tmp_path: Path) -> None:
    """A feed that happens to have the example's name would be read, and paid for."""
    written = without_store((Path(__file__).parents[3] / "config.example.toml").read_text(encoding="utf-8"))
    (tmp_path / "c.toml").write_text(written, encoding="utf-8")
    assert load_settings(tmp_path / "c.toml", {}).stores == ()
    shown = written.replace("#[[stores]]", "[[stores]]").replace('#name = "main"', 'name = "main"')
    for line in ('kind = "feed"', 'path = "products.tsv"', 'output = "products-with-pictures.tsv"'):
        assert f"#{line}" in shown
        shown = shown.replace(f"#{line}", line)
    (tmp_path / "c.toml").write_text(shown, encoding="utf-8")
    assert [store.name for store in load_settings(tmp_path / "c.toml", {}).stores] == ["main"]
