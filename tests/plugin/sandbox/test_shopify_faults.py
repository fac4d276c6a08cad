"""What goes wrong on request in the sandbox Shopify, on the right side of its own work; and the other editors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from plugin.sandbox.faults import FaultError
from plugin.sandbox.shopify.engine import Prepared, prepare
from plugin.sandbox.shopify.faults import CALLS, KINDS, FaultRule, fault_from_text
from plugin.sandbox.shopify.mischief import Mischief, call_kind, path_kind
from plugin.sandbox.shopify.server import ShopifyService
from tests.plugin.sandbox.shopify_kit import (
    API,
    DOCUMENTS,
    START,
    Clock,
    Desk,
    document,
    picture,
    product_gid,
    sent,
    served,
)

Shop = tuple[ShopifyService, requests.Session]


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with served(clock=Clock()) as made:
        yield made


@pytest.fixture
def shop(running: Shop) -> Iterator[Shop]:
    service, _ = running
    service.forget()
    service.bucket.give_back(2000, START)
    yield running
    service.settle(5)
    service.faults.clear()
    service.access.restore()
    service.access.give_scope("write_products")


def product(service: ShopifyService) -> tuple[int, str]:
    """A product with two pictures, and a third picture that it does not show."""
    pictures = [service.store.add_media(picture(), f"mug-{place}.jpg") for place in (1, 2)]
    return service.store.add_product("Mug", pictures), service.store.add_media(picture(), "ours.jpg")


def attach(shop: Shop, number: int, media: str) -> requests.Response:
    return sent(*shop, "file_update", files=[{"id": media, "referencesToAdd": [product_gid(number)]}])


@pytest.mark.parametrize(
    ("rule", "status", "done"),
    [
        ("file_update:http_500", 500, False),
        ("file_update:http_502_after", 502, True),
        ("mutation:http_503", 503, False),
        ("any:http_504_after", 504, True),
        ("file_update:rate_limited=7", 429, False),
        ("file_update:html", 200, False),
        ("file_update:html_after", 200, True),
        ("file_update:truncated", 200, True),
        ("file_update:empty_body", 200, True),
        ("file_update:throttled", 200, False),
        ("file_update:user_error=FILE_LOCKED", 200, False),
        ("file_update:partial", 200, True),
        ("file_update:revoke", 401, False),
        ("file_update:lose_scope=write_products", 200, False),
    ],
)
def test_answers_are_spoiled_before_or_after_the_work(shop: Shop, rule: str, status: int, done: bool) -> None:
    service, _ = shop
    number, media = product(service)
    service.fault(f"{rule}:x1")
    response = attach(shop, number, media)
    assert response.status_code == status
    assert (media in service.store.media_ids(number)) == done
    assert service.faults.fired()[0]["fired"] == 1
    assert ("Retry-After" in response.headers) == (status == 429)


@pytest.mark.parametrize(("rule", "done"), [("drop_before", False), ("drop_after", True), ("cut_body", True)])
def test_connections_are_cut_before_or_after_the_work(shop: Shop, rule: str, done: bool) -> None:
    service, _ = shop
    number, media = product(service)
    service.fault(f"file_update:{rule}:x1")
    with pytest.raises(requests.RequestException):
        attach(shop, number, media)
    assert (media in service.store.media_ids(number)) == done
    if rule != "cut_body":
        assert [seen.status for seen in service.requests] == [None]
    assert attach(shop, number, media).status_code == 200


@pytest.mark.parametrize("rule", ["late", "late_cut"])
def test_the_work_is_done_after_the_answer_was_given_up(shop: Shop, rule: str) -> None:
    service, _ = shop
    number, media = product(service)
    service.fault(f"file_update:{rule}=0.2:x1")
    if rule == "late":
        assert attach(shop, number, media).status_code == 504
    else:
        with pytest.raises(requests.ConnectionError):
            attach(shop, number, media)
    assert media not in service.store.media_ids(number)
    assert service.settle(5)
    assert media in service.store.media_ids(number)


def test_slow_answers_come_late_and_silence_ends_when_the_shop_closes() -> None:
    with served() as (service, session):
        service.fault("shop:slow=0.2:x1", "job:timeout=60:x1")
        started = time.monotonic()
        assert sent(service, session, "shop_and_scopes").status_code == 200
        assert time.monotonic() - started >= 0.2
        url = f"{service.url}{API}"
        with pytest.raises(requests.Timeout):
            session.post(url, json={"query": document("job_status"), "variables": {"id": "1"}}, timeout=0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 10


def test_errors_can_come_beside_the_whole_data() -> None:
    desk = Desk()
    desk.store.add_product("Cup", desk.media())
    desk.parts.faults.add([fault_from_text("products:partial:x1")])
    answer = desk.ask("products_page", first=1)
    assert answer["data"]["products"]["nodes"][0]["title"] == "Cup"
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert desk.parts.requests[-1].code == "INTERNAL_SERVER_ERROR"


def test_a_hole_is_one_object_that_is_null() -> None:
    desk = Desk()
    desk.store.add_product("Cup", desk.media(2), category="Cups")
    whole = desk.ask("products_page", first=1)["data"]
    desk.parts.faults.add([fault_from_text("query:hole:x2")])
    answer = desk.ask("products_page", first=1)
    path = answer["errors"][0]["path"]
    assert path == ["products", "nodes", 0, "category"]
    whole["products"]["nodes"][0]["category"] = None
    assert answer["data"] == whole
    assert "errors" not in desk.ask("products_count")  # nothing there may be null


def test_user_errors_carry_the_code_that_was_asked_for() -> None:
    desk = Desk()
    number = desk.store.add_product("Cup", desk.media())
    desk.parts.faults.add([fault_from_text("reorder:user_error=MEDIA_CANNOT_BE_MODIFIED:x1")])
    for codes in (["MEDIA_CANNOT_BE_MODIFIED"], []):
        assert desk.refusals("product_reorder_media", id=product_gid(number), moves=[]) == codes
    desk.parts.faults.add([fault_from_text("staged:user_error:x1")])
    wanted = {"resource": "IMAGE", "httpMethod": "POST", "filename": "a.jpg", "mimeType": "image/jpeg"}
    assert desk.refusals("staged_uploads_create", input=[wanted]) == ["The sandbox was told to refuse this."]


def test_files_of_a_pattern_fail_and_names_are_taken() -> None:
    desk = Desk()
    desk.parts.faults.add([fault_from_text("file_create:fail_media=*-2.jpg")])
    media = [desk.create(f"hs-{place}.jpg") for place in (1, 2)]
    desk.clock.sleep(3)
    assert [desk.status(each) for each in media] == ["READY", "FAILED"]
    desk.parts.faults.add([fault_from_text("file_create:taken_name=new*")])
    taken = {"originalSource": desk.staged(), "filename": "new.jpg", "duplicateResolutionMode": "RAISE_ERROR"}
    assert desk.refusals("file_create", files=[taken]) == ["FILENAME_ALREADY_EXISTS"]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("file_update:editor", ["mug-1.jpg", "mug-2.jpg", "ours.jpg", "editor.jpg"]),
        ("file_update:editor_before", ["mug-1.jpg", "mug-2.jpg", "editor.jpg", "ours.jpg"]),
        ("file_update:editor=move", ["ours.jpg", "mug-1.jpg", "mug-2.jpg"]),
        ("file_update:editor_before=remove", ["mug-1.jpg", "ours.jpg"]),
    ],
)
def test_another_editor_comes_right_before_or_after(rule: str, names: list[str]) -> None:
    desk = Desk()
    media = [desk.store.add_media(picture(), f"{name}.jpg") for name in ("mug-1", "mug-2", "ours")]
    number = desk.store.add_product("Mug", media[:2])
    desk.parts.faults.add([fault_from_text(f"{rule}:x1")])
    files = [{"id": media[2], "referencesToAdd": [product_gid(number)]}]
    assert desk.refusals("file_update", files=files) == []
    assert [name.replace(f"-{number}", "") for name in desk.store.media_names(number)] == names


def test_what_is_no_graphql_goes_wrong_too(shop: Shop) -> None:
    service, session = shop
    service.store.add_media(picture(), "seen.jpg")
    service.fault("file:http_404:x1", "token:http_503:x1", "upload:http_500:x1", "bulk_file:http_403:x1")
    calls = [("GET", "/cdn/shop/files/seen.jpg"), ("POST", "/admin/oauth/access_token"), ("POST", "/staged/"),
             ("GET", "/bulk/x.jsonl")]  # fmt: skip
    statuses = [session.request(method, service.url + path, timeout=5).status_code for method, path in calls]
    assert statuses == [404, 503, 500, 403]
    statuses = [session.request(method, service.url + path, timeout=5).status_code for method, path in calls]
    assert statuses == [200, 400, 403, 404]


def test_any_is_about_the_graphql_calls_only(shop: Shop) -> None:
    service, session = shop
    service.fault("any:http_500")
    assert session.get(f"{service.url}/", timeout=5).status_code == 200
    assert session.post(f"{service.url}/staged/", timeout=5).status_code == 403
    assert [sent(service, session, name, id="1").status_code for name in ("job_status", "bulk_status")] == [500, 500]


# -- which call is which ----------------------------------------------------------------------------------------------

EXPECTED = {
    "bulk_cancel": "bulk_cancel", "bulk_list": "bulk_status", "bulk_products_inner": "products",
    "bulk_run_query": "bulk_run", "bulk_shown_media_inner": "products", "bulk_status": "bulk_status",
    "bulk_variants_inner": "products", "file_create": "file_create", "file_delete": "file_delete",
    "file_update": "file_update", "files_search": "files", "files_status": "status", "job_status": "job",
    "product": "media", "product_media_snapshot": "media", "product_reorder_media": "reorder",
    "product_variant_append_media": "variant", "product_variant_detach_media": "variant",
    "product_variant_media": "product", "product_variants": "product", "products_by_id": "status",
    "products_count": "products", "products_page": "products", "shop_and_scopes": "shop", "shown_media": "products",
    "staged_uploads_create": "staged", "variants_page": "products",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(path.stem for path in DOCUMENTS.glob("*.graphql")))
def test_every_document_of_the_connector_is_valid_and_is_a_call(name: str) -> None:
    prepared = prepare(document(name))
    assert isinstance(prepared, Prepared), prepared
    assert call_kind(prepared.operation) in KINDS
    assert EXPECTED.get(name) in {call_kind(prepared.operation), None}


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/admin/api/2026-10/graphql.json", "graphql"),
        ("GET", "/admin/api/2026-10/graphql.json", ""),
        ("POST", "/admin/oauth/access_token", "token"),
        ("GET", "/products/cup", ""),
        ("GET", "/sandbox/state", ""),
    ],
)
def test_paths_are_calls(method: str, path: str, kind: str) -> None:
    assert path_kind(method, path) == kind


def test_what_cannot_be_read_is_a_query() -> None:
    desk = Desk()
    for body in (
        b"{",
        b"[]",
        b'{"query": 1}',
        b'{"query": "{ nothing }"}',
        b'{"query": "{ ...F } fragment F on QueryRoot { shop { id } }"}',
    ):
        desk.client.post("/admin/api/2026-10/graphql.json", data=body, headers={"X-Shopify-Access-Token": desk.token})
    assert [seen.call for seen in desk.parts.requests] == ["query"] * 5
    assert isinstance(desk.app.wsgi_app, Mischief)


# -- the rules' text form ---------------------------------------------------------------------------------------------


@given(st.sampled_from([(call, kind) for call in CALLS for kind in sorted(KINDS[call])]), st.integers(1, 9))
def test_every_rule_can_be_written_and_read(rule: tuple[str, str], count: int) -> None:
    call, kind = rule
    text = f"{call}:{kind}:x{count}"
    read = fault_from_text(text)
    assert (read.call, read.kind, read.count) == (call, kind, count)
    assert FaultRule.from_json(read.to_json()) == read


@pytest.mark.parametrize(
    "text", ["", "x:html", "file_create:nothing", "job:late", "upload:throttled", "reorder:slow=x"]
)
def test_what_is_no_rule_is_explained(text: str) -> None:
    with pytest.raises(FaultError, match=r"unknown call|is no fault of|is not a number"):
        fault_from_text(text)


@pytest.mark.parametrize(
    ("rule", "call", "concerned"),
    [
        ("any:html", "products", True),
        ("any:html", "upload", False),
        ("query:html", "job", True),
        ("query:html", "file_create", False),
        ("mutation:html", "file_create", True),
        ("mutation:html", "products", False),
        ("mutation:html", "token", False),
        ("upload:html", "upload", True),
    ],
)
def test_a_rule_concerns_its_calls(rule: str, call: str, concerned: bool) -> None:
    assert fault_from_text(rule).concerns(call) is concerned


def test_values_are_numbers_or_texts() -> None:
    assert fault_from_text("any:slow").amount == 2.0
    values: dict[str, Any] = {
        text: fault_from_text(text).value
        for text in ("any:slow=3", "reorder:editor=front", "any:lose_scope=write_files", "file_create:fail_media=*.png")
    }
    assert list(values.values()) == [3.0, "front", "write_files", "*.png"]
