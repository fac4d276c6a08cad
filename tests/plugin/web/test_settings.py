"""The settings overview: what is set up, and what the operator's file sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from connectors import kinds
from plugin.config import HeboSettings
from plugin.config.stores import COMMON
from plugin.models import Store
from plugin.stored import PAGE_FIELDS
from plugin.web.settings import texts
from tests.plugin.pipeline.world import KEY, World, world
from tests.plugin.web.conftest import Site, open_site
from tests.plugin.web.markup import find, parsed
from tests.plugin.web.shop_kit import bare_site


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Site]:
    with world(tmp_path) as made, bare_site(made) as site:
        yield site


def test_an_empty_house_says_what_to_do(empty: Site) -> None:
    text = empty.get("/settings")
    assert "No store yet" in text
    assert "Enter the key that the image service gave you." in text
    assert "Check now" not in text


def test_the_files_settings_are_shown_without_secrets(site: Site) -> None:
    text = site.get("/settings")
    assert "[app]</span> public_url</td><td>http://127.0.0.1:9</td>" in text
    assert '[hebo]</span> api_key</td><td><span class="muted">set, not shown</span></td>' in text
    assert KEY not in text
    assert "The key is set in the configuration file (or the environment)." in text


def test_each_store_says_how_it_stands_and_when_it_is_read_next(site: Site) -> None:
    site.engine.next[1] = datetime(2026, 12, 24, 3, 0, tzinfo=UTC)
    text = site.get("/settings")
    assert "24 Dec 03:00" in text
    assert "Set in the configuration file" in text
    assert "Ready" in text
    with site.parts.db.write() as session:
        session.get_one(Store, 1).problem = "the <feed> is gone"
    assert "the &lt;feed&gt; is gone" in site.get("/settings")


def test_a_store_that_makes_pictures_by_itself_says_so_and_what_a_first_reading_may_cost(site: Site) -> None:
    for path in ("/settings", "/settings/stores/1"):
        text = site.get(path)
        assert "Each new product gets up to 2 pictures by itself" in text
        asked = find(parsed(text), "//form[@action='/settings/stores/1/refresh']/@data-confirm")
        assert asked[0].startswith("Reading costs nothing, but this store makes pictures by itself: up to 2")
    with site.parts.db.write() as session:
        session.get_one(Store, 1).refreshed_until = site.parts.clock.now()
    assert find(parsed(site.get("/settings")), "//form[@action='/settings/stores/1/refresh']/@data-confirm") == []


def test_a_store_that_makes_none_by_itself_has_no_such_sign(world: World) -> None:
    world.store["auto_generate"] = False
    world.product("p1")
    with open_site(world) as quiet:
        text = quiet.get("/settings")
    assert "Automatic" not in text
    assert "data-confirm" not in text


def test_a_check_from_the_overview_is_answered_on_it(site: Site) -> None:
    check = "/settings/stores/1/check"
    assert "The connection works" in site.client.post(check, data={"overview": "1"}).text
    (site.world.folder / "feed.tsv").unlink()
    text = site.client.post(check, data={"overview": "1"}).text
    assert "Not ready" in text
    assert "the feed feed.tsv does not exist at" in text
    assert "Not ready" not in site.get("/settings")


def test_the_pages_speak_chinese_where_the_catalogue_does(site: Site) -> None:
    for path in ("/settings", "/settings/image-api", "/settings/stores/1", "/settings/stores/new/feed"):
        assert 'lang="zh-CN"' in site.get(path, language="zh")


def test_a_store_that_left_the_file_is_among_the_removed(world: World) -> None:
    with world.parts():
        pass
    with bare_site(world) as site:
        assert "Removed stores, whose history is kept:</p>" not in site.get("/settings")
        assert "shop" in site.get("/settings").split("Removed stores, whose history is kept:")[1]


@pytest.mark.parametrize(
    "model", [HeboSettings, *(kind.options for kind in kinds().values())], ids=lambda model: str(model.__name__)
)
def test_every_field_has_a_label_and_a_help_line(site: Site, model: type[BaseModel]) -> None:
    names = PAGE_FIELDS if model is HeboSettings else tuple(model.model_fields)
    with site.app.test_request_context():
        told = [
            (texts.label(name, model.model_fields[name]), texts.help_line(name, model.model_fields[name]))
            for name in names
        ]
    assert all(label and line for label, line in told)


def test_every_common_setting_of_a_store_is_in_our_words() -> None:
    assert COMMON.keys() - {"kind", "paused"} <= texts.LABELS.keys() & texts.HELP.keys()


def test_the_feeds_help_lines_are_its_own_descriptions() -> None:
    own = {name: info.description for name, info in kinds()["feed"].options.model_fields.items()}
    assert {name: str(texts.HELP[name]) for name in own} == own
