"""hebo-sync tasks: what was asked of the image service, and settling what is in doubt."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from typing import Any

import click

from plugin.cli.context import Context, json_option, pass_context, print_json, print_table
from plugin.cli.lookup import (
    BadUsageError,
    counted,
    demand_yes,
    fields,
    limit_option,
    naming,
    row_of,
    store_id_of,
    store_option,
    tell_rest,
    when,
    yes_option,
)
from plugin.ledger import HELD_IN, Bucket
from plugin.models import GenerationTask
from plugin.pipeline import views
from plugin.pipeline.submitting.doubt import SettleError, settle_by_person
from plugin.pipeline.views import EventView, ReadingView, TaskDetail, TaskView
from plugin.pipeline.views.doubts import doubt_detail
from plugin.states import TaskState


@click.group()
def tasks() -> None:
    """What was asked of the image service: one task is a product's picture and up to 8 prompts."""


@tasks.command("list")
@click.option("--state", type=click.Choice([state.value for state in TaskState]), help="Only in this state.")
@store_option
@limit_option
@json_option
@pass_context
def list_tasks(context: Context, state: str | None, store: str | None, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Tasks, newest first."""
    with context.parts() as parts, parts.db.read() as session:
        chosen = TaskState(state) if state else None
        page = views.list_tasks(session, store_id=store_id_of(session, parts, store), state=chosen, limit=limit)
    if as_json:
        print_json([_as_json(row) for row in page.rows])
        return
    rows = [
        (row.id, f"{row.store}:{row.external_id}", row.title, f"{row.pack} #{row.round}", row.state, row.images,
         row.billable, when(row.sent_at), row.error)
        for row in page.rows
    ]  # fmt: skip
    columns = ("id", "product", "title", "round", "state", "images", "billed", "sent", "error")
    print_table(columns, rows, empty="no tasks")
    tell_rest(page)


@tasks.command("show")
@click.argument("task_id", metavar="ID", type=int)
@json_option
@pass_context
def show_task(context: Context, task_id: int, as_json: bool) -> None:  # noqa: FBT001
    """All about one task: prompts, pictures, money with the ledger's moves, times, the quota's readings around it."""
    with context.parts() as parts, parts.db.read() as session:
        detail = views.task_detail(session, row_of(session, GenerationTask, task_id))
    if as_json:
        print_json(dataclasses.asdict(detail) | {"task": _as_json(detail.task)})
        return
    _show_facts(detail)
    if detail.task.state is TaskState.IN_DOUBT or detail.doubt_at:
        click.echo("")
        _show_doubt(detail)
    if detail.task.state is TaskState.IN_DOUBT:
        click.echo(f"\n{_meanings(task_id)}")
    click.echo("\npictures")
    rows = [(image.id, image.shot, image.state, image.item_id, image.error) for image in detail.images]
    print_table(("id", "shot", "state", "item", "error"), rows, empty="none (a retry took them over)")
    for image in detail.images:
        click.echo(f"\n[{image.shot}]\n{image.prompt}\nalt: {image.alt}")
    click.echo("\nthe ledger, in images")
    moves = [(when(move.at), move.images, f"{move.source} → {move.target}", move.said_by) for move in detail.moves]
    print_table(("at", "images", "move", "on the word of"), moves, empty="nothing was ever reserved")
    _show_events(detail.events)


def _as_json(task: TaskView) -> dict[str, Any]:
    """With the ledger's words for what was reserved and is in doubt or lost: `reserved` alone would hide it."""
    held = {bucket.value: task.reserved if HELD_IN.get(task.state) is bucket else 0 for bucket in UNCERTAIN}
    return dataclasses.asdict(task) | held


UNCERTAIN = (Bucket.DOUBT, Bucket.LOST)
HELD = {TaskState.IN_DOUBT: "in doubt", TaskState.LOST: "lost"}  # what a task's images are, where not reserved


def _show_facts(detail: TaskDetail) -> None:
    task = detail.task
    money = f"{task.reserved} {HELD.get(task.state, 'reserved')}"
    money += "" if task.billable is None else f", {task.billable} billed, {task.refunded or 0} refunded"
    fields(
        [
            ("task", task.id),
            ("product", f"{naming(task.store, task.external_id, task.title)} ({task.product_id})"),
            ("round", f"{task.pack} #{task.round}"),
            ("state", task.state),
            ("error", task.error),
            ("retry of task", detail.retry_of),
            ("tried again by itself", f"{detail.tried_by_itself} times" if detail.tried_by_itself else None),
            ("tried again as task", ", ".join(map(str, detail.retried_by))),
            ("model", " ".join(filter(None, (detail.model, detail.size, detail.aspect_ratio)))),
            ("service's id", detail.remote_id),
            ("service's status", detail.remote_status),
            ("money", money),
            ("planned", detail.created_at),
            ("sent", task.sent_at),
            ("answered", detail.answered_at),
            ("last polled", detail.polled_at),
            ("polls", detail.polls),
            ("next", task.due_at),
            ("ended", task.ended_at),
        ]
    )


def _show_doubt(detail: TaskDetail) -> None:
    """What a person needs to know to settle a doubt."""
    fields(
        [
            ("sent", detail.task.sent_at),
            ("in doubt since", detail.doubt_at),
            ("why", detail.doubt_note),
            ("images at stake", detail.task.images),
            ("used before sending", detail.baseline_used),
            ("read at", detail.baseline_at),
        ]
    )
    _show_readings(detail.readings)


def _meanings(task_id: int) -> str:
    """What each answer about a task in doubt means, with its command."""
    return (
        f"If the service took it, its pictures are billed and lost: hebo-sync tasks settle {task_id} --accepted\n"
        f"If it did not, it is sent again: hebo-sync tasks settle {task_id} --not-accepted\n"
        "(if that is wrong, it is paid for twice)"
    )


def _show_readings(readings: tuple[ReadingView, ...]) -> None:
    """Equal ones that follow one another are a line."""
    rows = []
    for figures, same in groupby(readings, key=lambda row: (row.source, row.used, row.remaining, row.daily_limit)):
        times = [when(row.at) for row in same]
        rows.append((times[0], times[-1] if len(times) > 1 else "", len(times), *figures))
    empty = "the quota was not read since then (hebo-sync quota reads it)"
    print_table(("quota read at", "until", "times", "from", "used", "remaining", "daily limit"), rows, empty=empty)


def _show_events(events: tuple[EventView, ...]) -> None:
    click.echo("\nwhat happened")
    print_table(("at", ""), [(when(event.at), event.message) for event in events], empty="nothing yet")


@tasks.command("settle")
@click.argument("task_id", metavar="ID", type=int)
@click.option("--accepted", is_flag=True, help="The service took the prompts: their pictures are billed and lost.")
@click.option(
    "--not-accepted",
    is_flag=True,
    help="It did not: the prompts are sent again. If that is wrong, they are paid for twice.",
)
@yes_option
@pass_context
def settle(context: Context, task_id: int, accepted: bool, not_accepted: bool, yes: bool) -> None:  # noqa: FBT001
    """Say whether a submit without an answer had been accepted. Shows the quota's readings and asks first.

    Look at the used figure: if it rose by the images at stake, it was accepted.
    """
    if accepted == not_accepted:
        raise BadUsageError(f"say --accepted or --not-accepted. Nothing was changed.\n{_meanings(task_id)}")
    with context.parts() as parts:
        with parts.db.read() as session:
            task = row_of(session, GenerationTask, task_id)
            if task.state is not TaskState.IN_DOUBT:
                raise SettleError(f"task {task.id} is {task.state}, not in doubt; nothing was changed")
            detail = views.task_detail(session, task)
            change = doubt_detail(session, parts.key_fingerprint, task).change
        _show_doubt(detail)
        click.echo(_tells(change, detail.task.images))
        click.echo(_means(detail.task, accepted=accepted))
        what = "accepted: the pictures count as billed and lost" if accepted else "not accepted: they are sent again"
        demand_yes(f"Settle task {task_id} as {what}?", yes=yes)
        with parts.db.write() as session:
            row, now = row_of(session, GenerationTask, task_id), parts.clock.now()
            settle_by_person(session, row, now, accepted=accepted, seen=detail.doubt_at)
    click.echo(f"task {task_id} is settled as {what}")


def _tells(change: int | None, images: int) -> str:
    """What the readings tell, as the page says it."""
    if change is None:
        return (
            "there are no readings to compare: ask the provider of the image service whether a task came at that time"
        )
    if change == images:
        return "the used quota rose by exactly the images at stake: it was most likely accepted"
    if change == 0:
        return (
            "the used quota did not rise. That speaks against it, but others who use the key, images given back, or a "
            "turn of the day could hide it"
        )
    return (
        f"the used quota changed by {change:+}, which this task alone does not explain: ask the provider of the image "
        "service whether a task came at that time"
    )


def _means(task: TaskView, *, accepted: bool) -> str:
    """What the answer means in money."""
    images = counted(task.images, "image")
    if accepted:
        return (
            f"accepted means: {images} paid for and lost. To have them made anew, for {images} more: "
            f"hebo-sync products generate {task.store}:{task.external_id}"
        )
    return f"not accepted means: sent again, reserving {images}. If that is wrong, {images} paid for twice"
