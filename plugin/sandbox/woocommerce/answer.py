"""Answers in the form of WordPress' REST API: headers, error bodies, and what a request asks for."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from plugin.sandbox.woocommerce.access import ApiError, Caller, php_parameters
from plugin.sandbox.woocommerce.query import Page, only_fields
from plugin.sandbox.woocommerce.service import parts

LISTED = "GET, POST"
SINGLE = "GET, POST, PUT, PATCH, DELETE"
BATCHED = "POST, PUT, PATCH"
NO_ROUTE = "No route was found matching the URL and request method."
DENIED = {  # what somebody without a key is told, by what was tried
    "list": ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
    "view": ("woocommerce_rest_cannot_view", "Sorry, you cannot view this resource."),
    "create": ("woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources."),
    "edit": ("woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource."),
    "delete": ("woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource."),
    "batch": ("woocommerce_rest_cannot_batch", "Sorry, you are not allowed to batch manipulate this resource."),
}


def admitted(what: str) -> Caller:
    """Who calls wc/v3. Raises `ApiError` 401; `what` names what was tried, for the words."""
    caller = parts().gate.shop(request)
    if not caller:
        code, message = DENIED[what]
        raise ApiError(code, message, 401, allow=False)
    return caller


def query_args() -> dict[str, str]:
    """The query as PHP reads it: of a name given twice the last value counts."""
    return php_parameters(request.query_string.decode("utf-8", "replace"))


def answer(body: Any, status: int = 200, *, allow: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer with the headers that every one has; `_fields` of the query is obeyed."""
    if status < 400:
        body = only_fields(body, query_args().get("_fields", ""))
    response = Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json; charset=UTF-8")
    response.headers["Link"] = f'<{parts().home}/wp-json/>; rel="https://api.w.org/"'
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Access-Control-Expose-Headers"] = "X-WP-Total, X-WP-TotalPages, Link"
    if allow:
        response.headers["Allow"] = allow
    response.headers.update(headers or {})
    return response


def listed(body: list[Any], total: int, page: Page, *, allow: str = LISTED) -> Response:
    """One page of a list, with the totals, and the way to the pages beside it."""
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(page.pages(total))}
    link = page.link(f"{parts().home}{request.path}", request.query_string.decode("utf-8", "replace"), total)
    return answer(body, allow=allow, headers={**headers, **({"Link": link} if link else {})})


def api_error(error: ApiError) -> Response:
    """An error as its JSON. The methods are named where the route was reached."""
    return answer(error.body, error.status, allow=allowed(request.path) if error.allow else "")


def allowed(path: str) -> str:
    """The methods of a route, as the `Allow` header names them."""
    last = path.rstrip("/").rpartition("/")[2]
    return BATCHED if last == "batch" else SINGLE if last.isdigit() else LISTED


def http_error(error: HTTPException) -> Response:
    """An unknown path: JSON below `/wp-json/`, else a page."""
    if request.path.startswith("/wp-json") and error.code in {404, 405}:
        return answer({"code": "rest_no_route", "message": NO_ROUTE, "data": {"status": 404}}, 404)
    return Response(
        f"<!doctype html><title>{error.name}</title><h1>{error.name}</h1>", error.code or 500, mimetype="text/html"
    )


def json_body() -> dict[str, Any]:
    """The request's JSON object, or its form's fields. Raises `ApiError` 400 for JSON that is broken."""
    data = request.get_data()
    if request.mimetype != "application/json" or not data:
        form: MultiDict[str, str] = request.form
        return dict(form)
    try:
        body = json.loads(data)
    except ValueError as error:
        raise ApiError(
            "rest_invalid_json", "Invalid JSON body passed.", 400,
            extra={"json_error_code": 4, "json_error_message": "Syntax error"},
        ) from error  # fmt: skip
    return body if isinstance(body, dict) else {}
