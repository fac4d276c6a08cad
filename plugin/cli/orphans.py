"""hebo-sync stores orphans: the picture files that stay in a store's library, and deleting them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from plugin.cli.context import Context, json_option, note, one_line, pass_context, print_json
from plugin.cli.lookup import counted, demand_yes, naming, when, yes_option
from plugin.pipeline import stores
from plugin.pipeline.publishing import library
from plugin.pipeline.publishing.library import Orphan


@click.command("orphans")
@click.argument("name")
@click.option("--delete", "deleting", is_flag=True, help="Delete the files that nothing needs any more; asks first.")
@yes_option
@json_option
@pass_context
def orphans(
    context: Context,
    name: str,
    deleting: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Picture files of ours in the store's library that no listing shows: what they are, and which may go.

    An undo leaves the files, since they may be used elsewhere. --delete removes them for good, but none whose picture
    is approved or published, and none that this installation does not know. Exit 1 if the store refused.
    With --delete, --json gives one object: deleted and left, each a list of files.
    """
    with context.parts() as parts:
        with parts.db.read() as session:
            row = stores.find(parts, session, name)
            config = stores.config_of(parts, row)
        found = library.orphans(parts, config)
        chosen = [orphan for orphan in found if not orphan.kept] if deleting else []
        if not as_json:
            _show(name, found, deleting=deleting)
        if chosen:
            demand_yes(f"Delete {counted(len(chosen), 'file')} from the library of {name} for good?", yes=yes)
        left = library.delete(parts, row.id, config, chosen) if chosen else {}
    if as_json:
        print_json(_deleted(found, chosen, left) if deleting else [_plain(orphan) for orphan in found])
    elif chosen:
        _tell(chosen, left)
    sys.exit(1 if left else 0)


def _plain(orphan: Orphan) -> dict[str, Any]:
    """One file as JSON."""
    about = {"store": orphan.store, "product": orphan.product, "title": orphan.title, "state": orphan.state}
    return {**dataclasses.asdict(orphan.file), **about, "deletable": not orphan.kept, "kept": orphan.kept or None}


def _deleted(found: Sequence[Orphan], chosen: Sequence[Orphan], left: Mapping[str, str]) -> dict[str, Any]:
    gone = {orphan.file.id for orphan in chosen} - left.keys()
    stays = [dataclasses.replace(orphan, kept=left.get(orphan.file.id, orphan.kept)) for orphan in found]
    return {
        "deleted": [_plain(orphan) for orphan in found if orphan.file.id in gone],
        "left": [_plain(orphan) for orphan in stays if orphan.file.id not in gone],
    }


def _show(name: str, found: Sequence[Orphan], *, deleting: bool) -> None:
    for orphan in found:
        since = f", since {when(orphan.file.since)}" if orphan.file.since else ""
        click.echo(f"{one_line(orphan.file.name)} (file {orphan.file.id}{since}): {_about(orphan)}")
    free = sum(not orphan.kept for orphan in found)
    if not found:
        click.echo(f"the library of {name} has no files of ours that no listing shows")
    elif free and not deleting:
        note(f"{counted(free, 'file')} may be deleted: hebo-sync stores orphans {name} --delete")
    elif deleting and not free:
        click.echo("none of them may be deleted")


def _about(orphan: Orphan) -> str:
    made_for = ""
    if orphan.store and orphan.product:
        made_for = f"made for {naming(orphan.store, orphan.product, orphan.title or '')}, {_state(orphan)}; "
    return made_for + (f"kept: {orphan.kept}" if orphan.kept else "may be deleted")


def _state(orphan: Orphan) -> str:
    return str(orphan.state or "").replace("_", " ")


def _tell(chosen: Sequence[Orphan], left: Mapping[str, str]) -> None:
    click.echo(f"{counted(len(chosen) - len(left), 'file')} deleted")
    for orphan in chosen:
        if why := left.get(orphan.file.id):
            note(f"! {one_line(orphan.file.name)} is still there: {why}")
