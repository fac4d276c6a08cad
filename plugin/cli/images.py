"""hebo-sync images: the pictures that were made, and the decisions on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import click

from plugin.cli.context import Context, json_option, note, pass_context, print_json, print_table
from plugin.cli.export import export
from plugin.cli.lookup import (
    BadUsageError,
    counted,
    fields,
    limit_option,
    naming,
    product_of,
    row_of,
    rows_of,
    store_id_of,
    store_option,
    tell_rest,
)
from plugin.cli.remarks import remarks
from plugin.models import GeneratedImage
from plugin.pipeline import views
from plugin.pipeline.review import decide, in_review
from plugin.states import ImageState

BY = "command line"
CHUNK = 500  # pictures decided by one query

ids_argument = click.argument("ids", metavar="ID...", nargs=-1, type=int)


@click.group()
def images() -> None:
    """The pictures that were made."""


@images.command("list")
@click.option("--state", type=click.Choice([state.value for state in ImageState]), help="Only in this state.")
@store_option
@click.option("--product", metavar="ID", help="Only of this product: its number or STORE:ID.")
@limit_option
@json_option
@pass_context
def list_images(
    context: Context,
    state: str | None,
    store: str | None,
    product: str | None,
    limit: int,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Pictures, newest first."""
    with context.parts() as parts, parts.db.read() as session:
        page = views.list_images(
            session,
            store_id=store_id_of(session, parts, store),
            product_id=product_of(session, parts, product).id if product else None,
            state=ImageState(state) if state else None,
            limit=limit,
        )
    if as_json:
        print_json([dataclasses.asdict(row) for row in page.rows])
        return
    rows = [
        (row.id, f"{row.store}:{row.external_id}", row.title, row.pack, row.shot, row.state, "; ".join(remarks(row)))
        for row in page.rows
    ]
    print_table(("id", "product", "title", "pack", "shot", "state", "warnings"), rows, empty="no pictures")
    tell_rest(page)


@images.command("show")
@click.argument("image_id", metavar="ID", type=int)
@json_option
@pass_context
def show_image(context: Context, image_id: int, as_json: bool) -> None:  # noqa: FBT001
    """All about one picture."""
    with context.parts() as parts, parts.db.read() as session:
        row = row_of(session, GeneratedImage, image_id)
        view = views.image_view(row)
        file = parts.pictures.path(row.picture_sha) if row.picture_sha else None
    if as_json:
        print_json(dataclasses.asdict(view) | {"file": file})
        return
    size = f"{view.width}×{view.height} pixels, {view.size:,} bytes, {view.mime}" if view.size else "not fetched yet"
    fields(
        [
            ("picture", view.id),
            ("product", f"{naming(view.store, view.external_id, view.title)} ({view.product_id})"),
            ("task", view.task_id),
            ("shot", f"{view.pack}, {view.shot}"),
            ("state", view.state),
            ("decided", f"by {view.decided_by}" if view.decided_by else ""),
            ("at", view.decided_at),
            ("size", size),
            ("key", view.key),
            ("file", file),
            *(("remark", text) for text in remarks(view)),
            ("prompt", view.prompt),
            ("alt", view.alt),
        ]
    )


@images.command("approve")
@ids_argument
@click.option("--all", "everything", is_flag=True, help="All pictures in review that have no warnings.")
@click.option("--with-warnings", is_flag=True, help="With --all: those with warnings too.")
@pass_context
def approve(context: Context, ids: Sequence[int], everything: bool, with_warnings: bool) -> None:  # noqa: FBT001
    """Let pictures go to their listings; the next run publishes them."""
    if everything == bool(ids):
        raise BadUsageError("name pictures by their numbers, or say --all, and not both. Nothing was done")
    if with_warnings and not everything:
        raise BadUsageError("--with-warnings belongs to --all: a picture that you name is approved with its warnings")
    _decide(context, ids, ImageState.APPROVED, everything=everything, with_warnings=with_warnings)


@images.command("reject")
@ids_argument
@pass_context
def reject(context: Context, ids: Sequence[int]) -> None:
    """Keep pictures off the listings. They are kept, and `review` takes it back."""
    _decide(context, ids, ImageState.REJECTED)


@images.command("review")
@ids_argument
@pass_context
def review(context: Context, ids: Sequence[int]) -> None:
    """Take a decision back: the pictures are in review again. Published ones are taken off by `hebo-sync undo`."""
    _decide(context, ids, ImageState.IN_REVIEW)


def _decide(
    context: Context, ids: Sequence[int], new: ImageState, *, everything: bool = False, with_warnings: bool = False
) -> None:
    """All of it or nothing."""
    if not ids and not everything:
        raise BadUsageError("name at least one picture by its number (hebo-sync images list). Nothing was done")
    with context.parts() as parts, parts.db.write() as session:
        if everything:
            chosen = in_review(session, with_warnings=with_warnings)
        else:
            chosen = [row.id for row in rows_of(session, GeneratedImage, ids)]
        for start in range(0, len(chosen), CHUNK):
            decide(session, parts, chosen[start : start + CHUNK], new, BY)
        left = 0 if with_warnings or not everything else len(in_review(session, with_warnings=True))
    click.echo(f"{counted(len(chosen), 'picture')}: {new.replace('_', ' ')}")
    if left:
        note(f"{left} stay in review, since they have warnings: hebo-sync images list --state in_review")


images.add_command(export)
