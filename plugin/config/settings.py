"""What can be set, with defaults and one help line each. Frozen; an unknown key is an error.

The help lines are repeated word for word in config.example.toml (a test holds this).
"""

from __future__ import annotations

import difflib
import math
import re
import zoneinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from connectors.types import Placement
from plugin import schedules

SQLITE = "sqlite:///"
POSTGRESQL = "postgresql+psycopg://"
DATABASE_FILE = "hebo-sync.sqlite3"

Language = Literal["en", "zh"]
# Vendor document, POST /v1/ecom/batch.
AspectRatio = Literal["1:1", "3:4", "2:3", "9:16", "4:3", "3:2", "16:9"]


class ProductOrder(StrEnum):
    """Which products of a store are made first, where quota or budget do not suffice for all."""

    NEWEST = "newest"
    CHANGED = "changed"  # most recently changed in the store
    SALES = "sales"  # by the catalogue's sales rank
    PRIORITY = "priority"  # only what a person ranked, then as they were planned


def _web_address(value: str) -> str:
    """An http(s) address without a slash at its end. Raises ValueError, without repeating the address."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be an address like https://shop.example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be a plain address: no user name, no '?' and no '#' in it")
    return value.rstrip("/")


def _timezone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(value, sorted(zoneinfo.available_timezones()), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "use a name like 'Asia/Shanghai' or 'UTC'"
        raise ValueError(f"is not a known time zone; {hint}") from None
    return value


def _schedule(value: str) -> str:
    """A schedule, or nothing for "only on demand". Raises ScheduleError, which is a ValueError."""
    return schedules.parse(value).text if value else value


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _header_safe(value: SecretStr | None) -> SecretStr | None:
    """A key goes into an HTTP header; a stray line break would end up in an error message, key and all."""
    if value is not None and not re.fullmatch(r"[\x21-\x7e]+", value.get_secret_value()):
        raise ValueError("must be one word of plain ASCII characters; copy the key again")
    return value


def _database_url(value: str) -> str:
    """The URL in SQLAlchemy's spelling. Messages never repeat it: it may hold a password."""
    if value.startswith("postgresql://"):
        return POSTGRESQL + value.removeprefix("postgresql://")
    if value and not value.startswith((SQLITE, POSTGRESQL)):
        raise ValueError("must start with sqlite:/// or postgresql://")
    path = value.removeprefix(SQLITE).partition("?")[0]
    if value.startswith(SQLITE) and (path in ("", ":memory:") or path.startswith("file:")):
        raise ValueError("must name a file: a database in memory would forget what has been paid for")
    return value


def _bands(value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    ages = [age for age, _ in value]
    if not ages or ages[-1] != math.inf:
        raise ValueError("the last band must reach to inf")
    if any(later <= earlier for earlier, later in zip([0.0, *ages], ages, strict=False)):
        raise ValueError("the ages must rise from band to band")
    if not all(0 < pause < math.inf for _, pause in value):
        raise ValueError("the pauses must be seconds above 0")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Secret = Annotated[SecretStr | None, BeforeValidator(_blank_is_none)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """What all tables of the file share: frozen, no unknown keys, no input in error messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True)


class AppSettings(Section):
    """[app]"""

    data_dir: Path = Field(Path("hebo-sync-data"), description="Folder of the database, the pictures and the key file.")
    secret_key: Secret = Field(
        None,
        description="Fernet keys, newest first, separated by spaces. Without them: the file secret.key in data_dir.",
    )
    public_url: WebAddress | None = Field(
        None, description="The address under which stores and the image service reach the picture relay from outside."
    )
    language: Language = Field("en", description="Language of pages and prompts: en or zh.")
    timezone: Timezone = Field("UTC", description="Time zone of budgets and schedules, for stores without their own.")
    allow_private_addresses: bool = Field(
        False, description="Allow calls to addresses of the local network. Only for sandboxes and tests."
    )
    pack_folders: tuple[Path, ...] = Field((), description="Folders with prompt packs of your own.")


class ServerSettings(Section):
    """[server]: the pages."""

    host: str = Field("127.0.0.1", description="Address on which the pages listen.")
    port: Port = Field(8787, description="Port of the pages.")
    public_url: WebAddress | None = Field(
        None, description="The address under which people open the pages, where a proxy stands in front."
    )
    threads: int = Field(8, ge=1, le=256, description="Requests that are answered at the same time.")


class RelaySettings(Section):
    """[relay]: the picture relay, a tiny listener that may be exposed alone."""

    host: str = Field("127.0.0.1", description="Address on which the picture relay listens.")
    port: Port = Field(8788, description="Port of the picture relay.")


class DatabaseSettings(Section):
    """[database]. `url` is complete in a `Settings` object; it may hold a password, so it is not in the repr."""

    url: Annotated[str, AfterValidator(_database_url)] = Field(
        "",
        repr=False,
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME. Default: hebo-sync.sqlite3 in data_dir.",
        json_schema_extra={"secret": True},
    )


class HeboSettings(Section):
    """[hebo]: the image API. The polling figures are the vendor's ("Polling limits"); all times are seconds."""

    base_url: WebAddress = Field("https://vip.hebokuajing.xyz", description="Address of the image service.")
    api_key: Annotated[Secret, AfterValidator(_header_safe)] = Field(None, description="Key of the image service.")
    exclusive: bool = Field(
        False, description="True if nothing else uses this key; needed to settle doubt by the quota."
    )
    model: str = Field("gpt-image-2-1k", min_length=1, description="Model, where a pack does not name one.")
    size: str | None = Field(
        None, pattern=r"^\d{2,5}x\d{2,5}$", description="Picture size for all packs, for example 1024x1024."
    )
    aspect_ratio: AspectRatio | None = Field(
        None, description="Ratio for all packs instead of their own: 1:1, 3:4, 2:3, 9:16, 4:3, 3:2 or 16:9."
    )
    daily_budget: int | None = Field(None, gt=0, description="Most images a day, whatever the service would allow.")
    monthly_budget: int | None = Field(None, gt=0, description="Most images a month, whatever the service would allow.")
    item_retries: int = Field(
        1,
        ge=0,
        le=6,
        description="How often failed pictures are tried again by themselves, where the service allows it.",
    )
    max_connections: int = Field(
        256, ge=1, le=256, description="Most polls at the same time; as many connections as the work needs are made."
    )
    stall_after: Seconds = Field(21600, description="Seconds after which an unfinished task is shown as stalled.")
    submit_deadline: Seconds = Field(60, description="Seconds in which a submit must be answered.")
    doubt_wait: Seconds = Field(
        300, description="Seconds after an unanswered submit before it may count as not accepted."
    )
    poll_bands: Annotated[tuple[tuple[float, float], ...], AfterValidator(_bands)] = Field(
        ((30, 5), (180, 10), (math.inf, 20)),
        description="Polling limits: [up to this age, least pause], in seconds, ages rising to inf.",
    )
    poll_margin: float = Field(
        0.3, ge=0, le=60, description="Seconds added to each pause, so that jitter never makes a poll too early."
    )


class RetentionSettings(Section):
    """[retention]: what is kept for how long. What is on a listing or waits for somebody is always kept."""

    pictures_days: int = Field(
        90, ge=1, description="Days for which the files of rejected pictures and of replaced photos are kept."
    )
    history_days: int = Field(365, ge=30, description="Days for which the activity page's history is kept.")
    readings_days: int = Field(40, ge=7, description="Days for which what the service said of the quota is kept.")


class StoreSettings(Section):
    """One [[stores]] table. `options` is the kind's own model; in the file its keys stand beside the others."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="Your name for the store: letters, digits, - and _."
    )
    kind: str = Field(description="The platform, for example feed.")
    pack: str = Field("main-image", min_length=1, description="Prompt pack for the store's products.")
    language: Language | None = Field(None, description="Language of the prompts: en or zh. Without it: the app's.")
    auto_generate: bool = Field(
        True, description="True makes pictures for new products by itself. False: only for those that somebody chooses."
    )
    review: bool = Field(True, description="False publishes pictures without anybody having looked at them.")
    placement: Placement = Field(
        Placement.APPEND, description="Where new pictures go: append, after-main or replace-main."
    )
    schedule: Annotated[str, AfterValidator(_schedule)] = Field(
        "", description="When the store is read: cron like 0 3 * * *, or every 6 hours. Empty: only on demand."
    )
    timezone: Timezone | None = Field(None, description="Time zone of the store. Without it: the app's.")
    paused: bool = Field(False, description="True starts nothing new for this store.")
    order: ProductOrder = Field(
        ProductOrder.NEWEST,
        description="Which products come first: newest, changed, sales or priority. What a person ranked beats it.",
    )
    daily_budget: int | None = Field(None, gt=0, description="Most images a day for this store.")
    monthly_budget: int | None = Field(None, gt=0, description="Most images a month for this store.")
    run_budget: int | None = Field(None, gt=0, description="Most images from one reading of this store to the next.")
    shared_image_limit: int = Field(
        10,
        ge=1,
        le=1_000_000_000,
        description="An image that more products than this share counts as a placeholder and is left alone.",
    )
    options: InstanceOf[BaseModel] = Field(description="The kind's own options.")

    @property
    def slug(self) -> str:
        """The name in the form in which two stores must differ (folders and variables ignore case and dashes)."""
        return self.name.casefold().replace("-", "_")


class Settings(Section):
    """Everything. Paths are absolute, `database.url` is filled in."""

    base_dir: Path = Field(
        default_factory=Path.cwd, validate_default=True, description="What relative paths are relative to."
    )
    app: AppSettings = Field(default_factory=AppSettings, validate_default=True)
    server: ServerSettings = Field(default_factory=ServerSettings)
    relay: RelaySettings = Field(default_factory=RelaySettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings, validate_default=True)
    hebo: HeboSettings = Field(default_factory=HeboSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    stores: tuple[StoreSettings, ...] = ()

    @field_validator("base_dir")
    @classmethod
    def _absolute(cls, base_dir: Path) -> Path:
        return base_dir.expanduser().resolve()

    @field_validator("app")
    @classmethod
    def _app_paths(cls, app: AppSettings, info: ValidationInfo) -> AppSettings:
        folders = tuple(_under(info, folder) for folder in app.pack_folders)
        return app.model_copy(update={"data_dir": _under(info, app.data_dir), "pack_folders": folders})

    @field_validator("database")
    @classmethod
    def _database_path(cls, database: DatabaseSettings, info: ValidationInfo) -> DatabaseSettings:
        if database.url.startswith(POSTGRESQL) or "app" not in info.data:
            return database
        path, mark, query = database.url.removeprefix(SQLITE).partition("?")
        file = _under(info, Path(path)) if path else info.data["app"].data_dir / DATABASE_FILE
        return database.model_copy(update={"url": f"{SQLITE}{file}{mark}{query}"})

    @field_validator("stores")
    @classmethod
    def _names_differ(cls, stores: tuple[StoreSettings, ...]) -> tuple[StoreSettings, ...]:
        seen: dict[str, str] = {}
        for store in stores:
            if store.slug in seen:
                raise ValueError(f"two stores are called {seen[store.slug]!r} and {store.name!r}: names must differ")
            seen[store.slug] = store.name
        return stores


def _under(info: ValidationInfo, path: Path) -> Path:
    base: Any = info.data.get("base_dir", Path())
    try:
        return Path(base / path.expanduser()).resolve()
    except RuntimeError:  # ~user without such a user, or links in a circle
        raise ValueError(f"cannot find out where {path} is; write the whole path") from None
