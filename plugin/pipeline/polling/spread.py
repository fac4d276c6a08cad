"""Overdue polls are spread: after a restart or an outage thousands are legal at once, and a burst is not wanted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Float, bindparam, cast, func, literal, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from plugin.models import GenerationTask, UTCDateTime
from plugin.pipeline.polling.polled import polls_of

RATE = 500  # polls a second
AT_ONCE = 50  # polls that leave without delay
LEAD = 0.4  # seconds until the queue begins: ordering ten thousand takes that long, and would be caught up at once
WITHIN = timedelta(seconds=20)  # the vendor's longest interval: so long is a round of all tasks anyway


def spread(session: Session, account_id: int, now: datetime) -> int:
    """Put the account's polls one after another: RATE a second, or as many as it takes to ask for all WITHIN.

    A poll never comes sooner than it was due, and where there is room nothing changes. The order is that of the due
    times, so that a second process that does the same a moment later moves nothing by much. Gives how many moved.
    """
    due = polls_of(account_id)
    overdue = select(GenerationTask.id).where(due, GenerationTask.due_at <= now).offset(AT_ONCE).limit(1)
    if session.scalar(overdue) is None:
        return 0
    until = now + WITHIN
    count = session.scalar(select(func.count()).where(due, GenerationTask.due_at <= until)) or 0
    row = func.row_number().over(order_by=(GenerationTask.due_at, GenerationTask.id))
    queue = select(GenerationTask.id, row.label("place")).where(due, GenerationTask.due_at <= until).subquery()
    seconds = LEAD + (queue.c.place - AT_ONCE) / cast(literal(rate_for(count)), Float)
    turn = _Later(bindparam("now", now, UTCDateTime()), seconds)
    later = (
        update(GenerationTask)
        .where(GenerationTask.id == queue.c.id, queue.c.place > AT_ONCE, GenerationTask.due_at < turn)
        .values(due_at=turn)
        .execution_options(synchronize_session=False)
    )
    moved: int = session.execute(later).rowcount  # type: ignore[attr-defined]  # of an UPDATE there is one
    return moved


def rate_for(count: int) -> float:
    """Polls a second for so many tasks."""
    return max(RATE, count / WITHIN.total_seconds())


class _Later(FunctionElement[datetime]):
    """A time and so many seconds, as the columns keep it."""

    type = UTCDateTime()
    inherit_cache = True
    name = "later"


@compiles(_Later)
def _later(element: _Later, compiler: SQLCompiler, **options: Any) -> str:
    start, seconds = (compiler.process(part, **options) for part in element.clauses)
    return f"(CAST({start} AS TIMESTAMP WITH TIME ZONE) + make_interval(secs => {seconds}))"


@compiles(_Later, "sqlite")
def _later_in_sqlite(element: _Later, compiler: SQLCompiler, **options: Any) -> str:
    """Text with six digits after the point, of which SQLite counts three."""
    start, seconds = (compiler.process(part, **options) for part in element.clauses)
    return f"(strftime('%Y-%m-%d %H:%M:%f', {start}, ({seconds}) || ' seconds') || '000')"
