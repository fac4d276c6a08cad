"""Feeds as XML: RSS 2.0 and Atom with the g: namespace.

The items are found by their tags in a window that moves over the file, and each is parsed by itself: a broken
item costs nothing but itself, everything around the items stays as it is to the byte, and a document type
with its entities is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import BinaryIO, cast

from lxml import etree

from connectors.feed.model import ADDITIONAL, IMAGE, MAX_ROW_BYTES, Fields, Record, column_name
from connectors.feed.window import Window
from connectors.types import ConnectorError

GOOGLE = "http://base.google.com/ns/1.0"
_NAMESPACE = re.compile(rb"""\sxmlns(?::[\w.\-]+)?\s*=\s*(?:"[^"<]*"|'[^'<]*')""")
_OPAQUE = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z][\w.\-]*)["']""")
_ROOT = re.compile(rb"<((?:\w+:)?(?:rss|feed|RDF))(?=[\s>])")
_ENDS = {b"<!--": re.compile(rb"-->"), b"<![CDATA[": re.compile(rb"\]\]>")}
_ID = f"{{{GOOGLE}}}id"
_UNCLOSED = "is not closed before the next one begins"


class MarkupFormat:
    """A feed of `<item>` or `<entry>` elements."""

    needs_widening = False

    def __init__(self, root: bytes, namespaces: bytes, encoding: str, label: str):
        """root: the tag of the outermost element. namespaces: the declarations that are in force for the items."""
        self.name = "Atom" if root == b"feed" else "RSS"
        tag = b"entry" if root == b"feed" else b"item"
        self.digest = blake2b(namespaces + root + encoding.encode(), digest_size=16).digest()
        self._label, self._encoding = label, encoding
        self._prefix = b'<?xml version="1.0" encoding="%s"?><r%s>' % (encoding.encode(), namespaces)
        self._parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, strip_cdata=False)
        self._item = re.compile(rb"<%s(?=[\s/>])" % tag)
        ends = rb"</channel\s*>|</%s\s*>" % re.escape(root)
        self._outside = re.compile(rb"<!--|<!\[CDATA\[|<%s(?=[\s/>])|%s" % (tag, ends))
        self._inside = re.compile(rb"<!--|<!\[CDATA\[|<%s(?=[\s/>])|</%s\s*>|%s" % (tag, tag, ends))
        self._resume = re.compile(rb"<%s(?=[\s/>])|%s" % (tag, ends))

    def records(self, stream: BinaryIO) -> Iterator[Record]:
        """See `Format.records`. Raises ConnectorError (not permanent) if the outermost element is not closed."""
        stream.seek(0)
        window = Window(stream)
        at = 0
        while found := window.search(self._outside, at):
            begin, at = found
            token = window.cut(begin, at)
            if token.startswith(b"</"):
                return
            if token in _ENDS:
                at = self._past(window, token, at)
                continue
            line = window.line_at(begin)
            end, reason = self._item_end(window, begin, at)
            raw = b"" if reason else window.cut(begin, end)
            key, reason = ("", reason) if reason else self._judged(raw)
            yield Record(begin, end - begin, line, key, reason, raw)
            at = end
            window.forget(at)
        raise self._cut_off()

    def fields(self, raw: bytes) -> Fields:
        """See `Format.fields`. Elements of the g: namespace count before others of the same name."""
        return _fields(self._parse(raw)[0])

    def rewrite(self, raw: bytes, main: str, additional: Sequence[str], *, widened: bool) -> bytes:
        """See `Format.rewrite`. Elements that stay are not touched; an item is as wide as it is."""
        root = self._parse(raw)
        _set_pictures(root[0], main, list(additional))
        text = cast(bytes, etree.tostring(root, encoding=self._encoding, xml_declaration=False))
        text = text[text.index(b">") + 1 : text.rindex(b"</r>")]
        return text.replace(b"\n", b"\r\n") if b"\r\n" in raw else text

    def widen(self, raw: bytes) -> bytes:
        """See `Format.widen`: an item needs nothing."""
        return raw

    def widened_head(self) -> tuple[int, int, bytes]:
        """See `Format.widened_head`: nothing is replaced."""
        return 0, 0, b""

    def _item_end(self, window: Window, begin: int, at: int) -> tuple[int, str]:
        """Where the item that begins there ends, and what is wrong with it."""
        limit = begin + MAX_ROW_BYTES
        while found := window.search(self._inside, at, limit):
            start, at = found
            token = window.cut(start, at)
            if token in _ENDS:
                past = window.search(_ENDS[token], at, limit)
                if past is None or self._item.search(window.cut(at, past[0])):
                    return self._next(window, begin), "has a comment or CDATA section that is not closed"
                at = past[1]
            elif self._resume.match(token + b" "):
                return start, _UNCLOSED
            else:
                return at, ""
        return self._next(window, begin), f"is not closed, or longer than {MAX_ROW_BYTES:,} bytes"

    def _next(self, window: Window, begin: int) -> int:
        found = window.search(self._resume, begin + 1)
        if found is None:
            raise self._cut_off()
        return found[0]

    def _past(self, window: Window, token: bytes, at: int) -> int:
        found = window.search(_ENDS[token], at)
        if found is None:
            raise self._cut_off()
        return found[1]

    def _cut_off(self) -> ConnectorError:
        return ConnectorError(
            f"{self._label} ends before its outermost element is closed: it was cut off or is still being written. "
            "Nothing was changed; it is read again next time. If this stays, export the feed again"
        )

    def _judged(self, raw: bytes) -> tuple[str, str]:
        try:
            item = self._parse(raw)[0]
        except etree.XMLSyntaxError as error:
            return "", f"is not well-formed XML ({_plain_message(error)})"
        key = (item.findtext(_ID) or "").strip() or _fields(item).values.get("id", "")
        if key and not key.isprintable():
            return "", "has an id with control characters"
        return key, "" if key else "has no id"

    def _parse(self, raw: bytes) -> etree._Element:
        return etree.fromstring(self._prefix + raw + b"</r>", self._parser)


def open_markup(head: bytes, label: str) -> MarkupFormat:
    """The format of an XML feed, from the beginning of the file.

    Raises ConnectorError (permanent) if the outermost element is not one of a product feed.
    """
    root = _ROOT.search(_OPAQUE.sub(b"", head))
    if root is None:
        raise ConnectorError(
            f"{label} is XML, but neither RSS (<rss>) nor Atom (<feed>); export the feed in the Google Merchant "
            "Center format",
            permanent=True,
        )
    declared = _ENCODING.search(head[:200])
    encoding = declared.group(1).decode() if declared else "utf-8"
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ConnectorError(f"{label}: unknown encoding {encoding}; export it as UTF-8", permanent=True) from error
    return MarkupFormat(root.group(1), _namespaces(head), encoding, label)


def _namespaces(head: bytes) -> bytes:
    """The namespace declarations before and of the first items, each prefix once; g: always."""
    text = re.split(rb"<(?:item|entry)[\s>]", _OPAQUE.sub(b"", head), maxsplit=1)[0]
    found: dict[bytes, bytes] = {}
    for declaration in _NAMESPACE.findall(text):
        found.setdefault(declaration.split(b"=")[0].strip(), declaration)
    found.setdefault(b"xmlns:g", b' xmlns:g="%s"' % GOOGLE.encode())
    return b"".join(found.values())


def _fields(item: etree._Element) -> Fields:
    values: dict[str, str] = {}
    additional: list[str] = []
    ranked: set[str] = set()
    for child in item:
        tag = child.tag
        if not isinstance(tag, str):
            continue  # a comment
        name, google = _named(tag)
        text = (child.text or "" if not len(child) else _text(child)).strip()
        if name == ADDITIONAL:
            if text:
                additional.append(text)
        elif text and (name not in values or (google and name not in ranked)):
            values[name] = text
            if google:
                ranked.add(name)
        elif not text and name == "link" and child.get("href"):
            values.setdefault(name, child.get("href", ""))
    return Fields(values, additional)


@lru_cache(maxsize=1024)
def _named(tag: str) -> tuple[str, bool]:
    """The canonical name of an element, and whether it is of the g: namespace."""
    namespace, _, local = tag.rpartition("}")
    return column_name(local), GOOGLE in namespace


def _set_pictures(item: etree._Element, main: str, additional: list[str]) -> None:
    elements = {name: [child for child in item if _is(child, name)] for name in (IMAGE, ADDITIONAL)}
    first = next((child for child in elements[IMAGE] if _text(child)), None)
    first = first if first is not None else next(iter(elements[IMAGE]), None)
    if first is None:
        first = _insert(item, len(item), f"{{{GOOGLE}}}{IMAGE}", main) if main else None
    elif _text(first) != main:
        first.text = main
    _set_additional(item, first, elements[ADDITIONAL], additional)


def _set_additional(
    item: etree._Element, main: etree._Element | None, existing: list[etree._Element], wanted: list[str]
) -> None:
    """The additional images become these, in this order; elements of images that stay are left as they are."""
    kept = [child for child in existing if _text(child) in wanted]
    for child in existing:
        if child not in kept:
            item.remove(child)
    tag = str(existing[0].tag) if existing else f"{{{GOOGLE}}}{ADDITIONAL}"
    at = item.index(kept[0]) if kept else (len(item) if main is None else item.index(main) + 1)
    for value in wanted:
        if kept and _text(kept[0]) == value:
            at = item.index(kept.pop(0)) + 1
        else:
            _insert(item, at, tag, value)
            at += 1


def _insert(item: etree._Element, at: int, tag: str, text: str) -> etree._Element:
    """A new child at this place, indented like its neighbours."""
    child = etree.Element(tag, nsmap={"g": GOOGLE})
    child.text = text
    before = item[at - 1] if at else None
    child.tail, indent = (before.tail, item.text) if before is not None else (item.text, item.text)
    item.insert(at, child)
    if before is not None and before.tail != indent and indent and not indent.strip():
        before.tail = indent
    return child


def _is(child: etree._Element, name: str) -> bool:
    return isinstance(child.tag, str) and _named(child.tag)[0] == name


def _text(child: etree._Element) -> str:
    return "".join(map(str, child.itertext())).strip()


def _plain_message(error: etree.XMLSyntaxError) -> str:
    """lxml's words without the line numbers, which count within the item."""
    return re.sub(r", line \d+.*$", "", error.msg or "broken")
