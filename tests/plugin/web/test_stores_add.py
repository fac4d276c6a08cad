"""Adding a store on the settings page, and adding a removed one again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from connectors.registry import kinds
from plugin.models import GenerationTask, Product, Store
from plugin.pipeline import stores as service
from tests.plugin.pipeline.world import world
from tests.plugin.web.conftest import Site
from tests.plugin.web.markup import find, parsed
from tests.plugin.web.shop_kit import SECRET, another_kind, bare_site, errors_of, feed_form

NEW = "/settings/stores/new/feed"
SHOP = {"name": "web", "option_url": "https://a.example", "option_token": SECRET, "pack": "mini", "placement": "append"}


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Site]:
    """A feed with one product, no store yet."""
    with world(tmp_path) as made:
        made.product("p1")
        with bare_site(made, api_key="sandbox-key") as site:
            yield site


def add(site: Site, **change: Any) -> TestResponse:
    return site.client.post(NEW, data=feed_form(site.world.folder, **change))


def count(site: Site, model: type[Store] | type[GenerationTask] | type[Product]) -> int:
    with site.parts.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def row_of(site: Site, name: str = "page") -> Store:
    with site.parts.db.read() as session:
        return session.scalars(select(Store).where(Store.name == name)).one()


def test_the_only_kind_is_chosen_by_itself(bare: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    text = bare.get("/settings/stores/new")
    assert "/settings/stores/new/feed" in text
    assert "/settings/stores/new/woocommerce" in text
    monkeypatch.delitem(kinds(), "woocommerce")
    monkeypatch.delitem(kinds(), "shopify")
    answer = bare.client.get("/settings/stores/new")
    assert (answer.status_code, answer.location) == (303, NEW)
    assert bare.client.get("/settings/stores/new/none").status_code == 404


def test_an_added_store_is_read_at_once_and_nothing_is_spent(bare: Site) -> None:
    answer = add(bare)
    assert (answer.status_code, answer.location) == (303, "/products?store=page")
    assert bare.engine.told == ["stores", "wake"]
    bare.world.drive(bare.parts)
    assert (count(bare, Product), count(bare, GenerationTask)) == (1, 0)
    with bare.parts.db.read() as session:
        config = service.config_of(bare.parts, row_of(bare))
        assert (config.auto_generate, config.review, config.pack) == (False, True, "mini")
        assert list(service.configured(bare.parts, session)) == [row_of(bare).id]
    text = bare.get("/settings")
    assert "Store page was added." in text
    assert "Its catalogue is being read now, which costs nothing." in text


def test_the_form_begins_without_automatic_pictures(bare: Site) -> None:
    text = bare.get(NEW)
    assert "checked" not in text.split('name="auto_generate"')[1].split(">")[0]
    assert "It is off to begin with" in text
    assert f"Relative paths start in {bare.world.folder.resolve()}" in text


MISTAKES = [
    ("name", "", "This must be filled in."),
    ("name", "a b", "Use letters, digits, - and _, beginning with a letter or a digit, at most 64 of them."),
    ("name", "店铺", "Use letters, digits, - and _, beginning with a letter or a digit, at most 64 of them."),
    ("name", "a\0", "There is an invisible character in it (a line break?). Type it anew."),
    ("name", "x" * 5000, "This is too long: at most 2000 characters."),
    ("option_path", "", "This must be filled in."),
    ("option_path", "a\0b", "There is an invisible character in it (a line break?). Type it anew."),
    (
        "option_path",
        "page-out.tsv",
        "`output` is the same file as `path`; the input is never changed: name another",
    ),
    ("option_pictures_url", "shop", "must be an http:// or https:// address without query, such as"),
    ("pack", "none", "Not a valid choice."),
    ("placement", "first", "Not a valid choice."),
    ("timezone", "Asia/Shangai", "No such time zone is known. Choose one, for example Asia/Shanghai."),
    ("shared_image_limit", "0", "Write a number of at least 1."),
    ("shared_image_limit", "9" * 25, "Write a number of at most 1000000000."),
]


def test_every_mistake_stands_beside_its_field(bare: Site) -> None:
    for field, value, expected in MISTAKES:
        answer = add(bare, **{field: value})
        assert answer.status_code == 422
        found = errors_of(answer.text)
        at = "option_output" if value == "page-out.tsv" else field
        assert found.keys() == {at}
        assert found[at].startswith(expected)
        assert (bare.engine.told, count(bare, Store)) == ([], 0)


WRONG_SCHEDULES = [
    ("", "This is no schedule."),
    ("sometimes", "This is no schedule."),
    ("* * * * * *", "There are six fields"),
    ("61 * * * *", "One of the five fields is wrong"),
    ("0 0 30 2 *", "This day never comes"),
    ("every fortnight", "An interval is written in"),
    ("every 0 hours", "The shortest interval"),
    ("every 999999 days", "This interval is too long."),
]


def test_a_wrong_schedule_is_explained(bare: Site) -> None:
    for text, expected in WRONG_SCHEDULES:
        answer = add(bare, schedule="own", schedule_text=text)
        assert answer.status_code == 422
        found = errors_of(answer.text)
        assert found.keys() == {"schedule_text"}
        assert found["schedule_text"].startswith(expected)


def test_a_schedule_that_is_written_but_not_chosen_is_no_schedule(bare: Site) -> None:
    for preset in ("", "0 3 * * *"):
        answer = add(bare, schedule=preset, schedule_text="every 90 minutes")
        said = "Choose “As written below” to use this, or empty this field."
        assert (answer.status_code, errors_of(answer.text)) == (422, {"schedule_text": said})


def test_all_mistakes_are_shown_at_once_and_nothing_is_lost(bare: Site) -> None:
    answer = add(bare, name="<b>", option_path="", timezone="X", option_output="kept.tsv")
    assert errors_of(answer.text).keys() == {"name", "option_path", "timezone"}
    assert "&lt;b&gt;" in answer.text
    assert "<b>" not in answer.text
    assert "kept.tsv" in answer.text


def test_a_post_without_anything_is_answered(bare: Site) -> None:
    answer = bare.client.post(NEW, data={})
    assert answer.status_code == 422
    assert {"name", "option_path", "option_output"} <= errors_of(answer.text).keys()
    files = bare.client.post(NEW, data={"name": (bare.world.folder / "feed.tsv").open("rb")})
    assert files.status_code == 422
    assert bare.client.post(NEW, json=["name"]).status_code == 422


def test_a_store_that_cannot_be_read_is_stored_only_when_that_is_said(bare: Site) -> None:
    answer = add(bare, option_path="missing.tsv")
    assert (answer.status_code, count(bare, Store), bare.engine.told) == (422, 0, [])
    assert errors_of(answer.text)["option_path"].startswith("the feed missing.tsv does not exist at")
    assert "Not connected yet" in answer.text
    assert 'name="anyway"' in answer.text
    assert 'name="anyway"' not in bare.get(NEW)
    answer = add(bare, option_path="missing.tsv", anyway="y")
    row = row_of(bare)
    assert (answer.status_code, answer.location) == (303, f"/settings/stores/{row.id}")
    assert "It is stored, but not connected yet." in bare.get(answer.location)
    assert row.refresh_due_at is None
    assert ">Problem</span>" in bare.get("/settings")
    text = bare.get(answer.location)
    assert "missing.tsv" in text
    bare.world.drive(bare.parts)
    assert not (bare.world.folder / "page-out.tsv").exists()


def test_what_is_about_no_field_stands_at_the_head(bare: Site) -> None:
    with another_kind():
        answer = bare.client.post("/settings/stores/new/shop", data={**SHOP, "option_mode": "slow"})
        assert (answer.status_code, errors_of(answer.text)) == (422, {})
        assert "the shop does not know the token [secret]" in answer.text.split("Not connected yet")[1]


def test_cost_and_connection_are_agreed_to_together(bare: Site) -> None:
    risky = {"option_path": "missing.tsv", "auto_generate": "y"}
    asked = add(bare, **risky)
    assert errors_of(asked.text).keys() == {"option_path", "confirm_cost"}
    seen = {**risky, "confirm_cost": "y", "cost_seen": "unread"}
    once_more = add(bare, **seen)
    assert errors_of(once_more.text).keys() == {"option_path"}
    assert "checked" in once_more.text.split('name="confirm_cost"')[0].rsplit("<input", 1)[1]
    assert 'name="cost_seen" type="hidden" value="unread"' in once_more.text
    assert add(bare, **risky, anyway="y").status_code == 422
    assert count(bare, Store) == 0
    assert add(bare, **seen, anyway="y").status_code == 303


def test_two_stores_of_one_feed_are_pointed_out(bare: Site) -> None:
    add(bare)
    (bare.world.folder / "in").mkdir()
    for path in ("feed.tsv", "in/../feed.tsv"):
        answer = add(bare, name="second", option_path=path, option_output="second.tsv")
        assert answer.status_code == 422
        assert errors_of(answer.text)["option_path"].startswith("Store page reads this catalogue already.")
    assert "Not stored yet" in answer.text
    assert add(bare, name="second", option_output="second.tsv", anyway="y").status_code == 303
    assert add(bare, name="third", option_path="other.tsv", option_output="third.tsv").status_code == 422
    bare.client.post(f"/settings/stores/{row_of(bare).id}/remove")
    bare.client.post(f"/settings/stores/{row_of(bare, 'second').id}/remove")
    assert add(bare, name="fourth", option_output="fourth.tsv").status_code == 303


def test_so_are_two_stores_at_one_address(bare: Site) -> None:
    with another_kind():
        bare.client.post("/settings/stores/new/shop", data=SHOP)
        twin = {**SHOP, "name": "twin", "option_url": "https://A.example/", "option_rows": "9"}
        answer = bare.client.post("/settings/stores/new/shop", data=twin)
    assert errors_of(answer.text)["option_url"].startswith("Store web reads this catalogue already.")


@pytest.mark.parametrize("path", ["x" * 300 + ".tsv", "/", "/dev/null/feed.tsv", "产品/目录.tsv"])
def test_odd_paths_are_problems_and_no_crash(bare: Site, path: str) -> None:
    answer = add(bare, option_path=path)
    assert errors_of(answer.text).keys() == {"option_path"}
    assert (answer.status_code, count(bare, Store)) == (422, 0)


def test_the_name_of_another_store_is_refused(bare: Site) -> None:
    assert add(bare, name="Page-1").status_code == 303
    before = row_of(bare, "Page-1")
    for name in ("Page-1", "page_1", "PAGE-1"):
        answer = add(bare, name=name, option_output="other.tsv")
        assert answer.status_code == 422
        assert errors_of(answer.text)["name"].startswith("Another store has this name")
    assert count(bare, Store) == 1
    assert row_of(bare, "Page-1").config_token == before.config_token


def test_a_store_of_the_file_keeps_its_name(site: Site) -> None:
    answer = add(site, name="Shop")
    assert errors_of(answer.text)["name"].startswith("Another store has this name")
    assert count(site, Store) == 1


def test_a_removed_store_is_known_again_under_its_name(bare: Site) -> None:
    add(bare)
    bare.world.drive(bare.parts)
    store_id = row_of(bare).id
    bare.client.post(f"/settings/stores/{store_id}/remove")
    bare.get("/settings")
    with another_kind():
        answer = bare.client.post("/settings/stores/new/shop", data={**SHOP, "name": "page"})
        assert errors_of(answer.text)["name"].startswith("A removed store of another kind had this name")
    assert add(bare).status_code == 303
    assert (row_of(bare).id, count(bare, Product)) == (store_id, 1)
    assert "what was made, published and paid for is known again" in bare.get("/settings")


def test_what_a_known_store_would_cost_at_once_is_asked_first(bare: Site) -> None:
    add(bare)
    bare.world.drive(bare.parts)
    bare.client.post(f"/settings/stores/{row_of(bare).id}/remove")
    answer = add(bare, auto_generate="y")
    assert errors_of(answer.text)["confirm_cost"].startswith("1 product of this store has no pictures yet.")
    assert row_of(bare).config_token is None
    assert add(bare, auto_generate="y", confirm_cost="y", cost_seen="2").status_code == 303
    bare.world.drive(bare.parts)
    assert count(bare, GenerationTask) == 1


def test_a_new_store_may_make_pictures_by_itself(bare: Site) -> None:
    asked = add(bare, auto_generate="y")
    assert asked.status_code == 422
    assert "not known: 2 images for every product" in errors_of(asked.text)["confirm_cost"]
    assert 'name="cost_seen" type="hidden" value="unread"' in asked.text
    assert count(bare, Store) == 0
    assert add(bare, auto_generate="y", confirm_cost="y", cost_seen="2").status_code == 422
    assert add(bare, auto_generate="y", confirm_cost="y", cost_seen="unread").status_code == 303
    bare.world.drive(bare.parts)
    assert count(bare, GenerationTask) == 1


def test_nor_is_the_cost_of_a_catalogue_known_that_was_never_read(bare: Site) -> None:
    add(bare)
    page = f"/settings/stores/{row_of(bare).id}"
    form = feed_form(bare.world.folder, auto_generate="y")
    asked = bare.client.post(page, data=form)
    assert errors_of(asked.text)["confirm_cost"].startswith("This catalogue was not read yet")
    bare.world.drive(bare.parts)
    asked = bare.client.post(page, data={**form, "confirm_cost": "y", "cost_seen": "unread"})
    assert "at most 2 images" in errors_of(asked.text)["confirm_cost"]  # by now it is


def test_no_secret_comes_back(bare: Site, caplog: pytest.LogCaptureFixture) -> None:
    with another_kind():
        wrong = bare.client.post("/settings/stores/new/shop", data={**SHOP, "option_rows": "many"})
        assert errors_of(wrong.text) == {"option_rows": "Write a whole number."}
        missing = bare.client.post("/settings/stores/new/shop", data={**SHOP, "option_token": ""})
        assert errors_of(missing.text) == {"option_token": "This must be filled in."}
        refused = bare.client.post("/settings/stores/new/shop", data={**SHOP, "option_mode": "slow"})
        assert "the shop does not know the token [secret]" in refused.text
        good = bare.client.post("/settings/stores/new/shop", data={**SHOP, "option_mode": "slow", "anyway": "y"})
        after = bare.get(good.location)
    row = row_of(bare, "web")
    assert row.config_token is not None
    shown = [wrong, refused, good]
    places = [*(one.text for one in shown), *(str(one.headers) for one in shown), after, caplog.text, row.config_token]
    assert not any(SECRET in place for place in places)


def typed(answer: TestResponse) -> str:
    """What goes along with a form that came back, in place of the secrets that were typed."""
    return str(parsed(answer.text).xpath("//input[@name='typed']/@value")[0])


def add_shop(site: Site, **change: str) -> TestResponse:
    return site.client.post("/settings/stores/new/shop", data={**SHOP, **change})


def test_a_secret_is_typed_once_however_often_the_form_comes_back(bare: Site) -> None:
    with another_kind():
        wrong = add_shop(bare, option_rows="many")
        assert "What you typed here is kept for now." in wrong.text
        refused = add_shop(bare, option_token="", option_mode="slow", typed=typed(wrong))
        assert errors_of(refused.text) == {}
        assert add_shop(bare, option_token="", typed=typed(refused)).status_code == 303
        options: Any = service.config_of(bare.parts, row_of(bare, "web")).options
    assert options.token.get_secret_value() == SECRET


def test_what_was_typed_is_good_for_an_hour_and_nothing_else_passes_for_it(bare: Site) -> None:
    with another_kind():
        sealed = typed(add_shop(bare, option_rows="many"))
        add_shop(bare, name="other")
        token = row_of(bare, "other").config_token
        for odd in ("x", "é", sealed[:-4], token or ""):
            assert errors_of(add_shop(bare, option_token="", typed=odd).text).keys() == {"option_token"}
        bare.world.clock.advance(3601)
        assert errors_of(add_shop(bare, option_token="", typed=sealed).text).keys() == {"option_token"}


def test_the_page_is_drawn_from_the_kinds_own_options(bare: Site) -> None:
    with another_kind():
        text = bare.get("/settings/stores/new/shop")
    assert "Shop address" in text
    assert "Where the &lt;shop&gt; is." in text
    assert 'type="password"' in text
    assert "Cannot be typed into one input." not in text
    fields = find(parsed(text), "//*[starts-with(@name, 'option_')]")
    assert {field.get("name")[7:]: field.get("type") or field.tag for field in fields} == {
        "url": "text",
        "token": "password",
        "spare": "password",
        "rows": "text",
        "mode": "select",
        "strict": "checkbox",
        "user": "text",
        "certificate": "text",
    }
    assert [field.get("name") for field in fields if field.get("inputmode") == "numeric"] == ["option_rows"]


def test_a_mistake_in_several_settings_stands_beside_the_one_that_it_names(bare: Site) -> None:
    with another_kind():
        wrong = add_shop(bare, option_user="mei")
        good = add_shop(bare, option_user="mei", option_spare="another", option_certificate="ca.pem")
        options: Any = service.config_of(bare.parts, row_of(bare, "web")).options
    assert errors_of(wrong.text).keys() == {"option_spare"}
    assert good.status_code == 303
    assert (options.user, options.certificate, options.strict) == ("mei", Path("ca.pem"), False)
