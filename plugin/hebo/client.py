"""The calls of the image API. One client per key; safe to use from many threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import requests

from connectors.http import Answer, HttpError, call, prepare
from plugin.hebo.errors import NoAnswerError
from plugin.hebo.reading import MAX_ANSWER, AnswerReader
from plugin.hebo.task_id import is_usable, task_path
from plugin.hebo.wire import Accepted, Quota, parse_quota

if TYPE_CHECKING:
    from plugin.hebo.polls import HeboPolls


class HeboClient:
    """session: with connection reuse, pool size = threads. deadlines: seconds for a whole call.

    The key is sent as a header and appears nowhere else: it is cut out of every message.
    """

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        api_key: str,
        *,
        submit_deadline: float = 60.0,
        read_deadline: float = 30.0,
    ):
        self._session = session
        self._base = base_url.rstrip("/")
        self._reader = AnswerReader(api_key)
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        self._submit_deadline = submit_deadline
        self._read_deadline = read_deadline

    def close(self) -> None:
        """Close the connections; the client is of no use after that."""
        self._session.close()

    def quota(self) -> Quota:
        """GET /v1/ecom/quota (vendor document §9). Raises HeboError; NoAnswerError where no quota can be read."""
        quota = parse_quota(self._reader.object_in(self._call("GET", "/v1/ecom/quota", deadline=self._read_deadline)))
        if quota is None:
            raise NoAnswerError("the image service's quota answer has no quota in it")
        return quota

    def submit(
        self, image_url: str, prompts: Sequence[str], *, model: str, size: str | None, aspect_ratio: str | None
    ) -> Accepted:
        """POST /v1/ecom/batch (vendor document §3): reserves one image of quota per prompt.

        Not idempotent. Raises HeboError; only where its `accepted` is False was surely nothing reserved.
        """
        fields = {"image_url": image_url, "model": model, "size": size, "aspect_ratio": aspect_ratio}
        body = {name: value for name, value in fields.items() if value}
        return self._start("/v1/ecom/batch", {**body, "prompts": list(prompts)}, "task_id")

    def polls(self, connections: int) -> HeboPolls:
        """For many polls at once, in an event loop. connections: the most that are under way."""
        # It brings aiohttp, which takes 0.2 s to import: most commands poll nothing.
        from plugin.hebo.polls import HeboPolls

        template = prepare(self._session, "GET", self._base, headers=self._headers)
        return HeboPolls(template, self._reader, connections=connections, deadline=self._read_deadline)

    def retry_items(self, task_id: str, item_ids: Sequence[str]) -> Accepted:
        """POST /v1/ecom/tasks/ID/retry-items (vendor document §7). Gives the task to poll from now on.

        Not idempotent: the same care as for `submit`.
        """
        return self._start(f"{task_path(task_id)}/retry-items", {"task_ids": list(item_ids)}, "retry_task_id")

    def _start(self, path: str, body: Mapping[str, Any], id_field: str) -> Accepted:
        """Over a fresh connection: a pooled one may have been closed meanwhile, which would leave the POST in doubt."""
        answer = self._call("POST", path, deadline=self._submit_deadline, json=body, fresh=True)
        found = self._reader.object_in(answer)
        task_id = found.get(id_field)
        if not found.get("success", True) or not is_usable(task_id):
            raise NoAnswerError(f"the image service took it without a usable {id_field}", answer.status)
        return Accepted(str(task_id), parse_quota(found))

    def _call(self, method: str, path: str, **kwargs: Any) -> Answer:
        try:
            return call(self._session, method, self._base + path, headers=self._headers, max_bytes=MAX_ANSWER, **kwargs)
        except HttpError as error:
            raise self._reader.trouble(error) from error
