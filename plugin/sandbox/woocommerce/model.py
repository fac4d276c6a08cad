"""What a sandbox store holds: products, variations, attachments, terms and webhooks. Times are seconds since 1970."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

HYPHENS = re.compile(r"[\s./–—-]+")
DROPPED = re.compile(r"[!-,:-@\[-^`{-~«»‹›“”‘’„…¡¿]")
MOST_SLUG = 200  # characters
BIG = 2560  # pixels a side: beyond it WordPress keeps the original and serves a scaled copy


@dataclass
class Attachment:
    """A picture of the library. `file` is its path below `/wp-content/uploads/`, as the store serves it."""

    id: int
    file: str
    title: str
    alt: str
    mime: str
    width: int
    height: int
    created: float
    modified: float
    parent: int = 0

    @property
    def name(self) -> str:
        """The file's name."""
        return self.file.rpartition("/")[2]


@dataclass
class Term:
    """A category or a tag."""

    id: int
    name: str
    slug: str
    parent: int = 0


@dataclass
class Product:
    """A product as the store keeps it. `values`: what differs from a plain product's fields, by their API names.

    `image` is the main image's attachment (0: none) and `gallery` the others; either may name an attachment that is
    gone.
    """

    id: int
    name: str
    slug: str
    created: float
    modified: float
    type: str = "simple"
    status: str = "publish"
    description: str = ""
    short_description: str = ""
    image: int = 0
    gallery: list[int] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    variations: list[int] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def image_ids(self) -> list[int]:
        """The main image, then the gallery: the order in which the API lists them."""
        return [*([self.image] if self.image else []), *self.gallery]


@dataclass
class Variation:
    """A variation; `image` 0: none of its own, the parent's is shown. `options`: attribute name -> value."""

    id: int
    parent: int
    options: dict[str, str]
    created: float
    modified: float
    image: int = 0
    status: str = "publish"
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Webhook:
    """A webhook as it was registered."""

    id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    created: float
    status: str = "active"


def slug_of(name: str) -> str:
    """WordPress' slug: lower case, accents and punctuation off, blanks to hyphens, other letters percent-encoded."""
    apart = unicodedata.normalize("NFD", name.lower())
    plain = unicodedata.normalize("NFC", "".join(letter for letter in apart if not unicodedata.combining(letter)))
    words = DROPPED.sub("", HYPHENS.sub("-", plain))
    slug = re.sub(r"-+", "-", words).strip("-")
    while len(quote(slug, safe="-_")) > MOST_SLUG:
        slug = slug[:-1]
    return quote(slug, safe="-_").lower()
