"""run: its exit codes and what it prints, over the whole walk."""

from __future__ import annotations

from plugin.states import ImageState
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
    approved = len(home.images(ImageState.IN_REVIEW))
    assert home("images", "approve", "--all", "--with-warnings").code == 0
    called = home("run", "--until-idle", "--json")
    assert called.code == 0, called.err
    assert called.json["published"] == approved > 0
    assert called.json["submitted"] == 0
    again = home("run", "--until-idle", "--json")
    assert (again.code, again.json["published"], again.json["submitted"]) == (0, 0, 0)


def test_retried_pictures_are_made_by_the_next_run(home: Home) -> None:
    failed = len(home.images(ImageState.FAILED))
    home("retry", "--failed", "--yes")
    report = home("run", "--until-idle", "--json").json
    assert report["submitted"] == len({image.task_id for image in home.images()} - {1, 2, 3})
    assert report["billable"] + report["refunded"] == failed
