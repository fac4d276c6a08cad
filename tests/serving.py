"""Waiting for a real `hebo-sync serve` to answer."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

import requests

LONGEST = 30  # seconds that a start may take on a busy machine
LOOK = 0.02  # seconds between two looks


def wait_until_up(address: str, process: subprocess.Popen[Any], said: Callable[[], object]) -> None:
    """Until /healthz says that all is well. Raises AssertionError with what the program `said` where it does not."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(f"{address}/healthz", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(LOOK)
    raise AssertionError(f"{address} did not come up: {said()}")
