"""hebo-sync restore: a backup, back into an empty data folder and database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from plugin.cli.backup import bar, file_argument, summary
from plugin.cli.context import Context, note, pass_context

if TYPE_CHECKING:
    from plugin.backup import Restored


@click.command()
@file_argument
@click.option(
    "--moved", is_flag=True, help="The old installation was stopped before FILE was made, and is not started any more."
)
@pass_context
def restore(context: Context, file: Path, moved: bool) -> None:  # noqa: FBT001  # click's own form
    """Put the backup FILE into the data folder and the database of the configuration, which must both be empty.

    What was submitted and published after the backup was made is not known afterwards: products would be made and
    paid for a second time. So everything is left stopped until you say `hebo-sync resume`, unless you say --moved.
    Never let two installations live on from one backup: both would spend.
    """
    from plugin.backup import BackupError, restore_backup
    from plugin.cli.lookup import TroubleError
    from plugin.clock import wall

    settings = context.settings()
    try:
        with bar("checking and unpacking") as progress:
            restored = restore_backup(settings, file, wall(), moved=moved, progress=progress)
    except BackupError as error:
        raise TroubleError(str(error)) from error
    click.echo(f"restored into {settings.app.data_dir}: {summary(restored.manifest)}")
    _warn(restored)


def _warn(restored: Restored) -> None:
    if restored.unreadable:
        note(
            f"! secrets that the key here does not open: {restored.unreadable}. Put the right secret.key (or "
            "app.secret_key) back before you start, or enter the keys and passwords again"
        )
    if not restored.manifest.with_pictures:
        note("! the backup has no pictures: put the folder pictures into the data folder before you start")
    elif restored.manifest.missing:
        note(f"! pictures that were missing when the backup was made: {len(restored.manifest.missing)}")
    if restored.stopped:
        click.echo(
            "everything is stopped: what was submitted and published after the backup is not known here, so pictures "
            "could be paid for a second time. Look at the listings and at the image service's own account, exclude the "
            "products that have their pictures already (hebo-sync products exclude), then: hebo-sync resume"
        )
    click.echo("do not start the installation that the backup was made of any more: both would spend")
