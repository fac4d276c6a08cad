"""What a sandbox Shopify store holds. Times are seconds since 1970; `gid` is Shopify's global id as text."""

import re
import threading
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

MediaKind = Literal["MediaImage", "Video", "ExternalVideo", "Model3d"]
MediaStatus = Literal["UPLOADED", "PROCESSING", "READY", "FAILED"]
WORDS = re.compile(r"[^\w]+")


def gid(kind: str, number: int | str) -> str:
    """`gid://shopify/KIND/NUMBER`."""
    return f"gid://shopify/{kind}/{number}"


def number_of(text: str) -> int:
    """The number at a gid's end; 0 where there is none."""
    last = text.rpartition("/")[2].partition("?")[0]
    return int(last) if last.isdecimal() and last.isascii() else 0


def iso(time: float) -> str:
    """Shopify's DateTime: UTC, whole seconds (as seen in recorded answers)."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class MediaTrouble:
    """Why a file FAILED: `code` is a value of both MediaErrorCode and FileErrorCode."""

    code: str
    message: str
    details: str = ""


@dataclass(slots=True)
class Media:
    """A file of the shop. It stands among "Files", and in the listings of the products that name its gid.

    `data`: a picture's bytes (several media may share one object). `ready_at`: when its processing ends, with `errors`
    if it is to FAIL. `version`: the `v=` of its address. `host_url`: an external video's address. `placed_at`: when it
    last came into a listing, or left one.
    """

    id: int
    kind: MediaKind
    name: str
    alt: str
    mime: str
    created: float
    updated: float
    data: bytes = b""
    width: int = 0
    height: int = 0
    status: MediaStatus = "READY"
    uploaded_at: float = 0.0
    ready_at: float = 0.0
    errors: tuple[MediaTrouble, ...] = ()
    version: int = 1
    host_url: str = ""
    placed_at: float = 0.0

    @property
    def gid(self) -> str:
        """Its global id."""
        return gid(self.kind, self.id)


@dataclass(slots=True)
class Variant:
    """A variant; `media`: the gid of the one media of its own, or ""; `options`: option name -> value."""

    id: int
    product: int
    title: str
    options: dict[str, str]
    price: str = "0.00"
    sku: str = ""
    media: str = ""
    inventory: int = 0
    created: float = 0.0
    updated: float = 0.0

    @property
    def gid(self) -> str:
        """Its global id."""
        return gid("ProductVariant", self.id)


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the search index knows of a product: as it was at one moment."""

    status: str
    updated: float
    created: float
    title: str
    vendor: str
    product_type: str
    handle: str
    tags: list[str]


@dataclass(slots=True)
class Product:
    """A product. `media`: the gids of its media in order; `variants`: the ids of its variants, in order.

    `history`: what the search index came to know, the latest last (see `index_lag` of the options).
    """

    id: int
    title: str
    handle: str
    created: float
    updated: float
    status: str = "ACTIVE"
    description: str = ""
    vendor: str = ""
    product_type: str = ""
    tags: list[str] = field(default_factory=list)
    category: str = ""
    seo_title: str | None = None
    seo_description: str | None = None
    options: dict[str, list[str]] = field(default_factory=dict)
    media: list[str] = field(default_factory=list)
    variants: list[int] = field(default_factory=list)
    history: list[Indexed] = field(default_factory=list)

    @property
    def gid(self) -> str:
        """Its global id."""
        return gid("Product", self.id)


@dataclass(slots=True)
class Job:
    """Work that is done at `done_at`, and seen only then: the moves (media gid, new position) of a reorder."""

    gid: str
    product: int
    moves: tuple[tuple[str, int], ...]
    done_at: float
    done: bool = False


@dataclass(slots=True)
class StagedTarget:
    """A signed place for one upload. `parameters`: in the order in which they must come. `data` None: nothing yet."""

    key: str
    filename: str
    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    expires_at: float
    most_bytes: int
    data: bytes | None = None
    used: bool = False


@dataclass(slots=True)
class BulkOperation:
    """A bulk operation as the API shows it. `status` and `error_code` are the schema's; counts are of objects.

    `group`: whether the result's rows are grouped. `name`: of the result's file, "" while there is none.
    """

    id: int
    query: str
    created: float
    status: str = "CREATED"
    group: bool = False
    error_code: str | None = None
    completed: float | None = None
    object_count: int = 0
    root_object_count: int = 0
    file_size: int | None = None
    url: str | None = None
    partial_url: str | None = None
    name: str = ""
    type: str = "QUERY"

    @property
    def gid(self) -> str:
        """Its global id."""
        return gid("BulkOperation", self.id)


@dataclass(slots=True)
class Token:
    """An access token; `expires_at` None: never. `revoked`: it is gone (401)."""

    text: str = field(repr=False)
    scopes: frozenset[str]
    expires_at: float | None = None
    revoked: bool = False


@dataclass(slots=True)
class RefreshToken:
    """A refresh token; `used_at` None: not used yet. `access`: the token that was given with it."""

    text: str = field(repr=False)
    scopes: frozenset[str]
    expires_at: float
    access: str = field(default="", repr=False)
    used_at: float | None = None


@dataclass(slots=True)
class Webhook:
    """A webhook subscription as it was registered."""

    id: int
    topic: str
    uri: str
    created: float
    format: str = "JSON"
    include_fields: tuple[str, ...] = ()
    filter: str | None = None

    @property
    def gid(self) -> str:
        """Its global id."""
        return gid("WebhookSubscription", self.id)


@dataclass
class ShopState:
    """Everything that a shop has, by number (products, variants, webhooks), gid (media, jobs, bulk) or key.

    `lock` guards all of it. `home`: the shop's address at this machine, without a slash at its end.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    home: str = "http://127.0.0.1"
    products: dict[int, Product] = field(default_factory=dict)
    variants: dict[int, Variant] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    staged: dict[str, StagedTarget] = field(default_factory=dict)
    bulk: dict[str, BulkOperation] = field(default_factory=dict)
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    last_id: int = 1000

    def next_id(self, given: int = 0) -> int:
        """A new number, or `given` where it is not 0."""
        with self.lock:
            self.last_id = max(self.last_id, given) if given else self.last_id + 1
            return given or self.last_id


def handle_of(title: str) -> str:
    """A product's handle: lower case, words joined by hyphens; letters of other scripts stay, as in Shopify."""
    plain = unicodedata.normalize("NFKC", title).lower().replace("'", "")
    return WORDS.sub("-", plain).strip("-_") or "product"
