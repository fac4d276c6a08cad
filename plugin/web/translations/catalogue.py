"""What is to be translated, and the catalogues kept up with it: `make translations`.

A text of the pages is marked where it stands: `_()` in HTML, gettext, ngettext or lazy_gettext in Python. Besides
these there are the messages and sentences of the program and the help lines of the settings, which are shown too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from pydantic import BaseModel

from connectors import kinds
from plugin.activity import PAGE_SENTENCES
from plugin.config import HeboSettings, StoreSettings
from plugin.stored import PAGE_FIELDS
from plugin.web.phrases import SUBJECT
from plugin.web.translations.messages import ON_PAGES, TEMPLATES

FOLDER = Path(__file__).parent
METHODS = [("pages/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"pages/**.html": {"silent": "false"}}  # a page with a mistake in it is not left out
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_ngettext": (1, 2)}
LINE = 120

Text = str | tuple[str, ...]  # with its plural


def extracted() -> Catalog:
    """Every text of the program that may be read on a page, without translations."""
    catalogue = Catalog(project="hebo-sync")
    for _, _, text, _, context in extract_from_dir(FOLDER.parent, METHODS, OPTIONS, KEYWORDS):
        if text:
            catalogue.add(text, context=context)
    for text in shown_besides():
        catalogue.add(text)
    return catalogue


def shown_besides() -> Iterator[Text]:
    """What a page shows that was not written for it."""
    for sentence in PAGE_SENTENCES.values():
        yield (sentence.one, sentence.text) if sentence.one else sentence.text
    yield SUBJECT
    yield from (ON_PAGES.get(template, template) for template in TEMPLATES)
    yield from _help_lines(HeboSettings, PAGE_FIELDS)
    yield from (kind.title for kind in kinds().values())
    models: list[type[BaseModel]] = [StoreSettings, *(kind.options for kind in kinds().values())]
    for model in models:
        yield from _help_lines(model, model.model_fields)


def _help_lines(model: type[BaseModel], names: Iterable[str]) -> Iterator[str]:
    fields = [model.model_fields[name] for name in names]
    yield from (text for field in fields for text in (field.title, field.description) if text)


def read(code: str) -> Catalog:
    """The catalogue of one language as its translators left it."""
    with _file(code, ".po").open("rb") as stream:
        return read_po(stream, locale=code, domain="messages")


def update(code: str) -> None:
    """Bring a catalogue up to date and compile it. A new text is without a translation, one that is gone leaves."""
    catalogue = read(code)
    catalogue.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    with _file(code, ".po").open("wb") as stream:
        write_po(stream, catalogue, width=LINE, no_location=True, ignore_obsolete=True)
    with _file(code, ".mo").open("wb") as stream:
        write_mo(stream, catalogue)


def missing(catalogue: Catalog) -> list[str]:
    """The texts without a translation (plurals by their plural)."""
    found = [message for message in catalogue if message.id and not all(_forms(message.string))]
    return [_forms(message.id)[-1] for message in found]


def _forms(text: Text | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def codes() -> list[str]:
    """The languages that have a catalogue."""
    return sorted(file.parent.parent.name for file in FOLDER.glob("*/LC_MESSAGES/messages.po"))


def _file(code: str, suffix: str) -> Path:
    return FOLDER / code / "LC_MESSAGES" / f"messages{suffix}"
