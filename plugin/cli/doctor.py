"""hebo-sync doctor: is everything in order?"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from plugin import doctor as checks
from plugin import open_parts
from plugin.cli.context import Context, json_option, pass_context, print_json
from plugin.cli.lookup import counted
from plugin.cli.relay import relay_beside
from plugin.config import ConfigError, Settings
from plugin.data_folder import is_made
from plugin.doctor import Finding, Level
from plugin.doctor.files import check_secret_files
from plugin.pictures import StorageError
from plugin.scheduler.lock import SchedulerTakenError, take_lock
from plugin.schema import DatabaseError, first_line
from plugin.secrets import SecretsError

SIGNS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.ERROR: "ERROR  "}
COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}
OPENING = (SecretsError, DatabaseError, StorageError, SQLAlchemyError, OSError)
AGAIN = "mend that, then run hebo-sync doctor again"


@click.command()
@json_option
@pass_context
def doctor(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Look at settings, database, disk, clock, keys, image service, stores, scheduler, money and unfinished work, and
    say what each finding means and what to do.

    Where something is broken the other checks go on. Makes nothing, sends and spends nothing. Exit 0: no errors
    (warnings may be). 1: an error. 2: the configuration cannot be read.
    """
    try:
        settings = context.settings()
    except ConfigError as problem:
        _tell(_without_settings(problem), as_json=as_json)
        sys.exit(2)
    sys.exit(1 if _tell(_findings(context, settings), as_json=as_json) else 0)


def _tell(findings: Iterator[Finding], *, as_json: bool) -> int:
    """Print them as they come, or all as JSON; gives how many errors there are."""
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            _show(finding)
    errors = sum(finding.level is Level.ERROR for finding in found)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in found])
    else:
        warnings = sum(finding.level is Level.WARNING for finding in found)
        click.echo(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}")
    return errors


def _findings(context: Context, settings: Settings) -> Iterator[Finding]:
    yield from checks.check_settings(context.path(), settings, os.environ)
    if not is_made(settings.app.data_dir):
        yield from _before_the_first_start(settings)
        return
    try:
        with context.parts() as parts, relay_beside(parts):
            yield from checks.check_parts(parts, serving=is_serving(settings.app.data_dir))
    except OPENING as problem:
        yield _not_opened(problem)
        yield from checks.check_closed(settings)


def _before_the_first_start(settings: Settings) -> Iterator[Finding]:
    """What needs a data folder is looked at in one that goes again: a backup is restored into an empty one only."""
    yield from checks.check_unmade(settings)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="hebo-sync-doctor-") as folder,
            open_parts(_within(settings, Path(folder))) as parts,
            relay_beside(parts),
        ):
            yield from checks.check_outside(parts)
    except OPENING as problem:
        yield _not_opened(problem)


def _within(settings: Settings, folder: Path) -> Settings:
    app = settings.app.model_copy(update={"data_dir": folder})
    database = settings.database.model_copy(update={"url": f"sqlite:///{folder / 'doctor.sqlite3'}"})
    return settings.model_copy(update={"app": app, "database": database})


def _not_opened(problem: Exception) -> Finding:
    meaning = "hebo-sync does not start like this; nothing was changed"
    return checks.error("opening", first_line(problem), AGAIN, meaning)


def _without_settings(problem: ConfigError) -> Iterator[Finding]:
    """What can be seen without settings."""
    meaning = "hebo-sync does not start like this; where its data folder, database and stores are is not known"
    yield checks.error("configuration", str(problem), AGAIN, meaning)
    yield from check_secret_files(os.environ)


def is_serving(data_dir: Path) -> bool:
    """Whether a `hebo-sync serve` runs on this data folder."""
    try:
        take_lock(data_dir).release()
    except SchedulerTakenError:
        return True
    return False


def _show(finding: Finding) -> None:
    click.echo(f"{click.style(SIGNS[finding.level], COLOURS[finding.level])}  {finding.check}: {finding.message}")
    if finding.meaning:
        click.echo(f"         {finding.meaning[0].upper()}{finding.meaning[1:]}.")
    for text in finding.notes:
        click.echo(f"         note: {text}")
    if finding.advice:
        click.echo(f"         → {finding.advice}")
