"""Shopify's search syntax, as far as the sandbox understands it: `field:value` words, joined by blanks (AND).

A value may be quoted, and may begin with `>`, `>=`, `<` or `<=`. A field that the sandbox does not know is an error
here (Shopify answers with a warning and ignores it), so that no client relies on one. Words without a field are
looked for in titles and file names.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt
from typing import Any

from plugin.sandbox.shopify.model import number_of

TERM = re.compile(r"""(?:(-?\w+):)?(>=|<=|>|<)?(?:'([^']*)'|"([^"]*)"|([^\s'"]+))""")
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {">": gt, ">=": ge, "<": lt, "<=": le, "": eq}
TIMES = frozenset({"updated_at", "created_at"})
PRODUCT_FIELDS = frozenset({"id", "status", "title", "vendor", "product_type", "handle", "tag", *TIMES})
VARIANT_FIELDS = frozenset({"id", "product_id", "product_ids", "product_status", "sku", "title"})
FILE_FIELDS = frozenset({"id", "filename", "status", "media_type", "used_in", *TIMES})


class SearchError(Exception):
    """A search that cannot be understood."""


@dataclass(frozen=True)
class Term:
    """One condition. `field` "": a word anywhere."""

    field: str
    operator: str
    value: str
    minus: bool = False

    def holds(self, given: Any) -> bool:
        """Whether a field's value meets it. Texts are compared without regard to case; lists by their members."""
        if self.field in TIMES:
            met = COMPARE[self.operator](int(given), seconds(self.value))
        elif self.field in {"id", "product_id"}:
            met = COMPARE[self.operator](given, number_of(self.value))
        elif isinstance(given, list):
            met = self.value.lower() in (str(member).lower() for member in given)
        elif self.value.endswith("*"):
            met = str(given).lower().startswith(self.value[:-1].lower())
        else:
            met = any(str(given).lower() == choice.lower() for choice in self.value.split(","))
        return met != self.minus


def seconds(value: str) -> int:
    """A time's whole seconds since 1970: what the API tells has no smaller unit. Raises `SearchError`."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise SearchError(f"{value!r} is not a time") from error
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def terms_of(query: str | None, known: frozenset[str]) -> list[Term]:
    """The conditions of a search. Raises `SearchError`."""
    rest, found = (query or "").strip(), []
    while rest:
        match = TERM.match(rest)
        if match is None:
            raise SearchError(f"{rest!r} cannot be understood")
        name, operator, *values = match.groups()
        term = Term((name or "").lstrip("-"), operator or "", next(v for v in values if v is not None), bool(
            name and name.startswith("-")))  # fmt: skip
        if term.field and term.field not in known:
            raise SearchError(f"the sandbox does not know the search field {term.field!r}: {', '.join(sorted(known))}")
        if term.value.upper() != "AND" or term.field:
            found.append(checked(term))
        rest = rest[match.end() :].lstrip()
    return found


def checked(term: Term) -> Term:
    """The same condition. Raises `SearchError` for a time that is none."""
    if term.field in TIMES:
        seconds(term.value)
    return term


PRODUCT_NAMES: Mapping[str, str] = {"updated_at": "updated", "created_at": "created", "tag": "tags", "": "title"}


def product_meets(terms: list[Term], number: int, known: Any) -> bool:
    """Whether a product meets all conditions, by what the index knows of it."""
    for term in terms:
        given = number if term.field == "id" else getattr(known, PRODUCT_NAMES.get(term.field, term.field))
        met = term.value.lower() in str(given).lower() if term.field == "" else term.holds(given)
        if not met:
            return False
    return True
