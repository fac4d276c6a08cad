"""What the sandbox Shopify tells of single things, and what it refuses to tell."""

from __future__ import annotations

import pytest

from plugin.sandbox.shopify.model import handle_of, iso, number_of
from tests.plugin.sandbox.shopify_kit import API, START, Desk, document, picture, product_gid

# -- one product ------------------------------------------------------------------------------------------------------


def test_a_product_is_told_with_all_that_the_connector_asks() -> None:
    desk = Desk(currency="CNY")
    first, second = desk.media(2)
    number = desk.store.add_product(
        "Cup's 茶杯", [first, second], description="<p>Blue <b>&amp; white</b></p>", vendor="Hebo", product_type="Cups",
        tags=["blue"], category="Home > Cups", price="10.50",
    )  # fmt: skip
    told = desk.data("product", id=product_gid(number), first=10)
    image = {"url": "http://localhost/cdn/shop/files/photo-1.jpg?v=1795000000", "width": 40, "height": 30}
    assert told["media"]["nodes"][0] == {
        "id": first, "alt": "", "status": "READY", "mediaContentType": "IMAGE", "image": image
    }  # fmt: skip
    assert {name: told[name] for name in told if name not in {"media", "id"}} == {
        "title": "Cup's 茶杯", "description": "Blue & white", "vendor": "Hebo", "productType": "Cups", "tags": ["blue"],
        "status": "ACTIVE", "createdAt": iso(START), "updatedAt": iso(START),
        "onlineStoreUrl": "http://localhost/products/cups-茶杯",
        "category": {"fullName": "Home > Cups"}, "options": [{"name": "Title", "values": ["Default Title"]}],
        "priceRangeV2": {"minVariantPrice": {"amount": "10.5", "currencyCode": "CNY"}},
    }  # fmt: skip


@pytest.mark.parametrize("gid", ["gid://shopify/Product/999", "gid://shopify/MediaImage/1", "12", ""])
def test_what_is_not_there_is_null(gid: str) -> None:
    desk = Desk()
    assert desk.data("product", id=gid, first=1) is None
    assert desk.data("files_status", ids=[gid]) == [None]
    assert desk.data("job_status", id=gid) is None
    assert desk.data("bulk_status", id=gid) is None


def test_a_cut_description_ends_with_an_ellipsis() -> None:
    desk = Desk()
    number = desk.store.add_product("Cup", description="<p>0123456789</p>")
    text = "query($id: ID!) { product(id: $id) { a: description(truncateAt: 8) b: description } }"
    assert desk.data(text, id=product_gid(number)) == {"a": "01234...", "b": "0123456789"}


def test_drafts_have_no_page_of_their_own() -> None:
    desk = Desk()
    number = desk.store.add_product("Cup", status="DRAFT")
    assert desk.data("product", id=product_gid(number), first=1)["onlineStoreUrl"] is None


def test_variants_are_told_with_options_prices_and_media() -> None:
    desk = Desk()
    first, second = desk.media(2)
    number = desk.store.add_product("Shoe", [first, second], price="9.00")
    red = desk.store.add_variant(number, {"Color": "Red", "Size": "42"}, second)
    desk.store.add_variant(number, {"Color": "Blue", "Size": "42"}, price="12.00")
    told = desk.data("product_variants", id=product_gid(number), first=10)["variants"]["nodes"]
    assert [(each["price"], [node["id"] for node in each["media"]["nodes"]]) for each in told] == [
        ("9.00", [second]),
        ("12.00", []),
    ]
    assert told[0]["selectedOptions"] == [{"name": "Color", "value": "Red"}, {"name": "Size", "value": "42"}]
    assert number_of(told[0]["id"]) == red
    assert desk.data("product", id=product_gid(number), first=1)["options"] == [
        {"name": "Color", "values": ["Red", "Blue"]},
        {"name": "Size", "values": ["42"]},
    ]
    every = desk.data("variants_page", first=5, query=f"product_ids:{number},7")["nodes"]
    assert [each["product"]["id"] for each in every] == [product_gid(number)] * 2
    assert desk.data("variants_page", first=5, query="product_ids:7")["nodes"] == []


def test_other_media_stand_in_the_same_list() -> None:
    desk = Desk()
    film = desk.store.add_media(b"", "film.mp4", kind="Video")
    tube = desk.store.add_media(b"", "tube", kind="ExternalVideo", host_url="https://youtube.example/1")
    model = desk.store.add_media(b"", "shoe.glb", kind="Model3d")
    number = desk.store.add_product("Shoe", [film, *desk.media(), tube, model])
    text = """query($id: ID!) { product(id: $id) { featuredMedia { id } media(first: 9) { nodes { mediaContentType
      ... on Video { filename } ... on ExternalVideo { host originUrl } ... on Model3d { fileStatus } } } } }"""
    told = desk.data(text, id=product_gid(number))
    assert told["featuredMedia"]["id"] == film
    assert [node["mediaContentType"] for node in told["media"]["nodes"]] == [
        "VIDEO", "IMAGE", "EXTERNAL_VIDEO", "MODEL_3D"
    ]  # fmt: skip


def test_a_picture_has_no_address_before_it_is_ready() -> None:
    desk = Desk(ready_after=4)
    media = desk.store.add_media(picture(), "late.jpg", ready=False)
    number = desk.store.add_product("Cup", [media])
    seen = []
    for _ in range(3):
        node = desk.data("product_media_snapshot", id=product_gid(number), first=1)["media"]["nodes"][0]
        seen.append((node["status"], node["image"] is None))
        desk.clock.sleep(2)
    assert seen == [("UPLOADED", True), ("PROCESSING", True), ("READY", False)]
    assert desk.data("product", id=product_gid(number), first=1)["updatedAt"] == iso(START + 4)


def test_the_shop_and_what_the_token_may() -> None:
    desk = Desk(scopes=("write_products",), plan="Shopify Plus", name="店铺")
    answer = desk.ask("shop_and_scopes")["data"]
    assert (answer["shop"]["name"], answer["shop"]["plan"]["shopifyPlus"]) == ("店铺", True)
    scopes = answer["currentAppInstallation"]["accessScopes"]
    assert [scope["handle"] for scope in scopes] == ["read_products", "write_products"]


# -- what is refused --------------------------------------------------------------------------------------------------


def test_without_a_good_token_nothing_is_told() -> None:
    desk = Desk()
    for token in ("", "shpat_other"):
        desk.token = token
        response = desk.send(document("shop_and_scopes"), {})
        assert (response.status_code, list(response.get_json())) == (401, ["errors"])


@pytest.mark.parametrize(("scopes", "refused"), [((), True), (("read_products",), False), (("write_files",), True)])
def test_products_need_their_scope(scopes: tuple[str, ...], refused: bool) -> None:
    desk = Desk(scopes=scopes)
    answer = desk.ask("{ products(first: 1) { nodes { id } } }")
    assert (answer["data"] is None) == refused
    if refused:
        assert answer["errors"][0]["extensions"]["requiredAccess"] == "`read_products` access scope."
        assert answer["errors"][0]["path"] == ["products"]


@pytest.mark.parametrize("text", ["{ shop { ", "{ shop { nothing } }", "{ products { nodes { id } } } { shop { id } }"])
def test_a_wrong_document_gives_errors_and_no_data(text: str) -> None:
    answer = Desk().ask(text)
    assert list(answer) == ["errors"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"query": 1}', b'{"query": "{ shop { id } }", "variables": []}'])
def test_a_request_that_is_no_graphql_is_400_or_served(body: bytes) -> None:
    desk = Desk()
    response = desk.client.post(API, data=body, headers={"X-Shopify-Access-Token": desk.token})
    assert response.status_code == (200 if b"shop" in body else 400)


def test_a_path_that_is_no_version_is_404() -> None:
    desk = Desk()
    headers = {"X-Shopify-Access-Token": desk.token}
    statuses = [
        desk.client.post(f"/admin/api/{version}/graphql.json", json={"query": "{ shop { id } }"}, headers=headers)
        for version in ("unstable", "2026-10", "v3")
    ]
    assert [response.status_code for response in statuses] == [200, 200, 404]


def test_webhooks_are_kept_once_for_each_address() -> None:
    desk = Desk()
    create = """mutation($u: String) { webhookSubscriptionCreate(topic: PRODUCTS_UPDATE, webhookSubscription: {uri: $u})
      { webhookSubscription { id topic uri format includeFields } userErrors { field message } } }"""
    made = desk.data(create, u="https://hooks.example/a")["webhookSubscription"]
    assert (made["uri"], made["format"], made["includeFields"]) == ("https://hooks.example/a", "JSON", [])
    for uri, message in (("https://hooks.example/a", "has already been taken"), ("", "can't be blank")):
        assert message in desk.data(create, u=uri)["userErrors"][0]["message"]
    listed = "{ webhookSubscriptions(first: 5, topics: [PRODUCTS_UPDATE]) { nodes { id } } }"
    assert desk.data(listed)["nodes"] == [{"id": made["id"]}]
    delete = """mutation($i: ID!) { webhookSubscriptionDelete(id: $i)
      { deletedWebhookSubscriptionId userErrors { message } } }"""
    assert desk.data(delete, i=made["id"])["deletedWebhookSubscriptionId"] == made["id"]
    assert desk.data(delete, i=made["id"])["deletedWebhookSubscriptionId"] is None
    assert desk.data(listed)["nodes"] == []


@pytest.mark.parametrize(
    ("title", "handle"),
    [("Tea Cup!", "tea-cup"), ("Men's  shoe", "mens-shoe"), ("茶杯 A", "茶杯-a"), ("!!", "product")],
)
def test_handles_come_of_titles_and_stay_different(title: str, handle: str) -> None:
    assert handle_of(title) == handle
    desk = Desk()
    handles = [desk.store.products[desk.store.add_product(title)].handle for _ in range(2)]
    assert handles == [handle, f"{handle}-1"]
