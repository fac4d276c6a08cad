"""The sandbox service over real HTTP: the document's answers, validation, keys, quota and control."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from plugin.listener import Listener, ListenerError
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.server import serve_hebo
from tests.plugin.sandbox.hebo_kit import BODY, Client, Serving


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
    with Listener(lambda environ, start_response: [], port=port) as next_one:
        assert next_one.port == port
