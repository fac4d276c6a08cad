"""The parts of WordPress itself: the library, posts, the shop's pages, and the sandbox's own addresses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from PIL import Image

from plugin.listener import ListenerError
from plugin.sandbox.woocommerce.pace import PER_PRODUCT, PER_PRODUCT_FEW, REQUEST, SERIAL, Pace
from plugin.sandbox.woocommerce.server import DEFAULT_KEY, WooOptions, WooOptionsError, WooService, serve_woocommerce
from tests.plugin.sandbox.woo_kit import BASIC, PICTURE, add_product, api, hook_receiver, https, picture, pictures, shop


@pytest.fixture(scope="module")
def secure() -> Iterator[tuple[WooService, requests.Session]]:
    with shop(tls=True) as service, https(service) as session:
        yield service, session


def media(service: WooService, rest: str = "") -> str:
    """An address of the library."""
    return f"{service.url}/wp-json/wp/v2/media{rest}"


def test_a_picture_is_uploaded_as_a_form(secure: tuple[WooService, requests.Session]) -> None:
    service, session = secure
    data = {"alt_text": "一只杯子", "title": "hs-abc"}
    answer = session.post(media(service), data=data, files={"file": ("杯子 1.jpg", PICTURE, "image/jpeg")})
    body = answer.json()
    assert (answer.status_code, body["alt_text"], body["title"]["raw"]) == (201, "一只杯子", "hs-abc")
    assert body["source_url"].endswith("/杯子-1.jpg")
    assert session.get(body["source_url"]).content == PICTURE
    assert service.store.attachments[body["id"]].alt == "一只杯子"
    assert answer.headers["Location"] == media(service, f"/{body['id']}")


def test_a_picture_is_uploaded_as_bytes(secure: tuple[WooService, requests.Session]) -> None:
    service, session = secure
    headers = {"Content-Disposition": 'attachment; filename="raw.png"', "Content-Type": "image/png"}
    body = session.post(media(service), data=PICTURE, headers=headers).json()
    assert (body["title"]["rendered"], body["mime_type"]) == ("raw", "image/jpeg")
    assert body["source_url"].endswith("/raw.jpg")
    nameless = session.post(media(service), data=PICTURE, headers={"Content-Type": "image/png"})
    assert (nameless.status_code, nameless.json()["code"]) == (400, "rest_upload_no_content_disposition")
    assert session.post(media(service)).json()["code"] == "rest_upload_no_data"
    html = session.post(media(service), files={"file": ("x.jpg", b"<html></html>")})
    assert (html.status_code, html.json()["code"]) == (500, "rest_upload_unknown_error")


def test_the_library_is_searched_by_title_not_by_file_name(secure: tuple[WooService, requests.Session]) -> None:
    service, session = secure
    kept = service.store.add_attachment(PICTURE, "hs-key-in-the-name.jpg", title="Something else")
    found = service.store.add_attachment(PICTURE, "other.jpg", title="hs-key-in-the-title")
    answer = session.get(media(service), params={"search": "hs-key", "_fields": "id"})
    assert answer.json() == [{"id": found}]
    listed = session.get(
        media(service), params={"include": f"{kept},{found}", "_fields": "id,source_url", "order": "asc"}
    )
    assert [entry["id"] for entry in listed.json()] == [kept, found]
    past = session.get(media(service), params={"page": 99})
    assert (past.status_code, past.json()["code"]) == (400, "rest_post_invalid_page_number")


def test_file_names_are_searched_by_choice() -> None:
    with shop(search_file_names=True) as service:
        made = service.store.add_attachment(PICTURE, "hs-key.jpg", title="Something else")
        listed = requests.get(media(service), params={"search": "HS-key", "_fields": "id"}, timeout=5)
        assert listed.json() == [{"id": made}]


def test_pictures_are_shown_changed_and_deleted_only_with_force(secure: tuple[WooService, requests.Session]) -> None:
    service, session = secure
    made = service.store.add_attachment(PICTURE, "doomed.jpg")
    product = service.store.add_product("Holder", [made])
    address = media(service, f"/{made}")
    assert session.get(address, params={"_fields": "media_details.width"}).json() == {"media_details": {"width": 800}}
    assert session.post(address, json={"alt_text": "new", "title": "T"}).json()["alt_text"] == "new"
    refused = session.delete(address)
    assert (refused.status_code, refused.json()["code"]) == (501, "rest_trash_not_supported")
    done = session.delete(address, params={"force": "true"}).json()
    assert (done["deleted"], done["previous"]["id"]) == (True, made)
    assert session.get(address).status_code == 404
    assert (service.store.products[product].image, service.store.images(product)) == (0, [])


@pytest.mark.parametrize("auth", [None, BASIC])
def test_strangers_may_look_but_not_touch(
    secure: tuple[WooService, requests.Session], auth: tuple[str, str] | None
) -> None:
    service, _ = secure
    made = service.store.add_attachment(PICTURE, "public.jpg")
    with https(service, auth) as session:
        address = media(service, f"/{made}")
        assert session.get(address).status_code == (200 if auth is None else 401)
        assert session.post(address, json={"alt_text": "x"}).status_code == 401
        assert session.delete(address, params={"force": "true"}).status_code == 401
        assert session.get(f"{service.url}/wp-json/wp/v2/users/me").status_code == 401
    assert made in service.store.attachments


def test_posts_show_which_picture_is_the_main_one(secure: tuple[WooService, requests.Session]) -> None:
    service, session = secure
    images = [service.store.add_attachment(PICTURE, f"p-{number}.jpg") for number in range(2)]
    normal = service.store.add_product("Normal", images)
    gallery = service.store.add_product("Gallery", images, gallery_only=True)
    draft = service.store.add_product("Draft", images, status="draft")
    address = f"{service.url}/wp-json/wp/v2/product"
    fields = {"include": f"{normal},{gallery},{draft}", "_fields": "id,featured_media", "status": "any"}
    found = {entry["id"]: entry["featured_media"] for entry in session.get(address, params=fields).json()}
    assert found == {normal: images[0], gallery: 0, draft: images[0]}
    assert session.get(f"{address}/{draft}").json()["status"] == "draft"
    with https(service, None) as stranger:
        assert stranger.get(f"{address}/{gallery}").json()["featured_media"] == 0
        assert stranger.get(f"{address}/{draft}").status_code == 401
        assert stranger.get(f"{address}/999999").status_code == 404
        assert stranger.get(address, params=fields).status_code == 401
        public = stranger.get(address, params={"include": fields["include"], "_fields": "id"}).json()
        assert {entry["id"] for entry in public} == {normal, gallery}


def test_sizes_and_pages_are_served() -> None:
    with shop() as service:
        wide = service.store.add_attachment(picture(800, 600), "wide.jpg")
        product = service.store.add_product("Mug <b>红</b>", [wide], description="<p>Oak &amp; clay</p>")
        shown = api(service).get(f"products/{product}").json()
        image = shown["images"][0]
        for part in image["srcset"].split(", "):
            url, _, width = part.partition(" ")
            with Image.open(io.BytesIO(requests.get(url, timeout=5).content)) as served:
                assert f"{served.width}w" == width
        with Image.open(io.BytesIO(requests.get(image["thumbnail"], timeout=5).content)) as thumbnail:
            assert thumbnail.size == (324, 324)
        page = requests.get(shown["permalink"], timeout=5).text
        assert image["src"] in page
        assert "Mug &lt;b&gt;红" in page
        assert "Oak &amp; clay" in page
        assert shown["permalink"] in requests.get(service.url, timeout=5).text
        assert requests.get(f"{service.url}/product/none/", timeout=5).status_code == 404
        service.store.lose_file(wide)
        assert requests.get(image["src"], timeout=5).status_code == 404
        assert requests.get(image["thumbnail"], timeout=5).status_code == 404


def test_webhooks_ping_at_once_unsigned_and_deliver_signed() -> None:
    with shop() as service, hook_receiver() as (url, received):
        client = api(service)
        hook = {"name": "h", "topic": "product.updated", "delivery_url": url, "secret": "s3"}
        made = client.post("webhooks", hook)
        assert (made.status_code, "secret" in made.json()) == (201, False)
        assert received.pop()[1] == b"webhook_id=1"
        product = add_product(service)
        client.put(f"products/{product}", {"name": "New"})
        client.put(f"products/{product}", {"name": "Newer"})
        assert service.hooks.deliver() == 1
        headers, body = received.pop()
        signature = base64.b64encode(hmac.new(b"s3", body, hashlib.sha256).digest()).decode()
        assert headers["X-Wc-Webhook-Signature"] == signature
        assert b'"Newer"' in body
        variation = service.store.add_variation(product, {"Color": "Red"}, sku="V")
        client.put(f"products/{product}/variations/{variation}", {"sku": "W"})
        assert service.hooks.deliver() == 1
        assert json.loads(received.pop()[1])["parent_id"] == product
        client.delete(f"products/{product}", params={"force": "true"})
        assert service.hooks.deliver() == 0
        assert client.get("webhooks").json()[0]["id"] == 1
        assert client.delete("webhooks/1").status_code == 501
        assert client.delete("webhooks/1", params={"force": "true"}).status_code == 200
        assert client.get("webhooks/1").status_code == 404


def test_a_webhook_is_made_even_if_nobody_answers_its_ping_and_ends_after_failures() -> None:
    with shop() as service:
        client = api(service)
        hook = {"topic": "product.deleted", "delivery_url": "http://127.0.0.1:9/hook"}
        assert client.post("webhooks", hook).status_code == 201
        for _ in range(6):
            client.delete(f"products/{add_product(service)}")
            assert service.hooks.deliver() == 0
        assert client.get("webhooks/1").json()["status"] == "disabled"
        assert client.post("webhooks", {"topic": "x"}).json()["code"] == "woocommerce_rest_webhook_invalid_topic"
        wrong = client.post("webhooks", {"topic": "product.updated", "delivery_url": "nowhere"})
        assert wrong.json()["code"] == "woocommerce_rest_webhook_invalid_delivery_url"


def test_the_sandboxs_own_addresses() -> None:
    with shop() as service:
        product = add_product(service)
        control = f"{service.url}/sandbox"
        rules = requests.post(f"{control}/faults", json={"rules": ["list:http_503:x1"]}, timeout=5).json()["rules"]
        assert (rules[0]["kind"], rules[0]["fired"]) == ("http_503", 0)
        more = {"rules": [{"call": "write", "kind": "editor", "count": 1}], "add": True}
        assert len(requests.post(f"{control}/faults", json=more, timeout=5).json()["rules"]) == 2
        assert api(service).get("products").status_code == 503
        state = requests.get(f"{control}/state", timeout=5).json()
        assert state["products"][str(product)]["images"] == ["mug-1.jpg", "mug-2.jpg"]
        assert state["requests"] == {"list 503": 1}
        assert requests.get(f"{control}/faults", timeout=5).json()["rules"][0]["fired"] == 1
        assert requests.delete(f"{control}/faults", timeout=5).json() == {"rules": []}
        assert requests.post(f"{control}/cron", timeout=5).json() == {"delivered": 0}
        assert service.count("list") == service.count() == 1
        service.forget()
        assert service.count() == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", b'{"rules": ["write:unknown"]}'),
        ("keys", b'{"key": 3}'),
        ("keys", b'{"key": "ck", "secret": "cs", "permissions": "all"}'),
    ],
)
def test_wrong_words_to_the_sandbox_are_explained(path: str, body: bytes) -> None:
    with shop() as service:
        answer = requests.post(f"{service.url}/sandbox/{path}", data=body, timeout=5)
        assert answer.status_code == 400
        assert answer.json()["detail"]


def test_keys_are_changed_by_hand() -> None:
    with shop() as service:
        keys = f"{service.url}/sandbox/keys"
        requests.post(keys, json={"key": "ck_new", "secret": "cs_new", "permissions": "read"}, timeout=5)
        assert api(service, "ck_new", "cs_new").get("products").status_code == 200
        requests.post(keys, json={"key": DEFAULT_KEY, "secret": None}, timeout=5)
        assert api(service).get("products").status_code == 401
        given = requests.post(keys, json={"user": "editor", "password": "abcd efgh"}, timeout=5).json()
        assert given == {"name": "editor", "revoked": False}


def test_the_sample_shop_has_every_case() -> None:
    with shop(catalogue="sample") as service:
        store = service.store
        products = list(store.products.values())
        statuses = {product.status for product in products}
        assert statuses == {"publish", "draft", "pending", "private"}
        assert 12 <= len(products) <= 30
        assert [product.name for product in products if not product.image and product.gallery] != []
        assert [p.name for p in products if p.image and p.image not in store.attachments] != []
        assert [p.name for p in products if not p.image_ids] != []
        assert any(not name.isascii() for product in products for name in store.image_names(product.id))
        own = {variation.image for variation in store.variations.values()}
        assert 0 in own
        assert len(own) > 2
        total = api(service).get("products").headers["X-WP-Total"]
        assert int(total) == len(products)


def test_many_products_share_few_photos() -> None:
    with shop(catalogue="many", count=120) as service:
        answer = api(service).get("products", params={"per_page": 100, "_fields": "id,images.id"})
        assert (answer.headers["X-WP-Total"], len(answer.json())) == ("120", 100)
        assert len(set(service.store.files.values())) <= 8


def test_a_pace_slows_reading() -> None:
    with shop(catalogue="many", count=60, pace=0.5) as service:
        started = time.monotonic()
        listed = api(service).get("products", params={"per_page": 50, "_fields": "id"}).json()
        assert time.monotonic() - started >= 0.5 * (REQUEST + 50 * PER_PRODUCT_FEW)
    assert len(listed) == 50


def test_part_of_a_stores_work_is_done_for_one_request_after_another() -> None:
    waits: list[float] = []
    pace = Pace(2.0, waits.append)
    pace.read(100, "id,name")
    pace.read(100, "")
    few, every = 2 * (REQUEST + 100 * PER_PRODUCT_FEW), 2 * (REQUEST + 100 * PER_PRODUCT)
    assert waits == pytest.approx([few * (1 - SERIAL), few * SERIAL, every * (1 - SERIAL), every * SERIAL])
    pace.close()
    pace.read(100, "")
    Pace(0.0, waits.append).picture(4000, 4000)
    assert len(waits) == 4


def test_the_serial_part_is_not_shared() -> None:
    started = time.monotonic()
    pace = Pace(1.0)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(pace.spend, (0.05, 0.05, 0.05)))
    assert time.monotonic() - started >= 3 * 0.05 * SERIAL


@pytest.mark.parametrize(
    "options",
    [
        {"catalogue": "other"},
        {"catalogue": "recorded"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../etc"},
        {"pace": -1},
        {"fetch_timeout": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(WooOptionsError):
        WooOptions(**options)  # type: ignore[arg-type]


def test_closing_twice_is_harmless_and_a_taken_port_is_said() -> None:
    with pictures() as (taken, _):
        for tls in (False, True):
            with pytest.raises(ListenerError, match="in use"):
                serve_woocommerce(WooOptions(catalogue="empty"), port=int(taken.rpartition(":")[2]), tls=tls)
    service = serve_woocommerce(WooOptions(catalogue="empty"), tls=True)
    ca_file = service.ca_file
    assert ca_file is not None
    assert ca_file.exists()
    service.close()
    service.close()
    assert not ca_file.exists()
