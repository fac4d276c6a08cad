"""A local Hebo image API that answers over real HTTP as the vendor document says, and goes wrong when asked to.

Nothing here is free of charge by mistake: a doubled submission is accepted and billed again, like by the real one.
"""

import json
import math
import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, abort, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from plugin.listener import Listener, ListenerError
from plugin.sandbox.hebo.control import control
from plugin.sandbox.hebo.mischief import CALL_KEY, Call, Mischief, expired
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.service import HeboSandbox, parts
from plugin.sandbox.hebo.state import ServiceError
from plugin.sandbox.hebo.tasks import Item, Order, Task
from plugin.sandbox.hebo.wire import (
    accepted_body,
    quota_body,
    read_item_ids,
    read_order,
    retried_body,
    task_body,
)

MOST_BODY_BYTES = 2_000_000
api = Blueprint("hebo", __name__)


def create_hebo(options: HeboOptions, now: Callable[[], float] = time.monotonic) -> Flask:
    """The service as a Flask application; its parts are `app.extensions["hebo"]`, to be closed by the caller.

    `now` is the service's clock in seconds. Close with `app.extensions["hebo"].close()`.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    sandbox = app.extensions["hebo"] = HeboSandbox(options, now)
    app.register_blueprint(api)
    app.register_blueprint(control, url_prefix="/sandbox")
    app.register_error_handler(ServiceError, service_error)
    app.register_error_handler(HTTPException, http_error)
    sandbox.mischief = Mischief(app.wsgi_app, sandbox.faults, now, sandbox.effect)
    app.wsgi_app = sandbox.mischief  # type: ignore[method-assign]
    return app


def serve_hebo(
    options: HeboOptions,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    threads: int = 16,
    separate_results: bool = False,
    now: Callable[[], float] = time.monotonic,
) -> "HeboListener":
    """Serve a new service; the listener that comes back runs, and stopping it ends everything.

    `separate_results` serves the result pictures on a port of their own. Raises `ListenerError`.
    """
    app = create_hebo(options, now)
    sandbox: HeboSandbox = app.extensions["hebo"]
    listener = HeboListener(app, host, port, threads)
    try:
        if separate_results:
            sandbox.results_base = listener.results.start().url
        listener.start()
    except ListenerError:
        listener.stop()
        raise
    return listener


class HeboListener(Listener):
    """Serves a sandbox, its result pictures (`results`, where they have a port of their own), and ends both."""

    def __init__(self, app: Flask, host: str, port: int, threads: int) -> None:
        self.sandbox: HeboSandbox = app.extensions["hebo"]
        self.results = Listener(app, host, 0, threads=4)
        super().__init__(app, host, port, threads)

    def stop(self) -> None:
        """Let slow answers go at once, then stop."""
        if self.sandbox.mischief is not None:
            self.sandbox.mischief.close()
        super().stop()
        self.results.stop()
        self.sandbox.close()


def this_call() -> Call:
    """The call being answered, with its time of arrival."""
    call: Call = request.environ[CALL_KEY]
    return call


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """A JSON answer; Chinese stays readable."""
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")


def service_error(error: ServiceError) -> Response:
    """An error of the service as its JSON."""
    response = answer(error.body, error.status)
    if "retry_after" in error.body:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.body["retry_after"])))
    return response


def http_error(error: HTTPException) -> Response:
    """Flask's own errors (unknown path, wrong method) in the service's form."""
    return answer({"detail": error.name}, error.code or 500)


def json_body() -> object:
    """The request's JSON. Raises `ServiceError` 400."""
    if request.mimetype != "application/json":
        raise ServiceError(400, "Content-Type must be application/json")
    try:
        return json.loads(request.get_data())
    except ValueError as error:
        raise ServiceError(400, "The body is not valid JSON") from error


@api.post("/v1/ecom/batch")
def submit() -> Response:
    """Accept a task and reserve its images (vendor document §3)."""
    sandbox = parts()
    user = sandbox.state.authenticate(request.headers.get("Authorization"))
    order = read_order(json_body(), user)
    return accept(sandbox, order, lambda task: accepted_body(task, sandbox.state, sandbox.spell))


@api.post("/v1/ecom/tasks/<task_id>/retry-items")
def retry_items(task_id: str) -> Response:
    """Accept failed items again, as a new task (vendor document §7)."""
    sandbox = parts()
    user = sandbox.state.authenticate(request.headers.get("Authorization"))
    sandbox.state.find(task_id, user)
    order = sandbox.state.retry_order(task_id, user, read_item_ids(json_body()), this_call().arrived)
    return accept(sandbox, order, retried_body)


def accept(sandbox: HeboSandbox, order: Order, body_of: Callable[[Task], dict[str, Any]]) -> Response:
    """Accept an order now, or, when a rule says so, later (202, which the client never sees)."""
    call = this_call()
    if call.accept_after is not None:
        sandbox.state.submit_later(order, call.arrived, call.arrived + call.accept_after)
        return answer({}, 202)
    with sandbox.state.lock:
        return answer(body_of(sandbox.state.submit(order, call.arrived)))


@api.get("/v1/ecom/tasks/<task_id>")
def poll(task_id: str) -> Response:
    """How a task stands, within the polling limits (vendor document §4 and §6)."""
    sandbox, call = parts(), this_call()
    base = (sandbox.results_base or request.host_url).rstrip("/")
    kind = sandbox.options.image_format

    def url_of(item: Item) -> str:
        return f"{base}/results/{item.name}.{kind}"

    with sandbox.state.lock:
        user = sandbox.state.authenticate(request.headers.get("Authorization"))
        task = sandbox.state.poll(task_id, user, call.arrived, intact=call.intact)
        return answer(task_body(task, call.arrived, sandbox.spell, url_of))


@api.get("/v1/ecom/quota")
def quota() -> Response:
    """What the key's owner has left today (vendor document §9)."""
    sandbox = parts()
    with sandbox.state.lock:
        user = sandbox.state.authenticate(request.headers.get("Authorization"))
        sandbox.state.advance(this_call().arrived)
        return answer(quota_body(user, sandbox.state, sandbox.spell))


@api.get("/results/<name>.<kind>")
def result(name: str, kind: str) -> AnyResponse:
    """A produced picture; without a key, for a limited time."""
    sandbox, now = parts(), this_call().arrived
    task, item = sandbox.state.pictures.get(name) or abort(404)
    if kind != sandbox.options.image_format or item.fails or not task.is_final(now):
        abort(404)
    if now > (task.ended_at or 0) + sandbox.options.result_ttl:
        return expired(status=sandbox.options.expired_status)
    data = sandbox.studio.picture(task, item)
    if data is None:
        abort(404)
    if request.method == "GET" and this_call().intact:
        item.fetched += 1
    return Response(data, mimetype=f"image/{kind}", headers={"Cache-Control": "max-age=3600"})
