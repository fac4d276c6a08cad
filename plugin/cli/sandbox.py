"""hebo-sync sandbox: local services that answer over real HTTP, for trying things out and for tests."""

from __future__ import annotations

import signal
import threading

import click

from plugin.sandbox.hebo import serve_hebo
from plugin.sandbox.hebo_faults import fault_from_text
from plugin.sandbox.hebo_options import HeboOptions


@click.group()
def sandbox() -> None:
    """Local stand-ins for the services, over real HTTP and with faults on request."""


@sandbox.command("hebo")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9911, show_default=True, type=int)
@click.option("--seed", default=0, show_default=True, type=int, help="Equal seeds give equal answers.")
@click.option("--key", default="sandbox-key", show_default=True, help="The API key that is accepted.")
@click.option("--daily-limit", default=400, show_default=True, type=int, help="Images a day; 0: no limit.")
@click.option("--duration", default=(6.0, 42.0), show_default=True, type=(float, float), help="Least and most seconds.")
@click.option("--fail-rate", default=0.0, show_default=True, type=float, help="Share of pictures that fail for good.")
@click.option("--retry-rate", default=0.0, show_default=True, type=float, help="Share that is retried automatically.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="CALL:KIND[:CHANCE|xCOUNT]",
    help="For example submit:drop_after:x1, poll:http_500:0.1 or result:result_404:x2. May be given several times.",
)
def sandbox_hebo(  # noqa: PLR0913, PLR0917  # its flags
    host: str,
    port: int,
    seed: int,
    key: str,
    daily_limit: int,
    duration: tuple[float, float],
    fail_rate: float,
    retry_rate: float,
    faults: tuple[str, ...],
) -> None:
    """The image API of the vendor's document: limits, quota, billing and faults. Pictures are marked SANDBOX."""
    options = HeboOptions(
        seed=seed,
        api_keys={key: "3"},
        daily_limit=daily_limit or None,
        duration=duration,
        fail_rate=fail_rate,
        retry_rate=retry_rate,
        faults=tuple(fault_from_text(text) for text in faults),
    )
    with serve_hebo(options, host, port) as listener:
        click.echo(f"sandbox image API on {listener.url} (key {key}); what it saw: {listener.url}/sandbox/state")
        wait_for_signal()


def wait_for_signal() -> None:
    """Until Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
