"""The watchdog looks on, whatever one look came to."""

from __future__ import annotations

import logging
import threading

import pytest

from plugin.scheduler.watchdog import Watchdog


def test_it_looks_again_after_no_thread_could_be_started(caplog: pytest.LogCaptureFixture) -> None:
    looks, twice = list[int](), threading.Event()

    def look() -> None:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("can't start new thread")
        twice.set()

    watchdog = Watchdog(0.01, look)
    with caplog.at_level(logging.ERROR):
        watchdog.start()
        assert twice.wait(5)
        watchdog.stop(5)
    assert "can't start new thread" in caplog.text
