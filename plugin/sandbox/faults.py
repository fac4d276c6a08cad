"""What fault rules of all sandbox services have in common: their text form, and the choice for one call.

Rules are written `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`. A service makes its own rules by deriving from `Rule`.
"""

import random
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

STATUS = re.compile(r"http_([45]\d\d)(_after)?")


class FaultError(ValueError):
    """A rule that cannot be understood. The message names the part and what is possible."""


@dataclass(frozen=True)
class Rule:
    """One rule. `probability` is judged for each call, or, when `sticky`, once for each subject of calls.

    `count` ends the rule after so many calls (or subjects); `value`: what it means is up to the kind.
    `KINDS` says which kinds a call knows, `DEFAULT_VALUES` the usual value of a kind, `STICKY` the kinds that are
    sticky by themselves, `TEXTS` those whose value is a text. Raises `FaultError`.
    """

    KINDS: ClassVar[Mapping[str, frozenset[str]]] = {}
    DEFAULT_VALUES: ClassVar[Mapping[str, float]] = {}
    STICKY: ClassVar[frozenset[str]] = frozenset()
    TEXTS: ClassVar[frozenset[str]] = frozenset()

    call: str
    kind: str
    probability: float = 1.0
    count: int | None = None
    value: float | str | None = None
    sticky: bool | None = None

    def __post_init__(self) -> None:
        if self.call not in self.KINDS:
            raise FaultError(f"unknown call {self.call!r}: one of {', '.join(self.KINDS)}")
        if self.kind not in self.KINDS[self.call] and not STATUS.fullmatch(self.kind):
            known = ", ".join(sorted(self.KINDS[self.call]))
            raise FaultError(f"{self.kind!r} is no fault of {self.call}: http_NNN, http_NNN_after, {known}")
        if not 0 <= self.probability <= 1:
            raise FaultError(f"a probability is from 0 to 1, not {self.probability}")
        if self.count is not None and self.count < 1:
            raise FaultError(f"a count is at least 1, not {self.count}")

    @property
    def amount(self) -> float:
        """`value` as a number, or the usual one of this kind."""
        return self.DEFAULT_VALUES.get(self.kind, 0.0) if self.value is None else float(self.value)

    @property
    def is_sticky(self) -> bool:
        """Whether the choice is made once for each subject."""
        return self.kind in self.STICKY if self.sticky is None else self.sticky

    @property
    def replaces_answer(self) -> bool:
        """Whether at most one rule of this sort can apply to a call."""
        return STATUS.fullmatch(self.kind) is not None

    @property
    def comes_before(self) -> bool:
        """Whether the service never sees the call."""
        status = STATUS.fullmatch(self.kind)
        return status is not None and status[2] is None

    def concerns(self, call: str) -> bool:
        """Whether the rule is about this call."""
        return self.call == call

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """A rule from its JSON object. Raises `FaultError` for unknown names and wrong types."""
        allowed: dict[str, type | tuple[type, ...]] = {
            "call": str,
            "kind": str,
            "probability": (int, float),
            "count": int,
            "value": str if data.get("kind") in cls.TEXTS else (int, float),
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

    @classmethod
    def full_kind(cls, call: str, kind: str) -> str:
        """The kind that a text means; for services that let a word be left out."""
        return kind

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `CALL:KIND[=VALUE][:PROBABILITY|:xCOUNT]`. Raises `FaultError`."""
        call, _, rest = text.strip().partition(":")
        kind_text, _, extent = rest.partition(":")
        kind, _, word = kind_text.partition("=")
        kind = cls.full_kind(call, kind)
        value: float | str | None = word if kind in cls.TEXTS else number(word, text) if word else None
        rule = cls(call, kind, value=value)
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


AnyRule = TypeVar("AnyRule", bound=Rule)


@dataclass(frozen=True)
class Chosen(Generic[AnyRule]):
    """The rules that apply to one call: at most one `answer`, any number of the others."""

    answer: AnyRule | None = None
    others: tuple[AnyRule, ...] = ()

    def amount(self, kinds: frozenset[str]) -> float:
        """The sum of the values of the rules of these kinds."""
        return sum(rule.amount for rule in self.others if rule.kind in kinds)

    def kinds(self) -> frozenset[str]:
        """The kinds of all rules but the answer's."""
        return frozenset(rule.kind for rule in self.others)


NOTHING: Chosen[Any] = Chosen()


class FaultBook(Generic[AnyRule]):
    """The rules in force. Choices depend on the seed and on the number of calls, not on the clock. Thread-safe."""

    def __init__(self, seed: int, rules: Iterable[AnyRule] = ()) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._active: list[_Active[AnyRule]] = []
        self._made = 0
        self.add(rules)

    def add(self, rules: Iterable[AnyRule]) -> None:
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

    def choose(self, call: str, subject: str = "") -> Chosen[AnyRule]:
        """What happens to this call; `subject` is what it is about: a task's id, a picture's name, a product."""
        if not self._active:
            return NOTHING
        with self._lock:
            return self._choose(call, subject)

    def _choose(self, call: str, subject: str) -> Chosen[AnyRule]:
        answer: AnyRule | None = None
        others: list[AnyRule] = []
        for active in self._active:
            rule = active.rule
            if not rule.concerns(call) or (rule.replaces_answer and answer is not None) or not active.hits(subject):
                continue
            if rule.replaces_answer:
                answer = rule
            else:
                others.append(rule)
        return Chosen(answer, tuple(others))


class _Active(Generic[AnyRule]):
    """A rule in force, with what it has hit so far."""

    def __init__(self, rule: AnyRule, seed: str) -> None:
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
