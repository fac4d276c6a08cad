"""A WooCommerce shop in a real browser: connected, its listing given pictures, looked at in the shop, and undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from plugin.sandbox.woocommerce.server import DEFAULT_KEY, DEFAULT_SECRET, WooOptions, WooService, serve_woocommerce
from tests.browser.person import Person
from tests.browser.shop import Shop
from tests.plugin.pictures.drawn import drawn, encoded

TITLE = "Stoneware vase"
OWN = ["vase.jpg", "vase-side.jpg"]
ADD = "main form.form .form-actions button"


@pytest.fixture
def woo(shop: Shop) -> Iterator[WooService]:
    """A shop with one product, whose server may fetch pictures from the program."""
    with serve_woocommerce(WooOptions(catalogue="empty")) as service:
        service.allow_fetch(shop.relay)
        photos = [
            service.store.add_attachment(encoded(drawn(400, 400, seed=seed)), name) for seed, name in enumerate(OWN)
        ]
        service.store.add_product(TITLE, photos, regular_price="49.00")
        yield service


def enter(person: Person, woo: WooService, key: str, secret: str) -> None:
    person.page.fill("[name=option_url]", f"{woo.url}/wp-admin/")  # as it is copied from the address line
    person.page.fill("[name=option_consumer_key]", key)
    person.page.fill("[name=option_consumer_secret]", secret)


def add_with_wrong_key(person: Person, woo: WooService) -> None:
    """The form comes back with the reason at the key, and nothing is stored."""
    person.choose_kind("woocommerce")
    person.page.fill("[name=name]", "vases")
    person.page.select_option("[name=pack]", "two-shots")
    enter(person, woo, "ck_mistyped", DEFAULT_SECRET)
    assert person.wrong == []
    person.press(ADD)
    assert all("422" in line for line in person.wrong), person.wrong  # the form's own answer
    person.wrong.clear()
    expect(person.page.locator("[role=alert] .badge")).to_be_visible()
    expect(person.page.locator(".field:has([name=option_consumer_key]) .error")).to_be_visible()


def pictures_in_shop(page: Page, count: int) -> list[str]:
    """The file names on the product's page in the shop, once there are so many."""
    shown = page.locator(".main img, .gallery a")
    for _ in range(100):
        page.reload()
        if shown.count() == count:
            break
        page.wait_for_timeout(200)
    expect(shown).to_have_count(count)
    sources = page.locator(".main a, .gallery a")
    return [str(link.get_attribute("href")).rpartition("/")[2] for link in sources.all()]


def test_a_shop_is_connected_gets_its_pictures_and_loses_them_again(
    window: BrowserContext, shop: Shop, woo: WooService
) -> None:
    person = Person(window.new_page(), shop, "en")
    person.set_up()
    person.enter_key("sandbox-key")
    add_with_wrong_key(person, woo)
    enter(person, woo, DEFAULT_KEY, "")  # the secret was typed before
    person.press(ADD)
    person.generate(TITLE)
    person.open_product(TITLE)
    person.wait_without_reload("form[action='/images/decide'] button[value=approved], [id^=tile-] .button--primary", 2)
    person.review_by_keyboard()
    person.open_product(TITLE)
    person.wait_without_reload("a[href$='/undo']", 1)
    with window.expect_page() as opened:
        person.page.get_by_role("link", name="Open in the store").click()
    names = pictures_in_shop(opened.value, 4)
    assert names[:2] == OWN
    assert all(name.startswith("stoneware-vase-hs-") for name in names[2:])
    person.press("a[href$='/undo']")
    person.press("main .button--danger")
    assert pictures_in_shop(opened.value, 2) == OWN
    person.open("/settings")
    assert person.wrong == []


@pytest.mark.parametrize("language", ["zh"], indirect=True)
def test_the_form_and_its_refusal_are_chinese(
    window: BrowserContext, shop: Shop, woo: WooService, language: str
) -> None:
    person = Person(window.new_page(), shop, language)
    person.set_up()
    add_with_wrong_key(person, woo)
    enter(person, woo, DEFAULT_KEY, DEFAULT_SECRET)
    person.press(ADD)
    person.open("/settings/stores/1")
    person.press("form[action$='/check'] button")
    assert person.wrong == []
