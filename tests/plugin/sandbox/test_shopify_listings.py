"""Listings of the sandbox Shopify: the order of media, variants' media, productUpdate, and other editors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.sandbox.shopify.editor import Editor
from plugin.sandbox.shopify.model import iso
from tests.plugin.sandbox.shopify_kit import START, Desk, picture, product_gid


def reorder(desk: Desk, number: int, *moves: tuple[str, int | str]) -> str:
    """Ask for moves; the job's gid."""
    asked = [{"id": media, "newPosition": str(place)} for media, place in moves]
    payload = desk.data("product_reorder_media", id=product_gid(number), moves=asked)
    assert payload["mediaUserErrors"] == []
    assert payload["job"]["done"] is False
    return str(payload["job"]["id"])


def shop(count: int, **options: Any) -> tuple[Desk, int, list[str]]:
    """A product with so many pictures."""
    desk = Desk(**options)
    media = desk.media(count)
    return desk, desk.store.add_product("Cup", media), media


def variant_gid(number: int) -> str:
    return f"gid://shopify/ProductVariant/{number}"


# -- the order --------------------------------------------------------------------------------------------------------


def test_an_order_is_seen_when_its_job_is_done() -> None:
    desk, number, (a, b, c) = shop(3, job_after=2)
    job = reorder(desk, number, (c, 0))
    desk.clock.sleep(1.9)
    assert (desk.data("job_status", id=job)["done"], desk.store.media_ids(number)) == (False, [a, b, c])
    desk.clock.sleep(0.2)
    assert (desk.data("job_status", id=job)["done"], desk.store.media_ids(number)) == (True, [c, a, b])
    assert desk.data("product", id=product_gid(number), first=1)["updatedAt"] == iso(START + 2)


def test_moves_are_applied_one_after_another_and_jobs_too() -> None:
    desk, number, (a, b, c, d) = shop(4)
    reorder(desk, number, (d, 0), (c, 0), (a, 99))
    reorder(desk, number, (b, 0))
    desk.clock.sleep(2)
    assert desk.store.media_ids(number) == [b, c, d, a]


def test_what_left_the_listing_meanwhile_is_not_moved() -> None:
    desk, number, (a, b, c) = shop(3)
    reorder(desk, number, (c, 0), (b, 0))
    desk.store.detach(number, c)
    desk.clock.sleep(2)
    assert desk.store.media_ids(number) == [b, a]
    job = reorder(desk, number, (a, 0))
    desk.store.remove(number)
    desk.clock.sleep(2)
    assert desk.data("job_status", id=job)["done"] is True


@pytest.mark.parametrize(
    ("product", "media", "code"),
    [
        ("gid://shopify/Product/9", "", "PRODUCT_DOES_NOT_EXIST"),
        ("", "gid://shopify/MediaImage/9", "MEDIA_DOES_NOT_EXIST"),
        ("", "other", "MEDIA_DOES_NOT_EXIST_ON_PRODUCT"),
    ],
)
def test_moves_of_what_is_not_shown_are_refused(product: str, media: str, code: str) -> None:
    desk, number, (a, *_) = shop(2)
    (other,) = desk.media(name="other")
    moves = [{"id": a, "newPosition": "1"}, {"id": other if media == "other" else media or a, "newPosition": "0"}]
    assert desk.refusals("product_reorder_media", id=product or product_gid(number), moves=moves) == [code]
    assert desk.store.jobs == {}


@pytest.mark.parametrize("place", ["-1", "first", "", True, "1.5"])
def test_a_place_is_a_whole_number(place: Any) -> None:
    desk, number, (a, _) = shop(2)
    answer = desk.ask("product_reorder_media", id=product_gid(number), moves=[{"id": a, "newPosition": place}])
    assert answer["errors"]
    assert desk.store.jobs == {}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 7)), max_size=6))
@settings(max_examples=25, deadline=None)
def test_any_moves_give_what_a_list_would(moves: list[tuple[int, int]]) -> None:
    desk, number, media = shop(5, job_after=0)
    expected = list(media)
    for index, place in moves:
        expected.remove(media[index])
        expected.insert(place, media[index])
    job = reorder(desk, number, *((media[index], place) for index, place in moves))
    assert desk.data("job_status", id=job)["done"] is True
    assert desk.store.media_ids(number) == expected


# -- variants ---------------------------------------------------------------------------------------------------------


def pair(desk: Desk, document: str, number: int, *pairs: tuple[int, str]) -> list[str]:
    """Append or detach; the codes of userErrors."""
    given_pairs = [{"variantId": variant_gid(variant), "mediaIds": [media]} for variant, media in pairs]
    return desk.refusals(document, productId=product_gid(number), variantMedia=given_pairs)


APPEND, DETACH = "product_variant_append_media", "product_variant_detach_media"


def test_a_variant_takes_one_picture_and_gives_it_back() -> None:
    desk, number, (a, b) = shop(2)
    red = desk.store.add_variant(number, {"Color": "Red"})
    desk.clock.sleep(7)
    assert pair(desk, APPEND, number, (red, a)) == []
    assert desk.store.variants[red].media == a
    assert desk.store.products[number].updated == START + 7
    assert pair(desk, APPEND, number, (red, b)) == ["PRODUCT_VARIANT_ALREADY_HAS_MEDIA"]
    assert pair(desk, DETACH, number, (red, b)) == ["MEDIA_IS_NOT_ATTACHED_TO_VARIANT"]
    assert pair(desk, DETACH, number, (red, a)) == []
    assert pair(desk, APPEND, number, (red, b)) == []
    told = desk.data("product_variant_media", id=product_gid(number), first=5)["variants"]["nodes"]
    assert told == [{"id": variant_gid(red), "media": {"nodes": [{"id": b}]}}]


def test_what_does_not_fit_is_refused_as_a_whole() -> None:
    desk, number, (a, _) = shop(2)
    red, blue = (desk.store.add_variant(number, {"Color": colour}) for colour in ("Red", "Blue"))
    film = desk.store.add_media(b"", "film.mp4", kind="Video")
    late = desk.store.add_media(picture(), "late.jpg", ready=False)
    desk.store.attach(number, film)
    desk.store.attach(number, late)
    (other,) = desk.media(name="other")
    stranger = desk.store.products[desk.store.add_product("Other")].variants[0]
    wrong = {
        "MEDIA_DOES_NOT_EXIST_ON_PRODUCT": (blue, other),
        "MEDIA_DOES_NOT_EXIST": (blue, "gid://shopify/MediaImage/9"),
        "INVALID_MEDIA_TYPE": (blue, film),
        "NON_READY_MEDIA": (blue, late),
        "PRODUCT_VARIANT_DOES_NOT_EXIST_ON_PRODUCT": (stranger, a),
        "PRODUCT_VARIANT_SPECIFIED_MULTIPLE_TIMES": (red, a),
    }
    for code, second in wrong.items():
        assert pair(desk, APPEND, number, (red, a), second) == [code]
    assert desk.store.variants[red].media == ""
    two = [{"variantId": variant_gid(red), "mediaIds": [a, a]}]
    assert desk.refusals(APPEND, productId=product_gid(number), variantMedia=two) == ["TOO_MANY_MEDIA_PER_INPUT_PAIR"]
    assert pair(desk, APPEND, number, *[(red, a)] * 101) == ["MAXIMUM_VARIANT_MEDIA_PAIRS_EXCEEDED"]
    assert pair(desk, APPEND, 9, (red, a)) == ["PRODUCT_DOES_NOT_EXIST"]


# -- productUpdate ----------------------------------------------------------------------------------------------------

UPDATE = """mutation($product: ProductUpdateInput!, $media: [CreateMediaInput!]) {
  productUpdate(product: $product, media: $media) { product { title seo { title } media(first: 9) { nodes { status } } }
    userErrors { field message } } }"""


def test_an_editor_changes_a_product_by_the_api() -> None:
    desk, number, _ = shop(1)
    changed = {"id": product_gid(number), "title": "Mug", "seo": {"title": "Best mug"}, "status": "DRAFT"}
    media = [{"originalSource": desk.staged(), "alt": "new", "mediaContentType": "IMAGE"}]
    told = desk.data(UPDATE, product=changed, media=media)["product"]
    assert (told["title"], told["seo"]["title"]) == ("Mug", "Best mug")
    assert [node["status"] for node in told["media"]["nodes"]] == ["READY", "UPLOADED"]
    assert desk.store.products[number].status == "DRAFT"


@pytest.mark.parametrize(
    ("change", "media"),
    [({"id": "gid://shopify/Product/9"}, []), ({}, ["http://localhost/x.txt"]), ({}, ["x.jpg"] * 3)],
)
def test_an_update_that_cannot_be_changes_nothing(change: dict[str, str], media: list[str]) -> None:
    desk, number, _ = shop(1, media_limit=3)
    given_media = [{"originalSource": source, "mediaContentType": "IMAGE"} for source in media]
    product = {"id": product_gid(number), "title": "Mug", **change}
    payload = desk.data(UPDATE, product=product, media=given_media)
    assert payload["product"] is None
    assert payload["userErrors"][0]["message"]
    assert desk.store.products[number].title == "Cup"


# -- other editors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "names"),
    [
        ("add", ["photo-1.jpg", "photo-2.jpg", "editor.jpg"]),
        ("front", ["editor.jpg", "photo-1.jpg", "photo-2.jpg"]),
        ("move", ["photo-2.jpg", "photo-1.jpg"]),
        ("remove", ["photo-1.jpg"]),
        ("delete", ["photo-1.jpg"]),
        ("title", ["photo-1.jpg", "photo-2.jpg"]),
    ],
)
def test_editors_change_listings_at_once(deed: str, names: list[str]) -> None:
    desk, number, media = shop(2)
    desk.clock.sleep(5)
    Editor(desk.store).act(number, deed)
    assert [name.replace(f"-{number}", "") for name in desk.store.media_names(number)] == names
    assert desk.store.products[number].updated == START + 5
    assert (media[1] in desk.store.media) == (deed != "delete")
    assert (desk.store.products[number].title == "Cup") == (deed != "title")


@pytest.mark.parametrize("deed", ["move", "remove", "delete"])
def test_an_editor_finds_nothing_to_do(deed: str) -> None:
    desk, number, _ = shop(0)
    before = desk.store.snapshot()
    Editor(desk.store).act(number, deed)
    Editor(desk.store).act(9, deed)
    assert desk.store.snapshot() == before


def test_the_store_can_be_set_by_hand() -> None:
    desk, number, (a, b, c) = shop(3)
    red = desk.store.add_variant(number, {"Color": "Red"}, b)
    desk.store.set_media_order(number, [c, a])
    assert (desk.store.media_ids(number), desk.store.variants[red].media) == ([c, a], "")
    desk.store.attach(number, b, 0)
    assert desk.store.media_names(number) == ["photo-2.jpg", "photo-3.jpg", "photo-1.jpg"]
    with pytest.raises(AttributeError, match="has no colour"):
        desk.store.update(number, colour="red")
    desk.store.remove(number)
    assert (desk.store.variants, desk.store.orphans()) == ({}, [a, b, c])
