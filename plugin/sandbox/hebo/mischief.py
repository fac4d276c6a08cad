"""Does what the fault rules say, around the service: a WSGI layer that cuts, delays, replaces and spoils answers."""

import copy
import json
import random
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from werkzeug.wrappers import Response

from plugin.listener import cut
from plugin.sandbox.hebo.faults import ACCEPTING, EFFECTS, NOTHING, SLOW, Chosen, FaultBook, FaultRule
from plugin.sandbox.mischief import (
    INSTEAD,
    PROXY,
    SPOILED,
    Manners,
    in_json,
    page,
    proxy_page,
    served,
    with_retry_after,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CALL_KEY = "hebo.call"
HTML = "<!doctype html><html><head><title>维护中</title></head><body><h1>System maintenance</h1></body></html>"
ELSEWHERE = "http://127.0.0.1:9/elsewhere"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
UNTELLING = frozenset({"unknown_status", "missing_fields", "null_fields"})  # shapes that may hide the status


@dataclass(frozen=True)
class Call:
    """One call: what kind, when it arrived (the service's clock), and what goes wrong with it."""

    kind: str
    subject: str
    arrived: float
    chosen: Chosen[FaultRule]

    @property
    def intact(self) -> bool:
        """Whether the client will read the true answer."""
        return self.chosen.answer is None and not self.chosen.kinds() & UNTELLING

    @property
    def accept_after(self) -> float | None:
        """Seconds by which the acceptance is late, or None for at once."""
        rule = self.chosen.answer
        return rule.amount if rule is not None and rule.kind in ACCEPTING else None


def classify(method: str, path: str) -> tuple[str, str]:
    """The kind of a call and its subject (a task's id, a picture's name); empty for other paths."""
    if path.startswith("/v1/ecom/tasks/"):
        subject, _, rest = path[15:].partition("/")
        return ("poll", subject) if method == "GET" and not rest else ("retry", subject) if rest else ("", "")
    if path == "/v1/ecom/batch":
        return "submit", ""
    if path == "/v1/ecom/quota":
        return "quota", ""
    return ("result", path[9:]) if path.startswith("/results/") else ("", "")


class Mischief:
    """The layer. `effect` is called with a rule's kind, its amount and the Authorization header, before the call."""

    def __init__(
        self,
        app: "WSGIApplication",
        book: FaultBook[FaultRule],
        now: Callable[[], float],
        effect: Callable[[str, float, str], None],
    ) -> None:
        self._app = app
        self._book = book
        self._now = now
        self._effect = effect
        self._closed = threading.Event()

    def close(self) -> None:
        """Let slow answers go at once."""
        self._closed.set()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        arrived = self._now()
        kind, subject = classify(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        chosen = self._book.choose(kind, subject) if kind else NOTHING
        call = environ[CALL_KEY] = Call(kind, subject, arrived, chosen)
        if chosen is NOTHING:
            return self._app(environ, start_response)
        return self._misbehave(call, environ)(environ, start_response)

    def _misbehave(self, call: Call, environ: "WSGIEnvironment") -> Response:
        for rule in call.chosen.others:
            if rule.kind in EFFECTS:
                self._effect(rule.kind, rule.amount, environ.get("HTTP_AUTHORIZATION", ""))
        response = MANNERS.answer(call.chosen.answer, lambda: self._served(call, environ))
        delay = call.chosen.amount(SLOW)
        if delay:
            self._closed.wait(delay)
        return response

    def _served(self, call: Call, environ: "WSGIEnvironment") -> Response:
        response = served(self._app, environ)
        if response.status_code == 200 and response.mimetype == "application/json":
            reshape(response, call)
        return response


def trouble(status: int) -> Response:
    """An answer with an error status, in JSON, or in a proxy's HTML for 502 to 504."""
    return proxy_page(status) if status in PROXY else in_json({"detail": f"HTTP {status}: system error"}, status)


def redirect(status: int = 302) -> Response:
    """A redirect to somewhere that must not be asked."""
    return Response("", status, {"Location": ELSEWHERE})


def rate_limited(rule: FaultRule) -> Response:
    """A 429 that has nothing to do with the polling limits."""
    wait = int(rule.amount)
    return with_retry_after(
        in_json({"detail": "Too many requests", "min_interval": wait, "retry_after": wait}, 429), wait
    )


def expired(_rule: FaultRule | None = None, status: int = 403) -> Response:
    """What an object store says to a link whose time is over."""
    text = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    return Response(text, status, mimetype="application/xml")


def huge(rule: FaultRule) -> Response:
    """So many megabytes that begin like a picture, never held in memory at once."""
    megabytes = max(1, int(rule.amount))
    block = bytes(65_536)

    def blocks() -> Iterator[bytes]:
        yield PNG_SIGNATURE + block[8:]
        for _ in range(megabytes * 16 - 1):
            yield block

    return Response(blocks(), 200, {"Content-Length": str(megabytes * 1_048_576)}, mimetype="image/png")


def bomb(rule: FaultRule) -> Response:
    """A small, correct PNG file with a great many pixels."""
    side = int(rule.amount)
    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 2)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    body = PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return Response(body, mimetype="image/png")


def late(response: Response) -> Response:
    """A gateway's timeout, where the call itself was good."""
    return trouble(504) if response.status_code == 202 else response


def late_cut(response: Response) -> Response:
    """No answer, where the call itself was good."""
    return cut() if response.status_code == 202 else response


BEFORE: Mapping[str, Callable[[FaultRule], Response]] = {
    **INSTEAD,
    "html_before": lambda rule: page(HTML),
    "redirect": lambda rule: redirect(),
    "success_false_before": lambda rule: in_json({"success": False, "message": "系统繁忙"}),
    "unauthorized": lambda rule: in_json({"detail": "Missing API key"}, 401),
    "forbidden": lambda rule: in_json({"detail": "Invalid API key"}, 403),
    "rate_limited": rate_limited,
    "result_404": lambda rule: Response("Not Found", 404, mimetype="text/plain"),
    "result_html": lambda rule: page(HTML),
    "result_empty": lambda rule: Response(b"", mimetype="image/png"),
    "result_broken": lambda rule: Response(PNG_SIGNATURE + bytes(range(256)) * 40, mimetype="image/png"),
    "result_huge": huge,
    "result_bomb": bomb,
    "result_expired": expired,
}
AFTER: Mapping[str, Callable[[Response], Response]] = {
    **SPOILED,
    "html": lambda response: page(HTML),
    "redirect_after": lambda response: redirect(303),
    "late_accept": late,
    "late_accept_cut": late_cut,
}
MANNERS = Manners(trouble, BEFORE, AFTER)


def reshape(response: Response, call: Call) -> None:
    """Change the JSON of an answer as the rules say."""
    wanted = [SHAPES[rule.kind] for rule in call.chosen.others if rule.kind in SHAPES]
    if not wanted:
        return
    body = json.loads(response.get_data())
    for shape in wanted:
        body = shape(body, call.subject)
    response.set_data(json.dumps(body, ensure_ascii=False))


Body = dict[str, Any]


def without(*names: str) -> Callable[[Body, str], Body]:
    """A shape that leaves fields out."""
    return lambda body, subject: {name: value for name, value in body.items() if name not in names}


def shuffled(body: Body, subject: str) -> Body:
    """Results in another order, the same one at each poll of a task; never the prompts' own."""
    results = list(body.get("results", []))
    random.Random(subject).shuffle(results)  # noqa: S311 - repeatable on purpose
    if len(results) > 1 and results == body["results"]:
        results.reverse()
    return {**body, "results": results} if results else body


def non_success(body: Body, _subject: str) -> Body:
    """Entries among the results that are no pictures: failed items, and a discarded attempt of the first one."""
    if not body.get("results"):
        return body
    discarded = {**body["results"][0], "status": "discarded"}
    discarded["image_url"] = ELSEWHERE
    failed = [{**item, "image_url": None} for item in body.get("failed_items", [])]
    return {**body, "results": [discarded, *failed, *body["results"]]}


def other_host(body: Body, _subject: str) -> Body:
    """The same service under another name: `localhost` for `127.0.0.1`, and the reverse."""
    body = copy.deepcopy(body)
    for result in body.get("results", []):
        parts = urlsplit(result["image_url"] or "")
        name = "127.0.0.1" if parts.hostname == "localhost" else "localhost"
        result["image_url"] = urlunsplit(parts._replace(netloc=f"{name}:{parts.port or 80}"))
    return body


def unknown_status(body: Body, _subject: str) -> Body:
    """A status word that the vendor document does not have."""
    items = [{**item, "status": "postprocessing"} for item in body.get("items", [])]
    return {**body, "status": "postprocessing", **({"items": items} if items else {})}


def missing_fields(body: Body, _subject: str) -> Body:
    """Only what can least be done without is left: ids, and success; no status, no counts, no quota."""
    kept = {"task_id", "retry_task_id", "success", "results", "failed_items", "user_id"}
    return {name: value for name, value in body.items() if name in kept}


def null_fields(body: Body, _subject: str) -> Body:
    """Every field but the ids is null."""
    return {name: value if name in {"task_id", "user_id"} else None for name, value in body.items()}


def success_false(body: Body, _subject: str) -> Body:
    """A failure is told, though the service did its work."""
    return {"success": False, "message": "任务提交失败"}


def bad_task_id(body: Body, _subject: str) -> Body:
    """Ids that must not go into a URL."""
    names = {"task_id", "job_id", "retry_task_id", "retry_job_id"}
    return {name: "../../admin?x=1" if name in names else value for name, value in body.items()}


SHAPES: dict[str, Callable[[Body, str], Body]] = {
    "no_items": without("items"),
    "shuffled": shuffled,
    "non_success": non_success,
    "other_host": other_host,
    "unknown_status": unknown_status,
    "missing_fields": missing_fields,
    "null_fields": null_fields,
    "no_results": without("results"),
    "success_false": success_false,
    "no_task_id": without("task_id", "job_id", "retry_task_id", "retry_job_id", "poll_url"),
    "bad_task_id": bad_task_id,
}
