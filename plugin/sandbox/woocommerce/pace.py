"""How slow the sandbox store is. The figures are for a pace of 1, taken from what was measured on WooCommerce 11.0.1.

There, pages of 100 came at 325-360 products/s with all fields and at 410-510 with the few fields needed, and four
pages at once at 680: so part of the work is done for one request after the other. With 460/s alone and 680/s at
most, that part is 68% of a page; the same share is taken for every other call. The recordings hold three PUTs with
one fetched picture of 800 × 800 each within one second of the store's clock: 0.1 s for a write and 0.2 s for each
picture of that size. The other figures are in proportion, and were not measured.
"""

import threading
from collections.abc import Callable

SERIAL = 0.68
REQUEST = 0.02  # of which WordPress' own start
PER_PRODUCT = 0.00247  # 100 products in 0.29 s, of which this program itself takes 0.02
PER_PRODUCT_FEW = 0.00183  # 100 products in 0.217 s, likewise
WRITE = 0.1
PER_PICTURE = 0.06
PER_MEGAPIXEL = 0.22
STATUS_REPORT = 1.5  # the system status looks at everything
FEW_FIELDS = 20


class Pace:
    """Waits as long as the work of a genuine store would take, times the pace. `close` ends all waiting.

    `wait` gets seconds; without one it really waits.
    """

    def __init__(self, pace: float, wait: Callable[[float], object] | None = None) -> None:
        self._pace = pace
        self._one = threading.Lock()
        self._closed = threading.Event()
        self._wait = self._closed.wait if wait is None else wait

    def close(self) -> None:
        """Wait no more."""
        self._closed.set()

    def spend(self, seconds: float) -> None:
        """Work that takes so long: part of it beside other requests, the rest for one request after the other."""
        if not self._pace or self._closed.is_set():
            return
        seconds *= self._pace
        self._wait(seconds * (1 - SERIAL))
        with self._one:
            self._wait(seconds * SERIAL)

    def read(self, products: int, fields: str) -> None:
        """A list of so many products."""
        few = 0 < len(fields.split(",")) <= FEW_FIELDS if fields else False
        self.spend(REQUEST + products * (PER_PRODUCT_FEW if few else PER_PRODUCT))

    def write(self) -> None:
        """One product is written."""
        self.spend(WRITE)

    def picture(self, width: int, height: int) -> None:
        """One picture is taken in and its sizes are made."""
        self.spend(PER_PICTURE + PER_MEGAPIXEL * width * height / 1e6)
