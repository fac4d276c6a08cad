from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.models import GeneratedImage, LostImage
from plugin.states import ImageState
from tests.plugin.pipeline.world import World


def states(shop: World) -> list[ImageState]:
    with shop.parts() as parts, parts.db.read() as session:
        return list(session.scalars(select(GeneratedImage.state).order_by(GeneratedImage.id)))


@pytest.mark.parametrize(
    "fault", ["result_404:x3", "http_500:x3", "result_html:x3", "cut_body:x2", "result_expired:x1"]
)
def test_a_download_that_fails_for_a_while_costs_nothing(shop: World, fault: str) -> None:
    shop.faults(f"result:{fault}")
    shop.product("p1")
    report = shop.run()
    assert (report.published, report.lost) == (2, 0)
    state = shop.state()["totals"]
    assert (state["submits_accepted"], state["billable"], state["polls_refused"]) == (1, 2, 0)


@pytest.mark.parametrize("fault", ["result_html", "result_empty", "result_broken", "result_huge=40"])
def test_what_is_never_a_picture_is_lost_with_its_reason_and_the_rest_goes_on(shop: World, fault: str) -> None:
    shop.faults(f"result:{fault}:x4")  # the first picture's four tries, one after another
    shop.product("p1")
    with shop.parts(unattended=True) as parts:
        assert parts.pictures is not None
    report = shop.run()
    assert report.billable == 2
    assert report.lost + report.published == 2
    assert shop.accepted() == 1
    assert all("Product p1" in error["message"] for error in report.errors)


def test_a_picture_that_stays_missing_is_left_to_the_next_run_and_lost_after_a_day(shop: World) -> None:
    shop.faults("result:result_404")
    shop.product("p1")
    report = shop.run()
    assert (report.published, report.lost) == (0, 0)
    assert set(states(shop)) == {ImageState.WAITING}
    assert not report.clean
    shop.clock.advance(25 * 3600)
    later = shop.run()
    assert later.lost == 2
    with shop.parts() as parts, parts.db.read() as session:
        lost = session.scalars(select(LostImage)).all()
        assert {row.billed for row in lost} == {True}
        assert all(row.reason for row in lost)


def test_a_picture_that_comes_back_later_is_had(shop: World) -> None:
    shop.faults("result:result_404")
    shop.product("p1")
    shop.run()
    shop.faults()
    shop.clock.advance(3600)
    report = shop.run()
    assert (report.published, report.submitted) == (2, 0)


def test_fresh_addresses_are_asked_for_without_a_refused_poll(shop: World) -> None:
    shop.faults("result:result_404:x6")
    shop.product("p1")
    shop.run()
    [task] = shop.state()["tasks"]
    assert task["polls_refused"] == []
    assert any(poll > task["discovered_at"] for poll in task["polls"])


def test_bytes_and_thumbnails_are_kept_by_content(shop: World) -> None:
    shop.product("p1")
    shop.run()
    with shop.parts() as parts, parts.db.read() as session:
        for image in session.scalars(select(GeneratedImage)):
            assert image.picture_sha is not None
            assert parts.pictures.exists(image.picture_sha)
            assert parts.pictures.thumbnail(image.picture_sha).is_file()
            assert image.warnings == ["small"]
