"""How the pages look and behave, as far as reading them can tell: colours, class names, structure, sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml.html import HtmlElement

from plugin import web
from plugin.pipeline.run import begin
from tests.plugin.pipeline.world import approve_everything
from tests.plugin.web.conftest import Site
from tests.plugin.web.markup import find, parsed

WEB = Path(web.__file__).parent
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((WEB / "pages").glob("*.html"))}
CSS = (WEB / "static" / "app.css").read_text(encoding="utf-8")
SCRIPT = (WEB / "static" / "app.js").read_text(encoding="utf-8")

# WCAG 2.2: 4.5 for text (1.4.3), 3 for the edges of controls and the focus ring (1.4.11).
TEXT_ON = {
    "ink": ("ground", "surface", "sunken"),
    "muted": ("ground", "surface", "sunken"),
    "accent": ("ground", "surface"),
    "accent-over": ("ground", "surface", "sunken"),
    "on-accent": ("accent", "accent-over"),
    "accent-ink": ("accent-soft",),
    "good-ink": ("good-soft",),
    "wait-ink": ("wait-soft",),
    "trouble-ink": ("trouble-soft", "surface", "ground"),
    "danger": ("surface", "ground"),
    "on-danger": ("danger",),
}
EDGE_ON = {"edge": ("ground", "surface"), "accent": ("ground", "surface", "sunken"), "danger": ("surface",)}
# Classes that something other than our pages gives, or that are offered to pages to come.
NOT_IN_PAGES: frozenset[str] = frozenset()


def tokens(scheme: str) -> dict[str, str]:
    """The colours as #rrggbb by name."""
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else found


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT_ON, 4.5), (EDGE_ON, 3)])
def test_colours_can_be_told_apart(scheme: str, pairs: dict[str, tuple[str, ...]], least: float) -> None:
    colours = tokens(scheme)
    weak = {
        f"{front} on {back}": round(contrast(colours[front], colours[back]), 2)
        for front, backs in pairs.items()
        for back in backs
        if contrast(colours[front], colours[back]) < least
    }
    assert weak == {}


def test_every_colour_has_a_dark_one() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    named = [set(re.findall(r"--([\w-]+): (?:#|rgb)", block)) for block in (light, dark)]
    assert named[0] == named[1]


def test_every_token_that_is_used_exists() -> None:
    assert set(re.findall(r"var\(--([\w-]+)", CSS)) == set(re.findall(r"(?m)^\s+--([\w-]+):", CSS))


def used(text: str) -> Iterator[str]:
    """The class names in a page; what a template fills in is `*`."""
    text = re.sub(r"\{\{.*?\}\}", "*", re.sub(r"\{%.*?%\}", " ", text, flags=re.DOTALL), flags=re.DOTALL)
    for value in re.findall(r'class="([^"]*)"', text):
        yield from value.split()


USED = {name for text in PAGES.values() for name in used(text)} | {
    name
    for value in re.findall(r'className: "([^"]+)"|kind \|\| "(\w+)"', SCRIPT)
    for part in value
    for name in part.split()
}
STYLED = set(re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"/\*.*?\*/|\"[^\"]*\"", "", CSS, flags=re.DOTALL)))


def test_every_class_of_the_pages_is_styled() -> None:
    unknown = {
        name
        for name in USED
        if not any(re.fullmatch(re.escape(name).replace(r"\*", r"[\w-]*"), known) for known in STYLED)
    }
    assert unknown == set()


def test_every_styled_class_is_used() -> None:
    patterns = [re.escape(name).replace(r"\*", r"[\w-]+") for name in USED]
    assert {name for name in STYLED if not any(re.fullmatch(pattern, name) for pattern in patterns)} == NOT_IN_PAGES


@pytest.mark.parametrize("name", PAGES)
def test_nothing_in_a_page_that_the_content_policy_forbids(name: str) -> None:
    assert (
        re.search(r"\s(style|on\w+)=|<style|hx-on|javascript:|<script(?! (type=\"module\" )?src=)", PAGES[name]) is None
    )


@pytest.mark.parametrize("name", PAGES)
def test_no_picture_without_words(name: str) -> None:
    pictures = re.findall(r"<img\b(?:\{\{.*?\}\}|\{%.*?%\}|[^>])*>", PAGES[name], re.DOTALL)
    assert [picture for picture in pictures if " alt=" not in picture] == []


@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"base.html", "macros.html"}))
def test_a_page_stands_in_the_frame_or_is_a_piece_of_one(name: str) -> None:
    whole_page = PAGES[name].startswith('{% extends "base.html" %}')
    assert whole_page == ("ui.head(" in PAGES[name] or "{% block main %}" in PAGES[name])
    assert re.search(r"<(!doctype|html|head|body|main)\b", PAGES[name]) is None


def test_what_a_browser_fetches_is_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (WEB / "static").iterdir() if path.suffix != ".txt"}
    most = {"app.css": 25_000, "app.js": 6 * 1024, "htmx.min.js": 55_000, "icon.svg": 1_000}
    assert sizes.keys() == most.keys()
    assert {name: size for name, size in sizes.items() if size > most[name]} == {}


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-CN")])
def test_the_frame_says_its_language(site: Site, language: str, tag: str) -> None:
    site.client.set_cookie("language", language)
    page = parsed(site.client.get("/").text)
    assert page.get("lang") == tag
    other = find(page, "//button[@name='language']")[0]
    assert (other.get("value"), other.get("lang")) == (("zh", "zh-CN") if language == "en" else ("en", "en"))


def walk(site: Site) -> dict[str, HtmlElement]:
    """Every whole page that links lead to from the first pages, by its address."""
    found: dict[str, HtmlElement] = {}
    left = ["/", "/products", "/review", "/activity", "/settings"]
    for path in left:
        answer = site.client.get(path, follow_redirects=True)
        assert answer.status_code == 200 or path == "/account", (path, answer.status)
        found[path] = parsed(answer.text)
        links = {href.partition("#")[0] for href in find(found[path], "//a/@href") if href.startswith("/")}
        left += sorted(href for href in links - set(left) if href and not href.startswith("/pictures/"))
    return found


def faults(page: HtmlElement) -> list[str]:
    """What would trouble a screen reader, a keyboard or the token check of forms."""
    ids = find(page, "//@id")
    found = [f"id {name} twice" for name in set(ids) if ids.count(name) > 1]
    found += [f"{len(find(page, '//h1'))} h1"] if len(find(page, "//h1")) != 1 else []
    for form in find(page, "//form[@method='post']"):
        found += [] if find(form, ".//input[@name='csrf_token']") else [f"no token: {form.get('action')}"]
    for name in [name for value in find(page, "//@aria-describedby | //@aria-labelledby") for name in value.split()]:
        found += [] if name in ids else [f"nothing has the id {name}"]
    return found + [f"no label: {field.get('name')}" for field in find(page, FIELDS) if not labelled(page, field)]


FIELDS = "//input[not(@type='hidden' or @type='submit')] | //select | //textarea"


def labelled(page: HtmlElement, field: HtmlElement) -> bool:
    by_id = find(page, "//label[@for=$id]", id=field.get("id") or "?")
    return bool(by_id or find(field, "ancestor::label") or field.get("aria-label") or field.get("aria-labelledby"))


def test_every_link_leads_to_a_sound_page(site: Site) -> None:
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts)
    approve_everything(site.parts)
    site.world.drive(site.parts)
    pages = walk(site)
    assert {"/products/1", "/publications/1/undo", "/settings/stores/1", "/money"} <= pages.keys()
    assert {path: found for path, page in pages.items() if (found := faults(page))} == {}


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/products", {"Products": "page"}),
        ("/doubts", {"Products": "true"}),
        ("/money", {"Money": "page"}),
        ("/review", {"Review": "page"}),
        ("/settings/image-api", {"Settings": "true"}),
        ("/", {}),
    ],
)
def test_the_navigation_says_where_one_is(site: Site, path: str, current: dict[str, str]) -> None:
    links = find(parsed(site.get(path)), "//nav[@class='nav']/a[@aria-current]")
    assert {link.text_content().strip(): link.get("aria-current") for link in links} == current
