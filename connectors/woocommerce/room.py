"""What every part of the connector needs of one store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connectors.types import Environment
from connectors.woocommerce.client import Client
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.options import WooCommerceOptions
from connectors.woocommerce.state import State


@dataclass(frozen=True, slots=True)
class Room:
    """store: its name with us, for messages. now: aware UTC. sleep: waits so many seconds."""

    store: str
    options: WooCommerceOptions
    client: Client
    state: State
    now: Callable[[], datetime]
    sleep: Callable[[float], None]


def open_room(options: WooCommerceOptions, environment: Environment) -> Room:
    """The parts of one store, joined. Opens no connection and no file but the certificate file.

    Raises StoreError (permanent) where the certificate file cannot be used.
    """
    ca_file = environment.base_dir / options.verify if options.verify else None
    try:
        session = environment.session(ca_file=ca_file)
    except OSError as error:
        raise StoreError(
            f"the certificate file {ca_file} (`verify`) cannot be used: {error.strerror or 'it is not PEM'}",
            permanent=True,
        ) from error
    client = Client(options, session, now=environment.now, sleep=environment.sleep)
    state = State(environment.state_dir, options.url)
    return Room(environment.store, options, client, state, environment.now, environment.sleep)
