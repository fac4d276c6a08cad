"""Messages that are stored or raised in English, in the reader's language.

Events' reasons, products' and stores' problems, errors: they are English sentences with words put in. The template
that a message was made from is found by pattern; the template is a text of the catalogue, and the words are put into
its translation. A message that nobody knows (the image service's own words) stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from ipaddress import ip_address
from string import Formatter
from types import MappingProxyType
from typing import Any, Protocol

from flask import Flask
from flask_babel import format_decimal, gettext, ngettext

from plugin.activity import PAGE_SENTENCES
from plugin.web.translations.messages import ON_PAGES, TEMPLATES

# Placeholders whose word may itself be a message. The others are names, addresses and figures: shown as they are.
NESTED = frozenset({"reason", "detail", "hint", "where", "state", "new_state", "source", "kind", "title", "verdict"})
FREE = NESTED | {"cause"}  # sentences, ours or others'; a name has no colon and space in it, which end a name
MOST_SUBJECTS = 4  # "store 'x': schedule: …": so many names before the message are looked past
SUBJECT = "{subject}: {message}"
AS_SENT = frozenset({"request", "detail"})  # words that may hold the address of a service of the operator's own
OF_SERVICE = re.compile(r"HTTP [45]\d\d: .+", re.DOTALL)  # the image service's own words for a failure
ADDRESS = re.compile(r"\bhttps?://(?P<host>\[[^]\s]*\]|[^\s/:?#]+)(?::\d+)?", re.IGNORECASE)
INNER_NAMES = (".local", ".internal", ".lan", ".localhost")
NOTHING: Mapping[str, str] = MappingProxyType({})

Found = tuple[str, Mapping[str, str]]


class Happened(Protocol):
    """An event, as any view gives it."""

    @property
    def code(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


def install(app: Flask) -> None:
    """The filters `phrase` (a message) and `event_text` (an event) for the pages."""
    app.add_template_filter(translated, "phrase")
    app.add_template_filter(event_text, "event_text")


def translated(text: str) -> str:
    """A message of the program in the language of the request, each of its lines; unknown ones stay as they are."""
    return "\n".join(_said(line) for line in text.split("\n"))


def event_text(event: Happened, named: Mapping[str, str] = NOTHING) -> str:
    """What happened as a sentence in the language of the request. The product is named beside it, not in it.

    named: words that are said otherwise than they are stored, such as the title of a shot.
    """
    sentence = PAGE_SENTENCES[event.code]
    words = {name: _word(name, value) for name, value in event.data.items()} | dict(named)
    template: str = gettext(sentence.text)
    if sentence.one:
        template = ngettext(sentence.one, sentence.text, int(event.data[sentence.count]))
    said = template.format_map(words)
    if "title" in words and "product" not in words:  # about several products: there is no other place for their names
        return _after(words["title"], said)
    return said


def _word(name: str, value: Any) -> str:
    if isinstance(value, (int, float)):
        return str(format_decimal(value))
    if isinstance(value, str):
        return translated(value).rstrip(".。") if name in NESTED else value
    return str(value)


def _said(text: str) -> str:
    if found := find(text):
        template, values = found
        outer = {name: without_inner_address(value) if name in AS_SENT else value for name, value in values.items()}
        words = {name: _said(value) if name in NESTED else value for name, value in outer.items()}
        said: str = gettext(ON_PAGES.get(template, template))
        return said.format_map(words)
    if failed := OF_SERVICE.fullmatch(text):
        return _said(f"the image service answered {failed[0]}")
    for subject, message in _subjects(text):
        if find(message):
            return _after(subject, _said(message))
    return text


def without_inner_address(text: str) -> str:
    """Addresses that only the operator's own network knows are cut to their paths; public ones stay."""
    return ADDRESS.sub(lambda found: "" if _is_inner(found["host"]) else found[0], text)


def _is_inner(host: str) -> bool:
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:  # a name
        return "." not in host or host.lower().endswith(INNER_NAMES)


def _after(subject: str, message: str) -> str:
    template: str = gettext(SUBJECT)
    return template.format(subject=subject, message=message)


def _subjects(text: str) -> Iterable[tuple[str, str]]:
    """The ways to read a text as a name, a colon and a message, the shortest name first."""
    at = -1
    for _ in range(MOST_SUBJECTS):
        at = text.find(": ", at + 1)
        if at < 0:
            return
        yield text[:at], text[at + 2 :]


@lru_cache(maxsize=2048)
def find(text: str) -> Found | None:
    """The template that a message was made from, and the words in it; None: it is not known."""
    for template, pattern in patterns():
        if match := pattern.fullmatch(text):
            return template, match.groupdict()
    return None


def _literals(template: str) -> int:
    return sum(len(literal) for literal, *_ in Formatter().parse(template))


def _pattern(template: str) -> re.Pattern[str]:
    """A word reaches to the first place where what follows it stands (the last one: as far as it can).

    The atomic groups never try another place, so that the time is proportional to the text's length.
    """
    pieces = [(literal, name) for literal, name, *_ in Formatter().parse(template)]
    written = ""
    for position, (literal, name) in enumerate(pieces):
        written += re.escape(literal)
        rest, letter = pieces[position + 1 :], "." if name in FREE else "(?!: )."
        if name and any(later for _, later in rest):
            written += f"(?>(?P<{name}>(?:{letter})+?)(?={re.escape(rest[0][0])}))"
        elif name:
            written += f"(?P<{name}>(?:{letter})+)"
    return re.compile(written, re.DOTALL)


@cache
def patterns() -> Sequence[tuple[str, re.Pattern[str]]]:
    """Each template with its pattern, made when the first message is shown: that takes 80 ms, which a start has not.

    The longest literal text first: what is said most exactly is tried before what would fit as well.
    """
    return tuple((template, _pattern(template)) for template in sorted(TEMPLATES, key=_literals, reverse=True))
