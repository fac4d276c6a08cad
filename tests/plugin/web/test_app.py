"""That the pages are joined, and stand on a world."""

from __future__ import annotations

import pytest

from tests.plugin.web.conftest import Site


@pytest.mark.parametrize("path", ["/products", "/review", "/activity", "/settings", "/healthz"])
def test_every_page_answers(site: Site, path: str) -> None:
    assert site.get(path)
