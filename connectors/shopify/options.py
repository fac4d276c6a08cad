"""The options of a Shopify store."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

_ADMIN = re.compile(r"\A(?:https?://)?admin\.shopify\.com/store/(?P<name>[^/?#\s]+)", re.IGNORECASE)
_WHERE = "write the one that ends in .myshopify.com, as Shopify shows it under Settings → Domains"
_SECRET = re.compile(r"[\x21-\x7e]+")
_KINDS = {  # how Shopify's credentials begin (seen in the field), and what each is called here
    "shpss_": "a client secret; put it into `client_secret`",
    "shprt_": "a refresh token; put it into `refresh_token`",
    "shpat_": "an access token; put it into `access_token`",
    "shpca_": "an access token; put it into `access_token`",
    "shppa_": "an access token; put it into `access_token`",
    "shpua_": "a token of one signed-in person, which ends with the session; it cannot be used here",
    "atkn_": "a token for Shopify's command line; it does not open the Admin API",
}


class ShopifyOptions(BaseModel):
    """Which shop it is and how we prove who we are.

    Three ways in: `access_token` alone; `client_id` and `client_secret`; or these two with `refresh_token`, and the
    `access_token` that came with it if it is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    shop: str = Field(
        title="Shop",
        description="The shop's own address that ends in .myshopify.com, for example my-shop.myshopify.com. "
        "Shopify shows it under Settings → Domains.",
    )
    client_id: Annotated[str, StringConstraints(strip_whitespace=True)] | None = Field(
        default=None,
        title="Client ID",
        description="Of an app of your own: dev.shopify.com → Apps → your app → Settings → Credentials. The app needs "
        "the scopes write_products and write_files, and has to be installed in the shop. App and shop must belong to "
        "the same organization.",
    )
    client_secret: SecretStr | None = Field(
        default=None,
        title="Client secret",
        description="Stands beside the Client ID.",
    )
    access_token: SecretStr | None = Field(
        default=None,
        title="Access token",
        description="Begins with shpat_. Only for an app that was made in the shop's own settings before 2026; leave "
        "it empty where you have a Client ID and secret.",
    )
    refresh_token: SecretStr | None = Field(
        default=None,
        title="Refresh token",
        json_schema_extra={"rare": True},
        description="Only for an app that was installed by its own pages (authorization code) with expiring tokens; "
        "together with Client ID and secret. It is renewed by itself from then on.",
    )
    drafts: bool = Field(
        default=False,
        title="Drafts too",
        description="Make pictures also for products that customers cannot see yet (not for archived ones).",
    )
    variants: bool = Field(
        default=False,
        title="Variants too",
        description="Make pictures also for each variant that has a photo of its own. Each such photo costs as much "
        "as a product.",
    )
    api_version: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        default="2026-10",
        title="API version",
        json_schema_extra={"rare": True},
        description="Of Shopify's Admin API. Leave it as it is; this program is made for this version.",
    )
    api_url: str | None = Field(
        default=None,
        title="API address",
        json_schema_extra={"rare": True},
        description="Only for tests: calls go to this address instead of the shop's. Leave it empty.",
    )

    @field_validator("shop")
    @classmethod
    def _domain(cls, value: str) -> str:
        """The .myshopify.com domain, whatever page of the shop's was copied."""
        from shopify.utils.shop_url import sanitize_shop_domain  # slow to import

        pasted = _ADMIN.match(value.strip())
        domain = sanitize_shop_domain(pasted["name"] if pasted else value)
        if not domain:
            raise ValueError(f"this is not the address of a Shopify shop; {_WHERE}")
        return str(domain)

    @field_validator("api_url", "client_id", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("api_url")
    @classmethod
    def _api_address(cls, value: str | None) -> str | None:
        """Without a slash at its end. http only where nobody outside can listen: a token goes there."""
        if value is None:
            return None
        try:
            parts = urlsplit(value.strip())
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("this is not a web address") from None
        if parts.scheme not in {"http", "https"} or not host:
            raise ValueError("must begin with https:// (or http:// for this machine)")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("must be an address only, without a user name, a ? or a #")
        if parts.scheme == "http" and not _is_near(host):
            raise ValueError("must begin with https://: over http anybody on the way could read the access token")
        shown = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"

    @field_validator("api_version")
    @classmethod
    def _version(cls, value: str) -> str:
        if not re.fullmatch(r"20[0-9]{2}-(01|04|07|10)|unstable", value):
            raise ValueError("must be a version of Shopify's API, such as 2026-10 (months 01, 04, 07 or 10)")
        return value

    @field_validator("client_id")
    @classmethod
    def _is_client_id(cls, value: str | None) -> str | None:
        if value is None:
            return None
        _refuse_swapped(value, allowed=())
        if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
            raise ValueError("must have only letters and digits; copy the Client ID again as a whole")
        return value

    @field_validator("client_secret")
    @classmethod
    def _is_client_secret(cls, value: SecretStr | None) -> SecretStr | None:
        return _credential(value, ("shpss_",))

    @field_validator("access_token")
    @classmethod
    def _is_access_token(cls, value: SecretStr | None) -> SecretStr | None:
        return _credential(value, ("shpat_", "shpca_", "shppa_"))

    @field_validator("refresh_token")
    @classmethod
    def _is_refresh_token(cls, value: SecretStr | None) -> SecretStr | None:
        return _credential(value, ("shprt_",))

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """Exactly one of the three ways."""
        if bool(self.client_id) != (self.client_secret is not None):
            lacks = "`client_secret`" if self.client_id else "`client_id`"
            raise ValueError(f"an app needs its Client ID and its client secret: {lacks} is missing")
        if self.client_secret is not None and self.client_secret.get_secret_value() == self.client_id:
            raise ValueError("`client_id` and `client_secret` are the same; the secret stands beside the Client ID")
        if self.refresh_token is not None and not self.client_id:
            raise ValueError("a refresh token needs the `client_id` and `client_secret` of the app that it came from")
        if self.access_token is None and not self.client_id:
            raise ValueError("there is no way in: give `client_id` and `client_secret`, or an `access_token`")
        if self.access_token is not None and self.client_id and self.refresh_token is None:
            raise ValueError(
                "give either `client_id` and `client_secret`, or an `access_token`; both only with a `refresh_token`"
            )
        return self

    @property
    def base(self) -> str:
        """The address that requests go to, without a slash at its end."""
        return self.api_url or f"https://{self.shop}"

    @property
    def home(self) -> str:
        """What notes about the shop are bound to: the shop, and the place where it is."""
        return f"{self.shop} ({self.api_url})" if self.api_url else self.shop


def _is_near(host: str) -> bool:
    """Whether a host is this machine, or in a private network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or (address.is_private and not address.is_unspecified)


def _refuse_swapped(text: str, allowed: tuple[str, ...]) -> None:
    for start, what in _KINDS.items():
        if text.startswith(start) and start not in allowed:
            raise ValueError(f"this is {what}")


def _credential(value: SecretStr | None, allowed: tuple[str, ...]) -> SecretStr | None:
    """A secret that can go into a header, without the spaces around it; blank: none was given."""
    text = value.get_secret_value().strip() if value else ""
    if not text:
        return None
    _refuse_swapped(text, allowed)
    if not _SECRET.fullmatch(text):
        raise ValueError("must have no spaces and only plain letters, digits and signs; copy it again as a whole")
    return SecretStr(text)
