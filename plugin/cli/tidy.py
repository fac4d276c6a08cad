"""hebo-sync tidy: let go of what nobody needs any more."""

from __future__ import annotations

import dataclasses

import click

from plugin.cli.context import Context, json_option, pass_context, print_json
from plugin.cli.lookup import TroubleError, counted
from plugin.pipeline import retention
from plugin.pipeline.retention import RetentionBusyError, Tidied


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
@pass_context
def tidy(context: Context, dry_run: bool, as_json: bool) -> None:  # noqa: FBT001
    """Let go of what nobody needs any more, as [retention] in the configuration says.

    The files of rejected pictures and of photos that were replaced, old entries of the activity, old readings of the
    quota. `serve` does this once a day, and each `run` at its end. What is on a listing, waits for somebody, or is
    needed so that nothing is paid for twice always stays, and so does the ledger.

    Exit 0: done. 1: another hebo-sync is just at it, or the disk cannot be written.
    """
    with context.parts() as parts:
        try:
            done = retention.look(parts) if dry_run else retention.tidy(parts)
        except RetentionBusyError as error:
            raise TroubleError(str(error)) from error
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    click.echo(_in_words(done, would="would go" if dry_run else "gone"))


def _in_words(done: Tidied, would: str) -> str:
    parts = [
        f"{counted(done.files, 'picture file')} ({done.bytes / 1e6:.1f} MB)",
        f"{counted(done.events, 'line')} of the activity",
        f"{counted(done.readings, 'reading')} of the quota",
    ]
    return f"{would}: {', '.join(parts)}"
