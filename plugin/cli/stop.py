"""hebo-sync stop: the stop switch for all stores."""

from __future__ import annotations

import click

from plugin.cli.context import Context, pass_context
from plugin.pipeline import stops

BY = "command line"


@click.command()
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever sees it.")
@pass_context
def stop(context: Context, reason: str) -> None:
    """Stop everything: nothing new is read, planned, sent or published, until hebo-sync resume.

    It holds for all processes on this database from this moment on; a call that was begun before comes to its end.
    What the image service has in hand is still asked for and collected, since it is paid for, by hebo-sync serve or
    run. A single store is paused on the settings page.
    """
    with context.parts(begun=True) as parts, parts.db.write() as session:
        switch, changed = stops.stop_all(session, BY, reason, parts.clock.now())
        click.echo(stops.in_words(switch) if changed else f"nothing was changed: {stops.in_words(switch)}")
