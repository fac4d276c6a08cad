"""hebo-sync doctor: is everything in order?"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator

import click

from plugin import doctor as checks
from plugin.cli.context import Context, json_option, pass_context, print_json
from plugin.cli.lookup import counted
from plugin.cli.relay import relay_beside
from plugin.db import DatabaseError
from plugin.doctor import Finding, Level
from plugin.pictures import StorageError
from plugin.secrets import SecretsError

SIGNS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.ERROR: "ERROR  "}
COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


@click.command()
@json_option
@pass_context
def doctor(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Look at settings, database, image service, stores and unfinished work, and say what to do.

    Makes the data folder and the database where they are missing; sends and spends nothing. Exit 1 if there is an
    error, 2 if the configuration cannot be read.
    """
    found = []
    for finding in _findings(context):
        found.append(finding)
        if not as_json:
            _show(finding)
    errors = sum(finding.level is Level.ERROR for finding in found)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in found])
    else:
        warnings = sum(finding.level is Level.WARNING for finding in found)
        click.echo(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}")
    sys.exit(1 if errors else 0)


def _findings(context: Context) -> Iterator[Finding]:
    settings = context.settings()
    early = checks.check_settings(context.path(), settings, os.environ)
    yield from early
    if any(finding.level is Level.ERROR for finding in early):
        yield checks.error("the rest", "not looked at", "mend the errors above, then run hebo-sync doctor again")
        return
    try:
        with context.parts() as parts, relay_beside(parts):
            yield from checks.check_parts(parts)
    except (SecretsError, DatabaseError, StorageError, OSError) as problem:
        yield checks.error("opening", str(problem), "mend that, then run hebo-sync doctor again")


def _show(finding: Finding) -> None:
    click.echo(f"{click.style(SIGNS[finding.level], COLOURS[finding.level])}  {finding.check}: {finding.message}")
    for text in finding.notes:
        click.echo(f"         note: {text}")
    if finding.advice:
        click.echo(f"         → {finding.advice}")
