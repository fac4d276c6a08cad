"""What a sandbox WooCommerce store can be told. All times are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plugin.sandbox.woocommerce.faults import FaultRule

Catalogue = Literal["sample", "recorded", "many", "empty"]
Permissions = Literal["read", "write", "read_write"]
DEFAULT_KEY = "ck_sandbox"
DEFAULT_SECRET = "cs_sandbox"  # noqa: S105 - of a store that is for this machine only
READ_KEY = "ck_readonly"
READ_SECRET = "cs_readonly"  # noqa: S105 - as above
DEFAULT_USER = "shop-admin"
DEFAULT_PASSWORD = "abcd EFGH 1234 ijkl MNOP 5678"  # noqa: S105 - as above; WordPress shows them in such groups


class WooOptionsError(ValueError):
    """An option has a value that the sandbox cannot work with. The message names the option."""


@dataclass(frozen=True)
class ApiKey:
    """A consumer key's secret and what it may do."""

    secret: str
    permissions: Permissions = "read_write"


def default_keys() -> dict[str, ApiKey]:
    """One key that may read and write, one that may only read."""
    return {DEFAULT_KEY: ApiKey(DEFAULT_SECRET), READ_KEY: ApiKey(READ_SECRET, "read")}


@dataclass(frozen=True)
class WooOptions:
    """The behaviour of one sandbox store. Two stores with equal options and calls give equal answers, but for times.

    - `keys`: consumer key -> secret and permissions; `app_passwords`: WordPress user -> Application Password
      (blanks in it do not count, as in WordPress). They work on a store that is served with TLS.
    - `catalogue`: `sample` (a small shop with drawn pictures), `recorded` (the store that was observed: `recordings`
      names the folder of recordings), `many` (`count` generated products that share tiny photos), `empty`.
    - `timezone`: the store's; `modified_after` without a zone is read in it. `currency`: ISO code.
    - `pace`: 0: answers at once; 1: as slow as the store that was measured; 2: twice as slow.
    - `fetch_ports`: further ports that pictures may be fetched from, as the WordPress filter
      `http_allowed_safe_ports` adds them; `fetch_hosts`: private hosts that may be asked, as the filter
      `http_request_host_is_external` allows them. The store's own host is always allowed.
    - `fetch_timeout`: for one picture.
    - `search_file_names`: whether the library's search finds file names too. WordPress' public source does so; off
      by default, so that nobody relies on it (titles are what every version searches).
    - `plain_permalinks`: `/wp-json/` does not exist and only `/?rest_route=/…` answers, as on a store whose
      permalinks are set to "plain".
    """

    seed: int = 0
    name: str = "Sandbox Shop"
    keys: Mapping[str, ApiKey] = field(default_factory=default_keys)
    app_passwords: Mapping[str, str] = field(default_factory=lambda: {DEFAULT_USER: DEFAULT_PASSWORD})
    catalogue: Catalogue = "sample"
    count: int = 1000
    recordings: Path | None = None
    timezone: str = "Asia/Shanghai"
    currency: str = "USD"
    version: str = "11.0.1"
    pace: float = 0.0
    fetch_ports: tuple[int, ...] = ()
    fetch_hosts: tuple[str, ...] = ()
    fetch_timeout: float = 20.0
    search_file_names: bool = False
    plain_permalinks: bool = False
    faults: tuple[FaultRule, ...] = ()

    def __post_init__(self) -> None:
        if self.catalogue not in get_args(Catalogue):
            raise WooOptionsError(f"catalogue must be one of {', '.join(get_args(Catalogue))}, not {self.catalogue}")
        if self.catalogue == "recorded" and self.recordings is None:
            raise WooOptionsError("recordings must name a folder where the catalogue is the recorded one")
        if self.count < 0 or self.pace < 0 or self.fetch_timeout <= 0:
            raise WooOptionsError("count and pace must not be negative, and fetch_timeout must be above 0")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise WooOptionsError(f"timezone {self.timezone!r} is not known: give one like Asia/Shanghai") from error
