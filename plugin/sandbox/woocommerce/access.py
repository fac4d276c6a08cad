"""Who may do what in a sandbox store: consumer keys by OAuth 1.0a or Basic, and Application Passwords.

The checks and their words are those of WooCommerce 11.0.1; what no recording shows follows its public source.
"""

import base64
import binascii
import hashlib
import hmac
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote

from werkzeug.wrappers import Request

from plugin.sandbox.woocommerce.options import ApiKey, Permissions, WooOptions

WINDOW = 15 * 60  # seconds that a timestamp may be off
OAUTH = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
HASHES = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class ApiError(Exception):
    """An answer with WordPress' error body. `allow`: the answer names the methods; `extra`: more of its `data`."""

    def __init__(
        self, code: str, message: str, status: int, *, allow: bool = True, extra: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.allow = allow
        self.extra = dict(extra or {})

    @property
    def body(self) -> dict[str, object]:
        """The JSON of the answer."""
        return {"code": self.code, "message": self.message, "data": {"status": self.status, **self.extra}}


def refused(message: str, code: str = "woocommerce_rest_authentication_error") -> ApiError:
    """A 401 of the key check: it comes before the route, so that no methods are named."""
    return ApiError(code, message, 401, allow=False)


@dataclass(frozen=True)
class Caller:
    """Who asks. `name`: the consumer key or the user ("": nobody)."""

    name: str = ""
    is_user: bool = False
    permissions: Permissions = "read_write"

    def __bool__(self) -> bool:
        return bool(self.name)


NOBODY = Caller()


class Gate:
    """The store's keys and passwords; they can be changed while the store runs."""

    def __init__(self, options: WooOptions, now: Callable[[], float], *, tls: bool) -> None:
        self.home = ""
        self._tls = tls
        self._now = now
        self._lock = threading.Lock()
        self._keys: dict[str, ApiKey] = dict(options.keys)
        self._passwords = {user: bare(password) for user, password in options.app_passwords.items()}
        self._nonces: dict[tuple[str, str], float] = {}

    # -- changes at run time -------------------------------------------------------------------------------------

    def set_key(self, key: str, secret: str, permissions: Permissions = "read_write") -> None:
        """Add a consumer key, or change it."""
        with self._lock:
            self._keys[key] = ApiKey(secret, permissions)

    def revoke(self, name: str) -> None:
        """Take away a consumer key or a user's Application Password."""
        with self._lock:
            self._keys.pop(name, None)
            self._passwords.pop(name, None)

    def restrict(self, key: str, permissions: Permissions = "read") -> None:
        """Change what a consumer key may do."""
        with self._lock:
            if key in self._keys:
                self._keys[key] = replace(self._keys[key], permissions=permissions)

    def set_password(self, user: str, password: str) -> None:
        """Give a user an Application Password."""
        with self._lock:
            self._passwords[user] = bare(password)

    def named(self, request: Request) -> str:
        """The key or user that a request names, right or wrong."""
        given = oauth_parameters(request)
        return given.get("oauth_consumer_key", "") or basic(request)[0]

    # -- checks --------------------------------------------------------------------------------------------------

    def shop(self, request: Request) -> Caller:
        """Who calls wc/v3. Raises `ApiError` 401 for wrong credentials and for methods that the key may not use."""
        caller = self._shop_caller(request)
        wanted = "read" if request.method in READING else "write"
        if caller and wanted not in caller.permissions:
            raise refused(f"The API key provided does not have {wanted} permissions.")
        return caller

    def _shop_caller(self, request: Request) -> Caller:
        if not self._tls:
            return self._oauth(request)  # Basic and keys in the query count only with https
        name, secret = basic(request)
        given = oauth_parameters(request)
        query = (given.get("consumer_key", ""), given.get("consumer_secret", ""))
        name, secret = query if all(query) else (name, secret)
        key = self._keys.get(name)
        if key is None:
            return self.site(request) if name else self._oauth(request)
        if not hmac.compare_digest(key.secret.encode(), secret.encode()):
            raise refused("Consumer secret is invalid.")
        return Caller(name, permissions=key.permissions)

    def site(self, request: Request) -> Caller:
        """Who calls wp/v2: only Application Passwords count, and only with https. Raises `ApiError` 401."""
        name, password = basic(request)
        if not self._tls or not name:
            return NOBODY
        known = self._passwords.get(name)
        if known is None:
            raise refused("Unknown username. Check again or try your email address.", "invalid_username")
        if not hmac.compare_digest(known.encode(), bare(password).encode()):
            raise refused("The provided password is an invalid application password.", "incorrect_password")
        return Caller(name, is_user=True)

    def _oauth(self, request: Request) -> Caller:
        given = oauth_parameters(request)
        missing = [name for name in OAUTH if not given.get(name)]
        if len(missing) == len(OAUTH):
            return NOBODY
        if missing:
            word = "parameter" if len(missing) == 1 else "parameters"
            raise refused(
                f"Missing OAuth {word} {', '.join(missing)}", "woocommerce_rest_authentication_missing_parameter"
            )
        key = self._keys.get(given["oauth_consumer_key"])
        if key is None:
            raise refused("Consumer key is invalid.")
        self._check_signature(request, given, key.secret)
        self._check_nonce(given)
        return Caller(given["oauth_consumer_key"], permissions=key.permissions)

    def _check_signature(self, request: Request, given: Mapping[str, str], secret: str) -> None:
        algorithm = HASHES.get(given["oauth_signature_method"])
        if algorithm is None:
            raise refused("Invalid signature - signature method is invalid.")
        path = quote(unquote(request.environ.get("REQUEST_URI", request.path).partition("?")[0]), safe="/")
        base = f"{request.method}&{quote(self.home + path, safe='')}&{normalised(given)}"
        made = hmac.new(f"{secret}&".encode(), base.encode(), algorithm).digest()
        offered = unquote(given["oauth_signature"].replace(" ", "+"))
        if not hmac.compare_digest(base64.b64encode(made).decode(), offered):
            raise refused("Invalid signature - provided signature does not match.")

    def _check_nonce(self, given: Mapping[str, str]) -> None:
        now = self._now()
        stamp = int(given["oauth_timestamp"]) if re.fullmatch(r"\d{1,12}", given["oauth_timestamp"]) else 0
        if abs(now - stamp) > WINDOW:
            raise refused("Invalid timestamp.")
        nonce = (given["oauth_consumer_key"], given["oauth_nonce"])
        with self._lock:
            if nonce in self._nonces:
                raise refused("Invalid nonce - nonce has already been used.")
            if len(self._nonces) > 20_000:
                self._nonces = {seen: at for seen, at in self._nonces.items() if at > now - WINDOW}
            self._nonces[nonce] = now


def bare(password: str) -> str:
    """An Application Password without the blanks that it is shown with."""
    return re.sub(r"[^A-Za-z0-9]", "", password)


def basic(request: Request) -> tuple[str, str]:
    """User and password of the Authorization header, empty without one."""
    kind, _, word = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(word.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password


def oauth_parameters(request: Request) -> dict[str, str]:
    """The query's parameters as PHP reads them, with those of an `Authorization: OAuth` header."""
    query = request.query_string.decode("utf-8", "replace")
    found = php_parameters(query)
    header = request.headers.get("Authorization", "")
    if header.startswith("OAuth "):
        found |= {name: unquote(value) for name, value in re.findall(r'(oauth_\w+)="([^"]*)"', header)}
    return found


def php_parameters(query: str) -> dict[str, str]:
    """A query as PHP's `$_GET`, flat: `x[]=1&x[]=2` as `x[0]`, `x[1]`; of a name given twice the last value counts."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        key = name
        if name.endswith("[]"):
            stem = name[:-2]
            key = f"{stem}[{sum(other.startswith(f'{stem}[') for other in found)}]"
        found[key] = value
    return found


def normalised(given: Mapping[str, str]) -> str:
    """The parameters as WooCommerce signs them: sorted by name, each encoded twice, joined by an encoded `&`."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in given.items() if name != "oauth_signature")
    return "%26".join(encoded(f"{name}={value}") for name, value in pairs)


def encoded(text: str) -> str:
    """RFC 3986."""
    return quote(text, safe="-._~")
