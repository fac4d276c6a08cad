"""Processes that are forked from this one, which has everything imported and no thread yet: a life begins in
milliseconds."""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pkgutil
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

CRASHED = 70
_DEATH_SIGNAL = 1  # Linux: PR_SET_PDEATHSIG
_NOT_NOW = ("plugin.migrations.", "plugin.web.translations.__main__", "plugin.cli.__main__")


def warm() -> None:
    """Import the whole program, and make what each process would make anew."""
    from sqlalchemy.orm import configure_mappers

    import connectors
    import plugin
    from connectors.http import transport
    from plugin.sandbox.shopify.engine import shop_schema

    for package in (plugin, connectors):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith((*_NOT_NOW, "connectors.testing")):
                importlib.import_module(module.name)
    connectors.kinds()
    configure_mappers()
    transport.tls_context(None)
    shop_schema()
    if threading.active_count() != 1:
        raise RuntimeError("importing the program started a thread: forking it is not safe")


def forked(act: Callable[[], int], log: Path) -> int:
    """Call `act` in a child, which ends with what it gives; its output goes to the log. Gives its process id."""
    child = os.fork()
    if child == 0:
        _be_child(act, log)
    return child


def _be_child(act: Callable[[], int], log: Path) -> NoReturn:
    code = CRASHED
    try:
        _die_with_parent()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        code = act()
    finally:
        if code == CRASHED:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)


def kill(child: int) -> None:
    """SIGKILL, and wait until it is gone."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@dataclass(slots=True)
class Said:
    """What came out of a pipe. closed: the other side is gone."""

    text: str = ""
    closed: bool = False


def read_until_closed(pipes: Sequence[int], deadline: float, gone: Callable[[int], None]) -> dict[int, Said]:
    """What comes until the other sides are gone, or until the deadline (monotonic seconds); the pipes are closed then.

    gone: called with each whose other side is gone, at once.
    """
    said = {pipe: Said() for pipe in pipes}
    left = set(pipes)
    while left and (seconds := deadline - time.monotonic()) > 0:
        for pipe in select.select(list(left), [], [], seconds)[0]:
            data = os.read(pipe, 65_536)
            said[pipe].text += data.decode()
            if not data:
                said[pipe].closed = True
                left.discard(pipe)
                gone(pipe)
    for pipe in pipes:
        os.close(pipe)
    return said


@contextmanager
def service(start: Callable[[], dict[str, Any]], log: Path) -> Iterator[dict[str, Any]]:
    """A service in a process of its own: `start` begins to serve there, on threads, and says what is to be known."""
    reading, writing = os.pipe()

    def act() -> int:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(start(), out)
        while True:
            signal.pause()

    child = forked(act, log)
    os.close(writing)
    try:
        with os.fdopen(reading) as said:
            text = said.read()
        if not text:
            raise RuntimeError(f"a service did not start: {log.read_text()}")
        yield json.loads(text)
    finally:
        kill(child)
