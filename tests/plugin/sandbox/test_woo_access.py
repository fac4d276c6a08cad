"""Who may do what: OAuth over http, Basic and Application Passwords over https, and keys that lose their rights."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
import requests
from woocommerce import API
from woocommerce.oauth import OAuth

from plugin.sandbox.woocommerce.server import DEFAULT_KEY, DEFAULT_SECRET, READ_KEY, READ_SECRET, WooService
from tests.plugin.sandbox.woo_kit import BASIC, PASSWORD, PICTURE, add_product, api, https, shop


@pytest.fixture
def plain() -> Iterator[WooService]:
    with shop() as service:
        add_product(service)
        yield service


@pytest.fixture
def secure() -> Iterator[WooService]:
    with shop(tls=True) as service:
        add_product(service)
        yield service


def signed(service: WooService, path: str, **changes: Any) -> str:
    """A signed address."""
    oauth = OAuth(
        changes.pop("url", f"{service.url}/wp-json/wc/v3/{path}"),
        changes.pop("key", DEFAULT_KEY),
        changes.pop("secret", DEFAULT_SECRET),
        **changes,
    )
    address: str = oauth.get_oauth_url()
    return address


def refusal(response: requests.Response) -> tuple[int, str]:
    """Status and message of an error."""
    return response.status_code, response.json()["message"]


def test_the_packages_own_client_reads_and_writes_over_http(plain: WooService) -> None:
    client = api(plain)
    product = client.get("products", params={"per_page": 5, "search": "Mug & a b~c*"}).json()
    assert product == []
    listed = client.get("products", params={"_fields": "id,name,images.src"}).json()
    assert [entry["name"] for entry in listed] == ["Mug"]
    assert client.put(f"products/{listed[0]['id']}", {"name": "杯子"}).json()["name"] == "杯子"


def test_sha1_signatures_are_taken_too(plain: WooService) -> None:
    url = f"{plain.url}/wp-json/wc/v3/products"
    params = {
        "oauth_consumer_key": DEFAULT_KEY,
        "oauth_nonce": "n-1",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(time.time())),
    }
    joined = "%26".join(quote(f"{name}={quote(value, safe='')}", safe="") for name, value in sorted(params.items()))
    digest = hmac.new(f"{DEFAULT_SECRET}&".encode(), f"GET&{quote(url, safe='')}&{joined}".encode(), hashlib.sha1)
    params["oauth_signature"] = base64.b64encode(digest.digest()).decode()
    assert requests.get(f"{url}?{urlencode(params)}", timeout=5).status_code == 200
    unknown = {**params, "oauth_nonce": "n-2", "oauth_signature_method": "PLAINTEXT"}
    assert refusal(requests.get(f"{url}?{urlencode(unknown)}", timeout=5)) == (
        401,
        "Invalid signature - signature method is invalid.",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "ck_other"}, "Consumer key is invalid."),
        ({"secret": "cs_other"}, "Invalid signature - provided signature does not match."),
    ],
)
def test_wrong_signatures_are_refused(plain: WooService, changes: dict[str, Any], message: str) -> None:
    answer = requests.get(signed(plain, "products", **changes), timeout=5)
    assert refusal(answer) == (401, message)
    assert answer.json()["code"] == "woocommerce_rest_authentication_error"
    assert "Allow" not in answer.headers


@pytest.mark.parametrize("off", [-1000, 1000])
def test_a_clock_that_is_off_is_refused(plain: WooService, off: int) -> None:
    url = signed(plain, "products", oauth_timestamp=int(time.time()) + off)
    assert refusal(requests.get(url, timeout=5)) == (401, "Invalid timestamp.")


def test_a_nonce_is_good_once(plain: WooService) -> None:
    url = signed(plain, "products")
    assert requests.get(url, timeout=5).status_code == 200
    assert refusal(requests.get(url, timeout=5)) == (401, "Invalid nonce - nonce has already been used.")


def test_the_signed_address_must_be_the_stores_own(plain: WooService) -> None:
    other = f"http://localhost:{plain.url.rpartition(':')[2]}/wp-json/wc/v3/products"
    answer = requests.get(signed(plain, "", url=other), timeout=5)
    assert refusal(answer) == (401, "Invalid signature - provided signature does not match.")


def test_a_signature_is_for_one_method_and_one_query(plain: WooService) -> None:
    url = signed(plain, "products")
    assert requests.post(url, json={"name": "x"}, timeout=5).status_code == 401
    assert requests.get(f"{signed(plain, 'products')}&per_page=2", timeout=5).status_code == 401


def test_some_oauth_parameters_are_not_enough(plain: WooService) -> None:
    answer = requests.get(f"{plain.url}/wp-json/wc/v3/products?oauth_consumer_key=ck_sandbox", timeout=5)
    assert answer.json()["code"] == "woocommerce_rest_authentication_missing_parameter"
    assert answer.status_code == 401


def test_over_http_basic_and_query_keys_do_not_count(plain: WooService) -> None:
    url = f"{plain.url}/wp-json/wc/v3/products"
    basic = requests.get(url, auth=BASIC, timeout=5)
    assert refusal(basic) == (401, "Sorry, you cannot list resources.")
    query = requests.get(url, params={"consumer_key": BASIC[0], "consumer_secret": BASIC[1]}, timeout=5)
    assert query.status_code == 401
    assert requests.get(f"{plain.url}/wp-json/wp/v2/users/me", auth=PASSWORD, timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"include": "12,16"}, 200),
        ({"include": [12, 16]}, 401),
        ({"search": ""}, 401),
        ({"search": "50%25"}, 401),
    ],
)
def test_what_the_packages_client_signs_wrongly_is_refused(
    plain: WooService, parameters: dict[str, Any], status: int
) -> None:
    # observed with woocommerce 3.0.0 on a genuine store
    assert api(plain).get("products", params=parameters).status_code == status


def test_over_https_basic_counts_and_the_last_of_equal_names(secure: WooService) -> None:
    second = add_product(secure)
    with https(secure, BASIC) as session:
        answer = session.get(f"{secure.url}/wp-json/wc/v3/products?include=13&include={second}")
        assert [product["id"] for product in answer.json()] == [second]
        session.auth = (DEFAULT_KEY, "cs_wrong")
        assert refusal(session.get(f"{secure.url}/wp-json/wc/v3/products")) == (401, "Consumer secret is invalid.")
        session.auth = None
        query = {"consumer_key": BASIC[0], "consumer_secret": BASIC[1]}
        assert session.get(f"{secure.url}/wp-json/wc/v3/products", params=query).status_code == 200


def test_the_packages_client_works_over_https(secure: WooService) -> None:
    client = API(secure.url, *BASIC, version="wc/v3", verify_ssl=False, timeout=10)
    with pytest.warns(Warning, match="Unverified HTTPS"):
        answer = client.get("products")
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["put", "post", "delete"])
def test_a_read_only_key_may_not_write(plain: WooService, method: str) -> None:
    client = api(plain, READ_KEY, READ_SECRET)
    assert client.get("products").status_code == 200
    calls: dict[str, Callable[[], requests.Response]] = {
        "put": lambda: client.put("products/13", {"name": "x"}),
        "post": lambda: client.post("products", {"name": "x"}),
        "delete": lambda: client.delete("products/13"),
    }
    assert refusal(calls[method]()) == (401, "The API key provided does not have write permissions.")
    assert plain.store.products[13].name == "Mug"


def test_consumer_keys_cannot_upload(secure: WooService) -> None:
    with https(secure, BASIC) as session:
        answer = session.post(f"{secure.url}/wp-json/wp/v2/media", files={"file": ("x.jpg", PICTURE)})
    assert answer.status_code == 401


def test_application_passwords_work_on_both_and_in_any_grouping(secure: WooService) -> None:
    user, password = PASSWORD
    with https(secure, (user, password.replace(" ", ""))) as session:
        me = session.get(f"{secure.url}/wp-json/wp/v2/users/me", params={"context": "edit"}).json()
        assert (me["name"], me["capabilities"]["upload_files"]) == (user, True)
        assert session.get(f"{secure.url}/wp-json/wc/v3/products").status_code == 200
        session.auth = (user, "wrong")
        assert session.get(f"{secure.url}/wp-json/wp/v2/users/me").json()["code"] == "incorrect_password"
        session.auth = ("nobody", "wrong")
        assert session.get(f"{secure.url}/wp-json/wp/v2/users/me").json()["code"] == "invalid_username"


def test_rights_can_be_lost_and_given_at_run_time(plain: WooService) -> None:
    client = api(plain)
    plain.gate.restrict(DEFAULT_KEY)
    assert client.put("products/13", {"name": "x"}).status_code == 401
    plain.gate.revoke(DEFAULT_KEY)
    assert client.get("products").json()["message"] == "Consumer key is invalid."
    plain.gate.set_key(DEFAULT_KEY, DEFAULT_SECRET)
    assert client.put("products/13", {"name": "x"}).status_code == 200


def test_a_password_can_be_revoked(secure: WooService) -> None:
    with https(secure) as session:
        secure.gate.revoke(PASSWORD[0])
        assert session.get(f"{secure.url}/wp-json/wp/v2/users/me").status_code == 401
        secure.gate.set_password(*PASSWORD)
        assert session.get(f"{secure.url}/wp-json/wp/v2/users/me").status_code == 200


def test_the_certificate_is_checked_and_connections_are_kept(secure: WooService) -> None:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(secure.url)
    context = ssl.create_default_context(cafile=str(secure.ca_file))
    with closing(http.client.HTTPSConnection("localhost", urlsplit(secure.url).port, context=context)) as connection:
        sockets = set()
        for _ in range(3):
            connection.request("GET", "/wp-json/")
            assert connection.getresponse().read().startswith(b"{")
            sockets.add(connection.sock)
    assert len(sockets) == 1


def test_no_credentials_in_the_log_of_requests(plain: WooService) -> None:
    api(plain).get("products", params={"per_page": 3})
    seen = plain.requests[-1]
    assert (seen.call, seen.params, seen.who, seen.status) == ("list", {"per_page": "3"}, DEFAULT_KEY, 200)
    assert DEFAULT_SECRET not in repr(plain.requests)
