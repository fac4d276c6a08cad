"""What the steps work with, joined once by `plugin.open_parts`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import requests

from plugin.callbacks import Callbacks
from plugin.clock import Clock
from plugin.config import Settings
from plugin.db import Database
from plugin.hebo import HeboClient, PollSchedule
from plugin.links import PictureLinks
from plugin.pictures import PictureStore
from plugin.pipeline.pauses import Pauses
from plugin.pipeline.sessions import StoreSessions
from plugin.secrets import KeyRing
from templates import PromptPack, load_pack


@dataclass(frozen=True, slots=True)
class Policy:
    """How a run decides where no person is asked.

    approve_all: approve every picture without warnings, whatever the store's `review` says. unattended: nobody
    sits at the review page, so pictures left for a person hold no publication back. budget: the most images that
    this run reserves; None: no limit of its own.
    """

    approve_all: bool = False
    unattended: bool = False
    budget: int | None = None
    publish_grace: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Reach:
    """What connectors work with, whichever store they are for: kept sessions, calls back to us, and how they wait.

    sleep: waits so many seconds. pauses: ends all waiting when it is stopped.
    """

    sessions: StoreSessions
    callbacks: Callbacks
    pauses: Pauses
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """instance: this process's name in claims. key_fingerprint: which account the image API key belongs to.

    provisioned: the settings as the file and the environment give them; settings: with those of the settings page.
    outside: makes a session for pictures from anywhere, with the address rules. hebo None: no key is set.
    """

    provisioned: Settings
    settings: Settings
    db: Database
    clock: Clock
    keys: KeyRing
    pictures: PictureStore
    links: PictureLinks
    outside: Callable[[], requests.Session]
    reach: Reach
    hebo: HeboClient | None
    key_fingerprint: str
    instance: str
    schedule: PollSchedule
    policy: Policy = Policy()

    def pack(self, name: str, language: str) -> PromptPack:
        """Raises PackError, PackNotFoundError."""
        return _pack(name, language, self.settings.app.pack_folders)


_pack = lru_cache(maxsize=64)(load_pack)
