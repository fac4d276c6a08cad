"""Watchdog: a thread that calls a look every few seconds, until it is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Watchdog:
    """look: called every `seconds`, also after a time when no thread could be started (RuntimeError)."""

    def __init__(self, seconds: float, look: Callable[[], None]):
        self._seconds, self._look = seconds, look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._look()
            except RuntimeError:
                log.exception("the watchdog could not do its work; it looks again")

    def stop(self, within: float) -> None:
        """Look no more; waits at most so many seconds for a look that is going on."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(within)
