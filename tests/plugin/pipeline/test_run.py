"""The whole walk on the real parts: feed, database, sandbox service over HTTP; one clock, moved by hand."""

from __future__ import annotations

import statistics
from pathlib import Path

from sqlalchemy import select

from connectors import key_in
from plugin.models import GeneratedImage, Publication, Round
from plugin.pictures import is_marked
from plugin.pipeline.run import Report
from plugin.states import ImageState, PublicationState
from tests.plugin.pipeline.world import World

IDEAL_AGES = [5.0, 10.0, 15.0, 20.0, *(float(age) for age in range(25, 180, 10))]


def test_from_catalogue_to_listing_and_nothing_twice(shop: World) -> None:
    for number in range(5):
        shop.product(f"p{number}")
    report = shop.run()
    assert (report.planned, report.submitted, report.completed, report.published) == (5, 5, 5, 10)
    assert (report.images, report.billable, report.refunded) == (10, 10, 0)
    assert report.clean
    state = shop.state()
    assert state["totals"]["polls_refused"] == 0
    assert state["totals"]["submits_accepted"] == 5
    again = shop.run()
    assert (again.planned, again.submitted, again.published) == (0, 0, 0)
    assert shop.accepted() == 5
    assert all(len(shop.published(f"p{number}")) == 2 for number in range(5))


def test_published_pictures_carry_key_and_mark(shop: World) -> None:
    shop.product("p1", additional_image_link="")
    shop.run()
    links = shop.published("p1")
    keys = {key_in(link) for link in links}
    assert len(keys) == 2
    assert None not in keys
    for link in links:
        assert is_marked((shop.folder / link).read_bytes())
    assert shop.output()["p1"]["image_link"] == "p1.png"


def test_the_snapshot_is_kept_for_undo(shop: World) -> None:
    shop.product("p1")
    shop.run()
    with shop.parts() as parts, parts.db.read() as session:
        row = session.scalars(select(Publication)).one()
        assert row.state is PublicationState.PUBLISHED
        assert row.before is not None
        assert row.after is not None
        assert len(row.before["images"]) == 1
        assert len(row.after["images"]) == 3


def test_discovery_is_as_soon_as_the_ideal_poller(shop: World) -> None:
    for number in range(40):
        shop.product(f"p{number}")
    shop.hebo["max_connections"] = 64
    shop.run(approve=False)
    tasks = shop.state()["tasks"]
    waits = [task["discovered_at"] - task["ended_at"] for task in tasks]
    ages = [task["ended_at"] - task["submitted_at"] for task in tasks]
    ideal = [min(at for at in IDEAL_AGES if at >= age) - age for age in ages]
    assert len(tasks) == 40
    assert shop.state()["totals"]["polls_refused"] == 0
    assert statistics.mean(waits) <= statistics.mean(ideal) + 0.5


def test_pictures_wait_for_review_unless_a_rule_approves(shop: World) -> None:
    shop.product("p1")
    report = shop.run(approve=False, approve_all=True)
    assert (report.in_review, report.published) == (2, 0)  # too small: warnings are left to a person
    assert not report.clean


def test_one_publication_for_all_pictures_of_a_task(shop: World) -> None:
    shop.product("p1")
    shop.run()
    with shop.parts() as parts, parts.db.read() as session:
        assert len(session.scalars(select(Publication)).all()) == 1


def test_every_image_ends_published_in_the_database(shop: World) -> None:
    shop.product("p1")
    shop.run()
    with shop.parts() as parts, parts.db.read() as session:
        states = set(session.scalars(select(GeneratedImage.state)))
        assert states == {ImageState.PUBLISHED}
        assert session.scalars(select(Round.publish_due_at)).all() == [None]


def test_a_store_that_cannot_be_read_is_said_and_the_run_ends(shop: World, tmp_path: Path) -> None:
    (tmp_path / "feed.tsv").unlink()
    report = shop.run()
    assert not report.clean
    assert "feed.tsv" in report.errors[0]["message"]


def test_a_clean_report_has_nothing_left() -> None:
    assert Report().clean
    assert not Report(waiting=1).clean
    assert not Report(errors=[{"message": "x"}]).clean
