"""The options of a WooCommerce store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

# What people copy from the browser's address line behind the store's own address.
_PASTED = re.compile(r"/(wp-admin|wp-json|wp-login\.php)(?=[/?#]|\Z).*\Z", re.DOTALL)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ADDRESS = "write the store's address, such as https://shop.example"


class WooCommerceOptions(BaseModel):
    """Where the store is and how we prove who we are. Relative paths are relative to `Environment.base_dir`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        title="Store address",
        description="The store's own address, as WordPress has it under Settings → General → Site Address, for "
        "example https://shop.example. It begins with https:// (or http:// where the store has no certificate).",
    )
    consumer_key: SecretStr = Field(
        title="Consumer key",
        description="Begins with ck_. In WooCommerce: Settings → Advanced → REST API → Add key, with the permissions "
        "Read/Write, for a user who may edit products.",
    )
    consumer_secret: SecretStr = Field(
        title="Consumer secret",
        description="Begins with cs_. WooCommerce shows it once, together with the consumer key.",
    )
    app_user: Annotated[str, StringConstraints(strip_whitespace=True)] | None = Field(
        default=None,
        title="WordPress user",
        description="The user name that the Application Password belongs to. Only together with it, and only for a "
        "store with https.",
    )
    app_password: SecretStr | None = Field(
        default=None,
        title="Application Password",
        description="With it pictures are uploaded straight into the store; without it the store fetches them from the "
        "public address of this program. In WordPress: Users → Profile → Application Passwords → Add New. It is not "
        "the password that you log in with.",
    )
    verify: Path | None = Field(
        default=None,
        title="Certificate file",
        json_schema_extra={"rare": True},
        description="Only for a store whose https certificate is not publicly trusted: a PEM file with the "
        "certificate of its authority.",
    )
    drafts: bool = Field(
        default=False,
        title="Drafts and private products too",
        description="Make pictures also for products that customers cannot see yet.",
    )
    variations: bool = Field(
        default=False,
        title="Variations too",
        description="Make pictures also for each variation that has a photo of its own. Each such photo costs as much "
        "as a product.",
    )
    parallel: int = Field(
        default=4,
        ge=1,
        le=8,
        title="Requests at once",
        json_schema_extra={"rare": True},
        description="How many pages of the catalogue are asked for at the same time (1 to 8). Fewer are kinder to a "
        "small server.",
    )

    @field_validator("url")
    @classmethod
    def _store_address(cls, value: str) -> str:
        """The address as the store signs with it: no slash at its end, no default port, host in ASCII."""
        try:
            parts = urlsplit(_PASTED.sub("", value.strip()))
            host = (parts.hostname or "").encode("idna").decode()
            port = parts.port
        except ValueError:
            raise ValueError(f"this is not a web address; {_ADDRESS}") from None
        if parts.scheme not in _DEFAULT_PORTS or not host:
            raise ValueError(f"must begin with https:// or http://; {_ADDRESS}")
        if parts.username is not None:
            raise ValueError(f"must not have a user name or a password in it; {_ADDRESS}")
        if parts.query or parts.fragment:
            raise ValueError(f"must not have a ? or a # in it; {_ADDRESS}")
        host = f"[{host}]" if ":" in host else host
        shown_port = f":{port}" if port and port != _DEFAULT_PORTS[parts.scheme] else ""
        return f"{parts.scheme}://{host}{shown_port}{parts.path.rstrip('/')}"

    @field_validator("consumer_key")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        return _demand_prefix(value, "ck_", "cs_", "the consumer secret; put the consumer key (ck_…) here")

    @field_validator("consumer_secret")
    @classmethod
    def _is_secret(cls, value: SecretStr) -> SecretStr:
        return _demand_prefix(value, "cs_", "ck_", "the consumer key; put the consumer secret (cs_…) here")

    @field_validator("app_password")
    @classmethod
    def _not_blank(cls, value: SecretStr | None) -> SecretStr | None:
        """Kept as WordPress shows it, in groups of four."""
        return value if value and value.get_secret_value().strip() else None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if bool(self.app_user) != (self.app_password is not None):
            lacks = "`app_user` (the WordPress user)" if self.app_password else "`app_password`"
            raise ValueError(f"an Application Password needs its user name and itself: {lacks} is missing")
        return self

    def app_login(self) -> tuple[str, str] | None:
        """User and Application Password as they are sent (WordPress ignores the spaces); None: not given."""
        if not self.app_user or self.app_password is None:
            return None
        return self.app_user, "".join(self.app_password.get_secret_value().split())


def _demand_prefix(value: SecretStr, wanted: str, swapped: str, what: str) -> SecretStr:
    text = value.get_secret_value().strip()
    if text.startswith(swapped):
        raise ValueError(f"this is {what}")
    if not re.fullmatch(wanted + r"[A-Za-z0-9]+", text):
        raise ValueError(
            f"must begin with {wanted} and have only letters and digits after it; copy it again as a whole"
        )
    return SecretStr(text)
