"""`python -m tests.bench [NAME ...]`: every benchmark, or those that are named."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable

import click

from tests.bench import discovery, feed, governor, kills, pages, pollers, polls, publish, shopify, woocommerce
from tests.bench.rows import Row, print_rows

# name -> the whole benchmark, and the quick one
BENCHES: dict[str, tuple[Callable[[], list[Row]], Callable[[], list[Row]]]] = {
    polls.NAME: (lambda: polls.measure(polls.FULL), lambda: polls.measure(polls.QUICK, 2.0)),
    pollers.NAME: (lambda: pollers.measure(pollers.FULL), lambda: pollers.measure(pollers.QUICK)),
    governor.NAME: (lambda: governor.measure(governor.FULL), lambda: governor.measure(governor.QUICK)),
    discovery.NAME: (lambda: discovery.measure(discovery.FULL), lambda: discovery.measure(discovery.QUICK)),
    feed.NAME: (lambda: feed.measure(feed.FULL), lambda: feed.measure(feed.QUICK)),
    publish.NAME: (lambda: publish.measure(publish.FULL), lambda: publish.measure(publish.QUICK)),
    pages.NAME: (lambda: pages.measure(pages.FULL), lambda: pages.measure(pages.QUICK)),
    kills.NAME: (lambda: kills.measure(20), lambda: kills.measure(5)),
    woocommerce.NAME: (lambda: woocommerce.measure(woocommerce.FULL), lambda: woocommerce.measure(woocommerce.QUICK)),
    shopify.NAME: (lambda: shopify.measure(shopify.FULL), lambda: shopify.measure(shopify.QUICK)),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Smaller sizes: a few minutes in all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(names: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure everything (or what is named) and print one table."""
    rows: list[Row] = []
    for name in names or BENCHES:
        begun = time.monotonic()
        click.echo(f"{name} ...", err=True, nl=False)
        rows += BENCHES[name][quick]()
        click.echo(f" {time.monotonic() - begun:.0f} s", err=True)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(row) for row in rows], ensure_ascii=False, indent=2))
    else:
        print_rows(rows)


if __name__ == "__main__":
    main()
