"""Ctrl-C and SIGTERM, for commands that go on until one of them comes."""

from __future__ import annotations

import signal
import threading


def stop_signal() -> threading.Event:
    """Set by Ctrl-C and SIGTERM from now on, however early they come; a second one changes nothing."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def wait_for_signal() -> None:
    """Until Ctrl-C or SIGTERM."""
    stop_signal().wait()
