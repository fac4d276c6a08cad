"""stop, resume, and what a run says meanwhile."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.models import Stop
from tests.plugin.cli.home import Home


def test_a_stop_and_going_on(home: Home) -> None:
    stopped = home("stop", "--reason", "wrong prices")
    assert stopped.code == 0
    assert "by command line (wrong prices): nothing new is read, planned, sent or published" in stopped.out
    again = home("stop")
    assert (again.code, again.out.startswith("nothing was changed: everything is stopped since ")) == (0, True)
    with home.reading() as session:
        assert session.scalars(select(Stop.reason)).all() == ["wrong prices"]
    resumed = home("resume")
    assert (resumed.code, "everything goes on; it was stopped since" in resumed.out) == (0, True)
    assert home("resume").out == "nothing was stopped, so nothing was changed\n"


def test_a_run_exits_1_and_says_why(fresh: Home) -> None:
    home = fresh
    home("init")
    home("stop", "--reason", "wrong prices")
    called = home("run", "--until-idle", "--json")
    assert called.code == 1
    report = called.json
    assert (report["products"], report["planned"]) == (0, 0)
    [error] = report["errors"]
    assert (error["code"], "hebo-sync resume" in error["message"]) == ("stopped", True)
    assert "everything is stopped since" in home("run").err


def test_a_run_keeps_to_its_budget(fresh: Home) -> None:
    called = fresh("run", "--until-idle", "--budget", "8", "--json")
    assert called.code == 1
    assert (called.json["submitted"], called.json["waiting"]) == (1, 2)
    assert [error["code"] for error in called.json["errors"] if error.get("cause") == "run"] == ["account_waits"]
    assert fresh("run", "--budget", "0", "--json").json["submitted"] == 0
    assert fresh("run", "--budget", "-1").code == 2


@pytest.mark.parametrize("command", ["stop", "resume"])
def test_what_was_never_in_use_is_not_stopped(fresh: Home, command: str) -> None:
    """With the wrong configuration file, the real installation would go on while this one says that all is stopped."""
    called = fresh(command)
    assert (called.code, called.out) == (2, "")
    assert "this is not its configuration" in called.err
    assert not (fresh.folder / "hebo-sync-data").exists()
