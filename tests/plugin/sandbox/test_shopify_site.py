"""The pages, the control side and the log of the sandbox Shopify, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from plugin.sandbox.shopify.model import iso
from plugin.sandbox.shopify.options import ShopifyOptionsError
from plugin.sandbox.shopify.server import DEFAULT_CLIENT, DEFAULT_SECRET, DEFAULT_TOKEN, SandboxOptions, ShopifyService
from tests.plugin.sandbox.shopify_kit import START, Desk, document, picture, product_gid, sent, served

Shop = tuple[ShopifyService, requests.Session]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with served() as made:
        yield made


# -- pages ------------------------------------------------------------------------------------------------------------


def test_the_shop_shows_its_active_products_with_their_first_picture() -> None:
    desk = Desk(name="Tea & more")
    film = desk.store.add_media(b"", "film.mp4", kind="Video")
    desk.store.add_product("Cup <b>", [film, *desk.media()])
    desk.store.add_product("Draft", status="DRAFT")
    desk.store.add_product("Bare")
    page = desk.client.get("/").text
    assert "Tea &amp; more" in page
    assert "Cup &lt;b&gt;" in page
    assert "photo-1.jpg" in page
    assert "Bare" in page
    assert "Draft" not in page


def test_a_products_page_shows_its_media_in_order() -> None:
    desk = Desk()
    film = desk.store.add_media(b"", "film.mp4", kind="Video")
    one, two = desk.media(2)
    late = desk.store.add_media(picture(), "late.jpg", ready=False)
    number = desk.store.add_product("Cup", [two, film, late, one], description="<p>Blue<script>x()</script></p>")
    page = desk.client.get("/products/cup").text
    places = [page.index(word) for word in ("photo-2.jpg", ">Video<", ">MediaImage<", "photo-1.jpg")]
    assert places == sorted(places)
    assert "<script>" not in page
    assert "late.jpg" not in page
    desk.store.update(number, status="ARCHIVED")
    assert desk.client.get("/products/cup").status_code == 404
    assert desk.client.get("/products/none").status_code == 404
    assert (
        "No picture." in desk.client.get(f"/products/{desk.store.products[desk.store.add_product('Bare')].handle}").text
    )


# -- the control side -------------------------------------------------------------------------------------------------


def test_what_the_shop_saw_is_told() -> None:
    desk = Desk()
    number = desk.store.add_product("Cup", desk.media())
    desk.ask("product", id=product_gid(number), first=1)
    desk.token = ""
    desk.send(document("products_count"), {})
    desk.client.post("/admin/api/2026-10/graphql.json", json={"query": "{ shop { id } }"})
    state = desk.client.get("/sandbox/state").get_json()
    counters = desk.client.get("/sandbox/counters").get_json()
    assert counters.items() <= state.items()
    assert state["products"][str(number)]["media"][0][1] == "photo-1.jpg"
    assert state["requests"] == {"media 200": 1, "products 401": 1, "shop 401": 1}
    assert state["points"] == desk.parts.requests[0].points > 0
    assert state["without_token"] == 1
    assert state["throttleStatus"]["maximumAvailable"] == 2000


def test_other_editors_act_by_hand() -> None:
    desk = Desk()
    number = desk.store.add_product("Cup", desk.media(2))
    desk.clock.sleep(30)
    post = desk.client.post
    assert post("/sandbox/inventory", json={"product": number, "by": 5}).status_code == 200
    assert desk.store.variants[desk.store.products[number].variants[0]].inventory == 5
    assert desk.store.products[number].updated == START + 30
    assert post("/sandbox/edit", json={"product": number, "deed": "move", "title": "Mug"}).status_code == 200
    assert (desk.store.products[number].title, desk.store.media_names(number)[0]) == ("Mug", "photo-2.jpg")
    wrong = [
        ("inventory", {"product": 9}),
        ("inventory", {"product": number, "by": "x"}),
        ("edit", {"product": "1"}),
        ("edit", {"product": number, "media": []}),
        ("edit", {"product": number, "deed": "burn"}),
    ]
    answers = [post(f"/sandbox/{path}", json=body) for path, body in wrong]
    assert [answer.status_code for answer in answers] == [400] * 5
    assert all(answer.get_json()["detail"] for answer in answers)


def test_rules_are_set_by_hand() -> None:
    desk = Desk()
    assert desk.client.post("/sandbox/faults", json={"rules": ["shop:http_500:x1"]}).status_code == 200
    assert desk.send(document("shop_and_scopes"), {}).status_code == 500
    assert desk.client.get("/sandbox/faults").get_json()["rules"][0]["fired"] == 1
    assert desk.client.delete("/sandbox/faults").get_json() == {"rules": []}


# -- over real HTTP ---------------------------------------------------------------------------------------------------


def test_the_service_is_what_the_connector_needs(shop: Shop) -> None:
    service, session = shop
    number = service.store.add_product("Cup", [service.store.add_media(picture(), "a.jpg")])
    told = sent(*shop, "product", id=product_gid(number), first=1).json()["data"]["product"]
    url = told["media"]["nodes"][0]["image"]["url"]
    assert url.startswith(service.url)
    assert session.get(url, timeout=5).content == picture()
    assert session.get(told["onlineStoreUrl"], timeout=5).status_code == 200
    assert (service.count(), service.count("media"), service.count("file")) == (1, 1, 1)
    objects = 1 + 1 + 1 + 1  # the product, its option, the range of prices and one price
    assert service.points() == service.requests[0].points == objects + 2 + 2 + 1  # the connection, picture, pageInfo
    assert 2000 - service.points() == service.bucket.level(START)
    service.forget()
    assert service.requests == []
    service.close()
    service.close()


def test_a_bulk_operation_runs_and_its_file_is_streamed(shop: Shop) -> None:
    service, session = shop
    clock = service.store.now
    for title in ("Cup", "Mug"):
        service.store.add_product(title)
    run = sent(*shop, "bulk_run_query", query="{ products { edges { node { id title } } } }").json()["data"]
    gid = run["bulkOperationRunQuery"]["bulkOperation"]["id"]
    clock.sleep(5)  # type: ignore[attr-defined]
    told = sent(*shop, "bulk_status", id=gid).json()["data"]["bulkOperation"]
    assert (told["status"], told["objectCount"]) == ("COMPLETED", "2")
    lines = session.get(told["url"], timeout=5).text.splitlines()
    assert [json.loads(line)["title"] for line in lines] == ["Cup", "Mug"]
    assert session.get(f"{service.url}/bulk/none.jsonl", timeout=5).status_code == 404
    listed = sent(*shop, "bulk_list", query="status:completed").json()["data"]["bulkOperations"]["nodes"]
    assert [each["id"] for each in listed] == [gid]
    refused = sent(*shop, "bulk_cancel", id="gid://shopify/BulkOperation/1").json()["data"]["bulkOperationCancel"]
    assert refused["userErrors"]
    assert sent(*shop, "bulk_list", query="status:running").json()["data"]["bulkOperations"]["nodes"] == []


def test_a_token_is_granted_and_works(shop: Shop) -> None:
    service, session = shop
    body = {"client_id": DEFAULT_CLIENT, "client_secret": DEFAULT_SECRET, "grant_type": "client_credentials"}
    granted = session.post(f"{service.url}/admin/oauth/access_token", json=body, timeout=5)
    assert granted.status_code == 200
    session.headers["X-Shopify-Access-Token"] = granted.json()["access_token"]
    assert sent(*shop, "shop_and_scopes").status_code == 200
    service.access.revoke(granted.json()["access_token"])
    assert sent(*shop, "shop_and_scopes").status_code == 401


def test_the_log_keeps_operations_and_no_secrets(shop: Shop) -> None:
    service, session = shop
    sent(*shop, "products_page", first=1, query="status:active")
    body = {"client_id": DEFAULT_CLIENT, "client_secret": "wrong-secret"}
    session.post(f"{service.url}/admin/oauth/access_token", json=body, timeout=5)
    first, second = service.requests
    assert (first.operation, first.call, first.at) == ("ProductsPage", "products", START)
    assert first.variables == {"first": 1, "query": "status:active"}
    assert (second.call, second.with_token) == ("token", True)
    assert DEFAULT_TOKEN not in repr(service.requests)
    assert "wrong-secret" not in repr(service.requests)
    options = repr(SandboxOptions(access_token="shpat_mine", client_secret="shpss_mine"))
    assert "_mine" not in options


# -- options and the store --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{"catalogue": "other"}, {"attach_at": "middle"}, {"bucket": 0}, {"count": -1}, {"timezone": "Mars"},
     {"media_limit": 0}, {"index_lag": -1}],
)  # fmt: skip
def test_wrong_options_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ShopifyOptionsError, match=next(iter(wrong))):
        SandboxOptions(**wrong)  # type: ignore[arg-type]


def test_a_snapshot_tells_everything_that_an_editor_sees() -> None:
    desk = Desk()
    one, two = desk.media(2)
    number = desk.store.add_product("Cup", [one])
    red = desk.store.add_variant(number, {"Color": "Red"}, one)
    assert desk.store.snapshot() == {
        "products": {
            number: {
                "title": "Cup", "handle": "cup", "status": "ACTIVE", "updated": iso(START),
                "media": [[one, "photo-1.jpg", ""]], "variants": {red: one},
            }
        },
        "files": {one: ["photo-1.jpg", "", "READY"], two: ["photo-2.jpg", "", "READY"]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kept"), [("a b.jpg", "a_b.jpg"), ("../x/茶.jpg", "茶.jpg"), ("c:\\d.jpg", "d.jpg"), ("??", "file")]
)
def test_file_names_are_made_plain_and_stay_different(name: str, kept: str) -> None:
    desk = Desk()
    for _ in range(2):
        desk.store.add_media(picture(), name)
    first, second = desk.store.file_names()
    assert (first, first != second) == (kept, True)
