"""run: its exit codes and what it prints, over the whole walk."""

from __future__ import annotations

import io
import logging
import re
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import update

from plugin.cli import run as module
from plugin.cli.progress import ProgressLines, StepLog, progress_bar, progress_line
from plugin.cli.run import Outcome, show, trouble
from plugin.models import GeneratedImage
from plugin.pipeline.parts import Parts
from plugin.pipeline.run import Report
from plugin.states import ImageState, TaskState
from tests.plugin.cli.home import KEY, Home


def test_without_a_key_or_with_an_unknown_store_nothing_is_done(fresh: Home) -> None:
    called = fresh("run", "--store", "shpo")
    assert (called.code, called.err) == (2, "hebo-sync: there is no store 'shpo'; set up: shop\n")
    fresh.edit(f'api_key = "{KEY}"', "")
    called = fresh("run")
    assert called.code == 2
    assert "there is no image API key" in called.err


def test_pictures_that_wait_for_review_exit_1(home: Home) -> None:
    called = home("run", "--until-idle", "--approve-all")
    assert called.code == 1
    waiting = len(home.images(ImageState.IN_REVIEW))
    assert f"{waiting} pictures wait for review: hebo-sync images list --state in_review" in called.err


def test_what_was_approved_is_published_once_and_then_all_is_clean(home: Home) -> None:
    with home.parts() as parts, parts.db.write() as session:  # as if none had failed
        failed = GeneratedImage.state == ImageState.FAILED
        session.execute(update(GeneratedImage).where(failed).values(state=ImageState.CANCELLED))
    approved = len(home.images(ImageState.IN_REVIEW))
    assert home("images", "approve", "--all", "--with-warnings").code == 0
    called = home("run", "--until-idle", "--json")
    assert called.code == 0, called.err
    assert called.json["published"] == approved > 0
    assert called.json["submitted"] == 0
    again = home("run", "--until-idle", "--json")
    assert (again.code, again.json["published"], again.json["submitted"]) == (0, 0, 0)


def test_a_budget_of_nothing_publishes_and_sends_nothing(home: Home) -> None:
    home("products", "generate", "shop:mug", "--yes")
    waiting = [task for task in home.tasks() if task.state is TaskState.PLANNED]
    assert home("images", "approve", "--all", "--with-warnings").code == 0
    report = home("run", "--budget", 0, "--json").json
    assert report["submitted"] == 0
    assert report["published"] > 0
    assert [task.id for task in home.tasks() if task.state is TaskState.PLANNED] == [task.id for task in waiting]
    assert len(waiting) > 0


def test_retried_pictures_are_made_by_the_next_run(home: Home) -> None:
    failed = len(home.images(ImageState.FAILED))
    home("retry", "--failed", "--yes")
    report = home("run", "--until-idle", "--json").json
    assert report["submitted"] == len({image.task_id for image in home.images()} - {1, 2, 3})
    assert report["billable"] + report["refunded"] == failed


@pytest.mark.parametrize("words", [["--json"], []])
def test_a_run_that_was_stopped_exits_1_and_says_what_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    def stopped(_parts: Parts, **_options: object) -> Outcome:
        return Outcome(Report(products=3), stopped=True)

    monkeypatch.setattr(module, "run_watched", stopped)
    called = home("run", *words)
    assert called.code == 1
    assert "stopped before the end: 0 tasks not finished. The next hebo-sync run goes on from here" in called.err


def test_the_exit_code_of_an_outcome() -> None:
    assert Outcome(Report(), stopped=False).exit_code == 0
    assert Outcome(Report(), stopped=True).exit_code == 1
    assert Outcome(Report(waiting=1), stopped=False).exit_code == 1


def test_sigint_stops_a_run_gracefully(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_parts: Parts, *, stop: object, **_options: object) -> Report:
        assert callable(stop)
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        return Report()

    monkeypatch.setattr("plugin.pipeline.run.run", pressed)
    called = home("run")
    assert called.code == 1
    assert "stopping: what is under way is finished and kept" in called.err


def test_problems_name_the_product_as_the_commands_take_it(capsys: pytest.CaptureFixture[str]) -> None:
    error = {"store": "shop", "product": "SKU-1", "message": "shop: Blue\nmug: no photo", "code": "product_problem"}
    assert trouble(error) == "shop:SKU-1 Blue mug: no photo"
    assert trouble({"store": "", "message": "nothing is submitted", "code": "account_waits"}) == "nothing is submitted"
    show(Outcome(Report(in_review=1, errors=[error]), stopped=False), as_json=False)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "! shop:SKU-1 Blue mug: no photo"
    assert told[1].startswith("1 picture waits for review: ")


def test_progress_is_told_in_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    started = datetime(2026, 1, 1, tzinfo=UTC)
    lines = ProgressLines(started)
    for second in range(46):
        lines.tell(Report(products=1), started + timedelta(seconds=second))
    told = capsys.readouterr().err.splitlines()
    assert [re.match(r"after (\d+) s: 1 product ", line)[1] for line in told] == ["15", "30", "45"]  # type: ignore[index]
    assert progress_line(Report(errors=[{}])).endswith("1 problem")
    held = progress_line(Report(in_doubt=2))
    assert held.endswith("2 in doubt: nothing more is sent until it is known whether it was accepted")


def test_every_step_can_be_logged(fresh: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="plugin.cli.progress")
    with fresh.parts() as parts:
        steps = StepLog(parts)
        assert fresh("stores", "refresh", "shop").code == 0
        steps.tell()
        steps.tell()
    told = [record.getMessage() for record in caplog.records if record.name == "plugin.cli.progress"]
    assert len([line for line in told if line.startswith("task_planned: Tidal ")]) == 3
    assert len(told) == 4


def test_a_bar_shows_the_finished_tasks_on_a_terminal() -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=160)
    with progress_bar(screen) as watch:
        watch(Report(products=3, submitted=3, completed=1, waiting=2))
        assert isinstance(screen.file, io.StringIO)
    text = screen.file.getvalue()
    assert "1/3" in text
    assert "3 products" in text


def test_json_is_not_disturbed_by_progress_unless_steps_are_asked_for(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    assert home("run", "--json").err == ""
    caplog.set_level(logging.INFO, logger="plugin.cli.progress")
    assert home("run", "--json").json["products"] == 3
    assert any("catalogue read" in record.getMessage() for record in caplog.records)


def test_each_problem_is_told_once_when_it_occurs(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Report] = []
    tell = module._telling(seen.append)
    doubt: dict[str, Any] = {"code": "task_in_doubt", "store": "shop", "product": "7", "message": "shop: Cup: held"}
    standing: dict[str, Any] = {"code": "stopped", "store": "", "count": 1, "message": "everything is stopped"}
    for errors in ([standing], [doubt, standing], [doubt, standing]):
        tell(Report(errors=errors))
    assert capsys.readouterr().err == "! shop:7 Cup: held\n"
    assert len(seen) == 3
