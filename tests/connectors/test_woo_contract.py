"""The WooCommerce store keeps the contract of all connectors: with uploads over TLS, and with consumer keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.testing import ConnectorContract, LibraryContract, LibraryKit
from tests.connectors.woo_shop import Relay, Server, StoreServer, WooShopKit

Servers = tuple[StoreServer, StoreServer, Relay]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """With TLS, without, and ours."""
    with ExitStack() as stack:
        secure, plain = (stack.enter_context(StoreServer(tls=tls)) for tls in (True, False))
        yield secure, plain, Relay(stack.enter_context(Server(tls=False)))


class TestWooCommerce(ConnectorContract, LibraryContract):
    @pytest.fixture(params=["uploads", "fetches"])
    def shop(self, request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[LibraryKit]:
        secure, plain, relay = servers
        folder = tmp_path / "shop"
        folder.mkdir()
        kit = WooShopKit(folder, secure if request.param == "uploads" else plain, relay)
        yield kit
        kit.close()
