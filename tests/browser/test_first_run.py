"""From the first start to a published picture and its undo, in a real browser, in both languages."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.person import Person
from tests.browser.shop import Shop

SECONDS = 20
PAGES = ("/products", "/products/1", "/review", "/activity", "/settings", "/settings/image-api", "/settings/stores/1")


def wait_for(true: Callable[[], bool]) -> bool:
    """Whether it becomes true in time: the listing is a file, which no browser watches."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("language", ["en", "zh"], indirect=True)
def test_from_first_run_to_a_published_picture_and_its_undo(window: BrowserContext, shop: Shop, language: str) -> None:
    person = Person(window.new_page(), shop, language)
    person.set_up()
    person.enter_key("sandbox-key")
    person.add_store("two-shots")
    person.generate("Stoneware mug")
    person.open_product("Stoneware mug")
    person.wait_without_reload("form[action='/images/decide'] button[value=approved], [id^=tile-] .button--primary", 2)
    person.review_by_keyboard()
    person.open_product("Stoneware mug")
    person.wait_without_reload("a[href$='/undo']", 1)
    assert wait_for(lambda: len(shop.additional("mug")) == 2)
    assert shop.additional("bowl") == []
    person.press("a[href$='/undo']")
    person.press("main .button--danger")
    assert wait_for(lambda: shop.additional("mug") == [])
    person.sign_out_and_in()
    person.turn_to_phone()
    for path in PAGES:
        person.open(path)
    assert person.wrong == []
