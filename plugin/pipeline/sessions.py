"""What is kept of the stores from one opening of a connector to the next: HTTP sessions, so that connections are used
again, and whatever else a connector asks to keep."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

import requests

from connectors import Keep, KeptAlone
from connectors.http import new_session

MOST = 64  # sessions that are kept: each may hold a few open connections, and a process may have 1,024
POOL = 10  # connections kept for each: a connector reads with up to 8 threads, and somebody may write meanwhile

Key = tuple[str, Path | None, str]


class StoreSessions:
    """One session for each store and each content of its CA file. Safe to use from many threads.

    allow_private: whether private addresses may be called. The one that was asked for least lately is closed first;
    who still holds it can go on with it.
    """

    def __init__(self, *, allow_private: bool, most: int = MOST):
        self._allow_private, self._most = allow_private, most
        self._kept: OrderedDict[Key, requests.Session] = OrderedDict()
        self._objects: dict[str, KeptAlone] = {}
        self._lock = threading.Lock()

    def session(self, store: str, ca_file: Path | None = None) -> requests.Session:
        """The session of a store, with the certificates of `ca_file` (PEM) as it is now. Raises OSError."""
        content = hashlib.sha256(ca_file.read_bytes()).hexdigest() if ca_file is not None else ""
        key = (store, ca_file, content)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = new_session(allow_private=self._allow_private, pool_size=POOL, ca_file=ca_file)
            self._kept.move_to_end(key)
            found = self._kept[key]
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)[1].close()
        return found

    def objects(self, store: str) -> Keep:
        """Where connectors of this store keep what they share."""
        with self._lock:
            return self._objects.setdefault(store, KeptAlone())

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            while self._kept:
                self._kept.popitem()[1].close()
