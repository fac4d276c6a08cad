"""Every template of a message against the sources: it is said there, word for word, and nothing was added behind it."""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticKnownError

from connectors import kinds
from connectors.feed import FeedOptions
from plugin.web.security import ROOT
from plugin.web.translations.messages import ON_PAGES, OPENSSL, TEMPLATES

SOURCES = Path(ROOT).parent.parent
PYDANTIC: list[tuple[Any, dict[str, Any]]] = [
    ("missing", {}),
    ("greater_than", {"gt": 1}),
    ("greater_than_equal", {"ge": 1}),
    ("less_than", {"lt": 1}),
    ("less_than_equal", {"le": 1}),
    ("finite_number", {}),
    ("int_parsing", {}),
    ("int_from_float", {}),
    ("int_type", {}),
    ("float_parsing", {}),
    ("float_type", {}),
    ("bool_parsing", {}),
    ("bool_type", {}),
    ("string_type", {}),
    ("literal_error", {"expected": "'a'"}),
    ("string_too_short", {"min_length": 1}),
    ("string_too_short", {"min_length": 2}),
    ("string_pattern_mismatch", {"pattern": "a"}),
]


def literals(template: str) -> list[str]:
    return [literal for literal, *_ in Formatter().parse(template) if literal.strip(" .,:;()'")]


def ending(template: str) -> str:
    """The words that the message ends with; empty where it ends with one that is put in."""
    *_, (literal, name, *_) = Formatter().parse(template)
    return "" if name else literal


def texts_in(files: Iterable[Path]) -> Iterator[str]:
    for path in files:
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        yield from (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@cache
def source_texts() -> tuple[str, ...]:
    """Every text in the sources, pydantic's messages as they are passed on, and the system's words; without spaces
    around them."""
    files = [path for name in ("plugin", "connectors", "templates") for path in (SOURCES / name).rglob("*.py")]
    found = list(texts_in(path for path in files if "web" not in path.parts and "sandbox" not in path.parts))
    found += [PydanticKnownError(kind, words).message().replace("Input should", "must") for kind, words in PYDANTIC]
    with pytest.raises(ValidationError) as caught:
        FeedOptions.model_validate({"path": 5, "output": "x"})
    found += [error["msg"] for error in caught.value.errors()]
    return tuple({text.strip() for text in (*found, *map(os.strerror, errno.errorcode))})


def occurs(literal: str, there: Callable[[str, str], bool]) -> bool:
    """Whether a text has it; a hint or a part may be put in at a colon, a semicolon, a comma or a full stop."""
    literal, texts = literal.strip().removesuffix(":"), source_texts()
    if any(there(text, literal) for text in texts):
        return True
    *parts, last = (part.strip(":;,. ") for part in re.split(r"(?<=[:;,.]) ", literal))
    whole = bool(parts) and any(there(text, last) for text in texts)
    return whole and all(any(part in text for text in texts) for part in parts)


@pytest.mark.parametrize("template", [template for template in TEMPLATES if template not in OPENSSL])
def test_every_template_is_said_somewhere(template: str) -> None:
    assert [literal for literal in literals(template) if not occurs(literal, str.__contains__)] == []
    assert occurs(ending(template), str.endswith)  # nothing was added behind it


def test_templates_are_not_repeated_and_say_something() -> None:
    assert len(TEMPLATES) == len(set(TEMPLATES))
    assert all(literals(template) for template in TEMPLATES)
    assert set(ON_PAGES) <= set(TEMPLATES)


# --- and the other way round: every sentence of a connector has a template

PROSE = re.compile(r"[A-Za-z']+(?:[,;:]? +\(?[A-Za-z']+){2,}")
SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE FROM|ORDER BY|CREATE|DROP INDEX|PRAGMA|BEGIN|WHERE|AND key)\b")
NOT_SHOWN = {
    "hebo-sync connection check",  # a webhook's name
    "from our address",  # put into the store's own words
    "key, filename, source, sent_at, media, url, noted_at",  # columns
    "could not find shopify api application",  # what Shopify's words are searched for
}
WALKED = ("shopify", "woocommerce")
MODULES = [path for name in WALKED for path in sorted((SOURCES / "connectors" / name).glob("*.py"))]


def is_unsaid(node: ast.AST, path: Path) -> bool:
    """Whether it is a docstring, a pattern, a line of the log, or a mistake of ours."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        return (
            called == "re.compile" or called.startswith("log.") or (called == "ValueError" and path.stem != "options")
        )
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def said_in(path: Path) -> Iterator[str]:
    """The sentences of a module, in the pieces between the words that are put in."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    unsaid = {id(inner) for node in nodes if is_unsaid(node, path) for inner in ast.walk(node)}
    for node in nodes:
        if id(node) in unsaid or not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if PROSE.search(node.value) and not SQL.search(node.value) and node.value not in NOT_SHOWN:
            yield node.value.strip(" .,:;()")


@cache
def translated_texts() -> tuple[str, ...]:
    infos = [info for name in WALKED for info in kinds()[name].options.model_fields.values()]
    return (*TEMPLATES, *(text for info in infos for text in (info.title, info.description) if text))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_every_sentence_of_a_connector_has_a_template(path: Path) -> None:
    left = [said for said in said_in(path) if not any(said in text for text in translated_texts())]
    assert left == [], f"add them to plugin/web/translations/{path.parent.stem}.py, and run: make translations"


def test_sentences_are_found() -> None:
    said = {name: [text for path in MODULES if path.parent.stem == name for text in said_in(path)] for name in WALKED}
    assert all(len(found) > 100 for found in said.values())
    assert "The store has no products yet" in said["woocommerce"]
    assert "must not have a ? or a # in it" in said["woocommerce"]
    assert "Only the first picture proves that the shop takes it" in said["shopify"]
    assert "was answered without its number" in said["shopify"]
