"""Reading: pages, order, filters, dates, fields, terms, and what the store says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from plugin.sandbox.woocommerce.query import Page, only_fields
from plugin.sandbox.woocommerce.server import WooService
from tests.plugin.sandbox.woo_kit import BASIC, add_product, api, https, shop

START = datetime(2026, 10, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def service() -> Iterator[WooService]:
    """Twelve products, a day apart; the store's time is eight hours ahead of UTC."""
    with shop(timezone="Asia/Shanghai") as made:
        category, tag = made.store.add_category("Mugs & Cups"), made.store.add_tag("新品")
        for number in range(12):
            at = (START + timedelta(days=number)).timestamp()
            made.store.add_product(
                f"Mug {number:02d}" if number % 2 else f"杯子 {number:02d}",
                status={0: "draft", 1: "private", 2: "trash"}.get(number, "publish"),
                created=at, modified=at, sku=f"SKU-{number}", regular_price=str(100 - number),
                categories=[category] if number < 6 else [15], tags=[tag] if number == 3 else [],
            )  # fmt: skip
        yield made


def listed(service: WooService, **params: Any) -> requests.Response:
    """A list of products, only their names."""
    answer: requests.Response = api(service).get("products", params={"_fields": "name", **params})
    return answer


def numbers(answer: requests.Response) -> list[int]:
    """Which products an answer holds, by the number in their names."""
    return [int(entry["name"][-2:]) for entry in answer.json()]


def test_the_default_is_by_date_ten_a_page_and_without_the_trash(service: WooService) -> None:
    answer = listed(service)
    assert numbers(answer) == [11, 10, 9, 8, 7, 6, 5, 4, 3, 1]
    assert (answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]) == ("11", "2")
    assert 'rel="next"' in answer.headers["Link"]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"page": "2", "per_page": "4", "orderby": "id", "order": "asc"}, [5, 6, 7, 8]),
        ({"offset": "9", "per_page": "5", "orderby": "id", "order": "asc"}, [10, 11]),
        ({"page": "9"}, []),
        ({"orderby": "title", "order": "asc", "per_page": "2"}, [1, 3]),
        ({"orderby": "modified", "per_page": "2"}, [11, 10]),
        ({"orderby": "price", "order": "asc", "per_page": "2"}, [11, 10]),
        ({"status": "draft"}, [0]),
        ({"status": "draft,private"}, [1, 0]),
        ({"status": "trash"}, [2]),
        ({"search": "mug 0", "status": "publish"}, [9, 7, 5, 3]),
        ({"sku": "SKU-4,SKU-5"}, [5, 4]),
        ({"after": "2026-10-11T09:00:00Z"}, [11]),
        ({"before": "2026-10-02T09:00:00Z"}, [0]),
        ({"type": "variable"}, []),
        ({"slug": "mug-05"}, [5]),
    ],
)
def test_filters_and_order(service: WooService, params: dict[str, str], found: list[int]) -> None:
    assert numbers(listed(service, **params)) == found


def test_include_and_exclude_are_comma_lists(service: WooService) -> None:
    ids = sorted(service.store.products)
    assert numbers(listed(service, include=f"{ids[5]},{ids[3]}", orderby="include")) == [5, 3]
    assert numbers(listed(service, exclude=",".join(map(str, ids[3:])))) == [1, 0]


def test_categories_and_tags_filter(service: WooService) -> None:
    category = next(term for term in service.store.categories.values() if term.name == "Mugs & Cups")
    tag = next(iter(service.store.tags))
    assert numbers(listed(service, category=str(category.id))) == [5, 4, 3, 1, 0]
    assert numbers(listed(service, tag=str(tag))) == [3]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("2026-10-10T09:00:00Z", [11, 10]),
        ("2026-10-10T09:00:00+00:00", [11, 10]),
        ("2026-10-10T17:00:00", [11, 10]),  # the store's time is eight hours ahead
        ("2026-10-10T09:00:00", [11, 10, 9]),  # the bite: eight hours too early
        ("2026-10-10T08:59:59Z", [11, 10, 9]),  # strictly after
    ],
)
def test_modified_after_is_the_stores_local_time_without_a_zone(
    service: WooService, name: str, found: list[int]
) -> None:
    assert numbers(listed(service, modified_after=name)) == found


def test_dates_are_gmt_turns_a_bare_date_into_utc(service: WooService) -> None:
    assert numbers(listed(service, modified_after="2026-10-10T09:00:00", dates_are_gmt="true")) == [11, 10]
    both = listed(service, modified_after="2026-10-08T09:00:00Z", modified_before="2026-10-10T09:00:00Z")
    assert numbers(both) == [8]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"per_page": "101"}, "rest_out_of_bounds"),
        ({"per_page": "0"}, "rest_out_of_bounds"),
        ({"page": "0"}, "rest_out_of_bounds"),
        ({"page": "x"}, "rest_invalid_type"),
        ({"modified_after": "2026-10-10"}, "rest_invalid_date"),
        ({"orderby": "colour"}, "rest_not_in_enum"),
        ({"status": "gone"}, "rest_not_in_enum"),
        ({"include": "1,x"}, "rest_invalid_type"),
    ],
)
def test_wrong_parameters_are_named(service: WooService, params: dict[str, str], code: str) -> None:
    answer = listed(service, **params)
    name = next(iter(params))
    assert (answer.status_code, answer.json()["code"]) == (400, "rest_invalid_param")
    assert answer.json()["data"]["details"][name]["code"] == code


def test_local_dates_are_shown_in_the_stores_time(service: WooService) -> None:
    product = api(service).get("products", params={"sku": "SKU-5"}).json()[0]
    assert (product["date_created"], product["date_created_gmt"]) == ("2026-10-06T17:00:00", "2026-10-06T09:00:00")


def test_terms_are_sorted_counted_and_escaped(service: WooService) -> None:
    categories = api(service).get("products/categories").json()
    assert [(entry["name"], entry["count"]) for entry in categories] == [("Mugs &amp; Cups", 3), ("Uncategorized", 6)]
    assert [entry["name"] for entry in api(service).get("products/tags").json()] == ["新品"]


def test_what_the_store_says_of_itself(service: WooService) -> None:
    index = requests.get(f"{service.url}/wp-json/", timeout=5).json()
    assert (index["home"], index["gmt_offset"], index["timezone_string"]) == (service.url, 8, "Asia/Shanghai")
    assert index["authentication"] == []
    assert "wc/v3" in index["namespaces"]
    client = api(service)
    assert client.get("settings/general/woocommerce_currency").json()["value"] == "USD"
    assert client.get("data/currencies/current").json()["code"] == "USD"
    status = client.get("system_status", params={"_fields": "environment.version"}).json()
    assert status == {"environment": {"version": "11.0.1"}}


def test_https_offers_application_passwords() -> None:
    with shop(tls=True) as secure, https(secure, None) as session:
        offered = session.get(f"{secure.url}/wp-json/").json()["authentication"]["application-passwords"]
        assert offered["endpoints"]["authorization"].startswith(f"{secure.url}/wp-admin/authorize-application.php")
        session.auth = BASIC
        many = session.get(f"{secure.url}/wp-json/wc/v3/products?include[]=1&include[]=2")
        assert many.json() == []


def test_an_unknown_route_and_plain_permalinks() -> None:
    with shop(plain_permalinks=True) as service:
        product = add_product(service)
        assert requests.get(f"{service.url}/wp-json/", timeout=5).status_code == 404
        assert requests.get(f"{service.url}/?rest_route=/", timeout=5).json()["home"] == service.url
        assert product in service.store.products
    with shop() as service:
        unknown = requests.get(f"{service.url}/wp-json/wc/v9/products", timeout=5)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "rest_no_route")


def test_trash_can_still_be_read_and_is_trashed_once() -> None:
    with shop() as service:
        product = add_product(service)
        client = api(service)
        assert client.delete(f"products/{product}").json()["status"] == "trash"
        assert client.get(f"products/{product}").json()["status"] == "trash"
        assert client.get("products").json() == []
        again = client.delete(f"products/{product}")
        assert (again.status_code, again.json()["code"]) == (410, "woocommerce_rest_already_trashed")
        assert client.delete(f"products/{product}", params={"force": "true"}).status_code == 200
        assert client.get(f"products/{product}").status_code == 404


def test_a_product_is_made_by_the_api() -> None:
    with shop() as service:
        client = api(service)
        made = client.post("products", {"name": "Blue mug", "sku": "B-1", "regular_price": "12"})
        assert (made.status_code, made.json()["slug"], made.json()["price"]) == (201, "blue-mug", "12")
        assert client.post("products", {"name": "Blue mug"}).json()["slug"] == "blue-mug-2"
        taken = client.post("products", {"name": "Other", "sku": "B-1"})
        assert (taken.status_code, taken.json()["code"]) == (400, "product_invalid_sku")
        wrong = client.post("products", {"name": "Other", "images": "x.jpg"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "rest_invalid_param")


def test_fields_pick_keys_in_the_order_in_which_they_are_named() -> None:
    body = [{"id": 1, "name": "a", "images": [{"id": 5, "src": "s"}], "dimensions": {"width": "1", "height": "2"}}]
    picked = only_fields(body, "images.id, name,dimensions.width,unknown")
    assert picked == [{"images": [{"id": 5}], "name": "a", "dimensions": {"width": "1"}}]
    assert list(picked[0]) == ["images", "name", "dimensions"]
    assert only_fields(body, "") == body


@given(total=st.integers(0, 500), size=st.integers(1, 100))
def test_pages_hold_everything_once(total: int, size: int) -> None:
    entries = list(range(total))
    pages = Page({"per_page": str(size)}).pages(total)
    parts = [Page({"per_page": str(size), "page": str(page)}).cut(entries) for page in range(1, pages + 2)]
    assert [entry for part in parts for entry in part] == entries
    assert not parts[-1]
