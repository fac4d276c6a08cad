"""The HTTP side of the sandbox store: GraphQL, tokens, staged uploads, bulk results and pictures."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, request, send_file

from plugin.sandbox.shopify.access import fields_of
from plugin.sandbox.shopify.call import Call
from plugin.sandbox.shopify.engine import Faulty, Prepared, execute, fees, formatted, prepare
from plugin.sandbox.shopify.model import StagedTarget
from plugin.sandbox.shopify.service import ShopifyParts, note, parts

api = Blueprint("shopify-api", __name__)
TOKEN = "X-Shopify-Access-Token"  # noqa: S105 - the header's name
LIMITS = "https://shopify.dev/api/usage/rate-limits"
NULLABLE = frozenset({"category", "featuredMedia", "image", "originalSource"})  # fields that give an object or null
UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"


def in_json(body: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON answer."""
    return Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json; charset=utf-8")


# -- GraphQL ----------------------------------------------------------------------------------------------------------


@api.post("/admin/api/<version>/graphql.json")
def graphql(version: str) -> Response:
    """The Admin API; every version that looks like one is served alike."""
    shop = parts()
    scopes = shop.access.scopes_of(request.headers.get(TOKEN, ""))
    if scopes is None:
        return in_json({"errors": UNAUTHORIZED}, 401)
    if not (version == "unstable" or (len(version) == 7 and version[4] == "-")):
        return in_json({"errors": "Not Found"}, 404)
    given = asked(request.get_data())
    if given is None:
        return in_json({"errors": {"query": "Required parameter missing or invalid"}}, 400)
    text, name, variables = given
    prepared = prepare(text, name)
    if isinstance(prepared, Faulty):  # seen in recorded answers: HTTP 200, errors and no data
        return in_json({"errors": [formatted(error) for error in prepared.errors]})
    return paid(shop, prepared, variables, Call(shop.store, shop.options, scopes, shop.bulk, note().chosen))


def asked(data: bytes) -> tuple[str, str | None, dict[str, Any]] | None:
    """The document, the operation's name and the variables; None: the request makes no sense."""
    try:
        body = json.loads(data)
    except ValueError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return None
    variables = body.get("variables") or {}
    return (body["query"], body.get("operationName"), variables) if isinstance(variables, dict) else None


def paid(shop: ShopifyParts, prepared: Prepared, variables: dict[str, Any], call: Call) -> Response:
    """Execute what the shop's points suffice for; the difference of requested and actual cost is given back."""
    fee = fees(prepared, variables)
    requested = fee.requested()
    if requested > shop.options.query_limit:
        return refused(shop, requested, too_dear(requested, shop.options.query_limit))
    with shop.store.lock:
        if "throttled" in call.chosen.kinds():
            shop.bucket.drain(shop.now(), requested - 1)
        taken = shop.bucket.take(requested, shop.now())
    if not taken:
        return refused(shop, requested, throttled())
    data, errors = execute(prepared, variables, call)
    actual = fee.actual(data)
    with shop.store.lock:
        shop.bucket.give_back(requested - actual, shop.now())
    errors += troubles(call, data)
    note().code = next((error.get("extensions", {}).get("code", "") for error in errors), "")
    body: dict[str, Any] = {"data": data} | ({"errors": errors} if errors else {})
    return in_json(body | cost(shop, requested, actual))


def troubles(call: Call, data: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The errors beside the data that fault rules ask for; a hole is made in the data."""
    entry = {"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    found: list[dict[str, Any]] = [entry] if "partial" in call.chosen.kinds() else []
    path = hole(data) if "hole" in call.chosen.kinds() else None
    return found if path is None else [*found, {**entry, "path": path}]


def hole(data: Any) -> list[str | int] | None:
    """Put null in the place of the first object that may be null; its path, or None where there is none."""
    entries = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ())
    for key, value in entries:
        if key in NULLABLE and isinstance(value, dict):
            data[key] = None
            return [key]
        below = hole(value)
        if below is not None:
            return [key, *below]
    return None


def cost(shop: ShopifyParts, requested: int, actual: int | None) -> dict[str, Any]:
    """The `extensions` of an answer, which are noted for the log of requests."""
    note().requested, note().points = requested, actual or 0
    with shop.store.lock:
        status = shop.bucket.status(shop.now())
    return {
        "extensions": {
            "cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status},
        }
    }


def refused(shop: ShopifyParts, requested: int, error: dict[str, Any]) -> Response:
    """HTTP 200 with an error, no data, and the actual cost null."""
    note().code = error["extensions"]["code"]
    return in_json({"data": None, "errors": [error]} | cost(shop, requested, None))


def throttled() -> dict[str, Any]:
    """The error of a shop whose points do not suffice."""
    return {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS}}


def too_dear(requested: int, limit: int) -> dict[str, Any]:
    """The error of a query that may cost more than any query may."""
    message = f"Query cost is {requested}, which exceeds the single query max cost limit ({limit})."
    extensions = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": limit, "documentation": LIMITS}
    return {"message": message, "extensions": extensions}


# -- tokens -----------------------------------------------------------------------------------------------------------


@api.post("/admin/oauth/access_token")
def access_token() -> Response:
    """A token is granted or renewed."""
    status, body = parts().access.answer(fields_of(request.mimetype, request.get_data()))
    return in_json(body, status)


# -- staged uploads ---------------------------------------------------------------------------------------------------


def storage_error(code: str, message: str, status: int) -> Response:
    """An error as cloud storage tells it: XML."""
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(text, status, content_type="application/xml; charset=UTF-8")


@api.post("/staged/")
def staged_upload() -> Response:
    """One file for one target: all parameters in the order in which they were given, and `file` as the last field."""
    store = parts().store
    raw = request.get_data(cache=True)
    files = request.files.getlist("file")
    fields = list(request.form.items(multi=True))
    with store.lock:
        target = store.staged.get(request.form.get("key", ""))
        if target is None:
            return storage_error("AccessDenied", "The policy or its signature is missing or not known", 403)
        data = files[0].read() if files else b""
        problem = upload_problem(target, fields, raw, len(data))
        if problem is not None:
            return storage_error(*problem)
        target.data = data
    text = f"<?xml version='1.0' encoding='UTF-8'?><PostResponse><Key>{target.key}</Key></PostResponse>"
    return Response(text, 201, content_type="application/xml; charset=UTF-8")


def upload_problem(
    target: StagedTarget, fields: list[tuple[str, str]], raw: bytes, size: int
) -> tuple[str, str, int] | None:
    """What is wrong with an upload: code, message and HTTP status; None: nothing. Sizes are in bytes."""
    if parts().now() > target.expires_at:
        return "AccessDenied", "Invalid according to Policy: Policy expired", 403
    if tuple(fields) != target.parameters:
        return "InvalidPolicyDocument", "Invalid according to Policy: a field is missing, changed or misplaced", 400
    if not ends_with_file(raw):
        return "MalformedPOSTRequest", "The file must be the last field of the form", 400
    if not 0 < size <= target.most_bytes:
        return "EntityTooLarge" if size else "EntityTooSmall", "The file's size is not in the allowed range", 400
    if target.data is not None or target.used:  # of cloud storage unverified; harder on a client than overwriting
        return "AccessDenied", "There is a file at this key already", 403
    return None


def ends_with_file(raw: bytes) -> bool:
    """Whether the last part of a form is the file."""
    return raw.rpartition(b'form-data; name="')[2].startswith(b'file"')


# -- bulk results and pictures ----------------------------------------------------------------------------------------


@api.get("/bulk/<name>.jsonl")
def bulk_result(name: str) -> Response:
    """A bulk operation's result: JSON lines, streamed."""
    try:
        path = parts().bulk.file(name)
    except KeyError:
        abort(404)
    return send_file(path, mimetype="application/jsonl")


@api.get("/cdn/shop/files/<path:name>")
def picture(name: str) -> Response:
    """A READY picture. Its `v` is not looked at, as the CDN does not refuse an old one."""
    store = parts().store
    with store.lock:
        store.settle()
        media = store.file_named(name)
        if media is None or media.status != "READY":
            abort(404)
        return Response(media.data, content_type=media.mime or "application/octet-stream")
