"""Reading lists: the parameters' rules, filters, order, pages and `_fields`, as WordPress' REST API has them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from plugin.sandbox.woocommerce.access import ApiError
from plugin.sandbox.woocommerce.model import Product

T = TypeVar("T")
STATUSES = ("any", "future", "trash", "draft", "pending", "private", "publish")
ORDERS = ("asc", "desc")
ORDER_BY = (
    "date", "id", "include", "title", "slug", "modified", "menu_order", "price", "popularity", "rating",
    "post__in", "price-desc", "sales", "rand", "relevance",
)  # fmt: skip
DATE = re.compile(
    r"^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?"
    r"([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?$"
)


def invalid(name: str, message: str, code: str) -> ApiError:
    """A parameter that the API does not take."""
    return ApiError(
        "rest_invalid_param",
        f"Invalid parameter(s): {name}",
        400,
        extra={
            "params": {name: message},
            "details": {name: {"code": code, "message": message, "data": None}},
        },
    )


def whole(args: Mapping[str, str], name: str, default: int, least: int, most: int | None = None) -> int:
    """A whole number of the query. Raises `ApiError` 400."""
    text = args.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\s*-?\d{1,15}\s*", text):
        raise invalid(name, f"{name} is not of type integer.", "rest_invalid_type")
    value = int(text)
    if most is not None and not least <= value <= most:
        message = f"{name} must be between {least} (inclusive) and {most} (inclusive)"
        raise invalid(name, message, "rest_out_of_bounds")
    if value < least:
        raise invalid(name, f"{name} must be greater than or equal to {least}", "rest_out_of_bounds")
    return value


def one_of(args: Mapping[str, str], name: str, default: str, known: Sequence[str]) -> str:
    """A word of the query. Raises `ApiError` 400."""
    word = args.get(name, default)
    if word not in known:
        listed = f"{', '.join(known[:-1])}, and {known[-1]}" if len(known) > 2 else " and ".join(known)
        raise invalid(name, f"{name} is not one of {listed}.", "rest_not_in_enum")
    return word


def ids(args: Mapping[str, str], name: str) -> list[int]:
    """A comma list of ids, or `name[]` several times. Raises `ApiError` 400."""
    given = [value for key, value in args.items() if key == name or key.startswith(f"{name}[")]
    words = [word for word in re.split(r"[\s,]+", ",".join(given)) if word]
    if not all(re.fullmatch(r"-?\d{1,15}", word) for word in words):
        raise invalid(name, f"{name}[0] is not of type integer.", "rest_invalid_type")
    return [int(word) for word in words]


def truth(args: Mapping[str, str], name: str) -> bool:
    """A boolean of the query, as WordPress reads it."""
    return args.get(name, "").lower() in {"1", "true", "yes"}


def moment(args: Mapping[str, str], name: str, zone: tzinfo, *, gmt: bool) -> float | None:
    """A date of the query in seconds since 1970. Without a zone it is the store's local time, unless `gmt`.

    Observed on WooCommerce 11.0.1. Raises `ApiError` 400 for a date without a time.
    """
    text = args.get(name)
    if text is None:
        return None
    if not DATE.match(text):
        raise invalid(name, "Invalid date.", "rest_invalid_date")
    read = datetime.fromisoformat(text.upper().replace(" ", "T").replace("Z", "+00:00"))
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC if gmt else zone)
    return read.timestamp()


class Page:
    """Which part of a list is asked for: `page` from 1, `per_page` 1 to 100, or `offset`. Raises `ApiError` 400."""

    def __init__(self, args: Mapping[str, str]) -> None:
        self.number = whole(args, "page", 1, 1)
        self.size = whole(args, "per_page", 10, 1, 100)
        self.offset = whole(args, "offset", (self.number - 1) * self.size, 0)

    def cut(self, listed: Sequence[T]) -> Sequence[T]:
        """The part of the list."""
        return listed[self.offset : self.offset + self.size]

    def pages(self, total: int) -> int:
        """How many pages there are."""
        return -(-total // self.size)

    def link(self, url: str, query: str, total: int) -> str:
        """The `Link` header, empty where there is neither a page before nor one after.

        The genuine store repeats the whole query in it, signature included.
        """
        last, found = self.pages(total), []
        if self.number > 1:
            found.append(f'<{url}?{with_page(query, min(self.number - 1, last))}>; rel="prev"')
        if self.number < last:
            found.append(f'<{url}?{with_page(query, self.number + 1)}>; rel="next"')
        return ", ".join(found)


def with_page(query: str, page: int) -> str:
    """A query with its page changed, or added."""
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    return urlencode({**pairs, "page": str(page)})


class ProductQuery:
    """The parameters of a product list. Raises `ApiError` 400 for what the API does not take."""

    def __init__(self, args: Mapping[str, str], zone: tzinfo) -> None:
        self.page = Page(args)
        self.order_by = one_of(args, "orderby", "date", ORDER_BY)
        self.descending = one_of(args, "order", "desc", ORDERS) == "desc"
        self.include = ids(args, "include")
        self._included = set(self.include)
        self.exclude = set(ids(args, "exclude"))
        self.category = set(ids(args, "category"))
        self.tag = set(ids(args, "tag"))
        gmt = truth(args, "dates_are_gmt")
        self.limits = {
            name: moment(args, name, zone, gmt=gmt) for name in ("modified_after", "modified_before", "after", "before")
        }
        self.search = args.get("search", "").lower()
        self.sku = {word.strip() for word in args.get("sku", "").split(",") if word.strip()}
        self.slug = args.get("slug", "")
        self.type = args.get("type", "")
        self.statuses = self._statuses(args)

    @staticmethod
    def _statuses(args: Mapping[str, str]) -> frozenset[str]:
        words = [word.strip() for word in args.get("status", "any").split(",") if word.strip()]
        for word in words:
            one_of({"status": word}, "status", "any", STATUSES)
        return frozenset(STATUSES) - {"trash"} if "any" in words else frozenset(words)

    def select(self, products: Iterable[Product]) -> list[Product]:
        """The products that are asked for, in order."""
        found = [product for product in products if self._fits(product)]
        if self.order_by == "include" and self.include:
            places = {product_id: place for place, product_id in enumerate(self.include)}
            return sorted(found, key=lambda product: places[product.id])
        return sorted(found, key=ORDER_KEYS.get(self.order_by, by_date), reverse=self.descending)

    def _fits(self, product: Product) -> bool:
        return (
            product.status in self.statuses
            and (not self.include or product.id in self._included)
            and product.id not in self.exclude
            and self._in_time(product)
            and (not self.type or product.type == self.type)
            and (not self.slug or product.slug == self.slug)
            and (not self.sku or product.values.get("sku") in self.sku)
            and (not self.category or not self.category.isdisjoint(product.categories))
            and (not self.tag or not self.tag.isdisjoint(product.tags))
            and (not self.search or self.search in f"{product.name}\n{product.description}".lower())
        )

    def _in_time(self, product: Product) -> bool:
        """Strictly after and strictly before, by whole seconds."""
        limits, created, modified = self.limits, int(product.created), int(product.modified)
        checks = (
            (limits["modified_after"], modified, 1),
            (limits["modified_before"], modified, -1),
            (limits["after"], created, 1),
            (limits["before"], created, -1),
        )
        return all(limit is None or (at - limit) * sign > 0 for limit, at, sign in checks)


def by_date(product: Product) -> tuple[Any, ...]:
    """By creation, then id."""
    return int(product.created), product.id


ORDER_KEYS: Mapping[str, Callable[[Product], tuple[Any, ...]]] = {
    "id": lambda product: (product.id,),
    "modified": lambda product: (int(product.modified), product.id),
    "title": lambda product: (product.name.lower(), product.id),
    "slug": lambda product: (product.slug, product.id),
    "menu_order": lambda product: (product.values.get("menu_order", 0), product.name.lower(), product.id),
    "price": lambda product: (float(product.values.get("regular_price") or 0), product.id),
}


def only_fields(body: Any, wanted: str) -> Any:
    """The keys that `_fields` names: `id,images.id`; of lists, those of each entry. Empty: everything.

    The keys come in the order in which they are named (observed).
    """
    names = [word for word in re.split(r"[\s,]+", wanted) if word]
    return picked(body, names) if names else body


def picked(body: Any, names: Sequence[str]) -> Any:
    """The named keys of an object, or of each object of a list."""
    if isinstance(body, list):
        return [picked(entry, names) for entry in body]
    if not isinstance(body, dict):
        return body
    deeper: dict[str, list[str]] = {}
    for name in names:
        head, _, rest = name.partition(".")
        deeper.setdefault(head, []).append(rest)
    return {key: body[key] if "" in rests else picked(body[key], rests) for key, rests in deeper.items() if key in body}
