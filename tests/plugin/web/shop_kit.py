"""What the tests of the settings pages share: another kind of store, with a secret, and forms as browsers post them."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors import ConnectorError, ConnectorKind, Environment, StoreInfo
from connectors.registry import kinds
from tests.plugin.pipeline.world import World
from tests.plugin.web.conftest import Site, open_site

SECRET = "shpat-a-very-secret-word"


class ShopOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str = Field(pattern="^https://", title="Shop address", description="Where the <shop> is.")
    token: SecretStr = Field(description="Its token.")
    spare: SecretStr | None = Field(None, description="Another token.")
    rows: int = Field(5, gt=0, le=250, description="Rows a page.")
    mode: Literal["fast", "slow"] = Field("fast", description="How it is read.")
    strict: bool = Field(False, description="Be strict.")
    user: str | None = Field(None, description="Whose other token it is.")
    certificate: Path | None = Field(None, description="What it is trusted by.")
    columns: tuple[str, ...] = Field(("a", "b"), description="Cannot be typed into one input.")

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if self.user and self.spare is None:
            raise ValueError("another token is used with its user only: `spare` is missing")
        return self


class Shop:
    """A store that repeats its token in what it says, as a careless one may."""

    def __init__(self, options: ShopOptions, environment: Environment):
        self.options = options

    def check(self) -> StoreInfo:
        token = self.options.token.get_secret_value()
        if self.options.mode == "slow":
            raise ConnectorError(f"the shop does not know the token {token}", permanent=True)
        return StoreInfo("Shop", currency="EUR", notes=(f"token {token} may read",))


SHOP: ConnectorKind = ConnectorKind("shop", "A shop", ShopOptions, Shop)  # type: ignore[arg-type]  # only looked at


@contextmanager
def another_kind() -> Iterator[None]:
    """`shop` is installed, beside the real kinds."""
    known: dict[str, ConnectorKind] = kinds()  # type: ignore[assignment]  # the registry's own dict, kept by its cache
    known["shop"] = SHOP
    try:
        yield
    finally:
        del known["shop"]


@contextmanager
def bare_site(world: World, *, stores: bool = False, **hebo: Any) -> Iterator[Site]:
    """Pages whose configuration file has no key, unless `hebo` gives one, and (unless asked for) no store."""
    write = world.settings

    def settings() -> Any:
        loaded = write()
        api = loaded.hebo.model_copy(update={"api_key": None})
        api = type(api).model_validate({"base_url": api.base_url, **hebo})
        return loaded.model_copy(update={"hebo": api} if stores else {"hebo": api, "stores": ()})

    world.settings = settings  # type: ignore[method-assign]  # the file is written by the world
    with open_site(world) as site:
        yield site


def feed_form(folder: Path, **change: Any) -> dict[str, Any]:
    """What the page for a new feed posts, filled in well."""
    values = {
        "name": "page",
        "option_path": str(folder / "feed.tsv"),
        "option_output": "page-out.tsv",
        "option_pictures_url": "",
        "pack": "mini",
        "language": "",
        "review": "y",
        "placement": "append",
        "schedule": "",
        "schedule_text": "",
        "timezone": "",
        "shared_image_limit": "10",
    }
    return {key: value for key, value in {**values, **change}.items() if value is not None}


def errors_of(page: str) -> Mapping[str, str]:
    """The first message beside each field, by the field's name."""
    found = {}
    for block in page.split('<div class="field field--wrong')[1:]:
        name = block.split('name="', 1)[1].split('"', 1)[0]
        found[name] = html.unescape(block.split('<p class="error">', 1)[1].split("</p>", 1)[0])
    return found
