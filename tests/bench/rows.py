"""A benchmark's result: rows of one table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """bench: the benchmark's name. how: how the figure was measured, in a few words."""

    bench: str
    what: str
    figure: float
    unit: str
    how: str


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share (0..1) of them lies; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def number(value: float) -> str:
    """Three digits that count: 12,345 · 123 · 12.3 · 1.23 · 0.123."""
    for limit, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= limit:
            return f"{value:,.{digits}f}"
    return "0" if value == 0 else f"{value:.3f}"


def print_rows(rows: Sequence[Row]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("what", "left"), ("figure", "right"), ("unit", "left"), ("how measured", "left")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]  # rich's own literals
    for bench, own in groupby(rows, key=lambda row: row.bench):
        table.add_row(f"[bold]{bench}[/bold]")
        for row in own:
            table.add_row(f"  {row.what}", number(row.figure), row.unit, row.how)
    Console(width=None if sys.stdout.isatty() else 170, highlight=False).print(table)
