"""ledger: the table, the file, and whether ledger and tasks agree."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from plugin.models import GenerationTask
from tests.plugin.cli.home import Home


def test_the_table_adds_up(home: Home) -> None:
    shown = home("ledger", "--json").json
    (row,) = shown["rows"]
    total = shown["total"]
    assert (row["store"], row["charged"]) == ("shop", total["charged"])
    parts = ("released", "charged", "refunded", "lost", "in_doubt", "still_reserved", "unaccounted")
    assert total["reserved"] == sum(total[name] for name in parts) > 0
    text = home("ledger", "--by", "pack", "--period", "ever").out
    assert re.search(rf"all +0 +{total['reserved']} +0 +{total['charged']} ", text)


def test_one_stores_days(home: Home) -> None:
    shown = home("ledger", "--store", "shop", "--by", "day", "--period", "week", "--json").json
    assert [row["charged"] for row in shown["rows"]] == [shown["total"]["charged"]]
    assert home("ledger", "--store", "nobody").code == 2
    assert home("ledger", "--period", "last-month").out == "nothing was reserved in that time\n"


@pytest.mark.parametrize("target", ["-", "moves.csv"])
def test_the_file(home: Home, target: str) -> None:
    named = target if target == "-" else str(home.folder / target)
    called = home("ledger", "--csv", named)
    text = called.out if target == "-" else (home.folder / target).read_text(encoding="utf-8")
    assert called.code == 0
    assert text.startswith("\ufeffentry,date,time_utc,store,product,")
    assert "free,reserved,hebo-sync,8,0,0,0,0" in text


def test_a_file_that_cannot_be_written(home: Home) -> None:
    called = home("ledger", "--csv", str(home.folder / "no" / "x.csv"))
    assert called.code == 1
    assert "cannot be written: No such file or directory" in called.err


def test_whether_it_agrees_with_the_tasks(home: Home) -> None:
    fine = home("ledger", "--check")
    assert (fine.code, fine.out) == (0, "the ledger and the tasks agree\n")
    with home.parts() as parts, parts.db.write() as session:
        session.execute(update(GenerationTask).where(GenerationTask.id == 1).values(billable=0))
    wrong = home("ledger", "--check")
    assert wrong.code == 1
    assert "task 1 (done): the ledger has" in wrong.out
