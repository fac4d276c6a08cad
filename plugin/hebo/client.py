"""The four calls of the image API. One client per key; safe to use from many threads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ParamSpec

import requests

from connectors.http import Answer, HttpError, prepare, send
from plugin.hebo.errors import (
    BadRequestError,
    KeyRefusedError,
    NoAnswerError,
    NotSentError,
    RefusedError,
    TaskMissingError,
    TooFrequentError,
)
from plugin.hebo.wire import Accepted, Finished, Odd, Quota, Running, parse_quota, parse_task, readable

# A task id goes into a URL path: nothing else is taken for one.
TASK_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")
MAX_ANSWER = 2_000_000  # bytes; eight items need a few kilobytes
DETAIL_LENGTH = 300
P = ParamSpec("P")


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
        self._key = api_key
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        self._submit_deadline = submit_deadline
        self._read_deadline = read_deadline

    def close(self) -> None:
        """Close the connections; the client is of no use after that."""
        self._session.close()

    def quota(self) -> Quota:
        """GET /v1/ecom/quota (vendor document §9). Raises HeboError; NoAnswerError where no quota can be read."""
        quota = parse_quota(self._read("/v1/ecom/quota"))
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

    def poll(self, task_id: str) -> Running | Finished | Odd:
        """GET /v1/ecom/tasks/ID (vendor document §4). Raises HeboError, TooFrequentError where it was too soon."""
        return parse_task(self._read(f"/v1/ecom/tasks/{_safe_id(task_id)}"))

    def retry_items(self, task_id: str, item_ids: Sequence[str]) -> Accepted:
        """POST /v1/ecom/tasks/ID/retry-items (vendor document §7). Gives the task to poll from now on.

        Not idempotent: the same care as for `submit`.
        """
        path = f"/v1/ecom/tasks/{_safe_id(task_id)}/retry-items"
        return self._start(path, {"task_ids": list(item_ids)}, "retry_task_id")

    def _read(self, path: str) -> dict[str, Any]:
        return self._object(self._call(self._get, path))

    def _start(self, path: str, body: Mapping[str, Any], id_field: str) -> Accepted:
        answer = self._call(self._post, path, body)
        found = self._object(answer)
        task_id = found.get(id_field)
        if not found.get("success", True) or not _is_usable(task_id):
            raise NoAnswerError(f"the image service took it without a usable {id_field}", answer.status)
        return Accepted(str(task_id), parse_quota(found))

    @cached_property
    def _template(self) -> requests.PreparedRequest:
        """A GET of the base URL: copying it and adding the path costs 6 µs, preparing a request anew 130 µs."""
        return prepare(self._session, "GET", self._base, headers=self._headers)

    def _get(self, path: str) -> Answer:
        request = self._template.copy()
        request.url = f"{request.url}".rstrip("/") + path
        return send(self._session, request, deadline=self._read_deadline, max_bytes=MAX_ANSWER)

    def _post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Over a fresh connection: a pooled one may have been closed meanwhile, which would leave the POST in doubt."""
        request = prepare(self._session, "POST", self._base + path, headers=self._headers, json=body)
        return send(self._session, request, deadline=self._submit_deadline, max_bytes=MAX_ANSWER, fresh=True)

    def _call(self, send_it: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
        """One call's good answer (2xx). Raises HeboError for everything else."""
        try:
            answer = send_it(*args, **kwargs)
        except HttpError as error:
            message = self._clean(str(error))
            if error.maybe_sent:
                raise NoAnswerError(f"no answer from the image service: {message}") from error
            raise NotSentError(f"the image service cannot be reached: {message}") from error
        self._raise_unless_ok(answer)
        return answer

    def _raise_unless_ok(self, answer: Answer) -> None:
        status = answer.status
        if 200 <= status < 300:
            return
        if not 400 <= status < 500:
            raise NoAnswerError(f"the image service answered HTTP {status}", status)
        detail = self._clean(_detail(answer))
        if status in (400, 422):
            raise BadRequestError(status, detail)
        if status in (401, 403):
            raise KeyRefusedError(status, detail)
        if status == 404:
            raise TaskMissingError(status, detail)
        if status == 429:
            raise TooFrequentError(status, detail, _retry_after(answer))
        raise RefusedError(status, detail)

    def _object(self, answer: Answer) -> dict[str, Any]:
        """The answer's JSON object; should the service echo the key in it, it ends here. Raises NoAnswerError."""
        found = _json_object(answer)
        if self._key.encode() not in answer.body and b"\\u" not in answer.body:
            return found
        try:
            return {name: _without(self._key, value) for name, value in found.items()}
        except RecursionError:
            raise NoAnswerError("the image service's answer cannot be read (too deep)", answer.status) from None

    def _clean(self, text: str) -> str:
        return readable(text).replace(self._key, "[key]")[:DETAIL_LENGTH]


def _without(key: str, value: Any) -> Any:
    """A JSON value without the key in any of its texts. Addresses stay as they are: they must still lead somewhere."""
    if isinstance(value, str):
        return readable(value).replace(key, "[key]")
    if isinstance(value, list):
        return [_without(key, entry) for entry in value]
    if isinstance(value, dict):
        return {name: entry if name == "image_url" else _without(key, entry) for name, entry in value.items()}
    return value


def _is_usable(task_id: object) -> bool:
    """Whether it can go into a path and still be one name: "." and ".." would lead elsewhere."""
    return isinstance(task_id, str) and bool(TASK_ID.fullmatch(task_id)) and task_id not in (".", "..")


def _safe_id(task_id: str) -> str:
    if not _is_usable(task_id):
        raise ValueError("not a task id of the image service")
    return task_id


def _json_object(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):  # rubbish may also be a million brackets
        body = None
    if not isinstance(body, dict):
        raise NoAnswerError("the image service's answer cannot be read (not a JSON object)", answer.status)
    return body


def _body_or_empty(answer: Answer) -> dict[str, Any]:
    try:
        return _json_object(answer)
    except NoAnswerError:
        return {}


def _detail(answer: Answer) -> str:
    """`detail` as a person can read it: it may be a string or a list of validation entries."""
    detail = _body_or_empty(answer).get("detail", "")
    try:
        if isinstance(detail, list):
            return "; ".join(_entry(entry) for entry in detail)
        return detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
    except RecursionError:  # rubbish, nested a thousand deep
        return ""


def _entry(entry: object) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    location = entry.get("loc")
    place = ".".join(str(part) for part in location if part != "body") if isinstance(location, list) else ""
    return f"{place}: {entry.get('msg', entry)}" if place else str(entry.get("msg", entry))


def _retry_after(answer: Answer) -> float | None:
    """Seconds to wait: the body's figure wins over the header's (API contract, polling limits)."""
    for value in (_body_or_empty(answer).get("retry_after"), answer.headers.get("Retry-After")):
        try:
            seconds = float(value)  # type: ignore[arg-type]  # None and rubbish are caught below
        except (TypeError, ValueError, OverflowError):
            continue
        if 0 <= seconds < 86_400:
            return seconds
    return None
