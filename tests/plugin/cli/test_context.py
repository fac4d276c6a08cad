"""What every command starts from: an installation that is there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plugin.cli import main

WORDS = [("stop",), ("resume",), ("products", "list"), ("ledger", "--check"), ("run",), ("tidy",), ("tasks", "list")]


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hebo-sync", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize("words", WORDS)
def test_in_a_folder_without_an_installation_nothing_is_done_or_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, *words) == 2
    said = capsys.readouterr()
    assert f"there is no config.toml in {tmp_path}" in said.err
    assert "--config FILE" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["configuration", "environment", "data folder"])
def test_what_tells_of_an_installation_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], there: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if there == "configuration":
        (tmp_path / "config.toml").touch()
    elif there == "environment":
        monkeypatch.setenv("HEBO_SYNC_APP_DATA_DIR", str(tmp_path / "mine"))
    else:
        (tmp_path / "hebo-sync-data").mkdir()
    assert call(monkeypatch, "products", "list") == 0
    assert "no products" in capsys.readouterr().out
