"""The money page: the table that adds up, the file, and what the service counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from plugin.pipeline import views
from plugin.pipeline.quota import ask_quota
from plugin.pipeline.run import begin
from plugin.web.catalogue.money import COLUMNS
from tests.plugin import rows
from tests.plugin.pipeline.world import World
from tests.plugin.pipeline.world import world as make_world
from tests.plugin.rows import Shop
from tests.plugin.test_ledger import FATES, live
from tests.plugin.web.conftest import Site, open_site
from tests.plugin.web.markup import find, parsed
from tests.plugin.web.walk import read

EVIL = '<script>alert("x")</script>'


def look(site: Site) -> None:
    """Ask for the quota, well apart from everything else."""
    site.world.clock.advance(60)
    ask_quota(site.parts)
    site.world.clock.advance(60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A product whose pictures were made, another store with all kinds of fates, and somebody else on the key."""
    with make_world(tmp_path_factory.mktemp("money")) as world:
        prepare(world)
        with open_site(world) as made:
            look(made)
            read(made)
            world.control("spend", images=7, user="3")
            look(made)
            with made.parts.db.write() as session:
                shop, another = Other(session), rows.account(session).id
                for day, fate in enumerate(FATES):
                    live(session, shop, fate, world.clock.now() - timedelta(days=day)).account_id = another
            yield made


class Other(Shop):
    """A store beside that of the world."""

    def __init__(self, session: Session):
        self.store = rows.store(session, EVIL)
        self.product = rows.product(session, self.store)
        self.round = rows.planned_round(session, self.store)
        self.parts = 0


def prepare(world: World) -> None:
    world.hebo["daily_budget"] = 30
    world.store["daily_budget"] = 2
    world.product("p1")
    world.product("p2")


def figures(site: Site, path: str, language: str = "en") -> list[list[int]]:
    """The table's rows, without the planned ones: each must add up."""
    page = parsed(site.get(path, language=language))
    found = []
    for line in find(page, "//table[@id='ledger-table']/tbody/tr"):
        cells = ["".join(cell.itertext()).strip() for cell in find(line, "./td")][:8]
        found.append([0 if text == "–" else int(text) for text in cells])
    return found


def section(site: Site, name: str) -> str:
    """A part of the page as one line."""
    (part,) = find(parsed(site.get("/money")), "//section[@id=$id]", id=name)
    return " ".join(" ".join(part.itertext()).split())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("by", ["store", "day", "pack"])
@pytest.mark.parametrize("period", ["week", "ever"])
def test_every_row_adds_up_and_so_does_the_last(site: Site, by: str, period: str, language: str) -> None:
    *table, total = figures(site, f"/money?by={by}&period={period}", language)
    assert all(reserved == sum(parts) for reserved, *parts in [*table, total])
    assert total == [sum(column) for column in zip(*table, strict=True)]
    assert total[0] > 0


def test_one_store_and_what_is_not_understood(site: Site) -> None:
    (of_shop, total) = figures(site, "/money?store=shop&period=today")
    assert of_shop == total == [2, 2, 0, 0, 0, 0, 0, 0]
    assert figures(site, "/money?by=x&period=y&store=") == figures(site, "/money")
    assert "Nothing was reserved in this time." in site.get("/money?store=nobody")


def test_todays_limits_and_what_waits_for_them(site: Site) -> None:
    text = section(site, "today")
    assert "They cost at most 2 images" in text
    assert "shop 2 There is no room now: Budget of the day. It begins anew:" in text
    limits = (
        "Quota of the image service All stores 400",
        "Own budget of the day All stores 30",
        "Budget of the day shop 2",
    )
    assert [limit for limit in limits if limit not in text] == []


def test_what_others_spent_is_shown_not_explained_away(site: Site) -> None:
    text = section(site, "service-days")
    assert "+7 9 2 Somebody else uses the key, or the service counts more than it told us." in text


def test_what_is_billed_and_never_came_is_listed(site: Site) -> None:
    assert "Charged, and not what came" in site.get("/money")


def test_on_a_phone_every_figure_keeps_the_name_of_its_column(site: Site) -> None:
    """There the heads are not shown, and each cell says its own name (`.table--folds`)."""
    rows = find(parsed(site.get("/money")), "//table[contains(@class, 'table--folds')]/tbody/tr")
    for row in rows:
        heads = [head.text_content() for head in find(row, "ancestor::table/thead/tr/th")]
        for head, cell in zip(heads, find(row, "./*"), strict=True):
            named = cell.get("data-name", "")
            assert named.strip("= +") == head.strip("= +") or (not named and cell.get("class") is None), head
    assert len(rows) > 10


def test_names_from_outside_are_only_text(site: Site) -> None:
    assert EVIL not in site.get("/money")
    assert "&lt;script&gt;" in site.get("/money")


def test_the_file_is_for_the_chosen_time_and_store(site: Site) -> None:
    answer = site.client.get("/money.csv?period=today&store=shop")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="hebo-sync-ledger-today.csv"'
    assert answer.data.startswith(b"\xef\xbb\xbfentry,date,time_utc,store,")
    assert answer.text.count("\r\n") == 3  # the head, reserved, charged
    everything = site.client.get("/money.csv?period=ever").text
    assert f"'{EVIL}" not in everything
    assert EVIL.replace('"', '""') in everything


def test_every_column_of_the_file_is_explained() -> None:
    named = {name for names in COLUMNS for name in names.split(", ")}
    changes = {name for name in views.LEDGER_COLUMNS if name.endswith("_change")}
    assert named - {"…_change"} == set(views.LEDGER_COLUMNS) - changes


def test_a_doubt_is_not_said_to_be_made(world: World) -> None:
    world.product("p1")
    world.hebo |= {"exclusive": False, "doubt_wait": 30}
    with open_site(world) as made:
        look(made)
        world.faults("submit:drop_before:x1")
        begin(made.parts, None, world.clock.now())
        world.drive(made.parts)
        look(made)
        for path in ("/money", "/settings"):
            shown = {of.text: of.getnext().text for of in find(parsed(made.get(path)), "//dl[@class='figures']/div/dt")}
            assert (shown["Being made"], shown["In doubt"]) == ("0", "2"), path
        assert "In doubt: 2" in made.get("/products")
        text = section(made, "service-days")
    assert "0 to 2 Within what our own tasks may have used; more cannot be told." in text


@pytest.mark.parametrize(("period", "of"), [("daily", "day"), ("monthly", "month")])
def test_whose_budget_it_is_and_where_it_is_set(world: World, period: str, of: str) -> None:
    budget = f"{period}_budget"
    world.hebo |= {budget: 3}
    world.product("p1")
    world.product("p2")
    with open_site(world) as made:
        read(made)
        for path in ("/products", "/money"):
            (note,) = find(parsed(made.get(path)), "//p[@class='note note--warning']")
            said = " ".join(note.text_content().split())
            assert said.startswith(f"Your {period} budget for all stores leaves too little for the next task."), path
            assert find(note, ".//a/@href") == [f"/settings/image-api#{budget}"]
        assert find(parsed(made.get("/settings/image-api")), "//input[@id=$id]", id=budget)
        text = section(made, "today")
    assert f"What is left (1) is too little for the next task: Own budget of the {of}." in text


def test_nothing_was_made_so_far(tmp_path_factory: pytest.TempPathFactory) -> None:
    with make_world(tmp_path_factory.mktemp("empty")) as world, open_site(world) as made:
        page = made.get("/money")
        assert made.client.get("/money.csv").text.count("\r\n") == 1
    assert "Nothing was reserved in this time." in page
    assert "What the image service counted" not in page
