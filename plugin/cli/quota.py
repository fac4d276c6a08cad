"""hebo-sync quota: what the account may spend, what is on its way, and our own budget."""

from __future__ import annotations

import dataclasses
import sys

import click

from plugin.cli.context import Context, json_option, note, pass_context, print_json
from plugin.cli.key import require_key
from plugin.cli.lookup import counted, fields
from plugin.pipeline.quota import QuotaView, ask_quota


@click.command()
@json_option
@pass_context
def quota(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Ask the image service for the quota. Exit 1 if it does not answer: then the last reading is shown."""
    with context.parts() as parts:
        require_key(parts)
        view = ask_quota(parts)
    if as_json:
        print_json(dataclasses.asdict(view))
    else:
        _show(view)
    if view.error:
        last = f"the last reading is from {view.read_at:%Y-%m-%d %H:%M:%S} UTC" if view.read_at else "never read before"
        note(f"! the quota could not be read: {view.error}; {last}")
    sys.exit(1 if view.error else 0)


def _show(view: QuotaView) -> None:
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
            ("planned", counted(view.planned, "image")),
            ("own budget today", budget),
            ("submitting waits", view.waits),
            ("waits until", view.waits_until),
            ("read at", view.read_at),
        ]
    )
