"""What app.js adds to the pages, in a real browser, on a page of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, request
from playwright.sync_api import BrowserContext, Page, expect

from plugin import web
from plugin.listener import Listener

FORM = """<form method="post" action="/decide" hx-post="/decide" hx-target="#tile-{n}" hx-swap="outerHTML">
  <button class="button" data-key="{key}">{text}</button><input type="hidden" name="n" value="{n}"></form>"""


def tile(n: int | str, **buttons: str) -> str:
    """A picture with a form for each button, by its key."""
    forms = "".join(FORM.format(n=n, key=key, text=text) for key, text in buttons.items())
    return f'<article id="tile-{n}" data-keynav tabindex="0">{forms}</article>'


PAGE = """<!doctype html><html lang="en"><head><title>Script</title>
<meta name="htmx-config" content='{"allowEval":false,"includeIndicatorStyles":false,"defaultSettleDelay":0}'>
<script src="/static/htmx.min.js" defer></script><script type="module" src="/static/app.js"></script></head>
<body data-lost="lost" data-refused="refused" data-cancel="Cancel" data-close="Close" data-keys="Keys" data-next="Next"
  data-previous="Previous">
<form method="post" action="/remove" data-confirm="Remove it?">
  <button class="button" name="how" value="all">Remove</button></form>
<form method="post" action="/slow"><button>Slow</button></form>
<p id="review-count">Nothing left</p>
<form id="many"><button class="button" data-chosen>Make</button>
  <input type="checkbox" data-choose-all aria-label="all"><input type="checkbox" name="p" value="1">
  <input type="checkbox" name="p" value="2"><span data-chosen-count>?</span></form>
<button id="broken" hx-get="/broken">Broken</button>
<div data-live hx-get="/live" hx-trigger="every 200ms" hx-swap="innerHTML" id="live"></div>
<label>Text <input id="text"></label>
<details data-menu><summary>Menu</summary><p>Item</p></details>
{tiles}<p class="banner" role="status" id="banner" hidden></p></body></html>"""


class Server:
    """posts: what was sent, in order. looks: how often the live part asked."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, str]]] = []
        self.looks = 0
        self.app = Flask("script", static_folder=str(Path(web.__file__).parent / "static"))
        self.app.add_url_rule("/", view_func=self.page)
        self.app.add_url_rule("/live", view_func=self.live)
        self.app.add_url_rule("/<path>", view_func=self.post, methods=["POST"])

    def page(self) -> str:
        return PAGE.replace("{tiles}", "".join(tile(n, a="Approve", r="Reject") for n in (1, 2, 3)))

    def live(self) -> str:
        self.looks += 1
        return f"look {self.looks}"

    def post(self, path: str) -> str | tuple[str, int]:
        self.posts.append((path, request.form.to_dict()))
        if path == "slow":
            return "", 204  # the page stays, as while an answer is waited for
        return self._decided(request.form["n"]) if path == "decide" else "done"

    def _decided(self, n: str) -> str:
        taken_back = self.posts[:-1].count(self.posts[-1]) % 2
        return tile(n, a="Approve", r="Reject") if taken_back else tile(n, z="Take back")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def page(server: Server, window: BrowserContext) -> Iterator[Page]:
    with Listener(server.app, threads=4) as listener:
        page = window.new_page()
        page.goto(listener.url)
        yield page
        page.close()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_a_form_asks_first(server: Server, page: Page) -> None:
    page.click("text=Remove")
    page.click("dialog >> text=Cancel")
    assert server.posts == []
    page.click("text=Remove")
    page.click("dialog >> text=Remove >> nth=-1")
    expect(page.locator("body")).to_have_text("done")
    assert server.posts == [("remove", {"how": "all"})]


def test_a_form_is_sent_once(server: Server, page: Page) -> None:
    page.evaluate("() => { const slow = document.forms[1]; slow.requestSubmit(); slow.requestSubmit(); }")
    page.click("text=Slow")
    page.wait_for_timeout(100)
    assert [path for path, _ in server.posts] == ["slow"]


def test_all_are_chosen_and_counted(page: Page) -> None:
    count, every = page.locator("[data-chosen-count]"), page.locator("[data-choose-all]")
    expect(count).to_have_text("0")
    expect(page.locator("[data-chosen]")).to_be_disabled()
    page.check("[name=p][value='1']")
    expect(count).to_have_text("1")
    expect(page.locator("[data-chosen]")).to_be_enabled()
    assert every.evaluate("box => box.indeterminate")
    every.click()
    expect(count).to_have_text("2")
    page.uncheck("[name=p][value='2']")
    expect(every).not_to_be_checked()


def test_the_keyboard_goes_from_tile_to_tile_and_decides(server: Server, page: Page) -> None:
    for key, tile in [("j", "tile-1"), ("j", "tile-2"), ("ArrowRight", "tile-3"), ("j", "tile-3"), ("k", "tile-2")]:
        page.keyboard.press(key)
        assert focused(page) == tile
    page.keyboard.press("a")
    expect(page.locator("#tile-2")).to_contain_text("Take back")
    expect(page.locator("#tile-3")).to_be_focused()
    assert server.posts == [("decide", {"n": "2"})]


def test_a_decision_leads_to_the_next_undecided_picture_and_the_last_one_to_what_says_so(
    server: Server, page: Page
) -> None:
    for key in "jjara":  # j, j: the first one is passed over, and comes last
        page.keyboard.press(key)
    expect(page.locator("article", has_text="Take back")).to_have_count(3)
    expect(page.locator("#review-count")).to_be_focused()
    assert sorted(values["n"] for _, values in server.posts) == ["1", "2", "3"]


def test_taking_back_stays_where_it_is(page: Page) -> None:
    for key in "ja":
        page.keyboard.press(key)
    expect(page.locator("#tile-1")).to_contain_text("Take back")
    page.keyboard.press("k")
    page.keyboard.press("z")
    expect(page.locator("#tile-1")).to_contain_text("Approve")
    expect(page.locator("#tile-1")).to_be_focused()
    assert focused(page) == "tile-1"


def test_a_tile_that_is_replaced_keeps_the_focus(page: Page) -> None:
    page.focus("#tile-2 [data-key=a]")
    page.keyboard.press("Enter")
    expect(page.locator("#tile-2")).to_contain_text("Take back")
    expect(page.locator("#tile-2")).to_be_focused()
    assert focused(page) == "tile-2"


def test_keys_are_letters_in_a_text_field(server: Server, page: Page) -> None:
    page.focus("#text")
    page.keyboard.type("jak?")
    assert (page.input_value("#text"), focused(page), server.posts) == ("jak?", "text", [])


def test_the_keys_are_explained(page: Page) -> None:
    page.keyboard.press("?")
    assert page.locator("dialog p").all_inner_texts() == ["jNext", "kPrevious", "aApprove", "rReject"]
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_trouble_is_told_until_it_is_over(page: Page) -> None:
    page.context.set_offline(offline=True)
    expect(page.locator("#banner")).to_have_text("lost")
    page.context.set_offline(offline=False)
    expect(page.locator("#banner")).to_be_hidden()
    page.click("#broken")
    expect(page.locator("#banner")).to_have_text("refused")
    assert page.locator("#banner").is_visible()


def test_a_live_part_rests_while_nobody_looks(server: Server, page: Page) -> None:
    expect(page.locator("#live")).to_contain_text("look")
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true })")
    page.evaluate("window.away = true")
    page.wait_for_timeout(300)  # what was asked before is answered
    looks = server.looks
    page.wait_for_timeout(500)
    assert server.looks == looks
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#live")).not_to_have_text(f"look {looks}")


def test_the_menu_closes_by_itself(page: Page) -> None:
    menu = page.locator("details")
    page.click("summary")
    assert menu.evaluate("menu => menu.open")
    page.click("#text")
    assert not menu.evaluate("menu => menu.open")
    page.click("summary")
    page.keyboard.press("Escape")
    assert not menu.evaluate("menu => menu.open")
