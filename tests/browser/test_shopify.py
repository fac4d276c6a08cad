"""A Shopify shop in a real browser: connected, its listing given pictures, looked at in the shop, and undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from plugin.sandbox.shopify.server import (
    DEFAULT_CLIENT,
    DEFAULT_SECRET,
    SandboxOptions,
    ShopifyService,
    serve_shopify,
)
from tests.browser.person import Person
from tests.browser.shop import Shop
from tests.plugin.pictures.drawn import drawn, encoded

TITLE = "Stoneware carafe"
OWN = ["carafe.jpg", "carafe-side.jpg"]
ADD = "main form.form .form-actions button"
RARE = "main form.form fieldset details"


@pytest.fixture
def shopify(shop: Shop) -> Iterator[ShopifyService]:
    """A shop with one product."""
    with serve_shopify(SandboxOptions(catalogue="empty", ready_after=0.2, bulk_after=0.2)) as service:
        photos = [
            service.store.add_media(encoded(drawn(400, 400, seed=seed)), name) for seed, name in enumerate(OWN, 10)
        ]
        service.store.add_product(TITLE, photos, price="49.00")
        yield service


def add_with_wrong_secret(person: Person, shopify: ShopifyService) -> None:
    """The form comes back with the reason at the secret, and nothing is stored."""
    person.choose_kind("shopify")
    person.page.fill("[name=name]", "carafes")
    person.page.select_option("[name=pack]", "two-shots")
    person.page.fill("[name=option_shop]", "https://admin.shopify.com/store/sandbox-shop")  # as it is copied
    person.page.fill("[name=option_client_id]", DEFAULT_CLIENT)
    person.page.fill("[name=option_client_secret]", "shpss_mistyped")
    address = person.page.locator("[name=option_api_url]")
    if not address.is_visible():  # what only a sandbox needs is folded away
        person.page.locator(f"{RARE} summary").click()
    address.fill(shopify.url)
    assert person.wrong == []
    person.press(ADD)
    assert all("422" in line for line in person.wrong), person.wrong  # the form's own answer
    person.wrong.clear()
    expect(person.page.locator("[role=alert] .badge")).to_be_visible()
    expect(person.page.locator(".field:has([name=option_client_secret]) .error")).to_be_visible()


def wait_for_product(person: Person) -> None:
    """Until the catalogue was read."""
    card = person.page.locator("article", has_text=TITLE)
    for _ in range(40):
        if card.count():
            break
        person.page.wait_for_timeout(250)
        person.open("/products")
    expect(card).to_be_visible()


def pictures_in_shop(page: Page, count: int) -> list[str]:
    """The file names on the product's page in the shop, once there are so many."""
    shown = page.locator(".main img, .gallery img")
    for _ in range(100):
        page.reload()
        if shown.count() == count:
            break
        page.wait_for_timeout(200)
    expect(shown).to_have_count(count)
    return [str(image.get_attribute("title")) for image in shown.all()]


def test_a_shop_is_connected_gets_its_pictures_and_loses_them_again(
    window: BrowserContext, shop: Shop, shopify: ShopifyService
) -> None:
    person = Person(window.new_page(), shop, "en")
    person.set_up()
    person.enter_key("sandbox-key")
    add_with_wrong_secret(person, shopify)
    person.page.fill("[name=option_client_secret]", DEFAULT_SECRET)
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
    assert all(name.startswith("stoneware-carafe-hs-") for name in names[2:])
    person.press("a[href$='/undo']")
    person.press("main .button--danger")
    assert pictures_in_shop(opened.value, 2) == OWN
    person.open("/settings")
    assert person.wrong == []


@pytest.mark.parametrize("language", ["zh"], indirect=True)
def test_the_form_and_its_refusal_are_chinese(
    window: BrowserContext, shop: Shop, shopify: ShopifyService, language: str
) -> None:
    person = Person(window.new_page(), shop, language)
    person.set_up()
    add_with_wrong_secret(person, shopify)
    person.page.fill("[name=option_client_secret]", DEFAULT_SECRET)
    person.turn_to_phone()
    person.press(ADD)
    wait_for_product(person)
    person.open("/settings/stores/1")
    person.press("form[action$='/check'] button")
    assert person.wrong == []
