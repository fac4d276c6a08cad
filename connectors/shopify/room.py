"""What every part of the connector needs of one shop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.shopify.access import open_access
from connectors.shopify.client import Client
from connectors.shopify.governor import Governor
from connectors.shopify.options import ShopifyOptions
from connectors.shopify.reading_state import ReadingState
from connectors.shopify.state import State
from connectors.types import Environment


@dataclass(frozen=True, slots=True)
class Room:
    """store: its name with us, for messages. state: the journal of writes; reading: what readings remember. folder:
    the store's state folder, may not exist yet. now: aware UTC. sleep: waits so many seconds."""

    store: str
    options: ShopifyOptions
    client: Client
    state: State
    reading: ReadingState
    folder: Path
    now: Callable[[], datetime]
    sleep: Callable[[float], None]


def open_room(options: ShopifyOptions, environment: Environment) -> Room:
    """The parts of one shop, joined. Opens no connection and no file."""
    session = environment.session()
    governor = environment.keep(
        f"shopify governor {options.home}", lambda: Governor(_clock(environment.now), options.shop)
    )
    access = open_access(options, environment, session)
    client = Client(options, session, access, governor, now=environment.now, sleep=environment.sleep)
    state = State(environment.state_dir, options.home)
    reading = ReadingState(environment.state_dir, options.home)
    return Room(
        environment.store, options, client, state, reading, environment.state_dir, environment.now, environment.sleep
    )


def _clock(now: Callable[[], datetime]) -> Callable[[], float]:
    return lambda: now().timestamp()
