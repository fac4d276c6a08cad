"""Generating on request: prompts and cost first; then what was shown is planned, once, whoever sends it how often."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from plugin.models import Event, GeneratedImage, GenerationTask, Product, Round, RoundMember
from plugin.pipeline.parts import _pack
from plugin.pipeline.planning import offer
from plugin.states import ImageState, ProductState, TaskState
from tests.plugin.pipeline.world import PACK, World
from tests.plugin.web import walk
from tests.plugin.web.conftest import Site, open_site

PREVIEW, GENERATE = "/generate/preview", "/generate"


@pytest.fixture
def chooser(world: World) -> Iterator[Site]:
    """Two products of a store where nothing is made by itself."""
    world.store["auto_generate"] = False
    world.product("p1")
    world.product("p2")
    with open_site(world) as made:
        walk.read(made)
        assert walk.rounds(made) == []
        yield made


def preview(site: Site, *ids: int, **more: Any) -> str:
    answer = walk.post(site, PREVIEW, {"product": list(ids), **more})
    assert answer.status_code == 200, answer.status
    return answer.text


def offered(site: Site, *ids: int, **more: Any) -> dict[str, Any]:
    """The form with the signed offer, as a browser would send it."""
    return walk.form_of(preview(site, *ids, **more), GENERATE)


def test_prompts_and_cost_are_shown_and_nothing_is_planned(chooser: Site) -> None:
    for language in ("en", "zh"):
        answer = chooser.client.post(PREVIEW, data={"product": [1, 2]}, headers={"Cookie": f"language={language}"})
        assert answer.status_code == 200
        assert answer.text.count("Front view of &#34;Product p") == 2
        assert answer.text.count('name="make"') == answer.text.count(" checked") == 2
    assert walk.rounds(chooser) == []
    assert chooser.engine.told == []


def test_the_cost_stands_against_quota_and_budget(chooser: Site) -> None:
    page = preview(chooser, 1, 2)
    assert 'Cost</dt><dd class="number">4 images' in page
    assert "It fits into what is left today." in page
    chooser.world.hebo["daily_budget"] = 3
    with open_site(chooser.world) as site:
        walk.after(site, GENERATE, offered(site, 1))
        site.world.drive(site.parts)
        page = preview(site, 2)
    assert "2 of 3 used" in page
    assert 'Left today</dt><dd class="number">1 image' in page
    assert "That is not enough for today." in page


def test_a_yes_plans_just_what_was_shown(chooser: Site) -> None:
    said = walk.after(chooser, GENERATE, offered(chooser, 1, 2), "/products")
    assert said == "4 pictures are planned."
    assert [(pack, number) for _, pack, number in walk.rounds(chooser)] == [("mini", 1), ("mini", 1)]
    assert chooser.engine.told == ["wake"]
    chooser.world.drive(chooser.parts)
    assert chooser.world.state()["totals"]["submits_accepted"] == 2


def test_a_double_click_a_reload_and_a_second_admin_plan_nothing_more(chooser: Site) -> None:
    mine, theirs, both = offered(chooser, 1), offered(chooser, 1), offered(chooser, 1, 2)
    walk.after(chooser, GENERATE, mine)
    for again in (mine, theirs, mine):
        assert "planned already" in walk.after(chooser, GENERATE, again)
    said = walk.after(chooser, GENERATE, both)
    assert said == "2 pictures are planned. 1 product was left out, since it was planned already."
    assert "planned already" in walk.after(chooser, GENERATE, both)
    assert len(walk.rounds(chooser)) == 2


@pytest.mark.parametrize(
    ("picture", "task", "said"),
    [
        (ImageState.LOST, TaskState.LOST, "2 pictures of this photo were (or may have been) paid for and are lost."),
        (ImageState.WAITING, TaskState.IN_DOUBT, "2 pictures of this photo are in doubt and may be paid for already."),
    ],
)
def test_what_may_be_paid_for_without_a_picture_is_said(
    chooser: Site, picture: ImageState, task: TaskState, said: str
) -> None:
    walk.after(chooser, GENERATE, offered(chooser, 1))
    with chooser.parts.db.write() as session:
        session.execute(update(GeneratedImage).values(state=picture))
        session.execute(update(GenerationTask).values(state=task))
    page = preview(chooser, 1, 2)
    assert page.count(said) == 1
    assert ('href="/doubts"' in page.partition(said)[2]) == (task is TaskState.IN_DOUBT)
    assert "being made already" not in page
    assert walk.form_of(page, GENERATE)["make"] == ["2"]
    alone = preview(chooser, 1)  # what is in doubt is ticked by hand alone
    assert ("Nothing is chosen" in alone) == (task is TaskState.IN_DOUBT)


def test_what_has_pictures_is_marked_and_not_chosen_unless_asked_for_alone(chooser: Site) -> None:
    walk.after(chooser, GENERATE, offered(chooser, 1))
    assert "Again: 2 pictures of this photo are planned or being made already." in preview(chooser, 1, 2)
    chooser.world.drive(chooser.parts)
    page = preview(chooser, 1, 2)
    assert "Again: there are 2 pictures of this photo already. New ones are paid for anew." in page
    assert walk.form_of(page, GENERATE)["make"] == ["2"]
    alone = offered(chooser, 1)
    assert alone["make"] == ["1"]
    walk.after(chooser, GENERATE, alone)
    assert [number for *_, number in walk.rounds(chooser)] == [1, 2]


def test_another_choice_than_the_one_that_was_read_is_shown_again(chooser: Site) -> None:
    (chooser.world.folder / "packs" / "maxi.toml").write_text(PACK, encoding="utf-8")
    whole = offered(chooser, 1, 2)
    changes: list[dict[str, Any]] = [{"make": ["1"]}, {"make": []}, {"make": ["1", "2", "3"]}]
    for changed in [*changes, {"pack.1": "maxi"}, {"pack_all": "maxi"}]:
        answer = walk.post(chooser, GENERATE, whole | changed)
        assert answer.status_code == 409, changed
        assert "your choice, a product or a pack has changed" in answer.text
    assert walk.rounds(chooser) == []
    answer = walk.post(chooser, GENERATE, whole | {"make": ["1"], "pack.1": "maxi"})
    walk.after(chooser, GENERATE, walk.form_of(answer.text, GENERATE))
    assert [(pack, number) for _, pack, number in walk.rounds(chooser)] == [("maxi", 1)]


def test_scripts_get_the_part_that_changes(chooser: Site) -> None:
    form = offered(chooser, 1, 2) | {"make": ["1"]}
    total = walk.post(chooser, PREVIEW, form, target="offer-total").text
    assert "Make 2 pictures" in total
    assert "<html" not in total
    assert "Front view" not in total
    whole = walk.post(chooser, PREVIEW, form | {"pack.1": "lifestyle"}, target="offer").text
    assert "Make 8 pictures" in whole
    assert "<html" not in whole
    nothing = walk.post(chooser, PREVIEW, form | {"make": []}, target="offer-total").text
    assert "Nothing is chosen" in nothing
    assert " disabled" in nothing


def test_products_with_one_photo_are_paid_for_once(chooser: Site) -> None:
    chooser.world.product("p3", picture="./p1.png")
    walk.read(chooser)
    page = preview(chooser, 1, 3, 2)
    assert page.count('name="make"') == 2
    assert "1 other product has the same photo and gets the same pictures" in page
    walk.after(chooser, GENERATE, walk.form_of(page, GENERATE))
    assert len(walk.rounds(chooser)) == 2
    chooser.world.drive(chooser.parts)
    walk.approve(chooser)
    chooser.world.drive(chooser.parts)
    assert len(chooser.world.published("p3")) == 2


def test_what_cannot_be_made_says_why_and_is_not_in_the_offer(chooser: Site) -> None:
    before = offered(chooser, 1)
    for text, values in HINDERED.items():
        with chooser.parts.db.write() as session:
            session.execute(update(Product).where(Product.id == 1).values(**values))
        page = preview(chooser, 1, 2)
        assert text in page
        assert walk.form_of(page, GENERATE)["make"] == ["2"], text
        assert walk.post(chooser, GENERATE, before).status_code == 409, text
    assert walk.rounds(chooser) == []


HINDERED: dict[str, dict[str, Any]] = {
    "It is excluded. Include it first.": {"state": ProductState.EXCLUDED},
    "It is no longer in the store.": {"state": ProductState.GONE},
    "has not been looked at yet": {"state": ProductState.NEW},
    "The prompts cannot be written with this pack.": {"state": ProductState.READY, "facts": {}},
    "It has no photo to start from.": {"state": ProductState.NO_IMAGE, "reference_sha": None},
}


def test_a_large_choice_goes_in_several_offers(chooser: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer, "MOST", 1)
    page = preview(chooser, 1, 2)
    assert "One go takes at most 1 products. 1 more that you chose is left for another go." in page
    form = walk.form_of(page, GENERATE)
    assert (form["product"], form["beyond"]) == (["1"], ["1"])
    walk.after(chooser, GENERATE, form)
    assert offered(chooser, 1, 2)["product"] == ["2"]


def test_everything_that_a_filter_finds_can_be_chosen(chooser: Site) -> None:
    for form, names in (({}, 2), ({"q": "product P2"}, 1), ({"store": "shop", "what": "without"}, 2)):
        assert preview(chooser, everything="1", **form).count('name="make"') == names
    for form in ({"q": "nothing"}, {"store": "nowhere"}, {"what": "listed"}):
        assert "Choose at least one product" in walk.after(chooser, PREVIEW, {"everything": "1", **form}, "/products")


def test_an_hour_later_the_cost_is_shown_again(chooser: Site) -> None:
    form = offered(chooser, 1)
    chooser.world.clock.advance(3601)
    answer = walk.post(chooser, GENERATE, form)
    assert answer.status_code == 409
    assert "the cost was shown more than an hour ago" in answer.text
    assert walk.rounds(chooser) == []
    walk.after(chooser, GENERATE, walk.form_of(answer.text, GENERATE))
    assert len(walk.rounds(chooser)) == 1


def test_a_new_pack_version_is_shown_again(chooser: Site) -> None:
    form = offered(chooser, 1)
    (chooser.world.folder / "packs" / "mini.toml").write_text(
        PACK.replace("version = 1", "version = 2").replace("Front view", "New view"), encoding="utf-8"
    )
    _pack.cache_clear()
    answer = walk.post(chooser, GENERATE, form)
    assert answer.status_code == 409
    assert "New view" in answer.text
    assert walk.rounds(chooser) == []


ODD_FORMS: list[dict[str, Any]] = [
    {},
    {"offer": "x"},
    {"offer": "", "make": "1", "product": "1"},
    {"product": ["x", "-1", str(2**31), "9" * 50, "999"]},
    {"product": "1", "pack.1": "../../etc/passwd"},
    {"product": "1", "pack_all": "x" * 5000},
    {"product": "1", "pack.1": "\0"},
    {"product": "1", "beyond": "9" * 30},
    {"product": ["1"] * 3000},
    {"everything": "1", "store": "x", "what": "y", "q": "%_\\"},
    {"everything": "1", "store": "9" * 40},
]


def test_odd_forms_plan_nothing_and_break_nothing(chooser: Site) -> None:
    for form, path, target in itertools.product(ODD_FORMS, (PREVIEW, GENERATE), ("", "offer", "offer-total")):
        answer = walk.post(chooser, path, form, target=target)
        assert answer.status_code in (200, 303, 409), (form, path)
    assert walk.rounds(chooser) == []


def test_whatever_comes_in_whatever_order_nothing_is_planned_twice(chooser: Site) -> None:
    """Valid offers for one and for both, one that is too old, one for another pack, and forged ones."""
    (chooser.world.folder / "packs" / "maxi.toml").write_text(PACK, encoding="utf-8")
    old = offered(chooser, 1, 2)
    chooser.world.clock.advance(3601)
    one, other, both = offered(chooser, 1), offered(chooser, 2), offered(chooser, 1, 2)
    maxi = offered(chooser, 1, **{"pack.1": "maxi"})
    token = one["offer"][0]
    forged = one | {"offer": [token[:-4] + "AAAA"]}
    grafted = one | {"make": ["1", "2"], "product": ["1", "2"]}
    forms = [one, other, both, maxi, old, forged, grafted]

    photos = {walk.product(chooser, name).reference_sha: name for name in ("p1", "p2")}

    @settings(max_examples=20, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.lists(st.integers(0, len(forms) - 1), max_size=12))
    def check(order: list[int]) -> None:
        _forget_rounds(chooser)
        for number in order:
            assert walk.post(chooser, GENERATE, forms[number]).status_code in (303, 409)
        made = [photos[photo] for photo, _, _ in walk.rounds(chooser)]
        assert len(made) == len(set(made)), order
        wanted = {name for number in order for name in (("p1",), ("p2",), ("p1", "p2"), ("p1",), (), (), ())[number]}
        assert set(made) == wanted, order
        assert walk.pictures_planned(chooser) == 2 * len(made)

    check()


def _forget_rounds(site: Site) -> None:
    """As it was before anything was planned."""
    with site.parts.db.write() as session:
        for table in (Event, GeneratedImage, GenerationTask, RoundMember, Round):
            session.execute(delete(table))
