"""hebo-sync backup: the whole installation in one file, while it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plugin.cli.context import Context, pass_context

if TYPE_CHECKING:
    from plugin.backup import Choice, Manifest
    from plugin.backup.make import Progress

file_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@file_argument
@click.option("--check", "only_check", is_flag=True, help="Make none: read FILE and say whether it is whole.")
@click.option("--without-key", is_flag=True, help="Leave the key file out; keep a copy of it yourself.")
@click.option("--without-pictures", is_flag=True, help="Leave the pictures out; they never change once stored.")
@click.option("--skip-missing", is_flag=True, help="Make it although pictures that are needed are missing or damaged.")
@pass_context
def backup(
    context: Context,
    file: Path,
    only_check: bool,  # noqa: FBT001  # click's own form
    without_key: bool,  # noqa: FBT001
    without_pictures: bool,  # noqa: FBT001
    skip_missing: bool,  # noqa: FBT001
) -> None:
    """Write database, pictures and what belongs to them into FILE, while hebo-sync runs.

    FILE is a tar, made beside its place, read back, and only then put there. It holds the key file: whoever has FILE
    can read the stored passwords and keys, so keep it safe. Not in it: the configuration file, and the feeds' own
    files and picture folders.
    """
    from plugin.backup import BackupError, Choice, check_backup
    from plugin.cli.lookup import TroubleError

    choice = Choice(with_key=not without_key, with_pictures=not without_pictures, missing_ok=skip_missing)
    try:
        if only_check:
            _tell_checked(file, check_backup(file))
            return
        _tell_made(file, _made(context, file, choice))
    except BackupError as error:
        raise TroubleError(str(error)) from error


def _made(context: Context, file: Path, choice: Choice) -> Manifest:
    from plugin import __version__
    from plugin.backup import make_backup
    from plugin.clock import wall

    with bar("writing and reading back") as progress:
        return make_backup(context.begun_settings(), __version__, file, choice, wall(), progress)


def _tell_checked(file: Path, manifest: Manifest) -> None:
    click.echo(f"{file} is whole: {summary(manifest)}")


def _tell_made(file: Path, manifest: Manifest) -> None:
    click.echo(f"{file}: {summary(manifest)}")
    if manifest.with_key:
        click.echo("it holds the key file, which opens the stored passwords and keys: keep it safe")
    else:
        click.echo("no key file is in it: keep secret.key or app.secret_key apart, or the stored secrets are lost")
    if manifest.missing:
        click.echo(f"pictures that were missing or damaged, and are not in it: {len(manifest.missing)}")
    click.echo("not in it: the configuration file, and the feeds' own files and picture folders")


def summary(manifest: Manifest) -> str:
    """When it was made, and how much is in it."""
    pictures = f"{manifest.pictures} files of pictures" if manifest.with_pictures else "no pictures"
    counted = f"{manifest.counts.get('product', 0)} products, {manifest.counts.get('task', 0)} tasks, {pictures}"
    made = f"a backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC by hebo-sync {manifest.program}"
    return f"{made}, {counted}, {manifest.size / 1e6:.1f} MB"


@contextmanager
def bar(what: str) -> Iterator[Progress]:
    """A bar of the bytes, where somebody looks at a terminal."""
    from plugin.backup.make import QUIET, Progress

    if not sys.stderr.isatty():
        yield QUIET
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield Progress(lambda total: shown.update(task, total=total), lambda moved: shown.advance(task, moved))
