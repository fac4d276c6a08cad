"""The Shopify connector's code: no GraphQL outside of its .graphql files, no request without a time limit, and none
of what ShopifyAPI keeps for the whole process.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from graphql import GraphQLSyntaxError, parse

CONNECTOR = Path(__file__).parents[2] / "connectors" / "shopify"
SOURCES = sorted(CONNECTOR.rglob("*.py"))


def graphql_texts(path: Path) -> Iterator[str]:
    """Strings of a module that look like GraphQL; of an f-string, what is fixed in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if looks_like_graphql(text):
            yield f"{path.name}:{node.lineno}: {text[:60]}"


SIGNS = re.compile(
    r"\b(query|mutation|subscription)\b\s*\w*\s*[({]|\bfragment\s+\w+\s+on\s|\.\.\.\s*on\s|\{\s*(nodes?|edges|userErrors)\b"
)


def looks_like_graphql(text: str) -> bool:
    """Whether it is a document, or has what only documents have."""
    if SIGNS.search(text):
        return True
    try:
        parse(text)
    except GraphQLSyntaxError:
        return False
    return "{" in text


def test_no_document_stands_outside_the_graphql_files() -> None:
    assert len(SOURCES) > 10
    assert [text for path in SOURCES for text in graphql_texts(path)] == []


@pytest.mark.parametrize(
    "source",
    [
        'TEXT = "{ shop { name } }"',
        'TEXT = """\n  query Shop { shop { name } }"""',
        'TEXT = f"mutation {{ fileDelete(fileIds: [{ids}]) {{ deletedFileIds }} }}"',
        'TEXT = "nodes { ... on " + kind + " { id } }"',
        'TEXT = "fragment Parts on Product { id }"',
        'send("query($id: ID!)" + " { node }")',
    ],
)
def test_a_document_in_the_code_is_found(tmp_path: Path, source: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert list(graphql_texts(path))


@pytest.mark.parametrize(
    "text", ["{shop} did not answer", "updated_at:>'2026-11-22'", '{"id": 1}', "a query of 12 (x)"]
)
def test_other_text_is_no_document(text: str) -> None:
    assert not looks_like_graphql(text)


GLOBAL_SESSION = {"activate_session", "clear_session", "ShopifyResource", "GraphQL", "Session.temp", "shopify.Session"}
CLIENTS = (
    "urllib.request",
    "http.client",
    "httpx",
    "aiohttp",
    "urllib3.PoolManager",
    "urllib3.request",
    "urllib3.connection",
    "socket",
    "pyactiveresource",
)
VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "send"}


def imported(node: ast.AST) -> list[str]:
    """The dotted names that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{each.name}" for each in node.names]
    return [each.name for each in node.names] if isinstance(node, ast.Import) else []


def wrong_requests(path: Path) -> Iterator[str]:
    """Where a module asks otherwise than through `connectors.http`, which has no call without a time limit."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_wrong(node, node.func):
            yield f"{path.name}:{node.lineno}: {ast.unparse(node.func)}()"
        yield from (f"{path.name}: import {name}" for name in imported(node) if name.startswith(CLIENTS))


def is_wrong(call: ast.Call, method: ast.Attribute) -> bool:
    """Whether a call is one of requests' own; what streams may use an adapter, with a timeout."""
    owner = ast.unparse(method.value).lower()
    if owner.endswith("adapter"):
        return method.attr == "send" and not any(argument.arg == "timeout" for argument in call.keywords)
    return owner == "requests" or (method.attr in VERBS and owner.endswith(("session", "session()")))


def global_sessions(path: Path) -> Iterator[str]:
    """Where a module touches what ShopifyAPI keeps for the whole process."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [ast.unparse(node)] if isinstance(node, (ast.Attribute, ast.Name)) else imported(node)
        yield from (f"{path.name}: {name}" for name in names if any(name.endswith(each) for each in GLOBAL_SESSION))


@pytest.mark.parametrize("look", [wrong_requests, global_sessions])
def test_it_asks_with_time_limits_and_without_a_global_session(look: Callable[[Path], Iterator[str]]) -> None:
    assert [found for path in SOURCES for found in look(path)] == []


@pytest.mark.parametrize(
    ("look", "source"),
    [
        (wrong_requests, "requests.post(url, json={})"),
        (wrong_requests, "self.session.post(url, timeout=3)"),
        (wrong_requests, "environment.session().get(url)"),
        (wrong_requests, "adapter.send(request, stream=True)"),
        (wrong_requests, "import http.client"),
        (wrong_requests, "from urllib.request import urlopen"),
        (global_sessions, "shopify.ShopifyResource.activate_session(session)"),
        (global_sessions, "from shopify import Session"),
        (global_sessions, "from shopify.resources import GraphQL"),
    ],
)
def test_what_it_must_not_do_is_found(tmp_path: Path, look: Callable[[Path], Iterator[str]], source: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert list(look(path))
