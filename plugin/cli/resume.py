"""hebo-sync resume: go on after a stop."""

from __future__ import annotations

import click

from plugin.cli.context import Context, pass_context
from plugin.cli.lookup import when
from plugin.cli.stop import BY
from plugin.pipeline import stops


@click.command()
@pass_context
def resume(context: Context) -> None:
    """Go on after a stop: what was due meanwhile is done now. Stores that are paused themselves stay so."""
    with context.parts(begun=True) as parts, parts.db.write() as session:
        known = stops.resume_all(session, parts, BY)
    if known is None:
        click.echo("nothing was stopped, so nothing was changed")
    else:
        click.echo(f"everything goes on; it was stopped since {when(known.at)} by {known.by}")
