"""The products' pages, through a product's life, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, update

from plugin.models import GeneratedImage, Product, Publication, Round, RoundMember, Store
from plugin.pipeline.publishing.undo import request_undo
from plugin.pipeline.run import begin
from plugin.states import ImageState, ProductState, PublicationState
from tests.plugin.pipeline.world import World, approve_everything
from tests.plugin.pipeline.world import world as make_world
from tests.plugin.web.conftest import Site, open_site
from tests.plugin.web.walk import post

LANGUAGES = ["en", "zh"]
EVIL = '<script>alert("x")</script>'


def read_catalogue(site: Site) -> None:
    """A person presses refresh; nothing moves yet."""
    begin(site.parts, None, site.world.clock.now())


def walk(site: Site, *, approve: bool = False) -> None:
    read_catalogue(site)
    site.world.drive(site.parts)
    if approve:
        approve_everything(site.parts)
        site.world.drive(site.parts)


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A product whose pictures wait for a person, for tests that only look."""
    with make_world(tmp_path_factory.mktemp("reviewed")) as world:
        world.product("p1")
        with open_site(world) as made:
            walk(made)
            yield made


def statements(site: Site, path: str) -> int:
    """How many SQL statements a page takes."""
    seen: list[str] = []

    @contextmanager
    def listening() -> Iterator[None]:
        def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(site.parts.db.engine, "before_cursor_execute", note)
        yield
        event.remove(site.parts.db.engine, "before_cursor_execute", note)

    with listening():
        site.get(path)
    return len(seen)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_product_from_the_feed_to_the_listing_and_back(site: Site, language: str) -> None:
    read_catalogue(site)
    assert "Product p1" not in site.get("/products", language=language)
    site.world.drive(site.parts)
    assert "Product p1" in site.get("/products?what=review", language=language)
    page = site.get("/products/1", language=language)
    assert page.count('value="approved"') == 3  # two pictures, and both at once
    assert "Front view of" in page
    approve_everything(site.parts)
    assert "/products/1/publish" in site.get("/products/1", language=language)
    site.world.drive(site.parts)
    assert "Product p1" in site.get("/products?what=listed", language=language)
    assert "/publications/1/undo" in site.get("/products/1", language=language)
    with site.parts.db.write() as session:
        request_undo(session, session.get_one(Publication, 1), site.world.clock.now())
    site.world.drive(site.parts)
    page = site.get("/products/1", language=language)
    assert "/publications/1/undo" not in page
    assert page.count('value="approved"') == 2  # each may go to the listing again, for free
    site.world.clock.advance(1)  # a decision counts when it is later than the undo
    post(site, "/images/decide", {"image": 1, "decision": "approved"})
    site.world.drive(site.parts)
    assert "/publications/2/undo" in site.get("/products/1", language=language)


def test_states_are_said_in_plain_words(reviewed: Site) -> None:
    page = reviewed.get("/products/1")
    assert "To review" in page
    assert "You decide whether it may be shown." in page
    assert "in_review" not in re.sub(r"<[^>]+>", "", page)


def test_without_a_store_the_page_says_what_to_do(site: Site) -> None:
    with site.parts.db.write() as session:
        session.execute(update(Store).values(name="left"))
    assert "No products yet" in site.get("/products")
    with site.parts.db.write() as session:
        for row in session.scalars(select(Store)):
            session.delete(row)
    assert "No store is set up yet" in site.get("/products")


def test_while_the_store_is_read_it_says_so(site: Site) -> None:
    with site.parts.db.write() as session:
        session.execute(update(Store).values(refresh_owner="somebody"))
    page = site.get("/products")
    assert "Reading the catalogue" in page
    assert "every 2s" in page


def test_nothing_that_matches(reviewed: Site) -> None:
    for query in ("q=zebra", "store=nowhere", "what=listed", "q=%25", "q=_"):
        page = reviewed.get(f"/products?{query}")
        assert "No product matches" in page, query
        assert "Product p1" not in page, query


@pytest.mark.parametrize("query", ["q=PRODUCT+p1", "q=p1", "store=shop", "what=review", "what=odd", "sort=title"])
def test_what_matches(reviewed: Site, query: str) -> None:
    assert "Product p1" in reviewed.get(f"/products?{query}")


def test_the_filters(world: World) -> None:
    world.product("good")
    world.product("bare", picture="missing.png")
    world.product("out")
    with open_site(world) as site:
        walk(site)
        with site.parts.db.write() as session:
            mine = Product.external_id == "out"
            session.execute(update(Product).where(mine).values(state=ProductState.EXCLUDED))
        found = {what: titles(site, what) for what in ("all", "attention", "without", "away", "making")}
    assert found["all"] == {"good", "bare", "out"}
    assert found["attention"] == {"bare"}
    assert found["without"] == {"bare"}
    assert found["away"] == {"out"}
    assert found["making"] == set()


def titles(site: Site, what: str) -> set[str]:
    return set(re.findall(r">Product (\w+)</a>", site.get(f"/products?what={what}")))


@pytest.mark.parametrize(
    "path",
    ["/products/0", "/products/-1", "/products/2", "/products/99999999999999999999", "/products/x", "/live/products/0"],
)
def test_odd_products_are_not_there(reviewed: Site, path: str) -> None:
    assert reviewed.client.get(path).status_code == 404


@pytest.mark.parametrize("page", ["0", "-1", "2", "99999999999999999999999", "x", "", "１"])
def test_odd_pages_lead_to_the_nearest(reviewed: Site, page: str) -> None:
    assert "Product p1" in reviewed.get(f"/products?page={page}")


@pytest.mark.parametrize("query", ["q=%00", "store=%00", "q=%ff", f"q={'x' * 5000}", "sort=%00&what=%00"])
def test_odd_questions_break_nothing(reviewed: Site, query: str) -> None:
    assert "Products" in reviewed.get(f"/products?{query}")


def test_foreign_texts_are_only_text(world: World) -> None:
    world.product("p1", title=EVIL + "x" * 300)
    with open_site(world) as site:
        walk(site)
        with site.parts.db.write() as session:
            session.execute(update(Product).values(url="javascript:alert(1)"))
            session.execute(update(GeneratedImage).values(alt='"><img src=x>', error=EVIL))
        for path in ("/products", "/products/1", "/products?q=" + EVIL):
            page = site.get(path)
            assert EVIL not in page
            assert "<img src=x>" not in page
            assert "javascript:" not in page
            assert "&lt;script&gt;" in page


def test_the_store_s_page_is_linked(site: Site) -> None:
    walk(site)
    with site.parts.db.write() as session:
        session.execute(update(Product).values(url="https://shop.example/p1"))
    assert 'href="https://shop.example/p1" target="_blank" rel="noopener noreferrer"' in site.get("/products/1")


def test_a_failed_picture_says_why_and_offers_a_retry(site: Site) -> None:
    walk(site)
    with site.parts.db.write() as session:
        failed = {"state": ImageState.FAILED, "error": "too dark", "retry_allowed": True, "item_id": "i1"}
        session.execute(update(GeneratedImage).where(GeneratedImage.id == 1).values(**failed))
    page = site.get("/products/1")
    assert "too dark" in page
    assert "/tasks/1/retry" in page


def test_a_refused_publication_is_offered_again(site: Site) -> None:
    walk(site, approve=True)
    with site.parts.db.write() as session:
        session.execute(update(Publication).values(state=PublicationState.REFUSED, error="read only"))
    page = site.get("/products/1")
    assert "read only" in page
    assert "/publications/1/retry" in page
    assert "Not taken by the store" in site.get("/products?what=attention")


def test_a_product_of_a_store_that_left_still_shows(site: Site) -> None:
    walk(site)
    with site.parts.db.write() as session:
        session.execute(update(Store).values(name="closed", provisioned=False))
    assert "closed" in site.get("/products")
    assert "closed" in site.get("/products/1")


def test_shared_rounds_say_so_and_are_not_counted_twice(world: World) -> None:
    world.draw("same.png", seed="same")
    world.product("a", picture="same.png")
    world.product("b", picture="same.png")
    with open_site(world) as site:
        walk(site)
        for number in (1, 2):
            assert "Shared with 1 other product" in site.get(f"/products/{number}")
            assert charged(site, f"/products/{number}") == 2
        assert charged(site, "/money") == 2


def charged(site: Site, path: str) -> int:
    found = re.search(r"<dt>Charged</dt><dd class=\"number\">(\d+)<", site.get(path))
    assert found is not None
    return int(found[1])


def test_an_earlier_round_s_failure_is_history(site: Site) -> None:
    walk(site)
    with site.parts.db.write() as session:
        session.execute(update(GeneratedImage).values(state=ImageState.FAILED))
    assert titles(site, "attention") == {"p1"}
    with site.parts.db.write() as session:
        old = session.get_one(Round, 1)
        copied = {"store_id": 1, "reference_sha": old.reference_sha, "pack": "mini", "language": "en"}
        new = Round(**copied, number=2, created_at=site.world.clock.now())
        session.add(new)
        session.flush()
        session.add(RoundMember(round_id=new.id, product_id=1))
    assert titles(site, "attention") == set()
    assert site.get("/products").count("Failed") == 0


def test_choosing(reviewed: Site) -> None:
    page = reviewed.get("/products")
    assert 'form="choose" name="product" value="1"' in page
    assert 'action="/generate/preview"' in page
    assert "data-choose-all" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_money_page(site: Site, language: str) -> None:
    assert "<dl" in site.get("/money", language=language)
    walk(site)
    page = site.get("/money", language=language)
    assert "398" in page  # 400 a day, two used


def test_why_nothing_is_sent(site: Site) -> None:
    site.world.control("spend", images=399)
    walk(site)
    page = site.get("/products")
    assert "quota leaves too little for the next task" in page
    assert "quota leaves too little for the next task" in site.get("/money")


def test_many_products_take_no_more_statements_than_one(world: World) -> None:
    world.product("p0")
    with open_site(world) as site:
        walk(site)
        paths = ("/products", "/products/1")
        few = [statements(site, path) for path in paths]
        for number in range(1, 9):
            world.product(f"p{number}")
        walk(site)
        assert [statements(site, path) for path in paths] == few
        assert max(few) < 25
        assert "/products?page=2" not in site.get("/products")
