"""What a sandbox Shopify store can be told. All times are seconds."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plugin.sandbox.shopify.faults import FaultRule

Catalogue = Literal["sample", "many", "empty"]
AttachAt = Literal["end", "front"]
DEFAULT_TOKEN = "shpat_sandbox"  # noqa: S105 - of a store that is for this machine only
DEFAULT_CLIENT = "sandbox-client"
DEFAULT_SECRET = "shpss_sandbox"  # noqa: S105 - as above
DEFAULT_SCOPES = ("write_products", "write_files")


class ShopifyOptionsError(ValueError):
    """An option has a value that the sandbox cannot work with. The message names the option."""


@dataclass(frozen=True)
class SandboxOptions:
    """The behaviour of one sandbox store.

    - `shop`: its domain; `name`, `currency`, `timezone`, `plan`: as the API tells them. `seed`: of the fault rules.
    - `catalogue`: `sample` (a small shop with drawn pictures), `many` (`count` generated products that share tiny
      photos), `empty`.
    - `access_token`: a token that never ends; `client_id`, `client_secret`: of the app that tokens are granted to;
      `scopes`: what every token may do (`write_x` implies `read_x`).
    - `token_seconds`: a granted token's life (24 h for client credentials by Shopify's documentation);
      `offline_seconds`: that of a token that comes with a refresh token (1 h); `refresh_seconds`: the latter's (90
      days).
    - `bucket`: the most points that the shop has; `restore_rate`: points that come back in a second;
      `query_limit`: the most points of one query.
    - `paging_limit`: the most objects that one query may page through.
    - `ready_after`: how long a picture is processed; `job_after`: how long a reorder takes; `bulk_after`: how long a
      bulk operation takes; `index_lag`: how long searches do not see a change.
    - `attach_after`: how long after `fileUpdate` was answered its pictures appear in a listing, or are gone from it.
      `attach_at`: where `referencesToAdd` puts a picture. Nobody has verified it: the listing's end or its front.
    - `media_limit`: the most media of one product. `staged_seconds`: how long an upload's address is good.
    """

    seed: int = 0
    shop: str = "sandbox-shop.myshopify.com"
    name: str = "Sandbox Shop"
    currency: str = "USD"
    timezone: str = "Asia/Shanghai"
    plan: str = "Basic"
    catalogue: Catalogue = "sample"
    count: int = 1000
    access_token: str = field(default=DEFAULT_TOKEN, repr=False)
    client_id: str = DEFAULT_CLIENT
    client_secret: str = field(default=DEFAULT_SECRET, repr=False)
    scopes: Collection[str] = DEFAULT_SCOPES
    token_seconds: float = 86_400.0
    offline_seconds: float = 3_600.0
    refresh_seconds: float = 90 * 86_400.0
    bucket: float = 2000.0
    restore_rate: float = 100.0
    query_limit: int = 1000
    paging_limit: int = 25_000
    ready_after: float = 2.0
    job_after: float = 1.0
    bulk_after: float = 2.0
    index_lag: float = 0.0
    attach_after: float = 0.0
    attach_at: AttachAt = "end"
    media_limit: int = 250
    staged_seconds: float = 86_400.0
    faults: tuple[FaultRule, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in (("catalogue", Catalogue), ("attach_at", AttachAt)):
            if getattr(self, name) not in get_args(kind):
                raise ShopifyOptionsError(f"{name} must be one of {', '.join(get_args(kind))}")
        for name in ("bucket", "restore_rate", "query_limit", "paging_limit", "media_limit"):
            if getattr(self, name) <= 0:
                raise ShopifyOptionsError(f"{name} must be above 0")
        for name in ("count", "ready_after", "job_after", "bulk_after", "index_lag", "attach_after"):
            if getattr(self, name) < 0:
                raise ShopifyOptionsError(f"{name} must not be negative")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ShopifyOptionsError(
                f"timezone {self.timezone!r} is not known: give one like Asia/Shanghai"
            ) from error
