"""Does what the fault rules say, around the store: a WSGI layer that cuts, delays, replaces and spoils answers.

It also says which of the rules' calls a request is, and keeps the log of requests.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, FragmentSpreadNode, OperationDefinitionNode
from werkzeug.wrappers import Response

from plugin.listener import cut
from plugin.sandbox.faults import NOTHING
from plugin.sandbox.mischief import (
    INSTEAD,
    PROXY,
    SPOILED,
    LateWork,
    Manners,
    in_json,
    page,
    proxy_page,
    repeatable,
    served,
    silent,
    with_retry_after,
)
from plugin.sandbox.shopify.editor import Editor
from plugin.sandbox.shopify.engine import Prepared, prepare
from plugin.sandbox.shopify.faults import ACCESS, EDITORS, LATE, SLOW, FaultRule
from plugin.sandbox.shopify.model import number_of
from plugin.sandbox.shopify.service import NOTE_KEY, Note, Seen, ShopifyParts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HTML = "<!doctype html><html><head><title>Just a moment...</title></head><body>Checking your connection.</body></html>"
TOKEN_VARIABLE = "HTTP_X_SHOPIFY_ACCESS_TOKEN"  # noqa: S105 - the header's name
PRODUCT_ID = re.compile(r'"gid://shopify/Product/(\d+)"')
PATHS = (  # method, pattern of the path, the call
    ("POST", r"/admin/api/[^/]+/graphql\.json", "graphql"),
    ("POST", r"/admin/oauth/access_token", "token"),
    ("POST", r"/staged/", "upload"),
    ("GET", r"/bulk/.+", "bulk_file"),
    ("GET", r"/cdn/.+", "file"),
)
ROOTS: Mapping[str, str] = {
    "products": "products", "productsCount": "products", "product": "product", "productVariant": "product",
    "productVariants": "products",
    "files": "files", "node": "status", "nodes": "status", "job": "job", "shop": "shop",
    "currentAppInstallation": "shop", "bulkOperation": "bulk_status", "bulkOperations": "bulk_status",
    "stagedUploadsCreate": "staged", "fileCreate": "file_create", "fileUpdate": "file_update",
    "fileDelete": "file_delete", "productUpdate": "product_update", "productReorderMedia": "reorder",
    "productVariantAppendMedia": "variant", "productVariantDetachMedia": "variant",
    "bulkOperationRunQuery": "bulk_run", "bulkOperationCancel": "bulk_cancel",
    "webhookSubscriptionCreate": "webhook", "webhookSubscriptionDelete": "webhook",
}  # fmt: skip


class Mischief:
    """The layer around a store's application."""

    def __init__(self, app: "WSGIApplication", shop: ShopifyParts) -> None:
        self._app = app
        self._shop = shop
        self._editor = Editor(shop.store)
        self._late = LateWork(shop.closed, "shopify-late")
        self._manners = Manners(trouble, {**BEFORE, "timeout": lambda rule: silent(shop.closed, rule.amount)}, AFTER)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        noted = Note(path_kind(environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if noted.kind == "graphql":
            environ = repeatable(environ)
            read_call(environ["wsgi.input"].getvalue(), noted)
        if noted.kind:
            noted.chosen = self._shop.faults.choose(noted.kind, noted.subject)
        environ[NOTE_KEY] = noted
        try:
            if noted.kind == "bulk_file" and noted.chosen == NOTHING:  # too big to be held in memory
                response = Response.from_app(self._app, environ)
            else:
                response = self._answer(noted, environ)
        except ConnectionAbortedError:
            self._log(noted, environ, None)
            raise
        self._log(noted, environ, response.status_code)
        return response(environ, start_response)

    def settle(self, seconds: float) -> bool:
        """Wait until late work is done; whether it is."""
        return self._late.settle(seconds)

    def _log(self, noted: Note, environ: "WSGIEnvironment", status: int | None) -> None:
        if environ["PATH_INFO"].startswith("/sandbox/"):
            return
        seen = Seen(
            environ["REQUEST_METHOD"], environ["PATH_INFO"], noted.kind, status, noted.operation, noted.variables,
            noted.code, noted.points, noted.requested, TOKEN_VARIABLE in environ, self._shop.now(),
        )  # fmt: skip
        self._shop.requests.append(seen)

    def _answer(self, noted: Note, environ: "WSGIEnvironment") -> Response:
        chosen = noted.chosen
        self._change_access(noted, environ)
        rule = chosen.answer
        if rule is not None and rule.kind in LATE:
            return self._do_late(noted, environ, rule)
        response = self._manners.answer(rule, lambda: self._with_editors(noted, environ))
        if chosen.kinds() & SLOW:
            self._shop.closed.wait(chosen.amount(SLOW))
        return response

    def _change_access(self, noted: Note, environ: "WSGIEnvironment") -> None:
        """The token, or one of its scopes, is lost from this call on."""
        for rule in noted.chosen.others:
            if rule.kind not in ACCESS:
                continue
            if rule.kind == "lose_scope":
                self._shop.access.lose_scope(str(rule.value or "write_files"))
            elif self._shop.access.scopes_of(environ.get(TOKEN_VARIABLE, "")) is not None:
                self._shop.access.revoke(environ[TOKEN_VARIABLE])

    def _with_editors(self, noted: Note, environ: "WSGIEnvironment") -> Response:
        """The store's answer; another editor changes the same listing before or after, where a rule says so."""
        rules = [rule for rule in noted.chosen.others if rule.kind in EDITORS]
        self._edit(noted, rules, "editor_before")
        response = served(self._app, environ)
        self._edit(noted, rules, "editor")
        return response

    def _edit(self, noted: Note, rules: list[FaultRule], kind: str) -> None:
        for rule in rules:
            if rule.kind == kind and noted.subject:
                self._editor.act(number_of(noted.subject), str(rule.value or "add"))

    def _do_late(self, noted: Note, environ: "WSGIEnvironment", rule: FaultRule) -> Response:
        """A gateway gives up now (504, or the connection is cut), and the store does the work some seconds later."""
        held = repeatable(environ)
        self._late.start(rule.amount, lambda: self._with_editors(noted, held))
        return cut() if rule.kind == "late_cut" else trouble(504)


def path_kind(method: str, path: str) -> str:
    """Which call a path is, `graphql` for all of the API; "" for pages and the control side."""
    return next((kind for wanted, pattern, kind in PATHS if wanted == method and re.fullmatch(pattern, path)), "")


def read_call(data: bytes, noted: Note) -> None:
    """Note the call, what it is about, its operation and its variables; an unreadable request is a `query`."""
    noted.kind = "query"
    try:
        body = json.loads(data)
    except ValueError:
        return
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return
    variables = body.get("variables")
    noted.variables = variables if isinstance(variables, dict) else {}
    found = PRODUCT_ID.search(json.dumps(noted.variables))
    noted.subject = f"gid://shopify/Product/{found[1]}" if found else ""
    prepared = prepare(body["query"], body.get("operationName"))
    if isinstance(prepared, Prepared):
        noted.operation = prepared.operation.name.value if prepared.operation.name else ""
        noted.kind = call_kind(prepared.operation)


def call_kind(operation: OperationDefinitionNode) -> str:
    """The call of an operation: by its first field; a product with its `media` counts as `media`."""
    first = next((node for node in operation.selection_set.selections if isinstance(node, FieldNode)), None)
    if first is None:
        return "query"
    kind = ROOTS.get(first.name.value, operation.operation.value)
    inner = first.selection_set.selections if first.selection_set else ()
    asked = {node.name.value for node in inner if isinstance(node, (FieldNode, FragmentSpreadNode))}
    return "media" if kind == "product" and "media" in asked else kind


def trouble(status: int) -> Response:
    """An answer with an error status: Shopify's JSON, or a proxy's page for 502 to 504."""
    return proxy_page(status) if status in PROXY else in_json({"errors": f"Error {status}"}, status)


def rate_limited(rule: Any) -> Response:
    """Shopify's 429."""
    message = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."
    return with_retry_after(in_json({"errors": message}, 429), rule.amount)


BEFORE: Mapping[str, Callable[[Any], Response]] = {
    **INSTEAD,
    "html": lambda rule: page(HTML),
    "rate_limited": rate_limited,
}
AFTER: Mapping[str, Callable[[Response], Response]] = {**SPOILED, "html_after": lambda response: page(HTML)}
