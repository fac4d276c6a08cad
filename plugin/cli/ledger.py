"""hebo-sync ledger: what became of every image that was ever reserved."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import click
from sqlalchemy.orm import Session

from plugin.cli.context import Context, json_option, note, pass_context, print_json, print_table
from plugin.cli.lookup import TroubleError, store_id_of, store_option
from plugin.pipeline import stores, views
from plugin.pipeline.parts import Parts
from plugin.pipeline.views import By, Period, Span, Statement, Totals

PERIODS = [period.value.replace("_", "-") for period in Period]
FIGURES = ("reserved", "released", "charged", "refunded", "lost", "in_doubt", "still_reserved", "unaccounted")


@click.command()
@store_option
@click.option(
    "--by", type=click.Choice([by.value for by in By]), default="store", show_default=True, help="A row each."
)
@click.option(
    "--period", type=click.Choice(PERIODS), default="days", show_default=True, help="days: today and the 29 before."
)
@click.option("--csv", "target", metavar="FILE", help="Write every move of that time as CSV; - for standard output.")
@click.option("--check", is_flag=True, help="Compare the ledger with the tasks; exit 1 where they disagree.")
@json_option
@pass_context
def ledger(  # one argument an option
    context: Context,
    store: str | None,
    by: str,
    period: str,
    target: str | None,
    check: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """What became of the images that were reserved, by store, day, month or pack.

    Every row adds up: reserved = released + charged + refunded + lost + in doubt + still reserved + unaccounted.
    A row is about what was reserved in its time, whenever it was charged or given back.
    """
    with context.parts() as parts:
        with parts.db.read() as session:
            store_id, zone = store_id_of(session, parts, store), _zone(session, parts, store)
            chosen = Period(period.replace("-", "_"))
            if check:
                _check(session)
            elif target is None:
                found = views.statement(session, By(by), chosen, parts.clock.now(), zone, store_id=store_id)
                _show(found, as_json=as_json)
        if target is not None and not check:
            _write(parts, target, views.span_of(chosen, parts.clock.now(), zone), store_id, zone)


def _zone(session: Session, parts: Parts, store: str | None) -> str:
    """The store's time zone, or the app's."""
    if store is None:
        return parts.settings.app.timezone
    config = stores.config_of(parts, stores.find(parts, session, store))
    return config.timezone or parts.settings.app.timezone


def _check(session: Session) -> None:
    problems = views.ledger_problems(session)
    for problem in problems:
        click.echo(problem)
    if not problems:
        click.echo("the ledger and the tasks agree")
    sys.exit(1 if problems else 0)


def _show(found: Statement, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "by": found.by,
                "since": found.span.since,
                "until": found.span.until,
                "rows": [
                    {found.by: row.name, "planned": row.planned, **dataclasses.asdict(row.totals)} for row in found.rows
                ],
                "total": {"planned": found.planned, **dataclasses.asdict(found.total)},
            }
        )
        return
    rows = [(row.name, row.planned, *_figures(row.totals)) for row in found.rows]
    columns = (str(found.by), "planned", *(name.replace("_", " ") for name in FIGURES), "not delivered")
    total = [("all", found.planned, *_figures(found.total))] if rows else []
    print_table(columns, [*rows, *total], empty="nothing was reserved in that time")


def _figures(of: Totals) -> list[int]:
    return [*(getattr(of, name) for name in FIGURES), of.not_had]


def _write(parts: Parts, target: str, span: Span, store_id: int | None, zone: str) -> None:
    """The CSV file; the columns are told on the page, and in `plugin.pipeline.views.LEDGER_COLUMNS`."""
    pieces = views.ledger_csv(parts.db, span, store_id=store_id, timezone=zone)
    if target == "-":
        for piece in pieces:
            click.echo(piece, nl=False)
        return
    try:
        with Path(target).open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
    except OSError as error:
        raise TroubleError(f"{target} cannot be written: {error.strerror}; nothing else was changed") from error
    note(f"written: {target}")
