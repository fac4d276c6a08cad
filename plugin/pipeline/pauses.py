"""Waiting that ends when the program does."""

from __future__ import annotations

import threading

from connectors import ConnectorError


class Pauses:
    """How connectors wait for a store. Safe to use from many threads."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds. Raises ConnectorError, which may pass, once the program stops."""
        if self._stopping.wait(seconds):
            raise ConnectorError("the program was stopped while it waited for the store; it goes on at the next start")

    def stop(self) -> None:
        """End all waiting, from now on."""
        self._stopping.set()
