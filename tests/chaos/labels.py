"""What the points are called: kind and place, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.points import Kind

# Which commit it is, by the function that makes it. Those that are not here go by the function's own name.
COMMITS: Mapping[str, str] = {
    "pipeline.submitting.submit:SubmitLane.claim": "submit claim",
    "pipeline.submitting.submit:SubmitLane.store": "submit store",
    "pipeline.polling.poll:PollLane.claim": "poll claim",
    "pipeline.polling.poll:PollLane.store": "poll store",
    "pipeline.submitting.doubt:DoubtLane.claim": "doubt claim",
    "pipeline.submitting.doubt:DoubtLane.store": "doubt settled or looked at",
    "pipeline.polling.collect:CollectLane.claim": "collect claim",
    "pipeline.polling.collect:CollectLane.store": "collect store",
    "pipeline.publishing.store_write:StoreWriteLane.claim": "write claim",
    "pipeline.publishing.store_write:StoreWriteLane._renew": "write lease renewed",
    "pipeline.publishing.store_write:StoreWriteLane.store": "write store",
    "pipeline.publishing.publish:PublishLane._remember": "listing as it was before",
    "pipeline.run:begin": "run begins",
    "pipeline.takeover:take_over": "leases of the dead ended",
    "plugin:_join": "start: stores of the settings",
}
_NAMES = (
    (re.compile(r"/ecom_[A-Za-z0-9_]+"), "/ID"),
    (re.compile(r"/results/.*"), "/results/PICTURE"),
    (re.compile(r"/wp-content/uploads/.*"), "/uploads/PICTURE"),
    (re.compile(r"/cdn/.*|/files/.*"), "/files/PICTURE"),
    (re.compile(r"/(staged|bulk)[^/]*/.*"), r"/\1/FILE"),
    (re.compile(r"/[0-9]+(?=/|$)"), "/N"),
)
_OPERATION = re.compile(r"^\s*(?:query|mutation)\s+(\w+)", re.MULTILINE)


def commit_label(frame: FrameType | None) -> str:
    """Of a commit that this frame or one above it makes."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if (module == "plugin" or module.startswith("plugin.")) and module != "plugin.db":
            place = f"{module.removeprefix('plugin.')}:{frame.f_code.co_qualname}"
            return f"{Kind.COMMIT} {_of_submit(frame) or COMMITS.get(place, place)}"
        frame = frame.f_back
    return f"{Kind.COMMIT} elsewhere"


def _of_submit(frame: FrameType) -> str | None:
    """The submit lane commits four things in two places: what it has at hand tells which."""
    name = frame.f_code.co_qualname
    if name == "SubmitLane.claim":
        return _intent(frame.f_locals.get("item"))
    if name == "SubmitLane.store":
        return _answer(frame.f_locals.get("item"))
    return None


def _intent(item: Any) -> str:
    if item is None:
        return "submit: nothing to send"
    if not hasattr(item, "retry_of"):
        return "submit: turn to read the quota"
    return "intent to retry items" if item.retry_of else "intent to submit"


def _answer(item: Any) -> str:
    if not hasattr(item, "retry_of"):
        return "quota reading"
    return "answer of retry items" if item.retry_of else "answer of a submit"


def state_label(frame: FrameType | None) -> str:
    """Of a commit of a connector's own database, by who makes it."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("connectors.") and module not in ("connectors.state", "connectors.feed.state"):
            connector = module.split(".")[1]
            return f"{Kind.STATE} {connector} {frame.f_code.co_name.removeprefix('_')}"
        frame = frame.f_back
    return f"{Kind.STATE} elsewhere"


def rename_label(frame: FrameType | None) -> str:
    """Of a file that is put in its place."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(("plugin.", "connectors.")):
            return f"{Kind.RENAME} {_what(frame, module)}"
        frame = frame.f_back
    return f"{Kind.RENAME} elsewhere"


def _what(frame: FrameType, module: str) -> str:
    path = str(frame.f_locals.get("path", ""))
    if module == "plugin.pictures.store":
        return "thumbnail" if "thumbnails" in path else "picture kept"
    if module == "connectors.feed.files":
        return "feed output" if path.endswith(".tsv") else "picture beside the feed"
    return f"{module} {frame.f_code.co_name}"


def call_label(method: str | None, url: str | None, body: object, services: Mapping[int, str]) -> str:
    """Of an outgoing call. services: who listens on which port."""
    parts = urlsplit(url or "")
    service = services.get(parts.port or 0, "somebody")
    path = parts.path
    for pattern, name in _NAMES:
        path = pattern.sub(name, path)
    if path.endswith("/graphql.json"):
        path = _operation(body)
    return f"{Kind.CALL} {service} {method} {path}"


def _operation(body: object) -> str:
    """The name of a GraphQL operation."""
    if not isinstance(body, (bytes, str)):
        return "graphql"
    found = _OPERATION.search(str(json.loads(body).get("query", "")))
    return found[1] if found else "graphql"
