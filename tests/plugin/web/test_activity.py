"""The activity page after real walks: what it says, how it is filtered and paged, and what arrives while it is open."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html
from sqlalchemy import insert, select

from plugin.activity import record_task
from plugin.models import Event, GeneratedImage, GenerationTask, Product, Store
from plugin.pipeline.run import begin
from plugin.pipeline.views.events import EventRow
from plugin.web.activity import STEPS, next_step
from plugin.web.phrases import translated
from tests.plugin.web.conftest import Site
from tests.plugin.web.test_phrases import left_in_english

LANGUAGES = ("en", "zh")


def page(site: Site, address: str = "/activity", language: str = "en") -> html.HtmlElement:
    answer = site.client.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    return html.fromstring(answer.text)


def texts(items: Iterable[html.HtmlElement]) -> list[str]:
    return [" ".join(item.text_content().split()) for item in items]


def walk(site: Site) -> None:
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts)


def troubled(site: Site) -> None:
    """A walk in which most things that can go wrong do: bad rows and photos, a refusal, failed items, a lost answer."""
    world = site.world
    world.product("p2", picture="none.png")
    world.product("p3", picture="")
    for number in (4, 5, 6):
        world.product(f"p{number}")
    world.write_feed("p7", "\tno id\tx.png")
    world.faults("submit:http_400:x1", "submit:drop_after:x1", "result:result_404:x2", "poll:unknown_status:x3")
    walk(site)


def many(site: Site, count: int, *, hours: float = 0.0) -> None:
    """So many events more, `hours` apart, the last one now."""
    now = site.world.clock.now()
    rows = [
        {
            "at": now - timedelta(hours=hours * (count - number - 1)),
            "code": "published",
            "trouble": False,
            "data": {"images": number + 1, "title": "Mug", "product": "p1"},
        }
        for number in range(count)
    ]
    with site.parts.db.write() as session:
        session.execute(insert(Event), rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_has_happened_yet(site: Site, language: str) -> None:
    found = page(site, language=language)
    assert len(found.find_class("empty")) == 1
    assert found.find_class("event") == []
    assert len(found.xpath(".//*[@data-live]")) == 1  # the first event appears by itself


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_walk_with_trouble_is_told(site: Site, language: str) -> None:
    troubled(site)
    found = page(site, language=language)
    sentences = texts(found.find_class("event-text"))
    with site.parts.db.read() as session:
        events = session.scalars(select(Event).order_by(Event.id.desc())).all()
    assert len(sentences) == len(events)
    marks = [bool(row.find_class("badge--trouble")) for row in found.find_class("event")]
    assert marks == [event.trouble for event in events]
    assert any(marks)
    if language == "zh":
        own_words = {"task_refused"}  # the service's own words stand at the end of these
        spoken = [said for said, event in zip(sentences, events, strict=True) if event.code not in own_words]
        assert [said for said in spoken if left_in_english(said)] == []


def test_every_reason_in_the_database_is_said_in_chinese(site: Site) -> None:
    troubled(site)
    with site.parts.db.read() as session:
        reasons = {event.data.get("reason") or event.data.get("verdict") for event in session.scalars(select(Event))}
        columns = (Product.problem, Store.problem, GenerationTask.error, GenerationTask.doubt_note)
        stored = {text for column in columns for text in session.scalars(select(column))}
    messages = {message for message in reasons | stored if message}
    assert len(messages) > 5
    with site.app.test_request_context(headers={"Accept-Language": "zh"}):
        left = {message: found for message in messages if (found := left_in_english(translated(message)))}
    assert left == {}
    assert any(message.startswith("HTTP 400: ") for message in messages)  # the service's own words, in our sentence


def test_shots_and_packs_go_by_their_titles(site: Site) -> None:
    walk(site)
    with site.parts.db.write() as session:
        image = session.get_one(GeneratedImage, 1)
        words = {"shot": image.shot, "reason": "HTTP 500: system error"}
        record_task(session, image.task, site.world.clock.now(), "image_failed", trouble=True, **words)
    said = " ".join(texts(page(site).find_class("event-text")))
    with site.parts.db.read() as session:
        image = session.get_one(GeneratedImage, 1)
        pack = site.parts.pack(image.task.round.pack, "en")
        title = next(shot.title for shot in pack.shots if shot.name == image.shot)
    assert (title, pack.title) != (image.shot, pack.name)
    assert f"Picture “{title}” was not made: the image service answered HTTP 500: system error" in said
    assert f"(pack {pack.title})" in said
    assert f"Picture “{title}” was not made" in site.get("/products/1")


def test_what_can_be_done_is_a_click_away(site: Site) -> None:
    troubled(site)
    begin(site.parts, None, site.world.clock.now())
    found = page(site)
    steps = {
        link.text_content(): link.get("href")
        for link in found.xpath('.//*[contains(@class, "event-about")]//a')
        if not link.text_content().startswith("Product ")
    }
    assert steps["What is known, and what to do"].startswith("/doubts/")
    for address in steps.values():
        assert site.client.get(address).status_code == 200, address


@pytest.mark.parametrize("code", sorted(STEPS))
def test_each_step_leads_to_a_page(site: Site, code: str) -> None:
    walk(site)
    event = EventRow(1, site.world.clock.now(), True, code, {}, 1, 1, "shop", 1, "Product p1", "p1")
    with site.app.test_request_context():
        step = next_step(event)
        nothing = next_step(replace(event, trouble=False)), next_step(replace(event, code="published"))
        without = next_step(replace(event, task_id=None, product_id=None))
    assert step is not None
    assert site.client.get(step[1]).status_code == 200
    assert nothing == (None, None)
    assert (without is None) == bool(STEPS[code].names)


def test_each_event_names_its_store_and_links_its_product(site: Site) -> None:
    walk(site)
    found = page(site)
    about = texts(found.find_class("event-about"))
    links = [link.get("href") for link in found.xpath('.//*[contains(@class, "event-about")]//a')]
    assert "Product p1 · shop" in about
    assert set(links) == {"/products/1"}
    assert site.client.get(links[0]).status_code == 200


def test_a_shops_words_are_no_markup(site: Site) -> None:
    site.world.product("p2", title="<script>alert(1)</script>")
    walk(site)
    answer = site.client.get("/activity")
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


class TestFilters:
    def test_only_what_needs_attention(self, site: Site) -> None:
        troubled(site)
        found = page(site, "/activity?show=trouble")
        assert found.find_class("event")
        assert len(found.find_class("event")) == len(found.find_class("badge--trouble"))
        assert texts(found.xpath('.//nav[@class="tabs"]//*[@aria-current]')) == ["Needs attention"]

    def test_only_one_product(self, site: Site) -> None:
        site.world.product("p2")
        walk(site)
        found = page(site, "/activity?product=2")
        assert {link.get("href") for link in found.xpath('.//*[contains(@class, "event-about")]//a')} == {"/products/2"}
        assert "Product p2" in found.text_content()
        (back,) = [link for link in found.xpath(".//main//a") if link.text == "Show all products"]
        assert back.get("href") == "/activity"

    def test_only_one_store(self, site: Site) -> None:
        walk(site)
        with site.parts.db.write() as session:
            session.add(Store(name="other", kind="feed", created_at=site.world.clock.now()))
        assert page(site, "/activity?store=1").find_class("event")
        found = page(site, "/activity?store=2")
        assert found.find_class("event") == []
        assert [option.get("value") for option in found.xpath(".//option[@selected]")] == ["2"]
        assert len(found.find_class("empty")) == 1

    @pytest.mark.parametrize("query", ["store=x", "store=", "product=-1", "before=99999999999999999999", "show=all"])
    def test_what_is_no_number_counts_as_not_given(self, site: Site, query: str) -> None:
        many(site, 1)
        assert len(page(site, f"/activity?{query}").find_class("event")) == 1


class TestPages:
    def test_older_pages_stay_as_they_are_while_new_events_come(self, site: Site) -> None:
        many(site, 120)
        first = page(site)
        (older,) = first.xpath('.//a[@rel="next"]')
        many(site, 7)
        second = page(site, older.get("href"))
        (oldest,) = second.xpath('.//a[@rel="next"]')
        third = page(site, oldest.get("href"))
        seen = [row.get("id") for found in (first, second, third) for row in found.find_class("event")]
        assert seen == [f"event-{number}" for number in range(120, 0, -1)]
        assert third.xpath('.//a[@rel="next"]') == []

    def test_filters_go_along(self, site: Site) -> None:
        many(site, 51)
        with site.parts.db.write() as session:
            session.query(Event).update({"trouble": True})
        (older,) = page(site, "/activity?show=trouble").xpath('.//a[@rel="next"]')
        assert parse_qs(urlsplit(older.get("href")).query) == {"show": ["trouble"], "before": ["2"]}

    def test_only_the_newest_page_is_alive(self, site: Site) -> None:
        many(site, 60)
        assert len(page(site).xpath(".//*[@data-live]")) == 1
        older = page(site, "/activity?before=11")
        assert older.xpath(".//*[@data-live]") == []
        assert "Back to the newest" in older.text_content()

    @pytest.mark.parametrize(
        ("language", "days"),
        [("en", ["Sunday, 22 November", "Saturday, 21 November"]), ("zh", ["11月22日 星期日", "11月21日 星期六"])],
    )
    def test_days_have_headings(self, site: Site, language: str, days: list[str]) -> None:
        many(site, 4, hours=5)  # at 18:00, 23:00, 04:00 and 09:00
        found = page(site, language=language)
        assert texts(found.xpath(".//h2")) == days
        assert [len(day.find_class("event")) for day in found.xpath(".//section")] == [2, 2]
        assert texts(found.find_class("event-time")) == ["09:00", "04:00", "23:00", "18:00"]


class TestLive:
    def poll(self, site: Site, found: html.HtmlElement) -> str:
        """The address that the page asks for what is new."""
        (live,) = found.xpath(".//*[@data-live]")
        address: str = live.get("hx-get")
        assert live.get("hx-trigger").startswith("every ")
        return address

    def fragment(self, site: Site, address: str) -> html.HtmlElement:
        answer = site.client.get(address)
        assert answer.status_code == 200
        assert "<html" not in answer.text
        return html.fromstring(f"<div>{answer.text}</div>")

    def test_nothing_new_is_no_content(self, site: Site) -> None:
        many(site, 3)
        answer = site.client.get(self.poll(site, page(site)))
        assert (answer.status_code, answer.data) == (204, b"")

    def test_what_is_new_goes_under_the_days_heading(self, site: Site) -> None:
        many(site, 3)
        first = self.poll(site, page(site))
        many(site, 2)
        found = self.fragment(site, first)
        (rows,) = found.xpath(".//*[@hx-swap-oob]")
        assert rows.get("hx-swap-oob") == "afterbegin:#day-2026-11-22"
        assert [row.get("id") for row in rows.find_class("event")] == ["event-5", "event-4"]
        assert found.xpath(".//section") == []
        assert site.client.get(self.poll(site, found)).status_code == 204

    def test_a_new_day_gets_a_heading_of_its_own(self, site: Site) -> None:
        many(site, 1)
        first = self.poll(site, page(site))
        site.world.clock.advance(timedelta(days=1).total_seconds())
        many(site, 2, hours=10)  # the first one still falls on the day before
        found = self.fragment(site, first)
        assert texts(found.xpath(".//section//h2")) == ["Monday, 23 November"]
        assert [row.get("id") for row in found.xpath('.//section//*[starts-with(@id, "event-")]')] == ["event-3"]
        assert [row.get("id") for row in found.xpath('.//*[@hx-swap-oob]//*[starts-with(@id, "event-")]')] == [
            "event-2"
        ]
        assert "day=2026-11-23" in self.poll(site, found)

    def test_the_first_event_takes_the_place_of_the_empty_page(self, site: Site) -> None:
        first = self.poll(site, page(site))
        many(site, 1)
        found = self.fragment(site, first)
        assert len(found.xpath('.//section//*[starts-with(@id, "event-")]')) == 1
        assert [item.get("id") for item in found.xpath('.//*[@hx-swap-oob="delete"]')] == ["activity-empty"]

    def test_a_burst_arrives_piece_by_piece_and_nothing_is_missed(self, site: Site) -> None:
        many(site, 1)
        address, seen = self.poll(site, page(site)), []
        many(site, 130)
        for _ in range(3):
            found = self.fragment(site, address)
            seen += sorted(int(row.get("id").removeprefix("event-")) for row in found.find_class("event"))
            address = self.poll(site, found)
        assert seen == list(range(2, 132))
        assert site.client.get(address).status_code == 204

    def test_it_asks_for_what_the_page_shows(self, site: Site) -> None:
        troubled(site)
        address = self.poll(site, page(site, "/activity?show=trouble&store=1"))
        query = parse_qs(urlsplit(address).query)
        assert (query["show"], query["store"]) == (["trouble"], ["1"])
        many(site, 1)  # no trouble, of no store
        assert site.client.get(address).status_code == 204


def test_times_are_those_of_the_event(site: Site) -> None:
    many(site, 1)
    (moment,) = page(site).xpath(".//li//time")
    assert datetime.fromisoformat(moment.get("datetime")) == site.world.clock.now()
    assert re.fullmatch(r"22 November 2026, 09:00:00 GMT(\+00:00)?", moment.get("title"))
