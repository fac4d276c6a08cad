"""Which call of the sandbox store goes wrong, and how.

Rules are written `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`: `file_create:drop_after:x1`, `products:throttled:0.1`,
`file_update:late=3:x1`, `reorder:editor:x1`, `file_create:fail_media=*-2.jpg`, `any:rate_limited=2:x3`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from plugin.sandbox.faults import STATUS, Chosen, FaultBook, FaultError, Rule

__all__ = ["CALLS", "KINDS", "Chosen", "FaultBook", "FaultError", "FaultRule", "fault_from_text"]

# The answer is replaced: the store never sees the call (`BEFORE`), or does its work first (`AFTER`).
BEFORE = frozenset({"drop_before", "html", "rate_limited", "timeout"})
AFTER = frozenset({"drop_after", "html_after", "truncated", "cut_body", "empty_body"})
LATE = frozenset({"late", "late_cut"})  # 504, or cut, now; the work is done `value` seconds later
SLOW = frozenset({"slow"})  # value: seconds; served at once, answered late
ACCESS = frozenset({"revoke", "lose_scope"})  # from this call on: the token is gone (401), or without a scope
EDITORS = frozenset({"editor", "editor_before"})  # somebody else changes the listing, right after or before; value: how
DEEDS = frozenset({"add", "front", "move", "remove", "delete", "title"})  # what an editor does
THROTTLED = frozenset({"throttled"})  # the shop's points have been used up by another app
INNER = frozenset({"partial", "user_error"})  # an error beside the whole data; a userErrors answer (value: its code)
HOLES = frozenset({"hole"})  # one object of the answer is null, and an error says which
FILES = frozenset({"fail_media", "taken_name"})  # value: a pattern of file names
PLAIN = BEFORE | AFTER | SLOW  # calls that are no GraphQL
COMMON = PLAIN | ACCESS | THROTTLED
READING = COMMON | HOLES | frozenset({"partial"})
WRITING = COMMON | LATE | INNER
KINDS: Mapping[str, frozenset[str]] = {
    "shop": READING,  # the shop and its granted scopes
    "products": READING,  # pages of products, their number
    "product": READING,  # one product without its media
    "media": READING,  # one product with its media
    "files": READING,  # the search in the files
    "status": READING,  # nodes by their ids
    "job": READING,
    "bulk_status": READING,  # bulk operations, read
    "query": READING,  # every query of the above, and any other
    "staged": WRITING,  # stagedUploadsCreate
    "file_create": WRITING | FILES,
    "file_update": WRITING | EDITORS,
    "file_delete": WRITING,
    "reorder": WRITING | EDITORS,
    "variant": WRITING | EDITORS,  # appending and detaching a variant's media
    "product_update": WRITING | EDITORS | FILES,
    "bulk_run": WRITING,
    "bulk_cancel": WRITING,
    "webhook": WRITING,
    "mutation": WRITING,  # every mutation of the above
    "upload": PLAIN | LATE,  # a file sent to a staged target
    "bulk_file": PLAIN,  # a bulk operation's result
    "file": PLAIN,  # a picture under /cdn/
    "token": PLAIN | frozenset({"late_cut"}),  # a token is granted or renewed
    "any": COMMON | frozenset({"partial"}),  # every call to the GraphQL API
}
CALLS = tuple(KINDS)
QUERIES = frozenset({"shop", "products", "product", "media", "files", "status", "job", "bulk_status", "query"})
OUTSIDE = frozenset({"upload", "bulk_file", "file", "token"})


@dataclass(frozen=True)
class FaultRule(Rule):
    """One rule of a store; `value` is seconds, a pattern of file names, or a scope. Raises `FaultError`."""

    KINDS: ClassVar[Mapping[str, frozenset[str]]] = KINDS
    DEFAULT_VALUES: ClassVar[Mapping[str, float]] = {
        "slow": 2.0,
        "late": 2.0,
        "late_cut": 2.0,
        "rate_limited": 2.0,
        "timeout": 60.0,
    }
    TEXTS: ClassVar[frozenset[str]] = FILES | EDITORS | frozenset({"lose_scope", "user_error"})

    @property
    def replaces_answer(self) -> bool:
        """Whether at most one rule of this sort can apply to a call."""
        return self.kind in BEFORE | AFTER | LATE or STATUS.fullmatch(self.kind) is not None

    @property
    def comes_before(self) -> bool:
        """Whether the store never sees the call."""
        status = STATUS.fullmatch(self.kind)
        return self.kind in BEFORE or (status is not None and status[2] is None)

    def concerns(self, call: str) -> bool:
        """Whether the rule is about this call; `any`, `query` and `mutation` are about many."""
        if self.call in {call, "any"}:
            return self.call == call or call not in OUTSIDE
        if self.call == "query":
            return call in QUERIES
        return self.call == "mutation" and call not in QUERIES | OUTSIDE


def fault_from_text(text: str) -> FaultRule:
    """Read `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`. Raises `FaultError`."""
    return FaultRule.from_text(text)
