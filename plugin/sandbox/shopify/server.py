"""A local Shopify store that answers the Admin GraphQL API over real HTTP, and goes wrong when asked to.

    with serve_shopify(SandboxOptions(catalogue="sample")) as shop:
        shop.url              # the store's home, without a slash at its end: what `api_url` of the connector is
        shop.store            # ShopifyStore: look at it, and act as another editor (see `store`):
                              #   products, variants (dicts by number), media (dict by gid), media_ids(product) -> gids,
                              #   media_names(product) -> file names, file_names(), orphans(), snapshot(),
                              #   add_media(bytes, "x.jpg", alt) -> gid, add_product(title, [gids], status=…) -> number,
                              #   add_variant(product, {"Color": "Red"}, media gid) -> number, update(product, title=…),
                              #   touch(product), change_inventory(product), remove(product), attach(product, gid),
                              #   detach(product, gid), set_media_order(product, gids), remove_file(gid), fail(gid)
        shop.faults           # .add([fault_from_text("file_create:drop_after:x1")]), .clear(), .fired()
        shop.fault("file_update:late=2:x1", "products:throttled:x1")    # the same from texts (kinds: `faults`)
        shop.access           # the tokens: .revoke(token), .lose_scope(scope), .expire(token) … (see `access`)
        shop.bulk             # .fail_next(), .cancel_next() (see `bulk`)
        shop.requests         # list of Seen(method, path, call, status, operation, variables, code, points, …)
        shop.count("reorder") # how many requests of a call (or "" for all of the API) came in
        shop.points()         # the actual cost of all calls
        shop.bucket           # the shop's points: .drain(now)
        shop.settle(5.0)      # wait for late work (`late`, `late_cut`); False: it is not done yet
        shop.close()          # also by leaving `with`

`clock`: seconds since 1970; READY pictures, done jobs, bulk operations, points and tokens go by it. The same by hand:
`/sandbox/state`, `/sandbox/faults`, `/sandbox/inventory`, `/sandbox/edit`; the shop itself is at `/`.
"""

import time
from collections.abc import Callable
from typing import Self

from flask import Flask

from plugin.listener import Listener
from plugin.sandbox.faults import FaultBook
from plugin.sandbox.shopify.access import Access
from plugin.sandbox.shopify.api import api
from plugin.sandbox.shopify.bulk import Bulk
from plugin.sandbox.shopify.control import control
from plugin.sandbox.shopify.cost import Bucket
from plugin.sandbox.shopify.faults import FaultRule, fault_from_text
from plugin.sandbox.shopify.front import front
from plugin.sandbox.shopify.mischief import Mischief
from plugin.sandbox.shopify.options import (
    DEFAULT_CLIENT,
    DEFAULT_SECRET,
    DEFAULT_TOKEN,
    SandboxOptions,
    ShopifyOptionsError,
)
from plugin.sandbox.shopify.sample import fill
from plugin.sandbox.shopify.service import Seen, ShopifyParts
from plugin.sandbox.shopify.store import ShopifyStore

__all__ = [
    "DEFAULT_CLIENT", "DEFAULT_SECRET", "DEFAULT_TOKEN", "SandboxOptions", "Seen", "ShopifyOptionsError",
    "ShopifyService", "ShopifyStore", "create_shopify", "serve_shopify",
]  # fmt: skip
MOST_BODY_BYTES = 64_000_000
THREADS = 16


def create_shopify(options: SandboxOptions, clock: Callable[[], float] = time.time) -> Flask:
    """The store as a Flask application; its parts are `app.extensions["shopify"]`, to be closed by the caller.

    `clock`: seconds since 1970. The store's `home` has to be set before the first request.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MOST_BODY_BYTES
    shop = app.extensions["shopify"] = ShopifyParts(options, clock)
    fill(shop.store, options)
    for blueprint in (api, front, control):
        app.register_blueprint(blueprint)
    mischief = Mischief(app.wsgi_app, shop)
    shop.settle = mischief.settle
    app.wsgi_app = mischief  # type: ignore[method-assign]
    return app


class ShopifyService:
    """A store that is being served; see the module's docstring for what it offers."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self._parts: ShopifyParts = app.extensions["shopify"]
        self._listener = Listener(app, host, port, THREADS).start()
        self._parts.store.home = self._listener.url

    @property
    def url(self) -> str:
        """The store's home, without a slash at its end."""
        return self._parts.store.home

    @property
    def store(self) -> ShopifyStore:
        """The state, and what other editors do to it."""
        return self._parts.store

    @property
    def faults(self) -> FaultBook[FaultRule]:
        """The fault rules."""
        return self._parts.faults

    @property
    def access(self) -> Access:
        """The tokens."""
        return self._parts.access

    @property
    def bulk(self) -> Bulk:
        """The bulk operations."""
        return self._parts.bulk

    @property
    def bucket(self) -> Bucket:
        """The shop's points."""
        return self._parts.bucket

    @property
    def requests(self) -> list[Seen]:
        """What came in, the latest last."""
        return list(self._parts.requests)

    def count(self, call: str = "") -> int:
        """How many requests came in: of one of the fault rules' calls, or ("") all to the GraphQL API."""
        return sum(seen.call == call if call else seen.path.startswith("/admin/api/") for seen in self.requests)

    def points(self) -> int:
        """The actual cost of all calls."""
        return sum(seen.points for seen in self.requests)

    def forget(self) -> None:
        """Empty the log of requests."""
        self._parts.requests.clear()

    def fault(self, *texts: str) -> None:
        """Put further rules in force. Raises `FaultError`."""
        self.faults.add([fault_from_text(text) for text in texts])

    def settle(self, seconds: float) -> bool:
        """Wait until late work is done, at most so long; whether it is."""
        return self._parts.settle(seconds)

    def close(self) -> None:
        """Let slow answers go, and stop serving. Harmless when closed."""
        self._parts.close()
        self._listener.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def serve_shopify(
    options: SandboxOptions, host: str = "127.0.0.1", port: int = 0, clock: Callable[[], float] = time.time
) -> ShopifyService:
    """Serve a new store; what comes back runs already, and ends everything when closed. Raises `ListenerError`."""
    return ShopifyService(create_shopify(options, clock), host, port)
