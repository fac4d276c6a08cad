"""hebo-sync serve: the program as it runs every day, with its pages."""

from __future__ import annotations

import gc
import ipaddress
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from plugin.cli.context import Context, note, pass_context
from plugin.cli.memory import share_heaps
from plugin.cli.signals import stop_signal

if TYPE_CHECKING:
    from flask import Flask

    from plugin.config import ServerSettings
    from plugin.pipeline.parts import Parts
    from plugin.scheduler import Engine

log = logging.getLogger(__name__)
MOST_BODY = 2_000_000  # bytes of a request, beyond what any page sends; the pages refuse less than that themselves
STOP_WITHIN = 10.0  # seconds from the signal to the end of the process
LAST_STEPS = 1.0  # of these, for the relay


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address on which the pages listen, instead of server.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the pages, instead of server.port; 0: any.")
@pass_context
def serve(context: Context, host: str | None, port: int | None) -> None:
    """Show the pages, refresh the stores on schedule, and work through what is due.

    Ends on Ctrl-C or SIGTERM within 10 seconds: what is under way is finished and stored as far as it gets; the rest
    is settled at the next start.
    """
    from plugin.pipeline.parts import Policy

    share_heaps()
    with context.parts(Policy(unattended=False), anew=True) as parts:
        given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        server = parts.settings.server.model_copy(update=given)
        left = serve_until_stopped(parts, server)
        if left:
            leave_at_once(left)


def serve_until_stopped(parts: Parts, server: ServerSettings, tell: Callable[[str], None] = lambda _: None) -> int:
    """Serve until a signal; gives how many calls to other services still run then.

    tell: called with the pages' address once they answer. Raises SchedulerTakenError, ListenerError.
    """
    import plugin
    from plugin.cli.relay import relay_beside
    from plugin.scheduler import Engine

    stop = stop_signal()
    engine = Engine(parts, plugin.with_image_api)
    pages, code = pages_of(engine)  # before the work begins, which would only slow it down
    engine.start()
    with relay_beside(parts):  # it serves while the engine stops: a store may be fetching
        stopped_at = time.monotonic()
        try:
            with shown(pages, code, server) as address:
                tell(address)
                threading.Thread(target=make_brisk, args=(pages,), name="warm-up", daemon=True).start()
                stop.wait()
                stopped_at = time.monotonic()
                note("stopping: what is under way is finished and kept")
        finally:
            left = engine.stop(max(1.0, stopped_at + STOP_WITHIN - LAST_STEPS - time.monotonic()))
    return left


@contextmanager
def shown(pages: Flask, code: str | None, server: ServerSettings) -> Iterator[str]:
    """The pages, served for the length of the block; says where, which it gives, and what is to be known of that."""
    from plugin.listener import Listener

    proxied = server.public_url is not None
    with Listener(
        pages, server.host, server.port, server.threads, behind_proxy=proxied, max_body=MOST_BODY
    ) as listener:
        address = server.public_url or listener.url
        click.echo(f"the pages: {address}")
        if code is not None:
            click.echo(f"first run: open {address}/set-up and enter this code: {code}")
        if is_exposed(server):
            note(
                f"! WARNING: the pages listen on {server.host}, unencrypted: whoever is on the network there can read "
                "passwords. Put a proxy with HTTPS in front, and its address into public_url under [server]"
            )
        yield address


def make_brisk(pages: Flask) -> None:
    """Pages and polls share one interpreter; measured with `make bench BENCH_ARGS=pages`.

    Pages are compiled before somebody waits for them. Modules and pages are kept out of the garbage collector's full
    looks, which held everything up for 0.15 s at a time. Shorter turns than Python's usual 5 ms are not worth it: with
    hundreds of polls a second they cost a tenth of the CPU, and pages answered no sooner.
    """
    for name in pages.jinja_env.list_templates(extensions=("html",)):
        pages.jinja_env.get_template(name)
    gc.freeze()


def pages_of(engine: Engine) -> tuple[Flask, str | None]:
    """The pages over this engine, and the set-up code while nobody can sign in yet."""
    from plugin.web.app import create_pages
    from plugin.web.auth import open_password_sign_in

    sign_in = open_password_sign_in(engine.parts.db, engine.parts.clock)
    code = sign_in.set_up_code
    return create_pages(engine, sign_in), code.text if code is not None else None


def is_exposed(server: ServerSettings) -> bool:
    """Whether others than this machine can open the pages, without encryption as far as one can tell."""
    if server.public_url is not None and server.public_url.startswith("https://"):
        return False
    try:
        return not ipaddress.ip_address(server.host).is_loopback
    except ValueError:
        return server.host != "localhost"


def leave_at_once(left: int) -> None:
    """End the process although calls still run: Python would wait for their threads, a minute and more."""
    log.warning("calls to other services that were still running: %d. They are settled at the next start", left)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
