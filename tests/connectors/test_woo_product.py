"""From WooCommerce's JSON to products: texts, prices, terms, addresses, and entries that are broken."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.types import ImageRef
from connectors.woocommerce.product import (
    BROKEN_IMAGE,
    NO_IMAGE,
    BrokenError,
    address_of,
    image_problem,
    moment_of,
    price_of,
    product_of,
    text_of,
)
from tests.connectors.woo_kit import key

HOME = "https://shop.example"


def image(number: int, src: Any, alt: Any = "") -> dict[str, Any]:
    return {"id": number, "src": src, "alt": alt, "name": "x", "srcset": ""}


def raw(**changes: Any) -> dict[str, Any]:
    """An entry as a store gives it; a value of ... takes the key out."""
    entry = {"id": 12, "name": "Mug", "images": [image(11, f"{HOME}/a.jpg", "A mug")], **changes}
    return {name: value for name, value in entry.items() if value is not ...}


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>A <strong>hand-thrown</strong> mug.</p>\n<ul>\n<li>350&nbsp;ml</li><li>Safe</li></ul>",
         "A hand-thrown mug. 350 ml Safe"),
        ("One<br>two<br/>three", "One two three"),
        ("<h2>Size</h2><table><tr><td>A</td><td>B</td></tr></table>", "Size A B"),
        ("un<b>believ</b>able", "unbelievable"),
        ("<style>p{color:red}</style><p>x</p><script>alert('<p>')</script>", "x"),
        ("&lt;ok&gt; &amp; “curly” &#8212; 青瓷", "<ok> & “curly” — 青瓷"),
        ("<p>景德镇手工制作，<b>微波炉可用</b>。</p>\n", "景德镇手工制作，微波炉可用。"),
        ("Home &amp; Garden", "Home & Garden"),
        ("a\u200bb\x00c \ufeff d", "abc d"),
        ("<!-- wp:paragraph --><p>x</p>", "x"),
        (None, ""),
        (12, ""),
    ],
)  # fmt: skip
def test_markup_becomes_text(markup: Any, text: str) -> None:
    assert text_of(markup) == text


@given(st.text())
def test_any_markup_becomes_one_clean_line(markup: str) -> None:
    found = text_of(markup)
    assert found == " ".join(found.split())


def test_a_whole_product() -> None:
    entry = raw(
        name="Mug &amp; Bottle <b>Set</b>",
        permalink=f"{HOME}/product/杯子/",
        description="<p>Long</p>",
        short_description="<p>Short</p>",
        price="11.00",
        categories=[{"name": "Mugs &amp; Cups", "slug": "mugs"}, {"name": "Sale", "slug": "sale"}],
        tags=[{"name": "handmade"}, {"name": "蓝"}],
        brands=[{"name": "Hebo"}],
        attributes=[{"name": "Color", "options": ["Red", "Blue"]}, {"name": "Brand", "options": ["Other"]}],
        images=[image(11, f"{HOME}/a.jpg", "A mug"), image(13, f"{HOME}/b.jpg")],
        date_modified_gmt="2026-10-01T09:00:00",
        date_created_gmt="2026-09-01T08:00:00",
        total_sales=17,
    )
    found = product_of(entry, HOME, "EUR")
    first = ImageRef("11", f"{HOME}/a.jpg", "A mug", 0)
    assert found.images == (first, ImageRef("13", f"{HOME}/b.jpg", "", 1))
    assert (found.id, found.main_image, found.group) == ("12", first, "")
    assert found.updated_at == datetime(2026, 10, 1, 9, tzinfo=UTC)
    assert (found.listed_at, found.sales_rank) == (datetime(2026, 9, 1, 8, tzinfo=UTC), -17)
    assert found.url == f"{HOME}/product/%E6%9D%AF%E5%AD%90/"
    assert found.facts() == {
        "title": "Mug & Bottle Set",
        "description": "Long",
        "vendor": "Hebo",
        "kind": "Mugs & Cups, Sale",
        "tags": ["handmade", "蓝"],
        "options": {"Color": "Red, Blue", "Brand": "Other"},
        "price": "11.00",
        "currency": "EUR",
    }


def test_a_product_of_an_older_store_or_with_spoiled_keys() -> None:
    found = product_of(
        raw(description=None, short_description="<p>Short</p>", categories=None, tags={"a": 1}, attributes="x",
            price=None, permalink=False, date_modified_gmt="soon"),
        HOME, "",
    )  # fmt: skip
    assert (found.description, found.kind, found.tags, dict(found.options)) == ("Short", "", (), {})
    assert (found.price, found.url, found.updated_at, found.vendor) == (None, "", None, "")
    assert (found.listed_at, found.sales_rank) == (None, None)


@pytest.mark.parametrize(
    ("total", "rank"), [(0, 0), (12, -12), ("12", -12), (-3, None), ("many", None), (True, None), ("9" * 19, None)]
)
def test_what_sells_better_ranks_lower(total: object, rank: int | None) -> None:
    assert product_of(raw(total_sales=total), HOME, "").sales_rank == rank


@pytest.mark.parametrize("name", ["Brand", "品牌", "Marke", "MARQUE"])
def test_a_brand_may_be_an_attribute(name: str) -> None:
    entry = raw(brands=[], attributes=[{"name": name, "options": ["景德镇"]}])
    assert product_of(entry, HOME, "").vendor == "景德镇"


def test_the_category_of_everything_else_is_no_fact() -> None:
    entry = raw(categories=[{"name": "未分类", "slug": "uncategorized"}, {"name": "Bags", "slug": "bags"}])
    assert product_of(entry, HOME, "").kind == "Bags"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("11.00", Decimal("11.00")), ("88", Decimal(88)), (9.5, Decimal("9.5")), ("", None), (None, None), ("x", None),
     ("NaN", None), ("Infinity", None)],
)  # fmt: skip
def test_prices(text: Any, amount: Decimal | None) -> None:
    assert price_of(text) == amount


def test_moments() -> None:
    nine = datetime(2026, 10, 1, 9, tzinfo=UTC)
    assert [moment_of(text) for text in ("2026-10-01T09:00:00", "2026-10-01T11:00:00+02:00")] == [nine, nine]
    assert [moment_of(text) for text in (None, "", "x", 5)] == [None] * 4


@pytest.mark.parametrize(
    ("src", "url"),
    [
        ("https://shop.example/a.jpg", "https://shop.example/a.jpg"),
        ("https://shop.example/青瓷 壶.jpg?v=1#x", "https://shop.example/%E9%9D%92%E7%93%B7%20%E5%A3%B6.jpg?v=1"),
        ("https://shop.example/%E9%9D%92.jpg", "https://shop.example/%E9%9D%92.jpg"),
        ("https://shop.example/50%.jpg", "https://shop.example/50%25.jpg"),
        ("//cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("/wp-content/a.jpg", "https://shop.example/wp-content/a.jpg"),
        ("https://bücher.example:8443/a.jpg", "https://xn--bcher-kva.example:8443/a.jpg"),
        ("http://[::1]:8080/a.jpg", "http://[::1]:8080/a.jpg"),
        ("data:image/png;base64,AA", ""),
        ("https://[x/a.jpg", ""),
        ("https://shop.example:x/a.jpg", ""),
        (" ", ""),
        (None, ""),
        (False, ""),
    ],
)
def test_addresses_are_made_valid(src: Any, url: str) -> None:
    assert address_of(src, HOME) == url


@given(st.text() | st.text().map(lambda text: f"https://shop.example/{text}"))
def test_any_address_is_valid_or_none(src: str) -> None:
    found = address_of(src, HOME)
    assert found.isascii()
    assert not found or (urlsplit(found).scheme in {"http", "https"} and urlsplit(found).hostname)


@pytest.mark.parametrize("images", [[], [image(0, "https://shop.example/placeholder.png")], [None, "x"]])
def test_a_product_without_an_image(images: list[Any]) -> None:
    entry = raw(images=images)
    assert image_problem(entry, HOME) == NO_IMAGE
    assert product_of(entry, HOME, "").main_image is None
    assert product_of(entry, HOME, "").images == ()


def test_an_image_whose_file_is_missing_is_not_given() -> None:
    entry = raw(images=[image(11, False), image(13, f"{HOME}/b.jpg")])
    assert image_problem(entry, HOME) == BROKEN_IMAGE
    found = product_of(entry, HOME, "")
    assert (found.main_image, [one.id for one in found.images]) == (None, ["13"])


def test_our_own_picture_is_known_by_its_key() -> None:
    entry = raw(images=[image(11, f"{HOME}/mug-{key(1)}-1-scaled.webp"), image(13, f"{HOME}/b.jpg")])
    found = product_of(entry, HOME, "")
    assert [one.key for one in found.images] == [key(1), None]


@pytest.mark.parametrize(
    "entry",
    [{}, raw(id=...), raw(id=None), raw(id="12"), raw(id=True), raw(id=-1), raw(images=...), raw(images=None),
     raw(images={"a": 1})],
)  # fmt: skip
def test_an_entry_that_cannot_be_read_is_told(entry: dict[str, Any]) -> None:
    with pytest.raises(BrokenError, match="the store gave"):
        product_of(entry, HOME, "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("name", "permalink", "description", "short_description", "price", "categories", "tags", "brands", "attributes",
        "images", "date_modified_gmt")  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_whatever_the_store_gives_is_a_product_or_is_broken(entry: dict[str, Any]) -> None:
    try:
        found = product_of({"id": 1, **entry}, HOME, "")
    except BrokenError:
        assert not isinstance(entry.get("images"), list)
    else:
        assert found.id == "1"
        assert found.main_image is None or found.main_image.url
