"""Addresses that a store is to call, to prove that it can reach us.

    https://shop.example/c/<moment of expiry>-<random>.<signature>

Whoever waits leaves a note of that name in the data folder and looks whether it was marked; the relay, which may run
in another process, marks it. Nobody else can have a note made: the relay only writes into one that is there.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from itsdangerous import BadSignature, Signer

from plugin.links import BadLinkError, ExpiredLinkError, NoPublicUrlError

FOLDER = "callbacks"
GOOD_FOR = 300  # seconds
LOOK = 0.2  # seconds between two looks at a note
MARK = b"called"
_NAME = re.compile(r"(?P<ends>[0-9]{10,12})-[0-9a-f]{32}")
_TOKEN = re.compile(r"[0-9]{10,12}-[0-9a-f]{32}\.[A-Za-z0-9_-]{40,60}")


@dataclass(frozen=True, slots=True)
class Expected:
    """One call that is waited for. url: where it is to go."""

    url: str
    note: Path
    sleep: Callable[[float], None]

    def arrived(self, seconds: float) -> bool:
        """Whether it has come; waits for it at most so long."""
        for _ in range(max(0, round(seconds / LOOK))):
            if self._is_marked():
                return True
            self.sleep(LOOK)
        return self._is_marked()

    def _is_marked(self) -> bool:
        try:
            return self.note.stat().st_size > 0
        except FileNotFoundError:
            return False  # its time is over, and somebody swept it away


class Callbacks:
    """Makes the addresses and takes the calls.

    keys: secrets, the current one first. public_url: where the relay is reached from outside; None: no address can be
    made. folder: of the notes, the same for all processes of a data folder. now: aware time. sleep: waits so many
    seconds.
    """

    def __init__(
        self,
        keys: Sequence[bytes],
        public_url: str | None,
        folder: Path,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ):
        self._signer = Signer(list(reversed(keys)), salt="callback", digest_method=hashlib.sha256)
        self._public_url = public_url.rstrip("/") if public_url else None
        self._folder, self._now, self._sleep = folder, now, sleep

    @contextmanager
    def open(self) -> Iterator[Expected]:
        """An address that is taken until the end of the block, GOOD_FOR seconds at most. Raises NoPublicUrlError."""
        if self._public_url is None:
            raise NoPublicUrlError
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        note = self._folder / f"{int(self._now().timestamp()) + GOOD_FOR}-{secrets.token_hex(16)}"
        note.touch(mode=0o600, exist_ok=False)
        try:
            yield Expected(f"{self._public_url}/c/{self._signer.sign(note.name).decode()}", note, self._sleep)
        finally:
            note.unlink(missing_ok=True)

    def take(self, token: str) -> None:
        """Mark the note that a called address stands for.

        Raises ExpiredLinkError, and BadLinkError for what we did not make and for what nobody waits for any more.
        """
        note = self._folder / self._name_in(token)
        try:
            file = os.open(note, os.O_WRONLY)  # never made here
        except FileNotFoundError:
            raise BadLinkError("nobody waits for this call") from None
        try:
            os.write(file, MARK)
        finally:
            os.close(file)

    def _name_in(self, token: str) -> str:
        if not _TOKEN.fullmatch(token):
            raise BadLinkError("this is no address of ours")
        try:
            name = self._signer.unsign(token).decode()
        except BadSignature:
            raise BadLinkError("this is no address of ours") from None
        if self._has_ended(name):
            raise ExpiredLinkError("this address has expired")
        return name

    def _has_ended(self, name: str) -> bool:
        found = _NAME.fullmatch(name)
        return found is not None and int(found["ends"]) <= self._now().timestamp()

    def _sweep(self) -> None:
        """Remove what processes left that were killed while they waited."""
        for note in self._folder.iterdir():
            if self._has_ended(note.name):
                note.unlink(missing_ok=True)
