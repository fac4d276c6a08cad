"""A sandbox image service that is served over real HTTP, with clients and a clock that is moved by hand."""

from __future__ import annotations

from typing import Any

import requests

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

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for client in self.clients:
            client.session.close()
        self.listener.stop()
