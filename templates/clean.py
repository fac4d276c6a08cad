"""Product texts made fit for a prompt: plain text on one line, of sane length, that cannot end its quotation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

TITLE_LIMIT = 150
DESCRIPTION_LIMIT = 500
VALUE_LIMIT = 100
LIST_LIMIT = 10

# Shop texts may be megabytes of HTML; what a prompt can use is in the beginning.
_RAW_LIMIT = 10_000
# Entities inside entities ("&amp;lt;b&amp;gt;") are undone a few times; what is still not plain then is hostile.
_ROUNDS = 5

_CODE_BLOCK = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_BLOCK_TAG = re.compile(
    r"<(?=/?(?:p|div|br|hr|li|ul|ol|dl|dt|dd|h[1-6]|table|tr|td|th|section|article)\b)", re.IGNORECASE
)
_INCH = re.compile(r'(?<=\d)["”＂]')
# Control, format (bidi overrides, zero width, tags), surrogate, private and unassigned characters.
_UNWANTED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Letters and marks that show as nothing: fillers, the empty braille pattern, variation selectors.
_INVISIBLE = re.compile("[\u115f\u1160\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_QUOTES = str.maketrans({'"': "'", "＂": "'"} | dict.fromkeys("“„‟«「『❝〝", "‘") | dict.fromkeys("”»」』❞〞〟", "’"))
_CUT_TAIL = " ,;:-–—(（，、；：/|&"


def clean_text(value: object, limit: int) -> str:
    """`value` as plain text of at most `limit` characters on one line; None gives "".

    HTML (also entity-encoded) becomes its text; control, bidi and zero-width characters go; white space and
    line breaks become single spaces; the result is in NFC; double quotes become single ones (an inch sign
    after a number becomes ″), so that a text cannot close the quotation in which a prompt holds it.
    """
    if value is None:
        return ""
    text = _plain(str(value)[:_RAW_LIMIT])
    text = _INCH.sub("″", text).translate(_QUOTES)
    return shorten(text, limit)


def shorten(text: str, limit: int) -> str:
    """`text`, or its beginning at a word boundary with "…" when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 1 and unicodedata.combining(text[end]):
        end -= 1
    head = text[:end]
    if not text[end].isspace():
        # Scripts without spaces, and words without end, are cut where the limit falls.
        boundary = max(head.rfind(" "), head.rfind("\n"))
        head = head[:boundary] if boundary >= limit // 2 else head
    return (head.rstrip().rstrip(_CUT_TAIL) or head.rstrip()) + "…"


def clean_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts a template may use, cleaned; what is missing is an empty value, unknown keys are left out."""
    return {
        "title": clean_text(facts.get("title"), TITLE_LIMIT),
        "description": clean_text(facts.get("description"), DESCRIPTION_LIMIT),
        "vendor": clean_text(facts.get("vendor"), VALUE_LIMIT),
        "kind": clean_text(facts.get("kind"), VALUE_LIMIT),
        "tags": _clean_list(facts.get("tags") or ()),
        "options": _clean_options(facts.get("options") or {}),
        "price": clean_text(facts.get("price"), VALUE_LIMIT),
        "currency": clean_text(facts.get("currency"), VALUE_LIMIT),
    }


def _plain(text: str) -> str:
    """Text without markup and without invisible characters, white space collapsed."""
    for _ in range(_ROUNDS):
        before, text = text, _one_line(_without_tags(_visible(text)))
        if text == before:
            return text
    return _one_line(_visible(re.sub(r"[<>&]", " ", text)))


def _without_tags(text: str) -> str:
    text = _CODE_BLOCK.sub(" ", text)
    return str(Markup(_BLOCK_TAG.sub(" <", text)).striptags())  # noqa: S704 - read as HTML to take its tags away


def _visible(text: str) -> str:
    """Line breaks and tabs as spaces, everything else that cannot be seen removed."""
    spaced = " ".join(text.split())
    if not spaced.isprintable():  # quick for plain texts; isprintable() is false for all unwanted categories
        spaced = "".join(c for c in spaced if unicodedata.category(c) not in _UNWANTED_CATEGORIES)
    return _INVISIBLE.sub("", spaced)


def _one_line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _clean_list(values: Iterable[object] | str) -> list[str]:
    """At most LIST_LIMIT different, non-empty values in their order."""
    listed = [values] if isinstance(values, str) else values
    cleaned: dict[str, None] = {}
    for value in listed:
        if len(cleaned) == LIST_LIMIT:
            break
        if text := clean_text(value, VALUE_LIMIT):
            cleaned[text] = None
    return list(cleaned)


def _clean_options(options: Mapping[Any, object]) -> dict[str, str]:
    """At most LIST_LIMIT named, non-empty values in their order."""
    cleaned: dict[str, str] = {}
    for name, value in options.items():
        if len(cleaned) == LIST_LIMIT:
            break
        key, text = clean_text(name, VALUE_LIMIT), clean_text(value, VALUE_LIMIT)
        if key and text:
            cleaned[key] = text
    return cleaned
