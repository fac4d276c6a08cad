from __future__ import annotations

import platform

import pytest

from plugin.cli.memory import share_heaps


def test_heaps_are_shared_where_the_system_can() -> None:
    assert share_heaps() == (platform.libc_ver()[0] == "glibc")


def test_elsewhere_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert not share_heaps()


def test_a_system_without_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not share_heaps()
