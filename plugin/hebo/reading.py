"""Reading the image API's answers: what is good, what each error means, and nothing that shows the key."""

from __future__ import annotations

import json
from typing import Any

from connectors.http import Answer, HttpError
from plugin.hebo.errors import (
    BadRequestError,
    HeboError,
    KeyRefusedError,
    NoAnswerError,
    NotSentError,
    RefusedError,
    TaskMissingError,
    TooFrequentError,
)
from plugin.hebo.wire import readable

MAX_ANSWER = 2_000_000  # bytes; eight items need a few kilobytes
DETAIL_LENGTH = 300


class AnswerReader:
    """For the answers to one key, which is cut out of every message and every answer."""

    def __init__(self, key: str):
        self._key = key

    def object_in(self, answer: Answer) -> dict[str, Any]:
        """A good answer's JSON object. Raises HeboError: where it is none, and for every status but 2xx."""
        self._raise_unless_ok(answer)
        found = _json_object(answer)
        if self._key.encode() not in answer.body and b"\\u" not in answer.body:
            return found
        try:
            return {name: _without(self._key, value) for name, value in found.items()}
        except RecursionError:
            raise NoAnswerError("the image service's answer cannot be read (too deep)", answer.status) from None

    def trouble(self, error: HttpError) -> HeboError:
        """What a call without an answer means."""
        message = self._clean(str(error))
        if error.maybe_sent:
            return NoAnswerError(f"no answer from the image service: {message}")
        return NotSentError(f"the image service cannot be reached: {message}")

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
