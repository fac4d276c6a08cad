"""Which call of the sandbox goes wrong, and how: the rules, their text form, and the choice for one call.

Rules are written `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`: `submit:drop_after:0.1`, `poll:http_500:x3`,
`submit:late_accept=20:x1`, `result:huge=300`.
"""

import random
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

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
STATUS = re.compile(r"http_([45]\d\d)(_after)?")
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


class FaultError(ValueError):
    """A rule that cannot be understood. The message names the part and what is possible."""


@dataclass(frozen=True)
class FaultRule:
    """One rule. `probability` is judged for each call, or, when `sticky`, once for each task or picture.

    `count` ends the rule after so many calls (or tasks); `value` is seconds, images, megabytes or pixels, by kind.
    Raises `FaultError`.
    """

    call: str
    kind: str
    probability: float = 1.0
    count: int | None = None
    value: float | None = None
    sticky: bool | None = None

    def __post_init__(self) -> None:
        if self.call not in CALLS:
            raise FaultError(f"unknown call {self.call!r}: one of {', '.join(CALLS)}")
        if self.kind not in KINDS[self.call] and not STATUS.fullmatch(self.kind):
            known = ", ".join(sorted(KINDS[self.call]))
            raise FaultError(f"{self.kind!r} is no fault of {self.call}: http_NNN, http_NNN_after, {known}")
        if not 0 <= self.probability <= 1:
            raise FaultError(f"a probability is from 0 to 1, not {self.probability}")
        if self.count is not None and self.count < 1:
            raise FaultError(f"a count is at least 1, not {self.count}")

    @property
    def amount(self) -> float:
        """`value`, or the usual one of this kind."""
        return DEFAULT_VALUES.get(self.kind, 0.0) if self.value is None else self.value

    @property
    def is_sticky(self) -> bool:
        """Whether the choice is made once for each task or picture."""
        return self.kind in STICKY_SHAPES if self.sticky is None else self.sticky

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
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """A rule from its JSON object. Raises `FaultError` for unknown names and wrong types."""
        allowed: dict[str, type | tuple[type, ...]] = {
            "call": str,
            "kind": str,
            "probability": (int, float),
            "count": int,
            "value": (int, float),
        }
        for name, value in data.items():
            if name != "sticky" and name not in allowed:
                raise FaultError(f"unknown name {name!r} in a rule: {', '.join([*allowed, 'sticky'])}")
            if value is not None and not isinstance(value, allowed.get(name, bool)):
                raise FaultError(f"{name!r} of a rule has the wrong type")
        given = {name: value for name, value in data.items() if value is not None}
        if not {"call", "kind"} <= given.keys():
            raise FaultError("a rule needs call and kind")
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads."""
        return asdict(self)


def fault_from_text(text: str) -> FaultRule:
    """Read `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`. Raises `FaultError`."""
    call, _, rest = text.strip().partition(":")
    kind_text, _, extent = rest.partition(":")
    kind, _, value = kind_text.partition("=")
    if call == "result" and f"result_{kind}" in RESULT_ALL:
        kind = f"result_{kind}"
    rule = FaultRule(call, kind, value=number(value, text) if value else None)
    if not extent:
        return rule
    if extent.startswith("x"):
        return replace(rule, count=int(number(extent[1:], text)))
    return replace(rule, probability=number(extent, text))


def number(word: str, text: str) -> float:
    """A finite number. Raises `FaultError` that shows the whole text."""
    try:
        value = float(word)
    except ValueError as error:
        raise FaultError(f"{word!r} in {text!r} is not a number") from error
    if not abs(value) < 1e12:
        raise FaultError(f"{word!r} in {text!r} is not a sensible number")
    return value


@dataclass(frozen=True)
class Chosen:
    """The rules that apply to one call: at most one `answer`, any number of the others."""

    answer: FaultRule | None = None
    others: tuple[FaultRule, ...] = ()

    def amount(self, kinds: frozenset[str]) -> float:
        """The sum of the values of the rules of these kinds."""
        return sum(rule.amount for rule in self.others if rule.kind in kinds)

    def kinds(self) -> frozenset[str]:
        """The kinds of all rules but the answer's."""
        return frozenset(rule.kind for rule in self.others)


NOTHING = Chosen()


class FaultBook:
    """The rules in force. Choices depend on the seed and on the number of calls, not on the clock. Thread-safe."""

    def __init__(self, seed: int, rules: Iterable[FaultRule] = ()) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._active: list[_Active] = []
        self._made = 0
        self.add(rules)

    def add(self, rules: Iterable[FaultRule]) -> None:
        """Put further rules in force."""
        with self._lock:
            for rule in rules:
                self._made += 1
                self._active = [*self._active, _Active(rule, f"{self._seed}/{self._made}")]

    def clear(self) -> None:
        """End all rules."""
        with self._lock:
            self._active = []

    def fired(self) -> list[dict[str, Any]]:
        """Each rule with the number of calls that it applied to."""
        with self._lock:
            return [{**active.rule.to_json(), "fired": active.fired} for active in self._active]

    def choose(self, call: str, subject: str = "") -> Chosen:
        """What happens to this call; `subject` is the task's id or the picture's name."""
        if not self._active:
            return NOTHING
        with self._lock:
            return self._choose(call, subject)

    def _choose(self, call: str, subject: str) -> Chosen:
        answer: FaultRule | None = None
        others: list[FaultRule] = []
        for active in self._active:
            rule = active.rule
            if rule.call != call or (rule.replaces_answer and answer is not None) or not active.hits(subject):
                continue
            if rule.replaces_answer:
                answer = rule
            else:
                others.append(rule)
        return Chosen(answer, tuple(others))


class _Active:
    """A rule in force, with what it has hit so far."""

    def __init__(self, rule: FaultRule, seed: str) -> None:
        self.rule = rule
        self.fired = 0
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._left = rule.count
        self._hit: set[str] = set()

    def hits(self, subject: str) -> bool:
        """Whether the rule applies now; counts it."""
        hit = self._hits_subject(subject) if self.rule.is_sticky else self._spend(self._random)
        self.fired += hit
        return hit

    def _hits_subject(self, subject: str) -> bool:
        if subject in self._hit:
            return True
        hit = self._spend(random.Random(f"{self._seed}/{subject}"))  # noqa: S311 - repeatable on purpose
        if hit:
            self._hit.add(subject)
        return hit

    def _spend(self, source: random.Random) -> bool:
        if self._left == 0 or (self.rule.probability < 1 and source.random() >= self.rule.probability):
            return False
        if self._left is not None:
            self._left -= 1
        return True
