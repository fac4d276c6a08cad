"""The sandbox service over real HTTP: every kind of fault, and results."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import serve_hebo
from tests.plugin.sandbox.hebo_kit import BODY, Client, Clock, Serving


@pytest.fixture(scope="module")
def shared() -> Iterator[Serving]:
    with Serving(daily_limit=10_000) as serving:
        yield serving


@pytest.fixture
def client(shared: Serving) -> Iterator[Client]:
    client = shared.client()
    yield client
    client.call("DELETE", "/sandbox/faults")


BEFORE = ["drop_before", "http_500", "http_502", "html_before", "redirect", "success_false_before", "rate_limited"]
AFTER = ["drop_after", "http_500_after", "html", "truncated", "cut_body", "redirect_after", "empty_body"]
AFTER_SUBMIT = ["success_false", "no_task_id", "bad_task_id", "missing_fields"]


def attempt(client: Client, **changes: Any) -> requests.Response | None:
    try:
        return client.submit(**changes)
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return None


def usable(answer: requests.Response | None) -> bool:
    """Whether an answer is the one of a service in good order."""
    try:
        body = answer.json() if answer is not None and answer.status_code == 200 else {}
    except ValueError:
        return False
    return body.get("success") is True and str(body.get("task_id", "")).startswith("ecom_")


@pytest.mark.parametrize("kind", [*BEFORE, "unauthorized", "forbidden"])
def test_faults_before_acceptance_reserve_nothing(client: Client, kind: str) -> None:
    before = client.used()
    client.faults(f"submit:{kind}:x1")
    assert not usable(attempt(client))
    assert client.used() == before
    assert usable(attempt(client))


@pytest.mark.parametrize("kind", [*AFTER, *[kind for kind in AFTER_SUBMIT if kind != "missing_fields"]])
def test_faults_after_acceptance_reserve(client: Client, kind: str) -> None:
    before = client.used()
    client.faults(f"submit:{kind}:x1")
    assert not usable(attempt(client))
    assert client.used() == before + 2


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_cut_connection_gives_no_byte(client: Client, kind: str) -> None:
    client.faults(f"quota:{kind}")
    with pytest.raises(requests.ConnectionError):
        client.call("GET", "/v1/ecom/quota")


def test_redirects_lead_elsewhere(client: Client) -> None:
    client.faults("submit:redirect_after:x1")
    answer = client.submit()
    assert (answer.status_code, answer.headers["Location"]) == (303, "http://127.0.0.1:9/elsewhere")


@pytest.mark.parametrize("kind", ["late_accept", "late_accept_cut"])
def test_late_acceptance_is_trouble_now_and_a_task_later(kind: str) -> None:
    with Serving() as serving:
        client = serving.client()
        client.faults(f"submit:{kind}=20")
        answer = attempt(client)
        assert (answer.status_code if answer is not None else None) == (504 if kind == "late_accept" else None)
        assert client.submit(prompts=[]).status_code == 400
        serving.clock.time += 19
        assert client.used() == 0
        serving.clock.time += 2
        assert client.used() == 2
        assert client.state()["tasks"][0]["submitted_at"] == 1020.0


def test_a_slow_answer_comes_late_to_what_was_done_at_once(client: Client) -> None:
    before = client.used()
    client.faults("submit:slow=5:x1")
    with pytest.raises(requests.ReadTimeout):
        client.call("POST", "/v1/ecom/batch", json=BODY, timeout=0.5)
    assert client.used() == before + 2


def test_retry_calls_have_faults_too() -> None:
    with Serving(fail_rate=1.0) as serving:
        client = serving.client()
        task_id = client.submitted(prompts=["a"])
        ids = [client.poll_at_end(task_id)["failed_items"][0]["task_id"]]
        client.faults("retry:http_500_after:x1", "retry:no_task_id:x1")
        assert client.retry(task_id, ids).status_code == 500
        assert client.used() == 1
        assert set(client.retry(task_id, ids).json()) >= {"success", "parent_task_id", "retry_task_id"}


@pytest.mark.parametrize("kind", ["http_500", "drop_before", "html_before"])
def test_a_poll_that_never_arrived_does_not_count(client: Client, kind: str) -> None:
    task_id = client.submitted()
    client.clock.time += 5
    client.faults(f"poll:{kind}:x1")
    try:
        assert "items" not in client.poll(task_id).text
    except requests.ConnectionError:
        assert kind == "drop_before"
    assert client.poll(task_id).status_code == 200


@pytest.mark.parametrize("kind", ["http_500_after", "html", "truncated", "unknown_status"])
def test_a_spoiled_end_was_polled_but_not_discovered(client: Client, kind: str) -> None:
    task_id = client.submitted()
    client.clock.time += 60
    client.faults(f"poll:{kind}:x1")
    client.poll(task_id)
    spoiled = client.task(task_id)
    assert (len(spoiled["polls"]), spoiled["discovered_at"]) == (1, None)
    client.clock.time += 10
    client.poll(task_id)
    assert client.task(task_id)["discovered_at"] == client.clock.time


def test_shapes_of_running_and_ended_tasks(client: Client) -> None:
    task_id = client.submitted(prompts=list("abcdef"))
    order = [item["id"] for item in client.task(task_id)["items"]]
    client.faults("poll:no_items", "poll:shuffled", "poll:non_success", "poll:other_host")
    client.clock.time += 5
    assert "items" not in client.poll(task_id).json()
    results = client.poll_at_end(task_id)["results"]
    good = [result for result in results if result["status"] == "success"]
    assert len(results) == 7
    assert sorted(result["task_id"] for result in good) == sorted(order)
    assert [result["task_id"] for result in good] != order
    assert all("//localhost:" in result["image_url"] for result in good)


@pytest.mark.parametrize(
    ("kind", "gone"), [("missing_fields", "status"), ("no_results", "results"), ("unknown_status", "")]
)
def test_other_shapes(client: Client, kind: str, gone: str) -> None:
    task_id = client.submitted()
    client.faults(f"poll:{kind}")
    body = client.poll_at_end(task_id)
    assert gone not in body
    assert body.get("status") in {None, "completed", "postprocessing"}


def test_null_fields(client: Client) -> None:
    client.faults("quota:null_fields")
    assert client.call("GET", "/v1/ecom/quota").json() == {"user_id": "3", "quota": None}


def result_of(client: Client, prompt: str = "a") -> str:
    done = client.poll_at_end(client.submitted(prompts=[prompt]))
    return str(done["results"][0]["image_url"]).removeprefix(client.url)


def test_a_result_is_a_picture_and_its_fetches_are_counted(client: Client) -> None:
    path = result_of(client, "one")
    client.faults("result:404:x1")
    assert client.call("GET", path).status_code == 404
    answer = client.call("GET", path)
    assert answer.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.height > picture.width
    assert [task["results_fetched"] for task in client.state()["tasks"] if task["prompts"] == ["one"]] == [1]


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("html", 200, "text/html"),
        ("empty", 200, "image/png"),
        ("broken", 200, "image/png"),
        ("expired", 403, "application/xml"),
        ("http_500", 500, "application/json"),
    ],
)
def test_spoiled_results(client: Client, kind: str, status: int, content_type: str) -> None:
    path = result_of(client)
    client.faults(f"result:{kind}")
    answer = client.call("GET", path)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (
        status,
        content_type.partition(";")[0],
    )
    assert (len(answer.content) == 0) == (kind == "empty")
    with pytest.raises(OSError, match="cannot"), Image.open(io.BytesIO(answer.content)) as picture:
        picture.load()


def test_a_huge_result_can_be_left_in_its_midst(client: Client) -> None:
    path = result_of(client)
    client.faults("result:huge=300")
    with client.call("GET", path, stream=True) as answer:
        assert answer.headers["Content-Length"] == str(300 * 1_048_576)
        assert len(next(answer.iter_content(1_000_000))) > 0


def test_a_bomb_is_small_and_has_many_pixels(client: Client) -> None:
    path = result_of(client)
    client.faults("result:bomb=9000")
    data = client.call("GET", path).content
    assert len(data) < 100_000
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (9000, 9000)
        picture.load()


def test_results_expire() -> None:
    with Serving(result_ttl=100.0, expired_status=410) as serving:
        client = serving.client()
        path = result_of(client)
        assert client.call("GET", path).status_code == 200
        serving.clock.time += 200
        assert client.call("GET", path).status_code == 410


def test_results_of_running_tasks_and_unknown_names_are_not_found(client: Client) -> None:
    name = client.task(client.submitted())["items"][0]["name"]
    assert client.call("GET", f"/results/{name}.png").status_code == 404
    assert client.call("GET", "/results/unknown.png").status_code == 404


def test_results_on_a_port_of_their_own() -> None:
    clock = Clock()
    with serve_hebo(HeboOptions(paint="none"), separate_results=True, now=clock) as listener:
        client = Client(listener.url, clock)
        with client.session:
            url = client.poll_at_end(client.submitted())["results"][0]["image_url"]
        assert not url.startswith(listener.url)
        assert requests.get(url, timeout=5).status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
