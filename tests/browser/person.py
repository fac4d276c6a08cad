"""A person at the pages: what they click, and what they must never see (errors, reloads, the wrong language)."""

from __future__ import annotations

import re

from playwright.sync_api import ConsoleMessage, Page, Response, expect

from tests.browser.shop import Shop

PASSWORD = "a long enough password"
NAME = "mei"
LOOKS = 60  # at an offer whose product is still being looked at
# What may stand in Latin letters on a Chinese page: the shop's own words, and names.
DATA = re.compile(
    r"Stoneware \w+|Consumer key is invalid|The client secret is not valid"  # what the stores themselves say
    r"|hebo-sync|Hebo|English|Google Merchant Center|[\w./-]*/[\w./-]+|\b[\w-]+\.(?:tsv|toml|jpg)\b"
)
ENGLISH = re.compile(r"[A-Za-z']{2,}(?:[ ,]+[A-Za-z']{2,}){3,}")


class Person:
    """page: the one tab. wrong: everything that a person should not have met."""

    def __init__(self, page: Page, shop: Shop, language: str):
        self.page, self.shop, self.language = page, shop, language
        self.wrong: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("response", self._watch)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")

    def _watch(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status} {response.url}")

    def read(self) -> None:
        """Look at the page as it stands: is it in one's own language, and does it fit the window?"""
        text = self.page.locator("body").inner_text()
        where = self.page.url
        if self.language == "zh" and (found := ENGLISH.findall(DATA.sub("", text))):
            self.wrong.append(f"English on {where}: {found[:5]}")
        if self.language == "en" and (chinese := re.findall(r"[\u4e00-\u9fff]+", text.replace("中文", ""))):
            self.wrong.append(f"Chinese on {where}: {chinese[:5]}")
        wider = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wider > 0:
            self.wrong.append(f"{where} is {wider} px wider than the window")

    def open(self, path: str) -> None:
        self.page.goto(self.shop.address + path)
        self.read()

    def press(self, selector: str) -> None:
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state()
        self.read()

    def set_up(self) -> None:
        """Open the program for the first time, with the code from the terminal."""
        self.open("/")
        self.page.fill("[name=code]", self.shop.set_up_code())
        self.page.fill("[name=name]", NAME)
        self.page.fill("[name=password]", PASSWORD)
        self.page.fill("[name=again]", PASSWORD)
        self.press("main form button")

    def sign_out_and_in(self) -> None:
        self.page.locator("[data-menu] summary").click()
        self.press("form[action='/sign-out'] button")
        self.page.fill("[name=name]", NAME)
        self.page.fill("[name=password]", PASSWORD)
        self.press("main form button")

    def enter_key(self, key: str) -> None:
        self.press("main a[href='/settings/image-api']")
        self.page.fill("[name=api_key]", key)
        self.page.check("[name=exclusive]")
        self.press("button[name=action][value=save]")

    def choose_kind(self, kind: str) -> None:
        """On to the form for a new store of that kind."""
        self.open("/")
        self.press("main a[href='/settings/stores/new']")
        self.press(f"main a[href='/settings/stores/new/{kind}']")

    def add_store(self, pack: str) -> None:
        self.choose_kind("feed")
        self.page.fill("[name=name]", "shop")
        self.page.fill("[name=option_path]", "feed.tsv")
        self.page.fill("[name=option_output]", "out.tsv")
        self.page.select_option("[name=pack]", pack)
        self.page.select_option("main select[name=language]", self.language)
        self.press("main form.form .form-actions button")

    def generate(self, title: str) -> None:
        """Choose one product, see prompts and cost, and confirm."""
        self.open("/products")
        more = self.page.locator("#live-more")
        card = self.page.locator("article", has_text=title)
        expect(card.or_(more).first).to_be_visible()
        if not card.is_visible():
            self.press("#live-more")
        card.locator("input[name=product]").check()
        self.press("#choose button")
        for _ in range(LOOKS):  # its photo is still being looked at
            if self.page.locator("#offer .prompts").count():
                break
            self.page.wait_for_timeout(300)
            self.press("#offer-total button[formaction]")
        expect(self.page.locator("#offer .prompts").first).to_contain_text(title)
        expect(self.page.locator("#offer-total button").first).to_contain_text("2")
        self.press("#offer-total button.button--primary")

    def open_product(self, title: str) -> None:
        self.open("/products")
        self.press(f"article h2 a:has-text('{title}')")

    def wait_without_reload(self, selector: str, count: int) -> None:
        """What is waited for must come by itself, into the page that stands there."""
        self.page.evaluate("window.stillHere = true")
        expect(self.page.locator(selector)).to_have_count(count)
        if not self.page.evaluate("window.stillHere === true"):
            self.wrong.append(f"{self.page.url} was loaded anew")
        self.read()

    def review_by_keyboard(self) -> None:
        """Reject the first picture, go back and take that back, approve it, and then the second, which comes next."""
        self.press("header a[href='/review']")
        tiles = self.page.locator("[data-keynav]")
        expect(tiles).to_have_count(2)
        for keys in (("j", "r"), ("k", "z"), ("a",), ("a",)):
            with self.page.expect_response("**/images/decide"):
                for key in keys:
                    self.page.keyboard.press(key)
            self.page.wait_for_timeout(200)  # the swap, and the focus after it
        expect(self.page.locator("#review-count")).to_be_focused()
        self.read()

    def turn_to_phone(self) -> None:
        self.page.set_viewport_size({"width": 390, "height": 844})
