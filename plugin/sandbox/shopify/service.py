"""The parts of one running sandbox store, and where a request finds them."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, request

from plugin.sandbox.faults import NOTHING, Chosen, FaultBook
from plugin.sandbox.shopify.access import Access
from plugin.sandbox.shopify.bulk import Bulk
from plugin.sandbox.shopify.cost import Bucket
from plugin.sandbox.shopify.engine import shop_schema
from plugin.sandbox.shopify.faults import FaultRule
from plugin.sandbox.shopify.options import SandboxOptions
from plugin.sandbox.shopify.store import ShopifyStore

MOST_REQUESTS = 100_000
NOTE_KEY = "shopify.note"


@dataclass
class Note:
    """What the layers of the sandbox tell each other of one call: what goes wrong with it, and what it cost."""

    kind: str = ""
    subject: str = ""
    chosen: Chosen[FaultRule] = NOTHING
    operation: str = ""
    variables: Mapping[str, Any] | None = None
    code: str = ""
    requested: int = 0
    points: int = 0


@dataclass(frozen=True)
class Seen:
    """One request as it came in. `status` None: the connection was cut. `call`: which of the fault rules' calls.

    `operation`: the name of the document's operation; `code`: of the first error in the answer. `points`: the actual
    cost. `with_token`: whether a token was sent along; the token itself is nowhere kept.
    """

    method: str
    path: str
    call: str
    status: int | None
    operation: str = ""
    variables: Mapping[str, Any] | None = None
    code: str = ""
    points: int = 0
    requested: int = 0
    with_token: bool = False
    at: float = 0.0


class ShopifyParts:
    """The parts of one shop: `store`, `faults`, `access`, `bulk`, `requests` (the latest last) and the `bucket`."""

    def __init__(self, options: SandboxOptions, clock: Callable[[], float]) -> None:
        self.options = options
        self.now = clock
        self.store = ShopifyStore(options, clock)
        self.faults: FaultBook[FaultRule] = FaultBook(options.seed, options.faults)
        self.access = Access(options, clock)
        self.bucket = Bucket(options.bucket, options.restore_rate, clock())
        self.bulk = Bulk(self.store, shop_schema(), clock, options)
        self.requests: deque[Seen] = deque(maxlen=MOST_REQUESTS)
        self.closed = threading.Event()
        self.settle: Callable[[float], bool] = lambda seconds: True

    def close(self) -> None:
        """End all waiting, and delete the bulk operations' results."""
        self.closed.set()
        self.bulk.close()


def parts() -> ShopifyParts:
    """The shop that this request belongs to."""
    found: ShopifyParts = current_app.extensions["shopify"]
    return found


def note() -> Note:
    """What is noted of the call being answered."""
    found: Note = request.environ.get(NOTE_KEY, Note())
    return found
