"""Which call of the sandbox store goes wrong, and how.

Rules are written `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`: `write:drop_after:0.1`, `list:http_503:x2`,
`write:late=3:x1`, `write:editor:x1`, `write:refuse_image=*-2.jpg`, `any:rate_limited=2:x3`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from plugin.sandbox.faults import STATUS, Chosen, FaultBook, FaultError, Rule

__all__ = ["CALLS", "KINDS", "Chosen", "FaultBook", "FaultError", "FaultRule", "fault_from_text"]

# The answer is replaced: the store never sees the call (`_before`), or does its work first.
BEFORE = frozenset({"drop_before", "html", "redirect", "rate_limited", "timeout"})
AFTER = frozenset({"drop_after", "html_after", "truncated", "cut_body", "empty_body"})
LATE = frozenset({"late", "late_cut"})  # 504, or cut, now; the work is done `value` seconds later
SLOW = frozenset({"slow"})  # value: seconds; served at once, answered late
ACCESS = frozenset({"revoke", "read_only"})  # from this call on: the key is gone, or may only read
EDITORS = frozenset({"editor", "editor_before"})  # somebody else writes the same listing, right after or before
IMAGES = frozenset({"refuse_image"})  # value: a file name pattern (`*-2.jpg`); the store does not take such a file
COMMON = BEFORE | AFTER | SLOW
WRITING = COMMON | LATE | ACCESS
KINDS: Mapping[str, frozenset[str]] = {
    "index": COMMON,
    "list": COMMON | ACCESS,
    "product": COMMON | ACCESS,  # one product is read
    "write": WRITING | EDITORS | IMAGES,  # one product is made or changed
    "delete": WRITING,
    "batch": WRITING | IMAGES,
    "variations": COMMON | ACCESS,  # read
    "variation": WRITING | EDITORS | IMAGES,  # changed, also in a batch
    "upload": WRITING | IMAGES,
    "media": COMMON | ACCESS,  # read
    "media_delete": WRITING,
    "post": COMMON | ACCESS,  # wp/v2/product
    "user": COMMON | ACCESS,  # wp/v2/users/me
    "terms": COMMON | ACCESS,  # categories, tags
    "info": COMMON | ACCESS,  # settings, currency, system status
    "webhook": WRITING,
    "file": BEFORE | AFTER | SLOW,  # a picture under /wp-content/uploads/
    "any": COMMON | ACCESS,  # every call but `file`
}
CALLS = tuple(KINDS)


@dataclass(frozen=True)
class FaultRule(Rule):
    """One rule of a store; `value` is seconds or, for `refuse_image`, a file name pattern. Raises `FaultError`."""

    KINDS: ClassVar[Mapping[str, frozenset[str]]] = KINDS
    DEFAULT_VALUES: ClassVar[Mapping[str, float]] = {
        "slow": 2.0,
        "late": 2.0,
        "late_cut": 2.0,
        "rate_limited": 5.0,
        "timeout": 60.0,
    }
    TEXTS: ClassVar[frozenset[str]] = IMAGES

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
        """Whether the rule is about this call; `any` is about all but the files."""
        return self.call == call or (self.call == "any" and call != "file")


def fault_from_text(text: str) -> FaultRule:
    """Read `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`. Raises `FaultError`."""
    return FaultRule.from_text(text)
