"""The sandbox service over real HTTP: the document's answers, validation, and every kind of fault."""

import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from plugin.listener import Listener, ListenerError
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import serve_hebo

BODY: dict[str, Any] = {"image_url": "https://shop.example/a.jpg", "prompts": ["a", "b"], "aspect_ratio": "3:4"}
KEYS = {"sandbox-key": "3", "second-key": "3", "other-key": "4"}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Client:
    """Calls one sandbox with one key."""

    def __init__(self, url: str, clock: Clock, key: str = "sandbox-key") -> None:
        self.url = url
        self.clock = clock
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        more.setdefault("timeout", 5)
        more.setdefault("allow_redirects", False)
        return self.session.request(method, self.url + path, **more)

    def submit(self, **changes: Any) -> requests.Response:
        return self.call("POST", "/v1/ecom/batch", json={**BODY, **changes})

    def submitted(self, **changes: Any) -> str:
        return str(self.submit(**changes).json()["task_id"])

    def poll(self, task_id: str) -> requests.Response:
        return self.call("GET", f"/v1/ecom/tasks/{task_id}")

    def poll_at_end(self, task_id: str) -> dict[str, Any]:
        self.clock.time += 60
        return dict(self.poll(task_id).json())

    def retry(self, task_id: str, ids: list[str]) -> requests.Response:
        return self.call("POST", f"/v1/ecom/tasks/{task_id}/retry-items", json={"task_ids": ids})

    def used(self) -> int:
        return int(self.call("GET", "/v1/ecom/quota").json()["quota"]["used"])

    def faults(self, *rules: Any) -> None:
        assert self.call("POST", "/sandbox/faults", json={"rules": list(rules)}).status_code == 200

    def state(self) -> dict[str, Any]:
        return dict(self.call("GET", "/sandbox/state").json())

    def task(self, task_id: str) -> dict[str, Any]:
        return next(task for task in self.state()["tasks"] if task["id"] == task_id)


class Serving:
    """One sandbox that is served, and its clients."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.listener = serve_hebo(HeboOptions(**{"paint": "none", "api_keys": KEYS, **options}), now=self.clock)
        self.clients: list[Client] = []

    def client(self, key: str = "sandbox-key") -> Client:
        self.clients.append(Client(self.listener.url, self.clock, key))
        return self.clients[-1]

    def __enter__(self) -> "Serving":
        return self

    def __exit__(self, *exc_info: object) -> None:
        for client in self.clients:
            client.session.close()
        self.listener.stop()


@pytest.fixture(scope="module")
def shared() -> Iterator[Serving]:
    with Serving(daily_limit=10_000) as serving:
        yield serving


@pytest.fixture
def client(shared: Serving) -> Iterator[Client]:
    client = shared.client()
    yield client
    client.call("DELETE", "/sandbox/faults")


def test_submit_answers_as_documented() -> None:
    with Serving(daily_limit=40) as serving:
        body = serving.client().submit().json()
    task_id = body["task_id"]
    assert body == {
        "success": True,
        "task_id": task_id,
        "job_id": task_id,
        "status": "queued",
        "total": 2,
        "aspect_ratio": "3:4",
        "message": "任务已进入队列",
        "poll_url": f"/v1/ecom/tasks/{task_id}",
        "quota": {
            "enabled": True,
            "level": "vip1",
            "daily_limit / daily_image_limit": 40,
            "used_before": 0,
            "reserved / reserved_images": 2,
            "used_after": 2,
            "remaining / remaining_images": 38,
        },
    }


def test_polls_answer_as_documented(client: Client) -> None:
    task_id = client.submitted()
    client.clock.time += 5
    running = client.poll(task_id).json()
    assert {name: running[name] for name in ("status", "success_count", "failed_count", "processing_count")} == {
        "status": "processing",
        "success_count": 0,
        "failed_count": 0,
        "processing_count": 2,
    }
    assert set(running["items"][0]) == {"task_id", "status", "retry_count", "max_retries", "manual_retry_allowed"}
    done = client.poll_at_end(task_id)
    assert [result["task_id"] for result in done["results"]] == [item["task_id"] for item in running["items"]]
    assert set(done["results"][0]) == {"task_id", "status", "image_url", "retry_count"}
    assert done["quota"] == {"reserved / reserved_images": 2, "billable": 2, "refunded": 0}
    assert "items" not in done


def test_failure_and_retry_answer_as_documented() -> None:
    with Serving(fail_rate=1.0, retry_fail_rate=0.0) as serving:
        client = serving.client()
        parent = client.submitted(prompts=["a"])
        failed = client.poll_at_end(parent)
        (item,) = failed["failed_items"]
        answer = client.retry(parent, [item["task_id"]]).json()
        done = client.poll_at_end(answer["retry_task_id"])
    assert failed["quota"] == {"reserved / reserved_images": 1, "billable": 0, "refunded": 1}
    assert item["manual_retry_allowed"] is item["retryable"] is True
    assert (item["retry_count"], item["error_message"]) == (6, "HTTP 500: system error")
    assert answer == {
        "success": True,
        "parent_task_id": parent,
        "retry_task_id": answer["retry_task_id"],
        "retry_job_id": answer["retry_task_id"],
        "status": "queued",
        "total_retry_items": 1,
    }
    assert done["status"] == "completed"


def test_an_early_poll_has_a_retry_after_header(client: Client) -> None:
    task_id = client.submitted()
    client.clock.time += 2
    answer = client.poll(task_id)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["retry_after"]) == (429, "3", 3)


def test_keys(shared: Serving, client: Client) -> None:
    task_id = client.submitted()
    shared.clock.time += 10
    nobody, stranger, colleague = (shared.client(key) for key in ("wrong", "other-key", "second-key"))
    assert nobody.submit().status_code == 403
    assert requests.get(client.url + "/v1/ecom/quota", timeout=5).status_code == 401
    assert (
        requests.get(client.url + "/v1/ecom/quota", headers={"Authorization": "Basic x"}, timeout=5).status_code == 401
    )
    assert stranger.poll(task_id).status_code == 404
    assert colleague.poll(task_id).status_code == 200
    assert "wrong" not in nobody.submit().text


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"prompts": []}, str),
        ({"prompts": ["x"] * 9}, str),
        ({"prompts": [" "]}, str),
        ({"prompts": "one"}, list),
        ({"prompts": [1]}, list),
        ({"prompts": None}, list),
        ({"aspect_ratio": "5:4"}, str),
        ({"aspect_ratio": 1}, list),
        ({"image_url": ""}, str),
        ({"image_url": None}, str),
        ({"image_url": 7}, list),
        ({"image_url": "ftp://a/b"}, str),
        ({"image_url": "http://"}, str),
        ({"image_url": "http://[bad/"}, str),
        ({"image_url": "http://a/ b"}, str),
        ({"size": "large"}, str),
        ({"model": ["x"]}, list),
    ],
)
def test_bad_submissions_cost_nothing(client: Client, changes: dict[str, Any], kind: type) -> None:
    before = client.used()
    answer = client.submit(**changes)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], kind)
    assert client.used() == before


@pytest.mark.parametrize(
    ("data", "content_type"), [("{", "application/json"), ("[]", "application/json"), (json.dumps(BODY), "text/plain")]
)
def test_bodies_that_are_no_json_objects(client: Client, data: str, content_type: str) -> None:
    answer = client.call("POST", "/v1/ecom/batch", data=data, headers={"Content-Type": content_type})
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [[], {}, {"task_ids": "x"}, {"task_ids": []}, {"task_ids": ["item_unknown"]}])
def test_bad_retries(client: Client, body: object) -> None:
    task_id = client.submitted()
    client.poll_at_end(task_id)
    assert client.call("POST", f"/v1/ecom/tasks/{task_id}/retry-items", json=body).status_code == 400


def test_unknown_paths_answer_in_json(client: Client) -> None:
    answer = client.call("GET", "/v1/ecom/list")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert client.call("GET", "/v1/ecom/batch").status_code == 405


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("first", {"daily_limit", "remaining"}),
        ("second", {"daily_image_limit", "remaining_images"}),
        ("literal", {"daily_limit / daily_image_limit", "remaining / remaining_images"}),
    ],
)
def test_spellings_of_the_quota(spelling: str, names: set[str]) -> None:
    with Serving(spelling=spelling) as serving:
        answer = serving.client().call("GET", "/v1/ecom/quota").json()
    assert answer["user_id"] == "3"
    assert set(answer["quota"]) == {"enabled", "level", "used"} | names


def test_mixed_spellings_use_them_all() -> None:
    with Serving(spelling="mixed") as serving:
        client = serving.client()
        names = {name for _ in range(6) for name in client.call("GET", "/v1/ecom/quota").json()["quota"]}
    assert {"daily_limit", "daily_image_limit", "daily_limit / daily_image_limit"} <= names


def test_without_a_limit_the_quota_is_not_enabled() -> None:
    with Serving(daily_limit=None, spelling="first") as serving:
        client = serving.client()
        client.submitted()
        quota = client.call("GET", "/v1/ecom/quota").json()["quota"]
    assert quota == {"enabled": False, "level": "vip1", "daily_limit": 0, "used": 2, "remaining": 0}


def test_beyond_the_quota_is_the_status_asked_for() -> None:
    with Serving(daily_limit=1, quota_status=403) as serving:
        answer = serving.client().submit()
    assert answer.status_code == 403
    assert "额度" in answer.json()["detail"]


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


def test_others_spend_and_the_day_turns(client: Client) -> None:
    before = client.used()
    client.faults("submit:foreign_spend=3:x1")
    client.submit()
    assert client.used() == before + 5
    assert client.call("POST", "/sandbox/spend", json={"images": 4}).json()["used"] == before + 9
    client.faults("quota:turn_day:x1")
    assert client.used() == 0
    client.call("POST", "/sandbox/spend", json={"images": 4, "user": "3"})
    client.call("POST", "/sandbox/day")
    assert client.used() == 0


def test_a_key_is_revoked_and_given_back(shared: Serving, client: Client) -> None:
    second = shared.client("second-key")
    client.call("POST", "/sandbox/keys", json={"key": "second-key", "user": None})
    assert second.call("GET", "/v1/ecom/quota").status_code == 403
    client.call("POST", "/sandbox/keys", json={"key": "second-key", "user": "3"})
    assert second.call("GET", "/v1/ecom/quota").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"rules": ["poll:explode"]}),
        ("spend", {"images": "3"}),
        ("keys", {"user": "3"}),
    ],
)
def test_control_calls_that_are_wrong(client: Client, path: str, body: object) -> None:
    answer = client.call("POST", f"/sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_the_state_tells_times_exactly() -> None:
    with Serving(duration=(8, 8)) as serving:
        client = serving.client()
        task_id = client.submitted()
        for age in (5, 6, 10):
            serving.clock.time = 1000.0 + age
            client.poll(task_id)
        state = client.state()
        totals = client.call("GET", "/sandbox/state?tasks=0").json()
    (task,) = state["tasks"]
    assert (task["submitted_at"], task["ended_at"], task["discovered_at"]) == (1000.0, 1008.0, 1010.0)
    assert (task["polls"], task["polls_refused"]) == ([1005.0, 1010.0], [1006.0])
    assert state["totals"]["polls_refused"] == 1
    assert state["totals"]["used"] == state["totals"]["billable"] == 2
    assert "tasks" not in totals


def test_many_clients_at_once_are_counted_exactly() -> None:
    with Serving(daily_limit=50) as serving:
        clients = [serving.client() for _ in range(8)]

        def work(client: Client) -> None:
            for _ in range(5):
                client.submit()

        threads = [threading.Thread(target=work, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        totals = clients[0].state()["totals"]
    assert (totals["submits_accepted"], totals["used"]) == (25, 50)


def test_a_taken_port_is_said_and_leaves_nothing_running() -> None:
    with Serving() as serving:
        threads = threading.active_count()
        with pytest.raises(ListenerError, match="in use"):
            serve_hebo(HeboOptions(), port=serving.listener.port, separate_results=True)
        assert threading.active_count() <= threads


def test_the_port_is_free_after_the_stop() -> None:
    with Serving() as serving:
        port = serving.listener.port
    with Listener(lambda environ, start_response: [], port=port):
        pass
