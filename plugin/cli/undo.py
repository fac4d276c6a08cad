"""hebo-sync undo: take published pictures off their listings."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.cli.context import Context, json_option, note, pass_context, print_json
from plugin.cli.lanes import settle_lanes
from plugin.cli.lookup import BadUsageError, counted, demand_yes, naming, product_name, product_of, rows_of, yes_option
from plugin.models import Publication
from plugin.pipeline import stores, views
from plugin.pipeline.parts import Parts
from plugin.pipeline.publishing.undo import UndoLane, demand_writable, request_undo, undo_now
from plugin.pipeline.views import PublicationView
from plugin.states import PublicationState

MOST_NAMES = 3  # products that a question names


@click.command()
@click.argument("ids", metavar="PUBLICATION_ID...", nargs=-1, type=int)
@click.option("--product", metavar="STORE:ID", help="All publications of this product.")
@click.option("--store", metavar="NAME", help="With --all: every publication of this store.")
@click.option("--all", "everything", is_flag=True, help="With --store: every publication of it.")
@yes_option
@json_option
@pass_context
def undo(
    context: Context,
    ids: Sequence[int],
    product: str | None,
    store: str | None,
    everything: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Take the pictures of publications off their listings again; what others changed since stays.

    Says what would go and asks first; scripts say --yes. The pictures are kept here. Exit 1 if a store
    refused, or did not answer (the next run tries again). A store with a library of files keeps them there: says which.
    """
    if sum(map(bool, (ids, product, store))) != 1 or bool(store) != everything:
        raise BadUsageError("say what to undo: publication numbers, --product STORE:ID, or --store NAME --all")
    with context.parts(begun=True) as parts:
        with parts.db.read() as session:
            chosen = _chosen(session, parts, ids, product, store)
            about = _about(session, parts, product, store)
        if chosen:
            demand_yes(_question(chosen), yes=yes)
        done = _withdraw(parts, [row.id for row in chosen])
    if as_json:
        print_json([dataclasses.asdict(row) for row in done])
    elif done:
        _show(done)
    else:
        click.echo(f"nothing of {about} is published")
    sys.exit(0 if all(row.state is PublicationState.WITHDRAWN for row in done) else 1)


def _about(session: Session, parts: Parts, product: str | None, store: str | None) -> str:
    """What the command named, if not publications."""
    return product_name(product_of(session, parts, product)) if product else f"store {store}"


def _question(chosen: Sequence[PublicationView]) -> str:
    """What would be taken off, by product."""
    pictures = counted(sum(len(row.images) - len(row.refused) for row in chosen), "picture")
    names = list(dict.fromkeys(naming(row.store, row.external_id, row.title) for row in chosen))
    more = f" and {counted(len(names) - MOST_NAMES, 'other product')}" if len(names) > MOST_NAMES else ""
    return f"Take {pictures} off the listing{'s' if len(names) > 1 else ''} of {', '.join(names[:MOST_NAMES])}{more}?"


def _chosen(
    session: Session, parts: Parts, ids: Sequence[int], product: str | None, store: str | None
) -> list[PublicationView]:
    """The publications to undo."""
    if ids:
        return [views.publication_view(row) for row in rows_of(session, Publication, ids)]
    if product:
        mine = Publication.product_id == product_of(session, parts, product).id
    else:
        mine = Publication.store_id == stores.find(parts, session, store or "").id
    live = Publication.state.in_((PublicationState.PUBLISHED, PublicationState.WITHDRAWING))
    rows = session.scalars(select(Publication).where(mine, live).order_by(Publication.id))
    return [views.publication_view(row) for row in rows]


def _withdraw(parts: Parts, ids: Sequence[int]) -> list[PublicationView]:
    """Ask for the withdrawal of all of them, or of none, and do it. Gives how they stand then. Raises UndoError."""
    with parts.db.write() as session:
        for row in rows_of(session, Publication, ids):
            if row.state is PublicationState.WITHDRAWING:  # asked for before: tried again now
                undo_now(session, row, parts.clock.now())
            else:
                demand_writable(session, parts, row)
                request_undo(session, row, parts.clock.now())
    settle_lanes(parts, [UndoLane(parts)])
    with parts.db.read() as session:
        return [views.publication_view(row) for row in rows_of(session, Publication, ids)]


def _show(done: Sequence[PublicationView]) -> None:
    for row in done:
        name = naming(row.store, row.external_id, row.title)
        if row.state is PublicationState.WITHDRAWN:
            taken = counted(len(row.images) - len(row.refused), "picture")
            click.echo(f"{name}: {taken} taken off (publication {row.id}){_remaining(row)}")
        elif row.state is PublicationState.WITHDRAWING:
            note(f"! {name}: not taken off yet: {row.error or 'another program writes to the store'}; the next "
                 "run tries again")  # fmt: skip
        else:
            note(f"! {name}: the store refused, the pictures are still there: {row.error}")
    for store in dict.fromkeys(row.store for row in done if row.remaining):
        click.echo(f"to remove the files that no listing shows: hebo-sync stores orphans {store} --delete")


def _remaining(row: PublicationView) -> str:
    """The files that stay in the store's library, as the end of a line."""
    if not row.remaining:
        return ""
    return f"; in the store's library {'stays' if len(row.remaining) == 1 else 'stay'}: {', '.join(row.remaining)}"
