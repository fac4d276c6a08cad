"""The picture relay beside a command: up while a public address is set, since stores and the service may fetch, and
a store that is checked may be asked to call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from plugin.cli.context import note
from plugin.listener import Listener, ListenerError
from plugin.pipeline.parts import Parts

TRY_AGAIN = 2.0  # seconds
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
    ended = threading.Event()
    waiting = threading.Thread(target=_take_over, args=(listener, ended), name="relay")
    try:
        listener.start()
    except ListenerError as error:
        from plugin.doctor import relay_problem  # a fifth of a second to import, and rarely needed

        note(f"the picture relay was not started: {relay_problem(settings.host, settings.port, error)}")
        waiting.start()
    try:
        yield
    finally:
        ended.set()
        if waiting.ident is not None:
            waiting.join()
        listener.stop()


def _take_over(listener: Listener, ended: threading.Event) -> None:
    """Whoever answers there may end before us, and stores would find nobody: try again until the port is free."""
    while not ended.wait(TRY_AGAIN):
        with suppress(ListenerError):
            listener.start()
            note("the picture relay is served from here now")
            return
