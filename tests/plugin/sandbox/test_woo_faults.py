"""What goes wrong on request, on the right side of the store's own work; and the other editors."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from plugin.sandbox.faults import FaultError
from plugin.sandbox.woocommerce.faults import CALLS, KINDS, FaultRule, fault_from_text
from plugin.sandbox.woocommerce.mischief import classify
from plugin.sandbox.woocommerce.server import WooService
from tests.plugin.sandbox.woo_kit import PASSWORD, PICTURE, add_product, api, https, shop


@pytest.fixture
def service() -> Iterator[WooService]:
    with shop() as made:
        yield made


def append(service: WooService, product: int) -> requests.Response:
    """Our own write: everything that is there, and one picture more."""
    ours = service.store.add_attachment(PICTURE, "ours.jpg")
    images = [*service.store.images(product), ours]
    answer: requests.Response = api(service).put(f"products/{product}", {"images": [{"id": i} for i in images]})
    return answer


OURS = ["mug-1.jpg", "mug-2.jpg", "ours.jpg"]
BEFORE = ["mug-1.jpg", "mug-2.jpg"]


@pytest.mark.parametrize(
    ("rule", "status", "done"),
    [
        ("write:http_500", 500, False),
        ("write:http_502_after", 502, True),
        ("write:http_503", 503, False),
        ("write:http_504_after", 504, True),
        ("write:rate_limited=7", 429, False),
        ("write:html", 200, False),
        ("write:html_after", 200, True),
        ("write:truncated", 200, True),
        ("write:empty_body", 200, True),
        ("write:redirect", 302, False),
        ("write:read_only", 401, False),
        ("write:revoke", 401, False),
    ],
)
def test_answers_are_spoiled_before_or_after_the_work(service: WooService, rule: str, status: int, done: bool) -> None:
    product = add_product(service)
    service.fault(f"{rule}:x1")
    session = requests.Session()
    with session:
        session.max_redirects = 0
        try:
            answer = append(service, product)
        except requests.RequestException:
            assert status == 302
        else:
            assert answer.status_code == status
            if status == 429:
                assert answer.headers["Retry-After"] == "7"
            if status == 200:
                assert "id" not in readable(answer)
    assert service.store.image_names(product) == (OURS if done else BEFORE)
    assert service.requests[0].status == status


def readable(answer: requests.Response) -> dict[str, object]:
    """The JSON of an answer; empty where it is none."""
    try:
        body: dict[str, object] = answer.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return body


@pytest.mark.parametrize(("kind", "done"), [("drop_before", False), ("drop_after", True), ("cut_body", True)])
def test_cut_connections(service: WooService, kind: str, done: bool) -> None:
    product = add_product(service)
    service.fault(f"write:{kind}:x1")
    with pytest.raises(requests.RequestException):
        append(service, product)
    assert service.store.image_names(product) == (OURS if done else BEFORE)


@pytest.mark.parametrize("tls", [False, True])
def test_cuts_reach_a_client_over_tls_too(tls: bool) -> None:
    with shop(tls=tls, faults=(fault_from_text("index:drop_before:x1"),)) as service, https(service, None) as session:
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get(f"{service.url}/wp-json/")
        assert session.get(f"{service.url}/wp-json/").status_code == 200
        assert [seen.status for seen in service.requests] == [None, 200]


@pytest.mark.parametrize(("kind", "status"), [("late", 504), ("late_cut", None)])
def test_late_work_is_done_after_the_answer(service: WooService, kind: str, status: int | None) -> None:
    product = add_product(service)
    service.fault(f"write:{kind}=0.8:x1")
    if status is None:
        with pytest.raises(requests.exceptions.ConnectionError):
            append(service, product)
    else:
        assert append(service, product).status_code == status
    assert service.store.image_names(product) == BEFORE
    assert service.settle(5)
    assert service.store.image_names(product) == OURS


def test_late_work_ends_with_the_store() -> None:
    with shop() as service:
        product = add_product(service)
        service.fault("write:late=600:x1")
        append(service, product)
        assert not service.settle(0.05)
    assert service.settle(5)
    assert service.store.image_names(product) == BEFORE


def test_slow_answers_are_late_and_the_work_is_not(service: WooService) -> None:
    product = add_product(service)
    service.fault("write:slow=0.2:x1")
    started = time.monotonic()
    append(service, product)
    assert time.monotonic() - started >= 0.2


def test_an_editor_writes_back_what_they_had_read(service: WooService) -> None:
    product = add_product(service)
    service.fault("write:editor:x1")
    answer = append(service, product)
    assert [image["name"] for image in answer.json()["images"]][-1] == "ours"
    assert service.store.image_names(product) == [*BEFORE, f"editor-{product}.jpg"]


def test_an_editor_may_be_first(service: WooService) -> None:
    product = add_product(service)
    service.fault("write:editor_before:x1")
    append(service, product)
    assert service.store.image_names(product) == OURS
    orphans = [service.store.attachments[orphan].name for orphan in service.store.orphans()]
    assert orphans == [f"editor-{product}.jpg"]


def test_an_editor_of_a_variation_puts_its_image_back(service: WooService) -> None:
    product = add_product(service)
    first, second = service.store.images(product)
    variation = service.store.add_variation(product, {"Color": "Red"}, first)
    service.fault("variation:editor:x1")
    api(service).put(f"products/{product}/variations/{variation}", {"image": {"id": second}})
    assert service.store.variations[variation].image == first


def test_lost_rights_stay_lost(service: WooService) -> None:
    service.fault("list:read_only:x1")
    client = api(service)
    product = add_product(service)
    assert client.get("products").status_code == 200
    assert client.put(f"products/{product}", {}).status_code == 401
    service.fault("list:revoke:x1")
    assert client.get("products").status_code == 401
    assert client.get("products").status_code == 401


def test_pictures_of_some_names_are_refused() -> None:
    with shop(tls=True, faults=(fault_from_text("upload:refuse_image=*-2.jpg"),)) as service, https(service) as session:
        url = f"{service.url}/wp-json/wp/v2/media"
        statuses = [
            session.post(url, files={"file": (name, PICTURE, "image/jpeg")}).status_code
            for name in ("shot-1.jpg", "shot-2.jpg")
        ]
        assert statuses == [201, 500]
        assert [attachment.name for attachment in service.store.attachments.values()] == ["shot-1.jpg"]
        service.fault("upload:revoke:x1")
        assert session.post(url, files={"file": ("x.jpg", PICTURE)}, auth=PASSWORD).status_code == 401


def test_any_is_every_call_but_files(service: WooService) -> None:
    product = add_product(service)
    service.fault("any:http_503:x2")
    client = api(service)
    file = service.store.attachments[service.store.images(product)[0]].file
    assert requests.get(f"{service.url}/wp-content/uploads/{file}", timeout=5).status_code == 200
    assert [client.get("products").status_code for _ in range(3)] == [503, 503, 200]
    assert service.faults.fired()[0]["fired"] == 2
    service.faults.clear()
    assert service.faults.fired() == []


def test_equal_seeds_give_equal_faults() -> None:
    def run(seed: int) -> list[int]:
        with shop(seed=seed, faults=(fault_from_text("list:http_503:0.5"),)) as service:
            client = api(service)
            return [client.get("products").status_code for _ in range(12)]

    first = run(3)
    assert first == run(3)
    assert {200, 503} == set(first)


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("GET", "/wp-json/", "index"),
        ("GET", "/wp-json", "index"),
        ("GET", "/wp-json/wc/v3/products", "list"),
        ("POST", "/wp-json/wc/v3/products", "write"),
        ("GET", "/wp-json/wc/v3/products/12", "product"),
        ("PUT", "/wp-json/wc/v3/products/12", "write"),
        ("DELETE", "/wp-json/wc/v3/products/12", "delete"),
        ("POST", "/wp-json/wc/v3/products/batch", "batch"),
        ("GET", "/wp-json/wc/v3/products/12/variations", "variations"),
        ("PUT", "/wp-json/wc/v3/products/12/variations/13", "variation"),
        ("POST", "/wp-json/wc/v3/products/12/variations/batch", "variation"),
        ("GET", "/wp-json/wc/v3/products/categories", "terms"),
        ("GET", "/wp-json/wc/v3/system_status", "info"),
        ("POST", "/wp-json/wc/v3/webhooks", "webhook"),
        ("POST", "/wp-json/wp/v2/media", "upload"),
        ("GET", "/wp-json/wp/v2/media/5", "media"),
        ("DELETE", "/wp-json/wp/v2/media/5", "media_delete"),
        ("GET", "/wp-json/wp/v2/product", "post"),
        ("GET", "/wp-json/wp/v2/users/me", "user"),
        ("GET", "/wp-content/uploads/2026/11/x.jpg", "file"),
        ("GET", "/wp-json/wc/v3/orders", "other"),
        ("GET", "/product/mug/", ""),
    ],
)
def test_every_call_has_a_name(method: str, path: str, call: str) -> None:
    assert classify(method, path)[0] == call


@given(
    call=st.sampled_from(CALLS),
    data=st.data(),
    chance=st.none() | st.floats(0, 1),
    count=st.none() | st.integers(1, 10_000),
)
def test_rules_survive_their_json_form(call: str, data: st.DataObject, chance: float | None, count: int | None) -> None:
    kind = data.draw(st.sampled_from(sorted(KINDS[call] - {"refuse_image"})))
    rule = FaultRule(call, kind, 1.0 if chance is None else chance, count)
    assert FaultRule.from_json(rule.to_json()) == rule
    assert fault_from_text(f"{call}:{kind}") == FaultRule(call, kind)


def test_texts_are_values_where_a_kind_takes_one() -> None:
    rule = fault_from_text("write:refuse_image=*-2.jpg:x3")
    assert (rule.value, rule.count) == ("*-2.jpg", 3)
    assert FaultRule.from_json(rule.to_json()) == rule
    assert fault_from_text("write:late=3.5:x1").amount == 3.5
    assert fault_from_text("write:late").amount == 2


@pytest.mark.parametrize(
    "text",
    [
        "read:slow",
        "write:unknown",
        "write:late=x",
        "list:editor",
        "write:slow:2",
        "write:slow:x0",
        "list:refuse_image=x",
    ],
)
def test_rules_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(FaultError):
        fault_from_text(text)
