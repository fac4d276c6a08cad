"""hebo-sync quota: what the account may spend, what is on its way and planned, our own budgets, and what the service
counts beside what we know of."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import click

from plugin.cli.context import Context, json_option, note, pass_context, print_json, print_table
from plugin.cli.key import require_key
from plugin.cli.lookup import counted, fields, when
from plugin.pipeline.quota import BudgetView, MoneyReport, QuotaView, StorePlan, ask_quota, money_report
from plugin.pipeline.views.doubts import doubts
from plugin.reconcile import ServiceDay

LEVELS = {
    "quota": "the service's quota",
    "key_day": "own budget of the day (hebo.daily_budget)",
    "key_month": "own budget of the month (hebo.monthly_budget)",
    "run": "budget of this run",
    "store_day": "its budget of the day",
    "store_month": "its budget of the month",
    "store_run": "its budget from one reading to the next",
}


@click.command()
@json_option
@pass_context
def quota(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Ask the image service for the quota. Exit 1 if it does not answer: then the last reading is shown.

    Shows the budgets, what is planned and what it will cost, and, for each day of the service, how much it counted
    and how much of that is ours: a difference is shown, and what it may be.
    """
    with context.parts() as parts:
        require_key(parts)
        view = ask_quota(parts)
        with parts.db.read() as session:
            report = money_report(session, parts)
            held = [one.task.reserved for one in doubts(session, parts.key_fingerprint)]
    if as_json:
        print_json({**dataclasses.asdict(view), **_plain(report), "doubts": {"tasks": len(held), "images": sum(held)}})
    else:
        _show(view, held)
        _show_report(report)
    if view.error:
        last = f"the last reading is from {view.read_at:%Y-%m-%d %H:%M:%S} UTC" if view.read_at else "never read before"
        note(f"! the quota could not be read: {view.error}; {last}")
    sys.exit(1 if view.error else 0)


def _plain(report: MoneyReport) -> Mapping[str, Any]:
    """The report's part of the JSON; all its names are new beside those of the view."""
    return {
        "budgets": [{"store": row.store, **dataclasses.asdict(row.limit)} for row in report.budgets],
        "plans": [dataclasses.asdict(row) for row in report.plans],
        "stopped": report.stopped,
        "service_days": [
            {**dataclasses.asdict(day), "difference": day.difference, "meaning": meaning(day)} for day in report.days
        ],
        "undelivered": [dataclasses.asdict(row) for row in report.undelivered],
    }


def meaning(day: ServiceDay) -> str:
    """What a difference may be, in plain words."""
    if not day.difference:
        exact = day.low == day.high
        return "our own tasks explain it" if exact else "within what our own tasks may have used; more cannot be told"
    images = counted(abs(day.difference), "image")
    if day.difference > 0:
        return f"{images} more than ours: somebody else uses the key, or the service counts more than it told us"
    return f"{images} fewer than ours: the service gave images back, or forgot them, without telling us"


def _show(view: QuotaView, held: list[int]) -> None:
    limit = view.daily_limit if view.enabled else "none (the service counts no quota for this key)"
    budget = f"{view.spent_today} of {counted(view.daily_budget, 'image')}" if view.daily_budget is not None else None
    fields(
        [
            ("account", view.account or "unknown"),
            ("level", view.level),
            ("daily limit", limit),
            ("used", view.used),
            ("remaining", view.remaining if view.enabled else None),
            ("in flight", counted(view.in_flight, "image")),
            ("in doubt", f"{counted(sum(held), 'image')} of {counted(len(held), 'task')}" if held else None),
            ("planned", _planned(view)),
            ("own budget today", budget),
            ("submitting waits", view.waits),
            ("waits until", view.waits_until),
            ("read at", view.read_at),
        ]
    )


def _planned(view: QuotaView) -> str:
    cost = f"; at most {view.planned} are charged, for those that are made" if view.planned else ""
    return counted(view.planned, "image") + cost


def _show_report(report: MoneyReport) -> None:
    if report.stopped:
        click.echo("\neverything is stopped: nothing is sent (hebo-sync resume)")
    if report.plans:
        click.echo("\nplanned")
        rows = [(plan.store, plan.planned, why(plan, report.budgets)) for plan in report.plans]
        print_table(("store", "images", ""), rows, empty="")
    if report.budgets:
        click.echo("\nlimits, in images")
        print_table(
            ("of", "limit", "most", "spent", "left", "until"),
            [
                (row.store or "the key", LEVELS[row.limit.level], row.limit.most, row.limit.spent, row.limit.left,
                 when(row.limit.until))
                for row in report.budgets
            ],
            empty="",
        )  # fmt: skip
    _show_days(report)


def why(plan: StorePlan, budgets: tuple[BudgetView, ...] = ()) -> str:
    """Whether what is planned for a store goes on, and if not, what it waits for."""
    if plan.paused:
        return "paused: nothing of it is sent"
    if plan.left is not None and plan.binding is not None and plan.left < plan.planned:
        until = f" until {when(plan.binding.until)}" if plan.binding.until else ""
        empty = [row.limit.level for row in budgets if row.store in (None, plan.store) and row.limit.left == 0]
        levels = dict.fromkeys([plan.binding.level, *empty])
        if plan.left and plan.left < plan.smallest:
            return f"{plan.left} left, too few for the next task{until}: {', '.join(LEVELS[each] for each in levels)}"
        return f"room for {plan.left} now; the rest waits{until}: {', '.join(LEVELS[level] for level in levels)}"
    return "goes next"


def _show_days(report: MoneyReport) -> None:
    if report.days:
        click.echo("\nwhat the service counted, and what of it is ours")
        rows = [(_since(day), when(day.until), day.counted, _bounds(day), meaning(day)) for day in report.days]
        print_table(("from", "to", "used rose by", "ours", ""), rows, empty="")
    if report.undelivered:
        click.echo("\ntasks whose bill is not for the pictures that came")
        found = [(row.task, f"{row.store}:{row.product}", row.billable, row.pictures) for row in report.undelivered]
        print_table(("task", "product", "charged", "pictures"), found, empty="")


def _since(day: ServiceDay) -> str:
    return f"its new day, by {when(day.first)}" if day.turned else when(day.since)


def _bounds(day: ServiceDay) -> str:
    return str(day.low) if day.low == day.high else f"{day.low} to {day.high}"
