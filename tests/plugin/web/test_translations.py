"""The Chinese catalogue is whole, and what is compiled is what is written."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from lxml import html

from plugin.config import HeboSettings
from plugin.web.translations.catalogue import FOLDER, codes, extracted, missing, read
from tests.plugin.web.conftest import Site
from tests.plugin.web.test_activity import troubled
from tests.plugin.web.test_phrases import left_in_english

NAMES = {"Shopify", "WooCommerce"}  # they are the same in every language
PLACEHOLDERS = re.compile(r"%\(\w+\)s|\{\w+\}")


@pytest.fixture(scope="module")
def wanted() -> Catalog:
    return extracted()


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or [])


def texts(catalogue: Catalog) -> dict[object, Message]:
    return {message.id: message for message in catalogue if message.id}


def placeholders(text: str) -> list[str]:
    return sorted(set(PLACEHOLDERS.findall(text)))


@pytest.mark.parametrize("code", codes())
class TestCatalogue:
    def test_every_text_is_translated(self, code: str, wanted: Catalog) -> None:
        there = texts(read(code))
        assert [text for text in texts(wanted) if text not in there] == [], "run: make translations"
        assert missing(read(code)) == []

    def test_nothing_is_left_over_or_guessed(self, code: str, wanted: Catalog) -> None:
        catalogue = read(code)
        assert [text for text in texts(catalogue) if text not in texts(wanted)] == [], "run: make translations"
        assert list(catalogue.obsolete) == []
        assert [message.id for message in catalogue if message.id and message.fuzzy] == []

    def test_the_words_that_are_put_in_are_the_same(self, code: str) -> None:
        for message in texts(read(code)).values():
            wanted = placeholders(forms(message.id)[-1])
            assert [placeholders(form) for form in forms(message.string)] == [wanted] * len(forms(message.string))

    def test_percent_signs_stand_only_where_something_is_put_in(self, code: str) -> None:
        stray = [
            form
            for message in texts(read(code)).values()
            for form in (*forms(message.id), *forms(message.string))
            if "%(" in form and "%" in PLACEHOLDERS.sub("", form).replace("%%", "")
        ]
        assert stray == []

    def test_what_is_shipped_is_what_was_written(self, code: str) -> None:
        compiled = BytesIO()
        write_mo(compiled, read(code))
        shipped = (FOLDER / code / "LC_MESSAGES" / "messages.mo").read_bytes()
        assert shipped == compiled.getvalue(), "run: make translations"

    def test_no_place_in_the_sources_is_noted(self, code: str) -> None:
        written = (FOLDER / code / "LC_MESSAGES" / "messages.po").read_text(encoding="utf-8")
        assert not re.search(r"^#:", written, re.MULTILINE)
        assert "Glossary" in written.partition("msgid")[0]


def test_chinese_is_chinese() -> None:
    strange = [
        form
        for message in texts(read("zh")).values()
        for form in forms(message.string)
        if form not in NAMES
        and not re.search(r"[\u4e00-\u9fff]", form)
        and re.search(r"[a-z]{3}", PLACEHOLDERS.sub("", form))
    ]
    assert strange == []


def test_texts_of_every_kind_are_found(wanted: Catalog) -> None:
    found = texts(wanted)
    assert "Skip to the content" in found  # a page
    assert "today %(time)s" in found  # Python
    assert "Products" in found  # a constant
    assert ("{images} picture put on the listing", "{images} pictures put on the listing") in found  # an event
    assert "the host name {host} is not known" in found  # a message
    assert HeboSettings.model_fields["daily_budget"].description in found  # a help line


def addresses(page: html.HtmlElement) -> list[str]:
    return [link for link in page.xpath("//a/@href") if link.startswith("/") and not link.startswith("/pictures/")]


def read_by_people(page: html.HtmlElement) -> list[str]:
    """All that a page says, its hidden names and questions too."""
    shown = page.xpath("//text()[not(ancestor::script) and not(ancestor::style)]")
    names = ("title", "alt", "placeholder", "aria-label", "data-confirm")
    return [str(text).strip() for text in [*shown, *(text for name in names for text in page.xpath(f"//@{name}"))]]


def test_every_page_is_in_chinese(site: Site) -> None:
    """From link to link after a walk with trouble in it: no page has an English sentence on it."""
    troubled(site)
    left: dict[str, str] = {}
    seen, ahead = set[str](), ["/", "/sign-in", "/set-up", "/account", "/nowhere", "/generate?product=1"]
    while ahead:
        address = ahead.pop()
        place = address.partition("?")[0]
        if place in seen:
            continue
        seen.add(place)
        answer = site.client.get(address, headers={"Accept-Language": "zh"}, follow_redirects=True)
        page = html.fromstring(answer.text)
        left |= {text: address for text in read_by_people(page) if left_in_english(text)}
        ahead += addresses(page)
    assert {"/products", "/products/1", "/review", "/activity", "/settings"} <= seen
    assert left == {}
