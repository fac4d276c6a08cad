"""Which names this site answers to.

A page of another site can give its own name our address (DNS rebinding), and would then be taken by the browser for
one site with ours. It cannot make the browser send another name than its own, so only known names are answered.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from plugin.config import ServerSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")
_REFUSAL = """\
hebo-sync does not answer to this name.
Open it by its IP address or as localhost, or set public_url under [server] in the configuration file to the address
under which people open the pages, and start it again.

hebo-sync 不响应此域名。
请使用 IP 地址或 localhost 打开；或在配置文件 [server] 中把 public_url 设为打开页面所用的地址，然后重新启动。
"""


def host_name(header: str) -> str | None:
    """The name in a Host header, in lower case, without port and brackets; None: it is no such header."""
    match = _HOST.fullmatch(header)
    return match[1].strip("[]").removesuffix(".").lower() if match else None


def own_names(server: ServerSettings) -> frozenset[str]:
    """The names under which the pages may be opened, apart from any IP address."""
    names = {"localhost", server.host.lower()}
    public = urlsplit(server.public_url).hostname if server.public_url else None
    if public:
        names |= {public, _ascii(public)}
    return frozenset(names)


def is_known(header: str, names: frozenset[str]) -> bool:
    """Whether a request with this Host header is meant for us."""
    name = host_name(header)
    return name is not None and (name in names or _is_address(name))


class KnownHosts:
    """WSGI middleware, in front of all else: requests for other names are refused, and nothing is looked at."""

    def __init__(self, app: WSGIApplication, names: frozenset[str], headers: Mapping[str, str]):
        self._app, self._names, self._headers = app, names, headers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_known(environ.get("HTTP_HOST", ""), self._names):
            return self._app(environ, start_response)
        refusal = Response(_REFUSAL, status=400, headers=dict(self._headers), mimetype="text/plain")
        return refusal(environ, start_response)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _ascii(name: str) -> str:
    """A name as browsers send it, where it has letters of other scripts."""
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
