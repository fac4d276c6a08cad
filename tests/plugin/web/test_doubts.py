"""The pages of what is in doubt: what a person needs to know, the two answers, and that each counts once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from plugin.models import GenerationTask
from plugin.pipeline.run import begin
from plugin.pipeline.submitting.doubt import settle_by_person
from plugin.states import ImageState, TaskState
from tests.plugin.pipeline.world import World
from tests.plugin.web import walk
from tests.plugin.web.conftest import Site, open_site
from tests.plugin.web.markup import parsed

DOUBT, AGAIN, SETTLE = "/doubts/1", "/doubts/1/send-again", "/doubts/1/settle"


@pytest.fixture
def doubtful(world: World) -> Iterator[Site]:
    """A task that was not accepted, and that only a person can settle: others may use the key."""
    world.product("p1")
    world.hebo |= {"exclusive": False, "doubt_wait": 30}
    world.control("spend", images=7, user="3")
    with open_site(world) as site:
        world.faults("submit:drop_before:x1")
        begin(site.parts, None, world.clock.now())
        world.drive(site.parts)
        yield site


def words(page: str) -> str:
    return " ".join(parsed(page).text_content().split())


def task(site: Site) -> GenerationTask:
    [found] = walk.tasks(site)
    return found


def answer(site: Site, path: str) -> dict[str, Any]:
    return walk.form_of(site.get(path), SETTLE)


def test_a_doubt_is_said_on_every_page_and_leads_to_the_decision(doubtful: Site) -> None:
    for path in ("/products", "/activity", "/settings", "/money", "/products/1"):
        page = doubtful.get(path)
        assert "1 task is in doubt and needs your decision" in words(page), path
        assert 'href="/doubts"' in page
    assert 'href="/doubts/1"' in doubtful.get("/products/1")
    listed = doubtful.get("/doubts")
    assert "needs your decision" not in words(listed).partition("Needs your decision")[0]  # it is not said twice
    for said in ("Product p1", "Needs your decision", "the key is not marked as exclusive"):
        assert said in words(listed)
    assert 'href="/doubts/1"' in listed


def test_the_page_tells_what_decides_it_and_what_each_answer_means(doubtful: Site) -> None:
    said = words(doubtful.get(DOUBT))
    for expected in (
        "2 prompts were sent to the image service, and no answer came.",
        "Images at stake2",
        "Used before sending7",
        "Change before the next task was sent±0",
        "It was accepted: count 2 pictures as lost",
        "The used quota did not rise. That speaks against it, but others",
        "2 images count as paid for and lost",
        "that costs 2 images more",
        "2 prompts are sent again, and reserve 2 images.",
        "If that is wrong, 2 images are paid for twice.",
    ):
        assert expected in said, expected
    assert re.search(r"\d+ readings", said)
    assert re.search(r"today \d\d:\d\d:\d\d – \d\d:\d\d:\d\d", said)


def test_not_accepted_takes_a_second_step_and_sends_it_once(doubtful: Site) -> None:
    page = doubtful.get(DOUBT)
    assert f'href="{AGAIN}"' in page
    assert "not-accepted" not in page
    form = answer(doubtful, AGAIN)
    said = walk.after(doubtful, SETTLE, form, "/products/1")
    assert said == "Product p1: taken as not accepted. 2 prompts are sent again."
    assert task(doubtful).state is TaskState.PLANNED
    assert "No longer in doubt" in doubtful.get(DOUBT)
    assert "was settled meanwhile" in walk.after(doubtful, SETTLE, form, DOUBT)  # a second click
    doubtful.world.drive(doubtful.parts)
    assert "was settled meanwhile" in walk.after(doubtful, SETTLE, form, DOUBT)
    assert (doubtful.world.accepted(), doubtful.engine.told) == (1, ["wake"])
    assert "No longer in doubt" in doubtful.get(DOUBT)
    assert "in doubt and needs" not in doubtful.get("/products")


def test_accepted_loses_the_pictures_and_sends_nothing(doubtful: Site) -> None:
    said = walk.after(doubtful, SETTLE, answer(doubtful, DOUBT), "/products/1")
    assert "taken as accepted. 2 pictures are lost." in said
    assert walk.states(doubtful) == [ImageState.LOST] * 2
    doubtful.world.drive(doubtful.parts)
    assert doubtful.world.accepted() == 0
    assert "tester said so" in words(doubtful.get("/activity"))


def test_a_word_on_an_earlier_doubt_does_not_count_for_the_next(doubtful: Site) -> None:
    form, world = answer(doubtful, AGAIN), doubtful.world
    with doubtful.parts.db.write() as session:
        row = session.get_one(GenerationTask, 1)
        settle_by_person(session, row, world.clock.now(), accepted=False)
    world.clock.advance(60)
    world.faults("submit:drop_after:x1")
    world.control("spend", images=1, user="3")
    world.drive(doubtful.parts, until=lambda: task(doubtful).state is TaskState.IN_DOUBT)
    assert "was settled meanwhile" in walk.after(doubtful, SETTLE, form, DOUBT)
    assert (task(doubtful).state, world.accepted()) == (TaskState.IN_DOUBT, 1)


def test_odd_words_are_refused(doubtful: Site) -> None:
    good = answer(doubtful, AGAIN)
    naive = (task(doubtful).doubt_at or doubtful.world.clock.now()).replace(tzinfo=None).isoformat()
    for odd in ({"answer": ""}, {"answer": "yes"}, {"seen": ""}, {"seen": "now"}, {"seen": naive}):
        assert walk.post(doubtful, SETTLE, {**good, **odd}).status_code == 400, odd
    assert walk.post(doubtful, "/doubts/99/settle", good).status_code == 404
    assert doubtful.client.get("/doubts/99").status_code == 404
    assert doubtful.client.get(SETTLE).status_code == 405
    assert task(doubtful).state is TaskState.IN_DOUBT


def test_what_is_still_looked_into_need_not_be_decided(doubtful: Site) -> None:
    with doubtful.parts.db.write() as session:
        session.get_one(GenerationTask, 1).due_at = doubtful.world.clock.now() + timedelta(seconds=9)
    assert "You need not decide now" in doubtful.get(DOUBT)
    assert "You need not decide now" in doubtful.get(AGAIN)
    assert "Looked into by itself" in doubtful.get("/doubts")
    assert "needs your decision" not in doubtful.get("/products")


def test_nothing_in_doubt_is_said(site: Site) -> None:
    assert "Nothing is in doubt." in site.get("/doubts")
    assert "in doubt and needs" not in site.get("/products")
