"""The store fetches pictures by itself: which addresses it asks, and what it says when one does not work.

The rules are WordPress' `wp_http_validate_url`, and what was observed on WooCommerce 11.0.1.
"""

import ipaddress
import socket
from collections.abc import Collection
from http.client import responses
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import requests

from plugin.sandbox.woocommerce.media import EXTENSIONS, NOT_ALLOWED, MediaError

PORTS = frozenset({80, 443, 8080})
MOST_REDIRECTS = 5
MOST_BYTES = 64_000_000
NO_URL = "A valid URL was not provided."


class Fetcher:
    """Fetches pictures for a store. `ports` and `hosts` may be changed while it runs.

    ports: further ports; hosts: private hosts that may be asked. `home`: the store's own address.
    """

    def __init__(self, ports: Collection[int], hosts: Collection[str], timeout: float) -> None:
        self.home = ""
        self.ports = set(ports)
        self.hosts = {host.lower() for host in hosts}
        self._timeout = timeout

    def picture(self, src: object) -> tuple[bytes, str]:
        """A picture's bytes and file name. Raises `MediaError` with the store's words."""
        url = src if isinstance(src, str) else ""
        try:
            data = self._download(url)
        except MediaError as error:
            raise MediaError(f"Error getting remote image {url}. Error: {error}") from error
        name = unquote(PurePosixPath(urlsplit(url).path).name)
        if PurePosixPath(name).suffix.lstrip(".").lower() not in EXTENSIONS:
            raise MediaError(f"Invalid image: {NOT_ALLOWED}")
        return data, name

    def _download(self, url: str) -> bytes:
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(MOST_REDIRECTS + 1):
                self.check(url)
                try:
                    answer, target = self._get(session, url)
                except requests.RequestException as error:
                    raise MediaError(f"cURL error: {type(error).__name__}") from error
                if target is None:
                    return answer
                url = target
        raise MediaError("Too many redirects.")

    def _get(self, session: requests.Session, url: str) -> tuple[bytes, str | None]:
        """The body, or where a redirect leads."""
        headers = {"User-Agent": f"WordPress/7.1.4; {self.home}"}
        with session.get(url, headers=headers, timeout=self._timeout, allow_redirects=False, stream=True) as response:
            if response.is_redirect:
                return b"", urljoin(url, response.headers["Location"])
            if response.status_code != 200:
                raise MediaError(responses.get(response.status_code, "Unknown error"))
            data = b"".join(response.iter_content(65_536))[:MOST_BYTES]
            expected = response.headers.get("Content-Length")
            if expected is not None and len(data) < int(expected):
                raise MediaError("cURL error 18: transfer closed with outstanding read data remaining")
            return data, None

    def check(self, url: str) -> None:
        """Raises `MediaError` unless the store asks this address."""
        parts = split(url)
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise MediaError(NO_URL)
        home = urlsplit(self.home)
        own = parts.hostname == home.hostname
        if not own and parts.hostname not in self.hosts and is_private(parts.hostname):
            raise MediaError(NO_URL)
        port = parts.port
        if port is None or port in PORTS or port in self.ports or (own and port == home.port):
            return
        raise MediaError(NO_URL)


def split(url: str) -> SplitResult | None:
    """The parts of an address; None: it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def is_private(host: str) -> bool:
    """Whether a host is of a private network, of this machine, or unknown."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.gethostbyname(host))
        except (OSError, ValueError):
            return True
    return not address.is_global
