"""make chaos: the long form of the campaign. Exit 1 if something was wrong, or a point was never hit."""

from __future__ import annotations

import argparse
import os
import sys
import time

import click

from tests.chaos.processes import warm


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    words.add_argument("--kills", type=int, default=1000, help="at least so many")
    words.add_argument("--seed", type=int, default=1, help="of the random runs")
    words.add_argument("--only", default="", metavar="PART", help="only points whose label has this in it")
    words.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1), help="scenarios at the same time")
    words.add_argument("--sabotage", default="", choices=("intent", "lease", "look"), help="break the program first")
    words.add_argument("--replay", default="", metavar="SCENARIO", help="play just one, as a campaign has printed it")
    words.add_argument("--short", action="store_true", help="the short form, as in make test")
    given = words.parse_args()
    warm()
    if given.replay:
        return _replay(given.replay)
    return _short() if given.short else _campaign(given)


def _replay(text: str) -> int:
    from tests.chaos.scenario import play
    from tests.chaos.table import spec_from_text

    outcome = play(spec_from_text(text))
    for hit in outcome.hits:
        _say(f"{hit.passed.label}, time {hit.passed.time}: {hit.passed.mode or 'killed'}")
    _say(*outcome.story)
    _say(*(outcome.wrong or ("nothing is wrong",)))
    return 1 if outcome.wrong else 0


def _campaign(given: argparse.Namespace) -> int:
    from tests.chaos import campaign, table

    began = time.monotonic()
    plan = campaign.Plan(given.kills, given.seed, given.only, given.workers, sabotage=given.sabotage)
    try:
        tally = campaign.run(plan, _tell)
    except campaign.NoSuchPointError as error:
        _say(str(error))
        return 2
    _say(*table.lines(tally, given.only))
    _say(f"{(time.monotonic() - began) / 60:.1f} minutes")
    return 1 if tally.violations or tally.never(given.only) else 0


def _short() -> int:
    from tests.chaos import short, table

    began = time.monotonic()
    tally = short.run()
    _say(*table.lines(tally, short.NOTHING))
    broken = {name: short.sabotaged(name) for name in short.BROKEN}
    _say(*(f"without the {name}: {found or 'NOTHING WAS FOUND'}" for name, found in broken.items()))
    _say(f"{time.monotonic() - began:.1f} seconds")
    return 0 if not tally.violations and not tally.unreached and all(broken.values()) else 1


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line)


def _tell(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    sys.exit(main())
