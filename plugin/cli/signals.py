"""Ctrl-C and SIGTERM, for commands that go on until one of them comes."""

from __future__ import annotations

import signal
from contextlib import suppress
from queue import Empty, SimpleQueue

LOOK_AGAIN = 0.5  # seconds


class StopSignal:
    """Whether somebody asked the program to stop.

    Not a threading.Event: its lock is not re-entrant, and Python runs signal handlers on the main thread between any
    two of its steps. A signal that came while that thread held the lock (it was about to wait, or was setting the
    event for the signal before) hung the program for good. `SimpleQueue.put` is made for handlers.

    The wait looks up twice a second, since a signal does not always end it: one that comes in the instant before the
    main thread falls asleep, or that the system hands to another thread, is only noted until that thread runs again.
    """

    def __init__(self) -> None:
        self._came = False
        self._wake: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """From a signal handler, as often as one likes."""
        self._came = True
        self._wake.put(None)

    def is_set(self) -> bool:
        return self._came

    def wait(self) -> None:
        """Until it is set; by one thread."""
        while not self._came:
            with suppress(Empty):
                self._wake.get(timeout=LOOK_AGAIN)


def stop_signal() -> StopSignal:
    """Set by Ctrl-C and SIGTERM from now on, however early they come; a second one changes nothing."""
    stop = StopSignal()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def wait_for_signal() -> None:
    """Until Ctrl-C or SIGTERM."""
    stop_signal().wait()
