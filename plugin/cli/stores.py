"""hebo-sync stores: the catalogues, how they stand, and reading them anew."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import textwrap
from collections.abc import Sequence

import click

from connectors import StoreInfo
from plugin.cli.context import Context, json_option, one_line, pass_context, print_json, print_table
from plugin.cli.lanes import settle_lanes
from plugin.cli.lookup import fields, when
from plugin.cli.orphans import orphans
from plugin.cli.relay import relay_beside
from plugin.models import Store
from plugin.pipeline import stores as store_rows
from plugin.pipeline import views
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.plan import PlanLane
from plugin.pipeline.reading.refresh import RefreshLane
from plugin.pipeline.views import EventView


@click.group()
def stores() -> None:
    """The catalogues that are set up."""


stores.add_command(orphans)


@stores.command("list")
@json_option
@pass_context
def list_stores(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Every store: kind, products, state, last refresh, problem."""
    with context.parts() as parts, parts.db.read() as session:
        found = views.list_stores(session, parts)
    if as_json:
        print_json([dataclasses.asdict(row) for row in found])
        return
    rows = [(row.name, row.kind, row.products, row.state, when(row.refreshed_at), row.problem) for row in found]
    empty = (
        "no store is set up: add a [[stores]] table to the configuration file (hebo-sync init writes one to fill in)"
    )
    print_table(("store", "kind", "products", "state", "last refresh", "problem"), rows, empty=empty)


@stores.command("show")
@click.argument("name")
@json_option
@pass_context
def show_store(context: Context, name: str, as_json: bool) -> None:  # noqa: FBT001
    """One store: how it stands, and its settings (secrets are not shown)."""
    with context.parts() as parts, parts.db.read() as session:
        row = store_rows.find(parts, session, name)
        view = next(view for view in views.list_stores(session, parts) if view.id == row.id)
        settings = _settings_of(parts, row)
    if as_json:
        print_json(dataclasses.asdict(view) | {"settings": settings})
        return
    fields([(key.replace("_", " "), value) for key, value in dataclasses.asdict(view).items() if key != "id"])
    for key, value in settings.items():
        if key not in ("name", "kind") and value not in (None, ""):
            click.echo(f"  {key} = {value}")


def _settings_of(parts: Parts, row: Store) -> dict[str, object]:
    """The store's settings as in the file, without its secrets; none where it is no longer configured."""
    try:
        config = store_rows.config_of(parts, row)
    except store_rows.StoreUnknownError:
        return {}
    return {**config.model_dump(mode="json", exclude={"options"}), **config.options.model_dump(mode="json")}


@stores.command("check")
@click.argument("name")
@json_option
@pass_context
def check_store(context: Context, name: str, as_json: bool) -> None:  # noqa: FBT001
    """Look at the store without changing it: what it is, and what must be mended. Exit 1 if something must.

    The picture relay runs meanwhile, so that the store can be asked to call it.
    """
    with context.parts() as parts:
        with parts.db.read() as session:
            config = store_rows.config_of(parts, store_rows.find(parts, session, name))
        with relay_beside(parts):
            info = store_rows.look_at(parts, config)
    if as_json:
        print_json(dataclasses.asdict(info))
    else:
        _show_info(info)
    sys.exit(1 if info.problems else 0)


def _show_info(info: StoreInfo) -> None:
    fields([("name", info.name), ("currency", info.currency), ("version", info.version), ("timezone", info.timezone)])
    _show_texts("good to know", info.notes)
    _show_texts("to be mended", info.problems)
    click.echo("not ready: mend the problems first" if info.problems else "ready")


def _show_texts(heading: str, texts: Sequence[str]) -> None:
    """Texts below a heading, broken at words on a terminal; elsewhere each stays on one line."""
    if texts:
        click.echo(f"{heading}:")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    wrapper = textwrap.TextWrapper(
        max(width, 40), initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    for text in texts:
        click.echo(wrapper.fill(one_line(text)))


@stores.command("refresh")
@click.argument("name")
@click.option("--full", is_flag=True, help="Read everything, which also finds what is gone from the store.")
@json_option
@pass_context
def refresh_store(context: Context, name: str, full: bool, as_json: bool) -> None:  # noqa: FBT001
    """Read the catalogue anew and plan what is new. Nothing is sent to the image service, nothing is spent.

    Exit 1 if something could not be read or needs a person. --json gives one object: store, counts (read, changed,
    skipped, planned) and events.
    """
    with context.parts() as parts:
        store_id, after = _make_due(parts, name, full=full)
        settle_lanes(parts, [RefreshLane(parts), PlanLane(parts)])
        with parts.db.read() as session:
            events = views.events_since(session, after, store_id=store_id)
    if as_json:
        print_json(
            {"store": name, "counts": _counts(events), "events": [dataclasses.asdict(event) for event in events]}
        )
    else:
        _show_events(name, events)
    sys.exit(1 if any(event.trouble for event in events) else 0)


def _counts(events: Sequence[EventView]) -> dict[str, int]:
    """Products read, changed and skipped, and tasks planned."""
    counts = dict.fromkeys(("read", "changed", "skipped"), 0)
    for event in events:
        if event.code == "store_refreshed":
            counts = {key: counts[key] + event.data[key] for key in counts}
    return counts | {"planned": sum(event.code == "task_planned" for event in events)}


def _show_events(store: str, events: Sequence[EventView]) -> None:
    failed = any(event.code == "store_failed" for event in events)
    for event in events:
        if failed and event.code == "store_refreshed":
            continue  # how much of it was read matters less than that it was not read to its end
        product = event.data.get("product")
        about = f"{store}:{product} " if product else ""
        click.echo(f"{'! ' if event.trouble else ''}{about}{one_line(event.message)}")


def _make_due(parts: Parts, name: str, *, full: bool) -> tuple[int, int]:
    """Make a refresh due; gives the store's id and the last event before it."""
    with parts.db.write() as session:
        row = store_rows.find(parts, session, name)
        store_rows.refresh(session, parts, row, full=full)
        return row.id, views.last_event(session)
