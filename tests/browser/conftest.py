"""A real browser, and the real program that it looks at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.browser.shop import Shop, running_shop
from tests.conftest import require

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
SLOWEST = 20_000  # milliseconds that a page or a picture may take on a busy machine


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    require(found, "no Chromium here: install it with the system's package manager to test the pages in a browser")
    with playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"]) as launched:
        yield launched


@pytest.fixture
def language(request: pytest.FixtureRequest) -> str:
    """en, or what a test's parameters say."""
    return str(getattr(request, "param", "en"))


@pytest.fixture
def window(browser: Browser, language: str) -> Iterator[BrowserContext]:
    """A browser window of a person who reads that language."""
    size = {"width": 1280, "height": 900}
    with browser.new_context(locale=LOCALES[language], viewport=size) as opened:  # type: ignore[arg-type]  # a TypedDict
        opened.set_default_timeout(SLOWEST)
        yield opened


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """`hebo-sync serve` on an empty data folder, the sandbox service, and a feed of two products beside it."""
    with running_shop(tmp_path) as started:
        yield started
