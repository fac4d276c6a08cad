"""What a person sees while a run goes on: a bar on a terminal, a line now and then elsewhere, a log."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from plugin.cli.context import note, one_line
from plugin.cli.lookup import counted
from plugin.pipeline import views
from plugin.pipeline.parts import Parts
from plugin.pipeline.run import Report

log = logging.getLogger(__name__)
EVERY = timedelta(seconds=15)
Watch = Callable[[Report], None]


@contextmanager
def watching(parts: Parts, *, quiet: bool) -> Iterator[Watch | None]:
    """What to call with the report about once a second; None where nobody looks.

    quiet: no progress, since the output is for a script. With -v (level INFO) every step is logged all the same, and
    progress is told in lines.
    """
    if log.isEnabledFor(logging.INFO):
        steps, lines = StepLog(parts), ProgressLines(parts.clock.now())

        def tell(report: Report) -> None:
            steps.tell()
            lines.tell(report, parts.clock.now())

        yield tell
        steps.tell()
    elif quiet:
        yield None
    elif sys.stderr.isatty():
        with progress_bar(Console(stderr=True)) as watch:
            yield watch
    else:
        lines = ProgressLines(parts.clock.now())
        yield lambda report: lines.tell(report, parts.clock.now())


@contextmanager
def progress_bar(console: Console) -> Iterator[Watch]:
    """A bar of the tasks that are finished among those of this run, and the counts beside it."""
    columns = BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("tasks  {task.description}", markup=False)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        shown = bar.add_task("reading the catalogue", total=None)

        def watch(report: Report) -> None:
            finished = report.completed + report.failed
            total = finished + report.waiting
            bar.update(shown, completed=finished, total=total or None, description=progress_line(report))

        yield watch


class ProgressLines:
    """A line on standard error every EVERY: a log file or a pipe shows that something moves."""

    def __init__(self, started: datetime):
        self._started = self._told = started

    def tell(self, report: Report, now: datetime) -> None:
        if now - self._told >= EVERY:
            self._told = now
            note(f"after {(now - self._started).total_seconds():.0f} s: {progress_line(report)}")


class StepLog:
    """Every event of the pipeline as a line of the log."""

    def __init__(self, parts: Parts):
        self._parts = parts
        with parts.db.read() as session:
            self._last = views.last_event(session)

    def tell(self) -> None:
        """Log what happened since the last call."""
        with self._parts.db.read() as session:
            events = views.events_since(session, self._last)
        for event in events:
            log.info("%s: %s", event.code, one_line(event.message))
            self._last = event.id


def progress_line(report: Report) -> str:
    """The state of a run in one line."""
    parts = [
        counted(report.products, "product"),
        f"{counted(report.submitted, 'task')} submitted",
        f"{report.completed + report.failed} finished",
        f"{report.waiting} waiting",
        counted(report.images, "picture"),
        f"{report.in_review} in review",
        f"{report.published} published",
    ]
    if report.in_doubt:
        parts.append(f"{report.in_doubt} in doubt: nothing more is sent until it is known whether it was accepted")
    return "  ".join(parts) + (f"  {counted(len(report.errors), 'problem')}" if report.errors else "")
