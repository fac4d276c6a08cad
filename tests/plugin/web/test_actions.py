"""What a person does with a product, a task, a listing; and that nothing of it goes by GET or without a token."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import update

from plugin.models import GeneratedImage, Product, Publication
from plugin.pipeline.publications import keep_remaining
from plugin.states import ImageState, ProductState, PublicationState, TaskState
from tests.plugin.pipeline.world import world
from tests.plugin.web import walk
from tests.plugin.web.conftest import Site, open_site

POSTS = (
    "/images/decide",
    "/products/1/publish",
    "/products/1/exclude",
    "/products/1/include",
    "/products/1/priority",
    "/tasks/1/retry",
    "/publications/1/retry",
    "/publications/1/undo",
    "/generate/preview",
    "/generate",
)
WITH_PAGES = ("/tasks/1/retry", "/publications/1/undo")  # GET shows what would be done


def test_approved_pictures_go_at_once_where_the_listing_lacks_them(site: Site) -> None:
    walk.read(site)
    walk.approve(site, walk.images(site)[:1])
    began = site.world.clock.now()
    assert walk.after(site, "/products/1/publish", to="/products/1") == "Product p1: 1 picture goes to the listing now."
    assert site.engine.told == ["wake"]
    site.world.drive(site.parts)
    assert (site.world.clock.now() - began).total_seconds() < 60
    assert len(site.world.published("p1")) == 1
    assert "has every approved picture already" in walk.after(site, "/products/1/publish")


def test_a_paused_store_keeps_what_is_approved(site: Site) -> None:
    walk.publish(site)
    ident = walk.publication(site).id
    site.engine.close()
    site.world.store["paused"] = True
    with open_site(site.world) as paused:
        walk.after(paused, f"/publications/{ident}/undo")
        assert walk.publication(paused).state is PublicationState.PUBLISHED
        assert "The store is paused" in paused.get(f"/publications/{ident}/undo")
        with paused.parts.db.write() as session:
            session.execute(update(Publication).values(state=PublicationState.WITHDRAWN, withdrawn_at=None))
        assert "its listing has every" in walk.after(paused, "/products/1/publish")


def test_undo_says_what_goes_and_what_stays_then_does_it(site: Site) -> None:
    walk.publish(site)
    path = f"/publications/{walk.publication(site).id}/undo"
    page = site.get(path)
    assert "2 pictures go off the listing of Product p1 in shop:" in page
    assert "Everything else on the listing stays" in page
    assert len(site.world.published("p1")) == 2
    said = walk.after(site, path, walk.form_of(page, path), "/products/1")
    assert said == "Product p1: its pictures are being taken off the listing."
    assert site.engine.told == ["wake"]
    site.world.drive(site.parts)
    assert site.world.published("p1") == []
    assert walk.states(site) == [ImageState.WITHDRAWN] * 2
    assert "nothing was changed" in walk.after(site, path)
    assert "There is nothing to take off." in site.get(path)


def test_what_an_undo_leaves_in_the_stores_library_is_named(site: Site) -> None:
    walk.publish(site)
    ident = walk.publication(site).id
    walk.post(site, f"/publications/{ident}/undo")
    site.world.drive(site.parts)
    told = "These files stay in the store&#39;s media library:"
    assert told not in site.get("/products/1").replace("'", "&#39;")
    with site.parts.db.write() as session:
        keep_remaining(session.get_one(Publication, ident), ["<one>.jpg", "two.jpg"])
    listing = site.get("/products/1").replace("'", "&#39;").split(told)[1].split("</ul>")[0]
    assert re.findall(r"<li>(.*?)</li>", listing) == ["&lt;one&gt;.jpg", "two.jpg"]


def test_an_undone_picture_can_be_approved_again_for_free(site: Site) -> None:
    walk.publish(site)
    walk.post(site, f"/publications/{walk.publication(site).id}/undo")
    site.world.drive(site.parts)
    site.world.clock.advance(60)
    walk.post(site, "/images/decide", {"image": walk.images(site), "decision": "approved"})
    site.world.drive(site.parts)
    assert len(site.world.published("p1")) == 2
    assert site.world.state()["totals"]["submits_accepted"] == 1


def test_the_main_picture_comes_back_where_it_was_replaced(site: Site) -> None:
    walk.publish(site)
    with site.parts.db.write() as session:
        session.execute(update(Publication).values(placement="replace-main"))
    assert "The main picture that stood there before comes back." in site.get("/publications/1/undo")


def test_a_refused_publication_is_offered_again(site: Site) -> None:
    walk.read(site)
    output = site.world.folder / "out.tsv"
    walk.approve(site)
    output.unlink()
    output.mkdir()
    site.world.drive(site.parts)
    with site.parts.db.write() as session:  # a feed's trouble passes, so that it is never refused for good
        session.execute(update(Publication).values(state=PublicationState.REFUSED))
        session.execute(update(GeneratedImage).values(state=ImageState.APPROVED))
    output.rmdir()
    ident = walk.publication(site).id
    said = walk.after(site, f"/publications/{ident}/retry", {"back": "/activity"}, "/activity")
    assert said == "Product p1: the pictures are offered to the store again."
    site.world.drive(site.parts)
    assert len(site.world.published("p1")) == 2
    assert "nothing to offer again" in walk.after(site, f"/publications/{ident}/retry")
    assert site.engine.told == ["wake"]


def test_excluding_cancels_what_is_planned_and_including_looks_again(site: Site) -> None:
    site.world.key = "wrong"
    with open_site(site.world) as stuck:
        walk.read(stuck)
        assert [task.state for task in walk.tasks(stuck)] == [TaskState.PLANNED]
        said = walk.after(stuck, "/products/1/exclude", to="/products/1")
        assert said == "Product p1 is excluded. 1 planned task was cancelled; nothing was spent on it."
        assert [task.state for task in walk.tasks(stuck)] == [TaskState.CANCELLED]
        assert "no pictures are made for it" in walk.after(stuck, "/products/1/exclude")
        said = walk.after(stuck, "/products/1/include")
        assert "if it is still the same, the 2 pictures that were cancelled are planned again, and paid for" in said
        assert walk.product(stuck).state is ProductState.NEW
        assert "is not excluded" in walk.after(stuck, "/products/1/include")
        assert stuck.engine.told == ["wake"] * 3


def test_what_including_costs_is_said_before_it_happens(site: Site) -> None:
    walk.read(site)
    walk.after(site, "/products/1/exclude")
    said = walk.after(site, "/products/1/include")
    assert said.endswith("If there are no pictures of it yet, they are planned by themselves, and paid for.")
    site.world.drive(site.parts)
    assert len(walk.tasks(site)) == 1  # there are


def test_nothing_is_said_of_cost_where_nothing_is_made_by_itself(site: Site) -> None:
    site.world.store["auto_generate"] = False
    with open_site(site.world) as manual:
        walk.read(manual)
        walk.after(manual, "/products/1/exclude")
        said = walk.after(manual, "/products/1/include")
        assert said == "Product p1 is included again. Its photo is looked at next."


def test_a_message_with_a_long_title_fits_into_a_cookie(site: Site) -> None:
    walk.read(site)
    title = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(3_000))
    with site.parts.db.write() as session:
        session.execute(update(Product).values(title=title))
    answer = walk.post(site, "/products/1/exclude")
    assert len(answer.headers["Set-Cookie"]) < 4_000
    said = walk.message(site)
    assert said.startswith(title[:100])
    assert said.endswith("is excluded: no pictures are made for it.")


def test_what_is_gone_cannot_be_excluded(site: Site) -> None:
    walk.read(site)
    with site.parts.db.write() as session:
        session.execute(update(Product).values(state=ProductState.GONE))
    assert "no longer in the store" in walk.after(site, "/products/1/exclude")
    assert walk.product(site).state is ProductState.GONE


def test_failed_pictures_are_tried_again_for_the_cost_that_was_shown(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0, retry_fail_rate=0.0) as made:
        made.product("p1")
        with open_site(made) as site:
            walk.read(site)
            page = site.get("/tasks/1/retry")
            assert "2 pictures failed and can be tried again. That reserves 2 images of your quota" in page
            assert re.search(r"Left today</dt><dd class=\"number\">\d+ images", page)
            for images in ("", "1", "3", "x"):
                assert "Nothing was planned" in walk.after(site, "/tasks/1/retry", {"images": images}, "/tasks/1/retry")
            assert len(walk.tasks(site)) == 1
            form = walk.form_of(page, "/tasks/1/retry")
            assert walk.after(site, "/tasks/1/retry", form, "/products/1") == "Product p1: 2 pictures are tried again."
            assert "Nothing was planned" in walk.after(site, "/tasks/1/retry", form)
            assert "There is nothing to try again." in site.get("/tasks/1/retry")
            assert site.engine.told == ["wake"]
            site.world.drive(site.parts)
            assert made.state()["totals"]["retries_accepted"] == 1
            assert walk.states(site) == [ImageState.IN_REVIEW] * 2


def test_a_retry_says_what_was_tried_by_itself(tmp_path: Path) -> None:
    with world(tmp_path, fail_rate=1.0) as made:
        made.hebo["item_retries"] = 1
        made.product("p1")
        with open_site(made) as site:
            walk.read(site)
            page = site.get("/tasks/2/retry")
            assert "Tried again by itself 1 time." in page
            assert page.count("HTTP 500") == 2
            shown = site.get("/products/1")
            assert shown.count("Tried again by itself 1 time.") == 2
            assert "Try 2 failed pictures again" in shown
            form = walk.form_of(page, "/tasks/2/retry")
            walk.after(site, "/tasks/2/retry", form, "/products/1")
            said = "It is tried again. The last time: the image service answered HTTP 500"
            assert site.get("/products/1").count(said) == 2
            made.faults("retry:http_409:x1")
            site.world.drive(site.parts)
            assert walk.states(site) == [ImageState.FAILED] * 2
            assert len(walk.tasks(site)) == 3  # a refused one is not tried again by itself


def test_nothing_happens_without_a_token(site: Site) -> None:
    walk.publish(site)
    before = (walk.states(site), walk.product(site).state, walk.publication(site).state, walk.rounds(site))
    site.app.config["WTF_CSRF_ENABLED"] = True
    for path in POSTS:
        for form in ({}, {"csrf_token": "forged"}, {"image": "1", "decision": "in_review", "product": "1"}):
            assert walk.post(site, path, form).status_code == 400, path
    assert (walk.states(site), walk.product(site).state, walk.publication(site).state, walk.rounds(site)) == before
    assert site.engine.told == []


def test_nothing_is_changed_by_looking(site: Site) -> None:
    walk.publish(site)
    for path in POSTS:
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
            answer = site.client.open(path, method=method)
            looks = path in WITH_PAGES and method in ("GET", "HEAD")
            assert answer.status_code == (200 if looks else 405), (path, method)
    assert walk.states(site) == [ImageState.PUBLISHED] * 2
    assert walk.publication(site).state is PublicationState.PUBLISHED


def test_odd_numbers_are_pages_that_are_not_there(site: Site) -> None:
    walk.read(site)
    for number in ("0", "999", str(2**31), "9" * 40, "-1", "1.5", "x", "%00"):
        for path in POSTS:
            if "/1/" in path:
                assert walk.post(site, path.replace("/1/", f"/{number}/")).status_code in (404, 405), (path, number)
        for path in WITH_PAGES:
            assert site.client.get(path.replace("/1/", f"/{number}/")).status_code == 404, (path, number)
