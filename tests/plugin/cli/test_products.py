"""products: list, show, prompts, generate, exclude, include."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from plugin.models import GeneratedImage, GenerationTask, Product
from plugin.states import ImageState, ProductState, TaskState
from tests.plugin.cli.home import SHOP, Home


def test_the_list_counts_the_pictures(home: Home) -> None:
    rows = home("products", "list", "--json").json
    assert [row["external_id"] for row in rows] == list(SHOP)
    assert all(sum(row["pictures"].values()) == 8 for row in rows)
    assert rows[0]["pictures"]["published"] > 0
    assert "shop:mug" in home("products", "list").out


def test_the_list_is_cut_and_says_so(home: Home) -> None:
    called = home("products", "list", "--limit", 2)
    assert called.out.count("shop:") == 2
    assert called.err == "2 of 3 shown; --limit 3 shows all\n"
    assert home("products", "list", "--state", "gone", "--json").json == []
    assert home("products", "list", "--store", "shop", "--json").json
    assert home("products", "list", "--store", "nowhere").code == 2


def test_show_takes_the_number_or_the_stores_own_id(home: Home) -> None:
    by_id = home("products", "show", home.product("mug").id, "--json").json
    assert by_id == home("products", "show", "shop:mug", "--json").json
    assert by_id["reference"].endswith("mug.jpg")
    assert [row["state"] for row in by_id["publications"]] == ["published"]
    assert len(by_id["images"]) == 8
    assert by_id["rounds"][0]["current"]
    text = home("products", "show", "shop:mug").out
    assert all(word in text for word in ("Tidal mug", "main-image #1", "studio-gradient", "append"))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("99", "they are numbered 1 to 3 (hebo-sync products list)"),
        ("shop:mgu", "did you mean 'mug'?"),
        ("shop:zzzzzz", "it has 3 products, such as"),
        ("shpo:mug", "there is no store 'shpo'; set up: shop"),
        ("mug", "give its number (hebo-sync products list) or STORE:ID"),
        ("-1", "No such option"),
    ],
)
def test_an_unknown_product_is_bad_usage(home: Home, named: str, told: str) -> None:
    called = home("products", "exclude", named)
    assert called.code == 2
    assert told in called.err


def test_before_the_first_refresh_it_says_what_to_do(fresh: Home) -> None:
    assert "none is known yet: hebo-sync stores refresh shop" in fresh("products", "show", "shop:mug").err
    assert "there is no product yet" in fresh("products", "show", "1").err
    assert "hebo-sync stores refresh" in fresh("products", "list").out


def test_prompts_are_the_products_own(home: Home) -> None:
    prompts = home("products", "prompts", "shop:lamp", "--json").json
    assert (prompts["pack"], len(prompts["prompts"])) == ("main-image", 8)
    assert all("Tidal lamp" in prompt["text"] for prompt in prompts["prompts"])
    chinese = home("products", "prompts", "shop:lamp", "--pack", "lifestyle", "--language", "zh").out
    assert "pack lifestyle, version 1, language zh" in chinese
    assert home("products", "prompts", "shop:lamp", "--pack", "lifestile").code == 2
    assert "did you mean 'lifestyle'" in home("products", "prompts", "shop:lamp", "--pack", "lifestile").err


def test_generate_shows_the_cost_and_plans_the_next_round(home: Home) -> None:
    called = home("products", "generate", "shop:mug", "shop:bag", answer="y\n")
    assert called.code == 0, called.err
    assert "2 products, 16 prompts: 16 images. Today " in called.err
    assert " of 400 are left, 0 are planned already" in called.err
    assert "shop:mug Tidal mug: round 2 of main-image planned, 8 images" in called.out
    assert [task.state for task in home.tasks()].count(TaskState.PLANNED) == 2


def test_generate_with_another_pack_is_a_round_of_that_pack(home: Home) -> None:
    called = home("products", "generate", "shop:mug", "--pack", "lifestyle", "--yes")
    assert "shop:mug Tidal mug: round 1 of lifestyle planned, 8 images" in called.out
    rounds = home("products", "show", "shop:mug", "--json").json["rounds"]
    assert [(row["pack"], row["number"]) for row in rounds] == [("lifestyle", 1), ("main-image", 1)]


def test_generate_warns_of_what_may_be_paid_for_without_a_picture(home: Home) -> None:
    said = []
    for picture, task in ((ImageState.LOST, TaskState.LOST), (ImageState.WAITING, TaskState.IN_DOUBT)):
        with home.parts() as parts, parts.db.write() as session:
            session.execute(update(GeneratedImage).values(state=picture))
            session.execute(update(GenerationTask).values(state=task))
        said.append(home("products", "generate", "shop:mug", answer="n\n").err)
    assert "shop:mug Tidal mug: 8 pictures of this photo paid for (or perhaps) and lost" in said[0]
    assert (
        "shop:mug Tidal mug: 8 pictures of this photo in doubt, perhaps paid for already; settle that first" in said[1]
    )
    assert ("in doubt" in said[0], "lost" in said[1]) == (False, False)


@pytest.mark.parametrize("answer", ["n\n", "", "what\n", None])
def test_without_a_yes_nothing_is_planned(home: Home, answer: str | None) -> None:
    called = home("products", "generate", "shop:mug", answer=answer)
    assert called.code == 1
    assert "nothing was done" in called.err
    assert len(home.tasks()) == 3


def test_generate_says_when_the_quota_is_not_enough(home: Home) -> None:
    home.edit("poll_margin", "daily_budget = 1\npoll_margin")
    called = home("products", "generate", "shop:mug", answer="n\n")
    assert "Today 0 of 400 are left" in called.err
    assert "not enough for today" in called.err


def test_generate_without_a_key_or_a_service_says_so(home: Home) -> None:
    home.edit('api_key = "sandbox-key"', "")
    assert "The quota is not known: no API key is set" in home("products", "generate", "1", answer="n\n").err


def test_products_that_share_a_picture_are_paid_for_once(home: Home) -> None:
    (home.folder / "lamp.jpg").write_bytes((home.folder / "mug.jpg").read_bytes())
    feed = home.folder / "feed.tsv"
    feed.write_text(feed.read_text().replace("\tlamp.jpg", "\t./lamp.jpg"))
    assert home("stores", "refresh", "shop").code == 0
    called = home("products", "generate", "shop:mug", "shop:lamp", "--yes")
    assert called.code == 0, called.err
    assert "shop:lamp Tidal lamp shares its picture with shop:mug Tidal mug: one round serves both" in called.err
    assert [task.state for task in home.tasks()].count(TaskState.PLANNED) == 1


def test_what_may_get_nothing_is_refused_before_anything_is_planned(home: Home) -> None:
    assert home("products", "exclude", "shop:lamp").code == 0
    called = home("products", "generate", "shop:mug", "shop:lamp", "--yes")
    assert called.code == 1
    assert "shop:lamp: it is excluded; take it in again first" in called.err
    assert len(home.tasks()) == 3


def test_exclude_cancels_what_is_planned_and_include_takes_it_in_again(fresh: Home) -> None:
    fresh("stores", "refresh", "shop")
    called = fresh("products", "exclude", "shop:mug")
    assert (called.code, called.out) == (0, "shop:mug Tidal mug: excluded, 1 planned task cancelled\n")
    mug = fresh.product("mug")
    assert mug.state is ProductState.EXCLUDED
    assert {task.product_id: task.state for task in fresh.tasks()}[mug.id] is TaskState.CANCELLED
    assert fresh("products", "include", "shop:mug").out == "shop:mug Tidal mug: included again (new)\n"
    again = fresh.product("mug")
    assert again.state is ProductState.NEW
    assert again.due_at is not None


def test_include_takes_back_all_of_a_command_that_cannot_be_done(home: Home) -> None:
    home("products", "exclude", "shop:mug")
    called = home("products", "include", "shop:mug", "shop:bag")
    assert (called.code, called.out) == (1, "")
    assert called.err == "hebo-sync: Tidal bag: it is ready, not excluded. Nothing was changed\n"
    assert home.product("mug").state is ProductState.EXCLUDED


def test_what_is_gone_cannot_be_excluded(home: Home) -> None:
    feed = home.folder / "feed.tsv"
    feed.write_text("".join(line for line in feed.read_text().splitlines(keepends=True) if not line.startswith("bag")))
    home("stores", "refresh", "shop", "--full")
    called = home("products", "exclude", "shop:mug", "shop:bag")
    assert called.code == 1
    assert "Tidal bag: it is no longer in the store, so there is nothing to exclude. Nothing was changed" in called.err
    assert home.product("mug").state is ProductState.READY


def test_a_product_without_a_picture_is_included_as_such(home: Home) -> None:
    with home.parts() as parts, parts.db.write() as session:
        session.execute(update(Product).values(state=ProductState.NO_IMAGE, reference_url="", reference_sha=None))
    assert "shop:mug: it has no picture to start from" in home("products", "generate", "shop:mug", "--yes").err
    home("products", "exclude", "shop:mug")
    assert home("products", "include", "shop:mug").out == "shop:mug Tidal mug: included again (no_image)\n"


def test_products_are_ranked(home: Home) -> None:
    called = home("products", "priority", "shop:mug", "2", "7")
    assert (called.code, called.out.count("priority 7")) == (0, 2)
    assert home("products", "priority", "shop:bag", "-3").code == 0
    rows = home("products", "list", "--json").json
    assert {row["external_id"]: row["priority"] for row in rows} == {"mug": 7, "lamp": 7, "bag": -3}
    assert home("products", "show", "shop:mug", "--json").json["product"]["priority"] == 7


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("7",), "say which products, then the number"),
        (("shop:mug", "high"), "a whole number from -1000 to 1000, not 'high'"),
        (("shop:mug", "1001"), "a whole number from -1000 to 1000"),
        (("shop:mgu", "3"), "did you mean 'mug'?"),
    ],
)
def test_a_rank_that_is_none_changes_nothing(home: Home, words: tuple[str, ...], told: str) -> None:
    called = home("products", "priority", *words)
    assert called.code == 2
    assert told in called.err
    assert home.product("mug").priority == 0
