"""Which call of the sandbox goes wrong, and how: the kinds of rules.

Rules are written `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`: `submit:drop_after:0.1`, `poll:http_500:x3`,
`submit:late_accept=20:x1`, `result:huge=300`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from plugin.sandbox.faults import NOTHING, STATUS, Chosen, FaultBook, FaultError, Rule

__all__ = [
    "CALLS", "KINDS", "NOTHING", "STATUS", "Chosen", "FaultBook", "FaultError", "FaultRule", "fault_from_text",
]  # fmt: skip

CALLS = ("submit", "poll", "retry", "quota", "result")
# Kinds that replace or spoil the answer; `_after` and `_before` say on which side of the service's own work.
BEFORE = frozenset(
    {"drop_before", "html_before", "redirect", "success_false_before", "unauthorized", "forbidden", "rate_limited"}
)
AFTER = frozenset({"drop_after", "html", "truncated", "cut_body", "redirect_after", "empty_body"})
SLOW = frozenset({"slow"})  # value: seconds; served at once, answered late
EFFECTS = frozenset({"foreign_spend", "turn_day"})  # something else happens first; value: images
ACCEPTING = frozenset({"late_accept", "late_accept_cut"})  # answered 504, or cut, now; accepted `value` seconds later
SUBMIT_SHAPES = frozenset({"success_false", "no_task_id", "bad_task_id", "missing_fields"})
STICKY_SHAPES = frozenset({"no_items", "shuffled", "non_success", "other_host"})  # decided per task, not per poll
POLL_SHAPES = STICKY_SHAPES | {"unknown_status", "missing_fields", "null_fields", "no_results"}
RESULT_KINDS = frozenset({"result_404", "result_html", "result_empty", "result_broken", "result_huge", "result_bomb"})
RESULT_ALL = RESULT_KINDS | {"result_expired"}
COMMON = BEFORE | AFTER | SLOW | EFFECTS
KINDS: Mapping[str, frozenset[str]] = {
    "submit": COMMON | ACCEPTING | SUBMIT_SHAPES,
    "retry": COMMON | ACCEPTING | SUBMIT_SHAPES,
    "poll": COMMON | POLL_SHAPES,
    "quota": COMMON | {"missing_fields", "null_fields"},
    "result": BEFORE | AFTER | SLOW | RESULT_ALL,
}
DEFAULT_VALUES = {
    "slow": 5.0,
    "late_accept": 20.0,
    "late_accept_cut": 20.0,
    "foreign_spend": 1.0,
    "rate_limited": 5.0,
    "result_huge": 300.0,  # megabytes
    "result_bomb": 20_000.0,  # pixels a side
}


@dataclass(frozen=True)
class FaultRule(Rule):
    """One rule. `probability` is judged for each call, or, when `sticky`, once for each task or picture.

    `count` ends the rule after so many calls (or tasks); `value` is seconds, images, megabytes or pixels, by kind.
    Raises `FaultError`.
    """

    KINDS: ClassVar[Mapping[str, frozenset[str]]] = KINDS
    DEFAULT_VALUES: ClassVar[Mapping[str, float]] = DEFAULT_VALUES
    STICKY: ClassVar[frozenset[str]] = STICKY_SHAPES

    @property
    def replaces_answer(self) -> bool:
        """Whether at most one rule of this sort can apply to a call."""
        return self.kind in BEFORE | AFTER | ACCEPTING | RESULT_ALL or STATUS.fullmatch(self.kind) is not None

    @property
    def comes_before(self) -> bool:
        """Whether the service never sees the call."""
        status = STATUS.fullmatch(self.kind)
        return self.kind in BEFORE | RESULT_ALL or (status is not None and status[2] is None)

    @classmethod
    def full_kind(cls, call: str, kind: str) -> str:
        """`result:huge` is `result:result_huge`."""
        return f"result_{kind}" if call == "result" and f"result_{kind}" in RESULT_ALL else kind


def fault_from_text(text: str) -> FaultRule:
    """Read `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`. Raises `FaultError`."""
    return FaultRule.from_text(text)
