"""Looking into the HTML of a page."""

from __future__ import annotations

from typing import Any, cast

from lxml import html
from lxml.html import HtmlElement


def parsed(text: str) -> HtmlElement:
    """A whole page."""
    return html.document_fromstring(text)


def find(node: HtmlElement, path: str, **names: str) -> list[Any]:
    """What an XPath finds: elements, or texts where it asks for attributes. names: its variables."""
    return cast(list[Any], node.xpath(path, **names))
