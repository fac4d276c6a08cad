"""One store on the settings page: changing, checking, pausing, reading, removing it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from plugin.models import GenerationTask, Store
from plugin.pipeline import stores as service
from plugin.pipeline.run import begin
from plugin.secrets import KeyRing
from plugin.states import ImageState, TaskState
from tests.plugin.pipeline.world import approve_everything, world
from tests.plugin.web.conftest import Site, open_site
from tests.plugin.web.shop_kit import SECRET, another_kind, bare_site, errors_of, feed_form

SHOP = {
    "name": "web",
    "option_url": "https://a.example",
    "option_token": SECRET,
    "option_spare": "spare-" + SECRET,
    "option_rows": "7",
    "option_mode": "fast",
    "option_strict": "y",
    "pack": "mini",
    "placement": "append",
}
PAGE = "/settings/stores/1"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Site]:
    """A store of the page whose catalogue of three products was read; nothing is made by itself."""
    with world(tmp_path) as made:
        for name in ("p1", "p2", "p3"):
            made.product(name)
        with bare_site(made, api_key="sandbox-key") as site:
            site.client.post("/settings/stores/new/feed", data=feed_form(made.folder))
            made.drive(site.parts)
            site.get("/settings")
            site.engine.told.clear()
            yield site


def save(site: Site, **change: Any) -> TestResponse:
    return site.client.post(PAGE, data=feed_form(site.world.folder, **change))


def row(site: Site, store_id: int = 1) -> Store:
    with site.parts.db.read() as session:
        return session.get_one(Store, store_id)


def tasks(site: Site) -> list[GenerationTask]:
    with site.parts.db.read() as session:
        return list(session.scalars(select(GenerationTask).order_by(GenerationTask.id)))


def test_a_change_is_stored_and_takes_effect_at_once(bare: Site) -> None:
    answer = save(bare, placement="replace-main", review=None, schedule="0 3 * * *", timezone="Asia/Shanghai")
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert bare.engine.told == ["stores", "wake"]
    config = service.config_of(bare.parts, row(bare))
    assert (config.placement, config.review, config.schedule) == ("replace-main", False, "0 3 * * *")
    assert (row(bare).scheduled_at, row(bare).refresh_due_at) == (bare.parts.clock.now(), None)
    text = bare.get(PAGE)
    assert "The next times, in the time zone Asia/Shanghai:" in text
    times = [line.split("</li>")[0] for line in text.split('<li class="number">')[1:]]
    assert times == ["23 Nov 2026 03:00", "24 Nov 2026 03:00", "25 Nov 2026 03:00"]
    bare.client.set_cookie("language", "zh")
    assert "2026年11月23日 03:00" in bare.client.get(PAGE).text


def test_budgets_and_the_order_are_stored_and_taken_away(bare: Site) -> None:
    text = bare.get(PAGE)
    assert "Daily budget of this store, in images" in text
    assert save(bare, daily_budget="20", monthly_budget="300", run_budget="8", order="sales").status_code == 303
    config = service.config_of(bare.parts, row(bare))
    budgets = (config.daily_budget, config.monthly_budget, config.run_budget, str(config.order))
    assert budgets == (20, 300, 8, "sales")
    assert save(bare, daily_budget="", monthly_budget="", run_budget="", order="newest").status_code == 303
    config = service.config_of(bare.parts, row(bare))
    assert (config.daily_budget, config.monthly_budget, config.run_budget) == (None, None, None)
    answer = save(bare, daily_budget="0", run_budget="some", order="prettiest")
    assert errors_of(answer.text) == {
        "daily_budget": "Write a number above 0.",
        "run_budget": "Write a whole number.",
        "order": "Not a valid choice.",
    }


def test_the_name_stays(bare: Site) -> None:
    assert save(bare, name="other").status_code == 303
    assert (row(bare).name, service.config_of(bare.parts, row(bare)).name) == ("page", "page")


def test_an_own_schedule_is_shown_as_written(bare: Site) -> None:
    assert save(bare, schedule="own", schedule_text=" every  90 minutes ").status_code == 303
    assert 'value="every 90 minutes"' in bare.get(PAGE)


def test_a_moved_feed_is_read_anew(bare: Site) -> None:
    assert save(bare, option_output="elsewhere.tsv").status_code == 303
    assert (row(bare).refresh_due_at, row(bare).swept_at) == (bare.parts.clock.now(), None)
    before = row(bare).config_token
    refused = save(bare, option_path="missing.tsv")
    assert (refused.status_code, row(bare).config_token) == (422, before)
    assert errors_of(refused.text)["option_path"].startswith("the feed missing.tsv does not exist at")
    assert save(bare, option_path="missing.tsv", anyway="y").status_code == 303
    text = bare.get(PAGE)
    assert 'value="missing.tsv"' in text
    assert "It is stored, but not connected yet." in text


def test_a_wrong_change_stores_nothing(bare: Site) -> None:
    before = row(bare).config_token
    answer = save(bare, option_path="", shared_image_limit="-1")
    assert answer.status_code == 422
    assert errors_of(answer.text).keys() == {"option_path", "shared_image_limit"}
    assert (row(bare).config_token, bare.engine.told) == (before, [])


def test_secrets_stay_when_their_fields_are_left_empty(bare: Site) -> None:
    with another_kind():
        added = bare.client.post("/settings/stores/new/shop", data=SHOP)
        path = f"/settings/stores/{row(bare, 2).id}"
        text = bare.get(path)
        assert text.count("A secret is stored.") == 2
        change = {**SHOP, "option_token": "", "option_spare": "new-spare", "option_strict": "", "option_rows": "9"}
        changed = bare.client.post(path, data={key: value for key, value in change.items() if value})
        checked = bare.client.post(f"{path}/check")
        options: Any = service.config_of(bare.parts, row(bare, 2)).options
    assert (added.status_code, changed.status_code, checked.status_code) == (303, 303, 200)
    assert (options.token.get_secret_value(), options.spare.get_secret_value()) == (SECRET, "new-spare")
    assert (options.rows, options.strict, options.columns) == (9, False, ("a", "b"))
    assert "token [secret] may read" in checked.text
    assert not any(word in page for page in (text, changed.text, checked.text) for word in (SECRET, "new-spare"))


def test_an_optional_secret_can_be_taken_away(bare: Site) -> None:
    with another_kind():
        bare.client.post("/settings/stores/new/shop", data=SHOP)
        path = f"/settings/stores/{row(bare, 2).id}"
        text = bare.get(path)
        change = {**SHOP, "option_token": "", "option_spare": "", "forget_option_spare": "y"}
        bare.client.post(path, data=change)
        options: Any = service.config_of(bare.parts, row(bare, 2)).options
        assert 'name="forget_option_spare"' not in bare.get(path)
    assert text.count('name="forget_option_') == 1  # not that of the token, which must be there
    assert (options.token.get_secret_value(), options.spare) == (SECRET, None)


def test_automatic_pictures_need_a_store_that_is_connected(bare: Site) -> None:
    (bare.world.folder / "feed.tsv").unlink()
    agreed = {"auto_generate": "y", "confirm_cost": "y", "cost_seen": "6"}
    assert errors_of(save(bare, **agreed).text).keys() == {"option_path"}
    assert save(bare, placement="after-main").status_code == 303  # nothing that costs more
    assert save(bare, **agreed, anyway="y").status_code == 303


def test_automatic_pictures_are_switched_on_with_the_cost_in_sight(bare: Site) -> None:
    answer = save(bare, auto_generate="y")
    assert answer.status_code == 422
    said = errors_of(answer.text)["confirm_cost"]
    assert said.startswith("3 products of this store have no pictures yet.")
    assert "at most 6 images" in said
    assert 'name="cost_seen" type="hidden" value="6"' in answer.text
    for seen in ("", "5", "x", "-9", "²"):
        assert save(bare, auto_generate="y", confirm_cost="y", cost_seen=seen).status_code == 422
    bare.world.drive(bare.parts)
    assert tasks(bare) == []


def test_what_was_agreed_to_is_made_once_however_often_it_is_sent(bare: Site) -> None:
    for _ in range(3):
        assert save(bare, auto_generate="y", confirm_cost="y", cost_seen="6").status_code == 303
        bare.world.drive(bare.parts)
    assert [task.state for task in tasks(bare)] == [TaskState.DONE] * 3
    assert bare.world.state()["totals"]["submits_accepted"] == 3


def test_what_has_pictures_costs_nothing_again(bare: Site) -> None:
    save(bare, auto_generate="y", confirm_cost="y", cost_seen="6")
    bare.world.drive(bare.parts)
    assert save(bare).status_code == 303
    assert save(bare, auto_generate="y").status_code == 303
    bare.world.drive(bare.parts)
    assert bare.world.state()["totals"]["submits_accepted"] == 3


def test_more_products_than_were_seen_are_asked_about_anew(bare: Site) -> None:
    bare.world.product("p4")
    bare.client.post(f"{PAGE}/refresh")
    bare.world.drive(bare.parts)
    answer = save(bare, auto_generate="y", confirm_cost="y", cost_seen="6")
    assert answer.status_code == 422
    assert "at most 8 images" in errors_of(answer.text)["confirm_cost"]


def test_pause_and_resume(bare: Site) -> None:
    for _ in range(2):
        assert bare.client.post(f"{PAGE}/pause").status_code == 303
        assert row(bare).paused
    assert "Paused" in bare.get("/settings")
    assert "This store is paused" in bare.get(PAGE)
    bare.client.post(f"{PAGE}/refresh")
    assert "is paused, so nothing was read" in bare.get("/settings")
    assert row(bare).refresh_due_at is None
    bare.client.post(f"{PAGE}/resume")
    assert (row(bare).paused, row(bare).refresh_due_at) == (False, bare.parts.clock.now())


@pytest.mark.parametrize("full", [False, True])
def test_read_now(bare: Site, full: bool) -> None:
    swept = row(bare).swept_at
    bare.client.post(f"{PAGE}/refresh", data={"full": "1"} if full else {})
    assert row(bare).refresh_due_at == bare.parts.clock.now()
    assert row(bare).swept_at == (None if full else swept)
    assert bare.engine.told == ["stores", "wake"]


def test_what_is_being_read_is_not_read_twice(bare: Site) -> None:
    lease = bare.parts.clock.now() + timedelta(minutes=30)
    with bare.parts.db.write() as session:
        store = session.get_one(Store, 1)
        store.refresh_owner, store.refresh_due_at = "somebody", lease
    bare.client.post(f"{PAGE}/refresh")
    assert "is being read at this moment" in bare.get("/settings")
    assert (row(bare).refresh_owner, row(bare).refresh_due_at) == ("somebody", lease)


def test_check_says_what_it_found_and_changes_nothing(bare: Site) -> None:
    before = row(bare)
    answer = bare.client.post(f"{PAGE}/check")
    assert answer.status_code == 200
    assert "has 3 products" in answer.text
    (bare.world.folder / "feed.tsv").unlink()
    assert "Not ready" in bare.client.post(f"{PAGE}/check").text
    after = row(bare)
    assert (after.config_token, after.refresh_due_at) == (before.config_token, before.refresh_due_at)


def test_removing_asks_first_and_cancels_only_what_is_planned(bare: Site) -> None:
    save(bare, auto_generate="y", confirm_cost="y", cost_seen="6")

    def one_is_sent() -> bool:
        return sorted(task.state for task in tasks(bare)) == ["generating", "planned", "planned"]

    bare.world.drive(bare.parts, until=one_is_sent)
    asked = bare.get(f"{PAGE}/remove")
    assert "Published pictures stay on the listings" in asked
    assert row(bare).config_token is not None
    for _ in range(2):
        assert bare.client.post(f"{PAGE}/remove").status_code == 303
    text = bare.get("/settings")
    assert "2 planned tasks were cancelled" in text
    assert "Removed stores, whose history is kept:" in text
    bare.world.drive(bare.parts)
    assert sorted(task.state for task in tasks(bare)) == ["cancelled", "cancelled", "done"]
    with bare.parts.db.read() as session:
        done = next(task for task in session.scalars(select(GenerationTask)) if task.state is TaskState.DONE)
        assert {image.state for image in done.images} == {ImageState.IN_REVIEW}
        assert service.configured(bare.parts, session) == {}
    for path in ("", "/remove"):
        assert bare.client.get(PAGE + path).status_code == 303


def test_published_pictures_outlive_the_store(bare: Site) -> None:
    save(bare, auto_generate="y", confirm_cost="y", cost_seen="6")
    bare.world.drive(bare.parts)
    approve_everything(bare.parts)
    bare.world.drive(bare.parts)
    before = (bare.world.folder / "page-out.tsv").read_bytes()
    bare.client.post(f"{PAGE}/remove")
    bare.world.drive(bare.parts)
    assert (bare.world.folder / "page-out.tsv").read_bytes() == before
    bare.client.post("/settings/stores/new/feed", data=feed_form(bare.world.folder))
    bare.world.drive(bare.parts)
    assert bare.world.state()["totals"]["submits_accepted"] == 3
    assert b"hs-" in before


def test_settings_that_cannot_be_read_are_entered_again(bare: Site) -> None:
    other = KeyRing(["u6HLp2oJtcmpvtA4Yk9jPTPR1l2nFhSB9tVhnPiVcEg="], "a test")
    with bare.parts.db.write() as session:
        session.get_one(Store, 1).config_token = other.encrypt("{}")
    assert "Enter its settings again" in bare.get("/settings")
    assert "The settings of this store cannot be read any more" in bare.get(PAGE)
    for action in ("check", "refresh", "pause"):
        assert bare.client.post(f"{PAGE}/{action}").status_code == 303
        assert "cannot be read any more. Enter them again" in bare.get("/settings")
    assert save(bare).status_code == 303
    assert service.config_of(bare.parts, row(bare)).pack == "mini"


def test_a_store_whose_kind_is_gone_can_be_removed(bare: Site) -> None:
    with another_kind():
        bare.client.post("/settings/stores/new/shop", data=SHOP)
    path = f"/settings/stores/{row(bare, 2).id}"
    with bare.parts.db.write() as session:
        session.get_one(Store, 2).config_token = bare.parts.keys.encrypt('{"kind": "shop", "name": "web"}')
    assert bare.client.get(path).status_code == 303
    assert "Nothing is installed here for stores of the kind shop" in bare.get("/settings")
    assert bare.client.post(f"{path}/check").status_code == 303
    bare.client.post(f"{path}/remove")
    assert row(bare, 2).config_token is None


def test_a_removed_store_takes_no_orders(bare: Site) -> None:
    bare.client.post(f"{PAGE}/remove")
    for action in ("refresh", "pause", "resume"):
        bare.client.post(f"{PAGE}/{action}")
        assert "was removed. Add it again" in bare.get("/settings")
    assert bare.client.post(f"{PAGE}/check").status_code == 303
    assert (row(bare).paused, row(bare).refresh_due_at) == (False, None)


ACTIONS = ["check", "pause", "resume", "refresh", "remove"]


def test_an_unknown_store_is_not_found(bare: Site) -> None:
    for action in ACTIONS:
        for number in (99, 10**30):
            assert bare.client.post(f"/settings/stores/{number}/{action}").status_code == 404
            assert bare.client.get(f"/settings/stores/{number}").status_code == 404


POST_ONLY = ["check", "pause", "resume", "refresh"]


def test_nothing_changes_on_a_get(bare: Site) -> None:
    for action in POST_ONLY:
        assert bare.client.get(f"{PAGE}/{action}").status_code == 405
        assert bare.engine.told == []


# A store of the configuration file


def test_the_files_store_is_shown_and_locked(site: Site) -> None:
    text = site.get(PAGE)
    assert "This store is set in the configuration file." in text
    assert 'value="feed.tsv"' in text
    assert ">Save<" not in text
    assert save(site, placement="replace-main").status_code == 303
    assert row(site).config_token is None
    assert service.config_of(site.parts, row(site)).placement == "append"
    for _ in range(2):
        site.client.post(f"{PAGE}/remove")
    assert "name = &#34;shop&#34;" in site.get(f"{PAGE}/remove")
    assert row(site).provisioned


def test_the_files_store_can_be_paused_checked_and_read(site: Site) -> None:
    site.client.post(f"{PAGE}/pause")
    assert row(site).paused
    site.client.post(f"{PAGE}/resume")
    assert (row(site).paused, row(site).refresh_due_at) == (False, site.parts.clock.now())
    assert "has 1 products" in site.client.post(f"{PAGE}/check").text
    begin(site.parts, None, site.parts.clock.now())
    site.world.drive(site.parts)
    with site.parts.db.read() as session:
        assert session.scalar(select(func.count()).select_from(GenerationTask)) == 1


def test_a_pause_of_the_file_is_not_ended_here(tmp_path: Path) -> None:

    with world(tmp_path) as made:
        made.store["paused"] = True
        with open_site(made) as site:
            assert "The configuration file pauses this store." in site.get(PAGE)
            site.client.post(f"{PAGE}/resume")
            assert "is set in the configuration file, so it cannot be changed here" in site.get("/settings")
            assert "/resume" not in site.get("/settings")
