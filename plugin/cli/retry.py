"""hebo-sync retry: failed pictures and refused write-backs again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import click
from sqlalchemy.orm import Session

from plugin.cli.context import Context, json_option, note, one_line, pass_context, print_json
from plugin.cli.lookup import (
    BadUsageError,
    counted,
    demand_yes,
    naming,
    rows_of,
    store_id_of,
    store_option,
    tell,
    yes_option,
)
from plugin.models import GenerationTask, Publication
from plugin.pipeline import views
from plugin.pipeline.parts import Parts
from plugin.pipeline.planning.retry import RetryError, retry_as_shown
from plugin.pipeline.publishing.publish import retry_publication
from plugin.pipeline.views import PublicationView
from plugin.states import PublicationState


@dataclass(frozen=True, slots=True)
class Planned:
    """One retry: the new task, the task whose failed pictures it makes, STORE:ID of the product, and how many."""

    task: int
    retry_of: int
    product: str
    title: str
    images: int


@click.command()
@click.argument("task_ids", metavar="TASK_ID...", nargs=-1, type=int)
@click.option("--failed", is_flag=True, help="Every task with failed pictures that may be tried again.")
@store_option
@click.option(
    "--publication",
    "publication_ids",
    metavar="ID",
    type=int,
    multiple=True,
    help="Offer a refused publication to the store again; costs nothing. May be given several times.",
)
@yes_option
@json_option
@pass_context
def retry(
    context: Context,
    task_ids: Sequence[int],
    failed: bool,  # noqa: FBT001
    store: str | None,
    publication_ids: Sequence[int],
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Plan failed pictures again; the next run sends them. They are charged only if they succeed this time.

    Shows the cost in images and asks first. --json gives one object: tasks (each new one with the one that it
    retries, its product and its images) and publications.
    """
    _check_usage(task_ids, publication_ids, failed=failed, store=store)
    publications: list[PublicationView] = []
    planned: list[Planned] = []
    with context.parts(begun=True) as parts:
        if publication_ids:
            publications = _retry_publications(parts, publication_ids)
        if not as_json:
            tell([_offered(row) for row in publications])
        if task_ids or failed:
            planned = _retry_tasks(parts, task_ids, store, yes=yes)
    if as_json:
        tasks = [dataclasses.asdict(row) for row in planned]
        print_json({"tasks": tasks, "publications": [dataclasses.asdict(row) for row in publications]})
    elif planned:
        tell([*map(_again_line, planned), "next: hebo-sync run --until-idle"])


def _again_line(row: Planned) -> str:
    return f"{row.product} {one_line(row.title)}: {counted(row.images, 'picture')} planned again as task {row.task}"


def _offered(row: PublicationView) -> str:
    name = naming(row.store, row.external_id, row.title)
    return f"{name}: publication {row.id} is offered to the store by the next run"


def _check_usage(task_ids: Sequence[int], publication_ids: Sequence[int], *, failed: bool, store: str | None) -> None:
    if failed and task_ids:
        raise BadUsageError("name tasks, or say --failed, and not both. Nothing was done")
    if store and not failed:
        raise BadUsageError("--store belongs to --failed. Nothing was done")
    if not (task_ids or failed or publication_ids):
        raise BadUsageError("say what to try again: task numbers (hebo-sync tasks list), --failed or --publication ID")


def _retry_tasks(parts: Parts, task_ids: Sequence[int], store: str | None, *, yes: bool) -> list[Planned]:
    with parts.db.read() as session:
        rows = _named(session, parts, task_ids, store)
        costs = {row.id: len(views.retryable(row)) for row in rows}
    total = sum(costs.values())
    if not costs:
        note("no failed pictures that may be tried again")
        return []
    cost = f"{counted(len(costs), 'task')}, {counted(total, 'failed picture')}: reserves {counted(total, 'image')}"
    note(f"{cost}, charged where they succeed")
    demand_yes(f"Try {counted(total, 'picture')} again?", yes=yes)
    with parts.db.write() as session:
        return [_again(session, parts, row, costs[row.id]) for row in rows_of(session, GenerationTask, list(costs))]


def _named(session: Session, parts: Parts, task_ids: Sequence[int], store: str | None) -> list[GenerationTask]:
    """The tasks to retry. Raises RetryError where a named one cannot be tried again."""
    if not task_ids:
        return views.retryable_tasks(session, store_id=store_id_of(session, parts, store))
    rows = rows_of(session, GenerationTask, task_ids)
    for row in rows:
        if not views.retryable(row):
            raise RetryError(
                f"task {row.id} is {row.state} and has no failed pictures that may be tried again; nothing was planned"
            )
    return rows


def _again(session: Session, parts: Parts, task: GenerationTask, cost: int) -> Planned:
    """Plan one retry. Raises RetryError if it would cost something else than what was shown."""
    again = retry_as_shown(session, parts, task, cost)
    product = f"{task.store.name}:{task.product.external_id}"
    return Planned(again.id, task.id, product, task.product.title, len(again.images))


def _retry_publications(parts: Parts, ids: Sequence[int]) -> list[PublicationView]:
    with parts.db.write() as session:
        rows = rows_of(session, Publication, ids)
        for row in rows:
            if row.state is not PublicationState.REFUSED:
                raise RetryError(f"publication {row.id} is {row.state}, not refused; nothing was changed")
            retry_publication(session, parts, row)
        return [views.publication_view(row) for row in rows]
