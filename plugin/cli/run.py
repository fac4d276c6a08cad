"""hebo-sync run: the whole walk without a server."""

from __future__ import annotations

import dataclasses
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from plugin.cli.context import Context, json_option, note, one_line, pass_context, print_json
from plugin.cli.key import require_key
from plugin.cli.lookup import counted
from plugin.cli.memory import share_heaps
from plugin.cli.progress import Watch, watching
from plugin.cli.relay import relay_beside
from plugin.pipeline import run as pipeline
from plugin.pipeline.parts import Parts, Policy
from plugin.pipeline.run import Report
from plugin.pipeline.stores import require_any
from plugin.scheduler import chores

COUNTS = [field.name for field in dataclasses.fields(Report) if field.name != "errors"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. stopped: by Ctrl-C or SIGTERM, before there was nothing left to do."""

    report: Report
    stopped: bool

    @property
    def exit_code(self) -> int:
        return 0 if self.report.clean and not self.stopped else 1


@click.command()
@click.option("--store", metavar="NAME", help="Only this store's catalogue is read anew.")
@click.option(
    "--until-idle",
    is_flag=True,
    help="Wait until nothing can move without a person, money or another day. Without it: only for the pictures that "
    "the image service has in hand; what is to be tried again later is left to the next run.",
)
@click.option("--approve-all", is_flag=True, help="Approve every picture without warnings, and publish it.")
@click.option(
    "--budget",
    type=click.IntRange(0),
    metavar="N",
    help="Reserve at most so many images in this run; what is left waits for the next one. 0: send nothing new, only "
    "fetch and publish, which costs nothing.",
)
@json_option
@pass_context
def run(
    context: Context, *, store: str | None, until_idle: bool, approve_all: bool, budget: int | None, as_json: bool
) -> None:
    """Refresh, plan, submit, poll, collect and publish what is approved.

    Exit 0: all went through. 1: something failed, waits or needs a person, or the run was stopped (Ctrl-C, SIGTERM)
    before its end, or everything is stopped (hebo-sync stop); the messages say what. 2: bad usage or configuration.

    Progress goes to standard error: not with --json, unless `hebo-sync -v run` asks for every step.
    """
    policy = Policy(approve_all, unattended=True, budget=budget, publish_grace=timedelta(minutes=2))
    share_heaps()
    with context.parts(policy) as parts:
        require_key(parts)
        require_any(parts)
        with relay_beside(parts):
            outcome = run_watched(parts, store=store, until_idle=until_idle, quiet=as_json)
        chores.tidy(parts)
    show(outcome, as_json=as_json)
    sys.exit(outcome.exit_code)


def run_watched(parts: Parts, *, store: str | None, until_idle: bool, quiet: bool) -> Outcome:
    """Run with progress; Ctrl-C and SIGTERM end it gracefully."""
    with _stopping() as stop, watching(parts, quiet=quiet) as watch:
        told = watch if watch is None or sys.stderr.isatty() else _telling(watch)  # lines would break a bar
        report = pipeline.run(parts, store=store, until_idle=until_idle, watch=told, stop=stop)
        return Outcome(report, stopped=stop())


def _telling(watch: Watch) -> Watch:
    """Print each problem once, as it occurs. What stands from before carries a count, and is left to the end."""
    told: set[str] = set()

    def tell(report: Report) -> None:
        for line in (trouble(error) for error in report.errors if "count" not in error):
            if line not in told:
                told.add(line)
                note(f"! {line}")
        watch(report)

    return tell


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


def show(outcome: Outcome, *, as_json: bool) -> None:
    """The report on standard output: one JSON object, or lines for people."""
    report = outcome.report
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        _show_lines(report)
    if outcome.stopped:
        note(
            f"stopped before the end: {counted(report.waiting, 'task')} not finished. The next hebo-sync run goes on "
            "from here, and nothing that was sent is sent again"
        )


def _show_lines(report: Report) -> None:
    for name in COUNTS:
        click.echo(f"{name.replace('_', ' '):<10} {getattr(report, name)}")
    for error in report.errors:
        note(f"! {trouble(error)}")
    if report.in_review:
        waits = "waits" if report.in_review == 1 else "wait"
        note(
            f"{counted(report.in_review, 'picture')} {waits} for review: hebo-sync images list --state in_review "
            "(or, to look at them: hebo-sync images export --all FOLDER --state in_review)"
        )


def trouble(error: Mapping[str, Any]) -> str:
    """One entry of a report's errors in a line, with STORE:ID where it is about a product."""
    store, product = error.get("store"), error.get("product")
    message = one_line(error["message"])
    if not (store and product):
        return message
    return f"{store}:{product} {message.removeprefix(f'{store}: ')}"
