"""The review page: the queue, the decisions, what cannot be decided any more."""

from __future__ import annotations

import itertools

from sqlalchemy import update

from plugin.models import GeneratedImage
from plugin.states import ImageState
from tests.plugin.web import walk
from tests.plugin.web.conftest import Site

DECIDE = "/images/decide"


def decision(ids: list[int], what: str, **more: str) -> dict[str, object]:
    return {"image": ids, "decision": what, **more}


def sound(site: Site) -> None:
    """Take the warnings off (the service's unpainted pictures are too small)."""
    with site.parts.db.write() as session:
        session.execute(update(GeneratedImage).values(warnings=[]))


def test_each_picture_stands_beside_its_photo(site: Site) -> None:
    walk.read(site)
    photo = walk.product(site).reference_sha
    for language in ("en", "zh"):
        page = site.get("/review", language=language)
        assert page.count(f"/pictures/{photo}/960") == 2
        assert page.count("data-keynav") == 2
        assert page.count('data-key="a"') == page.count('data-key="r"') == 2
        assert "Front view of &#34;Product p1&#34;" in page
        assert f'href="/products/{walk.product(site).id}"' in page


def test_warnings_are_said_in_plain_words(site: Site) -> None:
    walk.read(site)
    with site.parts.db.write() as session:
        session.execute(update(GeneratedImage).values(warnings=["direction", "new-code"], prompt_known=False))
    page = site.get("/review")
    for text in ("It is portrait, landscape or square", "new-code", "The service did not say which prompt made it."):
        assert page.count(text) >= 2


def test_nothing_to_review_says_so(site: Site) -> None:
    assert "Nothing waits for you." in site.get("/review")
    assert "Every picture is decided." in site.get("/review?page=7&store=nowhere")


def test_a_decision_without_scripts_leads_back_and_is_recorded(site: Site) -> None:
    walk.read(site)
    first, second = walk.images(site)
    said = walk.after(site, DECIDE, decision([first], "approved", back="/review?page=1"), "/review?page=1")
    assert said == "1 picture approved."
    assert walk.after(site, DECIDE, decision([second], "rejected"), "/review") == "1 picture rejected."
    assert walk.states(site) == [ImageState.APPROVED, ImageState.REJECTED]
    with site.parts.db.read() as session:
        assert session.get_one(GeneratedImage, first).decided_by == "tester"
    assert site.engine.told == ["wake", "wake"]
    site.world.drive(site.parts)
    assert len(site.world.published("p1")) == 1


def test_the_last_decision_can_be_taken_back_from_the_page(site: Site) -> None:
    walk.read(site)
    ids = walk.images(site)
    walk.after(site, DECIDE, decision(ids, "rejected"))
    page = site.get("/review")
    assert "Your last decision: 2 pictures of Product p1 rejected." in page
    walk.after(site, DECIDE, walk.form_of(page, DECIDE), "/review")
    assert walk.states(site) == [ImageState.IN_REVIEW] * 2
    site.world.clock.advance(3601)
    assert "Your last decision" not in site.get("/review")


def test_a_script_gets_the_decided_tile_and_what_changes_around_it(site: Site) -> None:
    walk.read(site)
    first, second = walk.images(site)
    answer = walk.post(site, DECIDE, decision([first], "approved", back="/review"), target=f"review-picture-{first}")
    assert answer.status_code == 200
    assert f'id="review-picture-{first}"' in answer.text
    assert f'id="review-picture-{second}"' not in answer.text
    assert 'data-key="z"' in answer.text
    assert 'data-key="a"' not in answer.text
    assert "1 picture waits for a decision." in answer.text
    assert answer.text.count('hx-swap-oob="true"') == 2
    assert "<html" not in answer.text
    back = walk.post(site, DECIDE, decision([first], "in_review"), target=f"review-picture-{first}")
    assert 'data-key="a"' in back.text


def test_all_of_a_product_at_once_but_not_those_with_warnings(site: Site) -> None:
    walk.read(site)
    sound(site)
    first, second = walk.images(site)
    with site.parts.db.write() as session:
        session.get_one(GeneratedImage, second).warnings = ["blank"]
    page = site.get("/review")
    head = page[page.index("review-head-") : page.index("review-picture-")]
    assert walk.form_of(head, DECIDE)["image"] == [str(first)]
    assert "Approve 1 picture without warnings" in head
    assert "Approve all 2, also those with warnings" in head
    assert "although they have warnings: Side (It is nearly one colour all over.)?" in head
    group = f"review-product-{walk.product(site).id}"
    answer = walk.post(site, DECIDE, walk.form_of(head, DECIDE), target=group)
    assert f'id="{group}"' in answer.text
    assert walk.states(site) == [ImageState.APPROVED, ImageState.IN_REVIEW]


def test_it_says_when_what_is_approved_goes_to_the_listing(site: Site) -> None:
    walk.read(site)
    first, second = walk.images(site)
    walk.post(site, DECIDE, decision([first], "approved"))
    page = site.get("/review")
    assert "1 picture of this product is still to be decided." in page
    assert "What is approved goes to the listing at:" in page
    answer = walk.post(site, DECIDE, decision([second], "approved"), target=f"review-picture-{second}")
    assert "All decided: what you approved goes to the listing now." in answer.text
    assert "Every picture is decided." in answer.text


def test_what_was_published_meanwhile_is_a_message_and_no_error(site: Site) -> None:
    walk.publish(site)
    before = walk.states(site)
    form = decision([1, 2], "rejected")
    said = [walk.after(site, DECIDE, form), walk.post(site, DECIDE, form, target="review-picture-1").text]
    assert all("picture 1 is on its listing, or on its way there. Undo takes it off." in text for text in said)
    assert walk.states(site) == before


def test_half_of_what_is_refused_is_not_done(site: Site) -> None:
    walk.read(site)
    first, second = walk.images(site)
    walk.post(site, DECIDE, decision([second], "rejected"))
    for target in ("", "review-picture-1", "review-product-1", "elsewhere"):
        answer = walk.post(site, DECIDE, decision([first, second], "approved"), target=target)
        assert answer.status_code in (200, 303), target
    assert walk.states(site) == [ImageState.IN_REVIEW, ImageState.REJECTED]


def test_a_gone_photo_and_sharing_products_are_named(site: Site) -> None:
    site.world.rows.clear()
    site.world.draw("same.png", seed="same")
    site.world.product("p1", picture="same.png")
    site.world.product("p2", picture="./same.png")
    walk.read(site)
    assert "Also for the products with the same photo: Product p2" in site.get("/review")
    site.world.rows.clear()
    for name in ("p1", "p2"):
        site.world.product(name)
    walk.read(site)
    assert site.get("/review").count("this picture does not go to its listing") == 2


def test_five_products_a_page_oldest_first_and_by_store(site: Site) -> None:
    for number in range(2, 12):
        site.world.product(f"p{number}")
    walk.read(site)
    first, second = site.get("/review"), site.get("/review?page=2&store=shop")
    assert (first.count("review-head-"), second.count("review-head-")) == (5, 5)
    assert "22 pictures wait for a decision." in first
    assert "Page 1 of 3" in first
    assert site.get("/review?store=shop&page=3").count("review-head-") == 1
    assert "Nothing waits" in site.get("/review?page=4")


ODD_DECISIONS: list[dict[str, object]] = [
    {},
    {"image": "1"},
    {"decision": "approved"},
    {"image": "1", "decision": "published"},
    {"image": "1", "decision": "waiting"},
    {"image": ["x", "-1", "1.5", "²", "٣", "9" * 40, ""], "decision": "approved"},
    {"image": str(2**31), "decision": "approved"},
    {"image": "999", "decision": "approved"},
    {"image": [str(number) for number in range(1, 2000)], "decision": "approved"},
]


def test_odd_decisions_change_nothing(site: Site) -> None:
    walk.read(site)
    for form, target in itertools.product(ODD_DECISIONS, ("", "review-picture-999", "review-product-1")):
        assert walk.post(site, DECIDE, form, target=target).status_code in (200, 303), form
    assert walk.states(site) == [ImageState.IN_REVIEW] * 2


def test_odd_pages_answer(site: Site) -> None:
    for query in ("page=0", "page=-1", "page=x", "page=" + "9" * 30, "store=%00", "page=2147483647"):
        assert "Review" in site.get(f"/review?{query}"), query


ODD_BACKS = (
    *("", "review", "//[", "/a\r\nX: y", "/\t/evil.example", "javascript:alert(1)", "http:evil"),
    *("https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example"),
)


def test_it_leads_nowhere_else(site: Site) -> None:
    walk.read(site)
    for back in ODD_BACKS:
        answer = walk.post(site, DECIDE, decision([1], "approved", back=back))
        assert (answer.status_code, answer.location) == (303, "/review"), back
