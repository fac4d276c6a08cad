"""The picture relay beside a command: up while a public address is set, since stores and the service may fetch, and
a store that is checked may be asked to call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from plugin.cli.context import note
from plugin.doctor import relay_problem
from plugin.listener import Listener, ListenerError
from plugin.pipeline.parts import Parts

MOST_BODY = 10_000  # bytes of a request: nobody has anything to send there but a store's short ping


@contextmanager
def relay_beside(parts: Parts) -> Iterator[None]:
    """Serve signed addresses for the length of the block, where app.public_url is set.

    A port in use is not an error: another hebo-sync on the same data folder answers there.
    """
    if parts.settings.app.public_url is None:
        yield
        return
    from plugin.web.relay import create_relay

    settings = parts.settings.relay
    relay = create_relay(parts.links, parts.pictures, parts.reach.callbacks)
    listener = Listener(relay, settings.host, settings.port, max_body=MOST_BODY)
    try:
        listener.start()
    except ListenerError as error:
        note(f"the picture relay was not started: {relay_problem(settings.host, settings.port, error)}")
        yield
        return
    try:
        yield
    finally:
        listener.stop()
