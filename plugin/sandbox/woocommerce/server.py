"""A local WooCommerce store that answers over real HTTP as a genuine one does (11.0.1), and goes wrong when asked to.

    with serve_woocommerce(WooOptions(catalogue="sample")) as shop:       # tls=True: https://localhost:PORT
        shop.url              # the store's home, without a slash at its end; sign for exactly this address
        shop.ca_file          # with tls: the PEM file to trust; else None
        shop.store            # WooStore: look at it, and act as another editor (see `store`):
                              #   products, variations, attachments (dicts by id), images(id), image_names(id),
                              #   add_product(name, [attachment ids], gallery_only=, status=, sku=…) -> id,
                              #   update(id, **fields), set_images(id, ids), trash(id), remove(id),
                              #   add_variation(product, {"Color": "Red"}, image) -> id, set_variation_image(id, image),
                              #   add_attachment(bytes, "x.jpg", alt=) -> id, remove_attachment(id), lose_file(id),
                              #   orphans() -> ids, add_category(name) -> id, add_tag(name) -> id
        shop.faults           # .add([fault_from_text("write:drop_after:x1")]), .clear(), .fired()
        shop.fault("write:late=2:x1", "list:http_503")    # the same from texts (kinds: `faults`)
        shop.gate             # .revoke(name), .restrict(key, "read"), .set_key(key, secret, permissions), .set_password
        shop.requests         # deque of Seen(method, path, params, status, call, who, seconds), the latest last
        shop.count("list")    # how many requests of a call (or of all) were answered
        shop.allow_fetch(port, host=None)    # let the store fetch pictures from there (a relay on a port of its own)
        shop.settle(5.0)      # wait for late work (`late`, `late_cut`); False: it is not done yet
        shop.hooks.deliver()  # the store's cron: send the webhooks that wait
        shop.close()          # also by leaving `with`

Keys: `DEFAULT_KEY`/`DEFAULT_SECRET` (reads and writes), `READ_KEY`/`READ_SECRET` (reads), and, with tls, the user
`DEFAULT_USER` with the Application Password `DEFAULT_PASSWORD` (plugin/sandbox/woocommerce/options.py).

Over http only OAuth 1.0a is taken; with tls Basic, and Application Passwords. The same by hand: `/sandbox/state`,
`/sandbox/faults`, `/sandbox/keys`, `/sandbox/cron` (plugin/sandbox/woocommerce/control.py); the shop itself is at `/`.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from flask import Flask
from werkzeug.exceptions import HTTPException

from plugin.listener import Listener, ListenerError
from plugin.sandbox.faults import FaultBook
from plugin.sandbox.woocommerce.access import ApiError, Gate
from plugin.sandbox.woocommerce.answer import api_error, http_error
from plugin.sandbox.woocommerce.api import api
from plugin.sandbox.woocommerce.control import control
from plugin.sandbox.woocommerce.faults import FaultRule, fault_from_text
from plugin.sandbox.woocommerce.front import front
from plugin.sandbox.woocommerce.hooks import Hooks
from plugin.sandbox.woocommerce.mischief import Mischief
from plugin.sandbox.woocommerce.options import (
    DEFAULT_KEY,
    DEFAULT_PASSWORD,
    DEFAULT_SECRET,
    DEFAULT_USER,
    READ_KEY,
    READ_SECRET,
    ApiKey,
    WooOptions,
    WooOptionsError,
)
from plugin.sandbox.woocommerce.seed import fill
from plugin.sandbox.woocommerce.service import Seen, WooParts
from plugin.sandbox.woocommerce.store import WooStore
from plugin.sandbox.woocommerce.tls import Certificates, Tunnel
from plugin.sandbox.woocommerce.wp import wp

__all__ = [
    "DEFAULT_KEY", "DEFAULT_PASSWORD", "DEFAULT_SECRET", "DEFAULT_USER", "READ_KEY", "READ_SECRET", "ApiKey", "Seen",
    "WooOptions", "WooOptionsError", "WooService", "WooStore", "create_woocommerce", "serve_woocommerce",
]  # fmt: skip
MOST_BODY_BYTES = 80_000_000
THREADS = 16


def create_woocommerce(options: WooOptions, now: Callable[[], float] = time.time, *, tls: bool = False) -> Flask:
    """The store as a Flask application; its parts are `app.extensions["woocommerce"]`, to be closed by the caller.

    `now`: seconds since 1970. The store's `home` has to be set before the first request.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MOST_BODY_BYTES
    shop = app.extensions["woocommerce"] = WooParts(options, now, tls=tls)
    fill(shop.store, options)
    for blueprint in (api, wp, front, control):
        app.register_blueprint(blueprint)
    app.register_error_handler(ApiError, api_error)
    app.register_error_handler(HTTPException, http_error)
    mischief = Mischief(app.wsgi_app, shop)
    shop.settle = mischief.settle
    app.wsgi_app = mischief  # type: ignore[method-assign]
    return app


class WooService:
    """A store that is being served; see the module's docstring for what it offers."""

    def __init__(self, app: Flask, host: str, port: int, *, tls: bool) -> None:
        self._parts: WooParts = app.extensions["woocommerce"]
        self._certificates = Certificates() if tls else None
        self._tunnel: Tunnel | None = None
        self._listener = Listener(app, "127.0.0.1", 0, THREADS) if tls else Listener(app, host, port, THREADS)
        try:
            self._listener.start()
            self._parts.home = self._open(host, port)
        except ListenerError:
            self.close()
            raise

    def _open(self, host: str, port: int) -> str:
        """Open the TLS side, where there is one; the store's address."""
        if self._certificates is None:
            return self._listener.url
        target = (self._listener.host, self._listener.port)
        self._tunnel = Tunnel(host, port, target, self._certificates.context())
        return f"https://localhost:{self._tunnel.port}"

    @property
    def url(self) -> str:
        """The store's home, without a slash at its end."""
        return self._parts.home

    @property
    def ca_file(self) -> Path | None:
        """With TLS the certificate to trust (PEM), else None."""
        return None if self._certificates is None else self._certificates.ca_file

    @property
    def store(self) -> WooStore:
        """The state, and what other editors do to it."""
        return self._parts.store

    @property
    def faults(self) -> FaultBook[FaultRule]:
        """The fault rules."""
        return self._parts.faults

    @property
    def gate(self) -> Gate:
        """The keys and passwords."""
        return self._parts.gate

    @property
    def hooks(self) -> Hooks:
        """The webhooks."""
        return self._parts.hooks

    @property
    def requests(self) -> list[Seen]:
        """What came in, the latest last."""
        return list(self._parts.requests)

    def count(self, call: str = "") -> int:
        """How many requests came in: of one of the fault rules' calls, or ("") all below `/wp-json/`."""
        return sum(seen.call == call if call else seen.call not in {"", "file"} for seen in self.requests)

    def forget(self) -> None:
        """Empty the log of requests."""
        self._parts.requests.clear()

    def fault(self, *texts: str) -> None:
        """Put further rules in force. Raises `FaultError`."""
        self.faults.add([fault_from_text(text) for text in texts])

    def allow_fetch(self, port: int, host: str | None = None) -> None:
        """Let the store fetch pictures from this port, and from this private host."""
        self._parts.fetcher.ports.add(port)
        if host is not None:
            self._parts.fetcher.hosts.add(host.lower())

    def settle(self, seconds: float) -> bool:
        """Wait until late work is done, at most so long; whether it is."""
        return self._parts.settle(seconds)

    def close(self) -> None:
        """Let slow answers go, stop serving, and delete the certificates. Harmless when closed."""
        self._parts.close()
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None
        self._listener.stop()
        if self._certificates is not None:
            self._certificates.close()
            self._certificates = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def serve_woocommerce(
    options: WooOptions,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    tls: bool = False,
    now: Callable[[], float] = time.time,
) -> WooService:
    """Serve a new store; what comes back runs already, and ends everything when closed.

    tls: at https://localhost:PORT, with a certificate of an authority of its own. Raises `ListenerError`.
    """
    return WooService(create_woocommerce(options, now, tls=tls), host, port, tls=tls)
