"""Memory: hundreds of threads must not each get a heap of their own."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2


def _mallopt() -> Callable[[int, int], int] | None:
    """glibc's function; other systems have none, and share heaps by themselves."""
    if not sys.platform.startswith("linux"):
        return None
    found: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)
    return found


def share_heaps() -> bool:
    """Have all threads share two heaps; gives whether that could be said. Before the first thread is begun.

    glibc gives each of the first eight threads per core one of its own, and keeps in each what was freed there: with
    10,000 tasks in flight that was 20 to 40 MB. Python's threads take turns anyway, so sharing costs nothing.
    """
    mallopt = _mallopt()
    return mallopt is not None and mallopt(M_ARENA_MAX, ARENAS) == 1
