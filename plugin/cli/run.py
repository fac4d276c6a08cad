"""hebo-sync run: the whole walk without a server."""

from __future__ import annotations

import dataclasses
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from rich.console import Console
from rich.live import Live

from plugin.cli.context import Context, json_option, note, pass_context, print_json
from plugin.cli.relay import relay_beside
from plugin.config import ConfigError
from plugin.pipeline import run as pipeline
from plugin.pipeline.parts import Parts, Policy
from plugin.pipeline.run import Report
from plugin.pipeline.stores import require_any

COUNTS = [field.name for field in dataclasses.fields(Report) if field.name != "errors"]


class NoKeyError(ConfigError):
    """There is no image API key."""


@click.command()
@click.option("--store", metavar="NAME", help="Only this store's catalogue is read anew.")
@click.option(
    "--until-idle",
    is_flag=True,
    help="Wait until nothing can move without a person, money or another day. Without it: only for the pictures that "
    "the image service has in hand; what is to be tried again later is left to the next run.",
)
@click.option("--approve-all", is_flag=True, help="Approve every picture without warnings, and publish it.")
@json_option
@pass_context
def run(context: Context, store: str | None, until_idle: bool, approve_all: bool, as_json: bool) -> None:  # noqa: FBT001
    """Refresh, plan, submit, poll, collect and publish what is approved.

    Exit 0: all went through. 1: something failed, waits or needs a person; the messages say what.
    """
    policy = Policy(approve_all=approve_all, unattended=True, publish_grace=timedelta(minutes=2))
    with context.parts(policy) as parts:
        require_key(parts)
        require_any(parts)
        with relay_beside(parts):
            report = run_watched(parts, store=store, until_idle=until_idle, quiet=as_json)
    show(report, as_json=as_json)
    sys.exit(0 if report.clean else 1)


def require_key(parts: Parts) -> None:
    """Raises NoKeyError, which says where the key goes."""
    if parts.hebo is None:
        raise NoKeyError(
            "there is no image API key: set api_key under [hebo] in the configuration file, or HEBO_SYNC_HEBO_API_KEY, "
            "or HEBO_SYNC_HEBO_API_KEY_FILE (a file with the key in it). Nothing was done"
        )


def run_watched(parts: Parts, *, store: str | None, until_idle: bool, quiet: bool) -> Report:
    """Run with progress on a terminal; Ctrl-C and SIGTERM end it gracefully."""
    with _stopping() as stop, _watching(quiet=quiet) as watch:
        return pipeline.run(parts, store=store, until_idle=until_idle, watch=watch, stop=stop)


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        if not asked:
            note("stopping: what is under way is finished and kept; the next run goes on from here")
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watching(*, quiet: bool) -> Iterator[Callable[[Report], None] | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with Live(console=Console(stderr=True), refresh_per_second=2, transient=True) as live:
        yield lambda report: live.update(progress_line(report))


def progress_line(report: Report) -> str:
    """The state of a run in one line."""
    parts = [
        f"{report.products} products",
        f"{report.submitted} tasks submitted",
        f"{report.completed + report.failed} finished",
        f"{report.waiting} waiting",
        f"{report.images} pictures",
        f"{report.in_review} in review",
        f"{report.published} published",
    ]
    return "  ".join(parts) + (f"  {len(report.errors)} problems" if report.errors else "")


def show(report: Report, *, as_json: bool) -> None:
    """The report on standard output: one JSON object, or lines for people."""
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    for name in COUNTS:
        click.echo(f"{name.replace('_', ' '):<10} {getattr(report, name)}")
    for error in report.errors:
        note(f"! {error['message']}")
    if report.in_review:
        note(f"{report.in_review} pictures wait for review: hebo-sync images list --state in_review")
