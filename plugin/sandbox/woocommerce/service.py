"""The parts of one running sandbox store, and where a request finds them."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

from plugin.sandbox.faults import FaultBook
from plugin.sandbox.woocommerce.access import Gate
from plugin.sandbox.woocommerce.faults import FaultRule
from plugin.sandbox.woocommerce.fetch import Fetcher
from plugin.sandbox.woocommerce.hooks import Hooks
from plugin.sandbox.woocommerce.options import WooOptions
from plugin.sandbox.woocommerce.pace import Pace
from plugin.sandbox.woocommerce.store import WooStore
from plugin.sandbox.woocommerce.wire import WooJson
from plugin.sandbox.woocommerce.write import Writer

MOST_REQUESTS = 100_000


@dataclass(frozen=True)
class Seen:
    """One request as it came in. `status` None: the connection was cut. `call`: which of the fault rules' calls.

    `params` are those of the query without any credentials; `seconds` is how long it took.
    """

    method: str
    path: str
    params: dict[str, str]
    status: int | None
    call: str
    who: str
    seconds: float


class WooParts:
    """The parts of one store: `store`, `faults`, `gate`, `requests` (the latest last), and what does the work."""

    def __init__(self, options: WooOptions, now: Callable[[], float], *, tls: bool) -> None:
        self.options = options
        self.now = now
        self.tls = tls
        self.store = WooStore(options.timezone, now)
        self.faults: FaultBook[FaultRule] = FaultBook(options.seed, options.faults)
        self.gate = Gate(options, now, tls=tls)
        self.fetcher = Fetcher(options.fetch_ports, options.fetch_hosts, options.fetch_timeout)
        self.pace = Pace(options.pace)
        self.json = WooJson(self.store, options.currency)
        self.hooks = Hooks(self.store, self.json)
        self.writer = Writer(self.store, self.fetcher, self.pace, self.hooks.changed)
        self.requests: deque[Seen] = deque(maxlen=MOST_REQUESTS)
        self.closed = threading.Event()
        self.settle: Callable[[float], bool] = lambda seconds: True

    @property
    def home(self) -> str:
        """The store's own address, without a slash at its end."""
        return self.store.home

    @home.setter
    def home(self, url: str) -> None:
        self.store.home = self.gate.home = self.fetcher.home = url

    def close(self) -> None:
        """End all waiting and every thread."""
        self.closed.set()
        self.pace.close()
        self.hooks.close()


def parts() -> WooParts:
    """The store that this request belongs to."""
    found: WooParts = current_app.extensions["woocommerce"]
    return found
