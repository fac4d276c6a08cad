"""A whole run at a Shopify where much goes wrong, with everything logged: no secret is told, and every request has a
time limit.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connectors import ConnectorError, Library, Listing, Placement
from connectors.http.transport import Adapter
from connectors.testing import Pictures
from tests.connectors.shopify_shop import FLAVOURS, Server, ShopifyShopKit

SPOILERS = [
    f"{call}:{kind}:0.15"
    for call in ("shop", "products", "media", "status", "staged", "file_create", "file_update", "reorder", "bulk_run")
    for kind in ("drop_after", "http_500", "http_403", "html", "truncated", "throttled")
]
OUTSIDE = [
    f"{call}:{kind}:0.2"
    for call in ("upload", "bulk_file", "token")
    for kind in ("drop_after", "http_500", "http_403", "html", "truncated", "rate_limited=2")
]


class Witness:
    """What was said in the course of a run: by errors with their tracebacks, and by the objects that it is made of."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.errors = self.successes = 0

    def hear(self, act: Callable[[], object]) -> None:
        """Do something, whether it fails or not."""
        try:
            self.said.append(repr(act()))
            self.successes += 1
        except ConnectorError as error:
            self.errors += 1
            self.said.append("".join(traceback.format_exception(error)))
            self.said.append(f"{error!r} {vars(error)!r}")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.fixture
def timeouts() -> Iterator[list[Any]]:
    """The time limit of each request that is sent."""
    opened, seen = Adapter.open, list[Any]()

    def watched(self: Adapter, request: Any, seconds: float) -> Any:
        seen.append(seconds)
        return opened(self, request, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adapter, "open", watched)
        yield seen


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_no_secret_is_told_in_a_run_where_much_goes_wrong(
    tmp_path: Path, server: Server, flavour: str, caplog: pytest.LogCaptureFixture, timeouts: list[Any]
) -> None:
    kit, witness = ShopifyShopKit(tmp_path, server, FLAVOURS[flavour]), Witness()
    caplog.set_level(logging.DEBUG)
    try:
        run(kit, witness, Pictures(tmp_path / "pictures", kit))
    finally:
        kit.close()
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert files
    assert told(kit.secrets, "".join(path.read_text("latin-1") for path in files)) == [], "what is kept is sealed"
    ours, wire = logged(caplog.records)
    said = ours + "".join(witness.said)
    assert told(kit.secrets, said + wire) == []
    assert told(kit.addresses, said) == []
    assert len(kit.secrets) > 20, "tokens and signatures, as the shop told them"
    assert kit.addresses
    assert min(witness.errors, witness.successes) > 5
    assert "POST /admin/api/2026-10/graphql.json" in wire, "the log was open"
    assert len(timeouts) > 100
    assert all(timeouts)


def logged(records: Iterable[logging.LogRecord]) -> tuple[str, str]:
    """What was logged, with tracebacks: by all but the HTTP library, and by that, which tells every path at DEBUG."""
    lines: tuple[list[str], list[str]] = ([], [])
    for record in records:
        lines[record.name.startswith("urllib3")].append(logging.Formatter().format(record))
    return "\n".join(lines[0]), "\n".join(lines[1])


def told(secrets: Iterable[str], text: str) -> list[int]:
    """Which of them are in the text; the numbers only, since this is printed."""
    return [number for number, secret in enumerate(secrets) if secret in text]


def run(kit: ShopifyShopKit, witness: Witness, pictures: Pictures) -> None:
    """Checks, reads by pages and in bulk, writes, undoes and tidies up, in good times and in bad ones."""
    for rules in ((), SPOILERS, OUTSIDE, ("any:http_401:0.3", "token:http_400:0.3")):
        kit.mend()
        kit.fault(*rules)
        for _ in range(2):
            live_through_a_day(kit, witness, pictures)
    kit.mend()
    kit.revoke()
    live_through_a_day(kit, witness, pictures)


def parts(whole: object) -> list[object]:
    """Every object of the connector's that another one holds."""
    found, todo = list[object](), [whole]
    while todo:
        one = todo.pop()
        if type(one).__module__.startswith("connectors.") and not any(one is other for other in found):
            found.append(one)
            names = [*getattr(one, "__dict__", ()), *getattr(one, "__slots__", ())]
            todo += [getattr(one, name) for name in names]
    return found


def live_through_a_day(kit: ShopifyShopKit, witness: Witness, pictures: Pictures) -> None:
    """All that a connector can do."""
    connector, remembered = kit.connector(), list[Listing]()
    product_id, images = kit.add_product("Steel mug", 2), pictures.new(2)
    witness.said += [repr(part) for part in parts(connector)]
    witness.hear(connector.check)
    witness.hear(lambda: list(connector.products(None)))
    witness.hear(lambda: list(connector.products(kit.now())))
    witness.hear(lambda: connector.product(product_id))
    witness.hear(lambda: connector.attach(product_id, images, Placement.REPLACE_MAIN, remembered.append))
    keys = [image.key for image in images]
    for before in remembered:
        witness.hear(partial(connector.restore, product_id, before, Listing(product_id, (), None), keys))
    assert isinstance(connector, Library)
    witness.hear(lambda: connector.delete(connector.orphans()))
    kit.advance(86_400)
