"""What a campaign found, by kill point, as a table for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.points import KILLING, MODES, Mode, Target, kind_of, target_from_text
from tests.chaos.scenario import CHANCE, Outcome, Spec
from tests.chaos.services import Offer

REPLAY = ".venv/bin/python -m tests.chaos --replay"
COLUMNS = ("before", "after", "lost", "lost+kill", "in doubt", "pictures lost", "wrong")


@dataclass(slots=True)
class Row:
    """One label. doubts, lost: what followed its hits. wrong: scenarios with a hit of it that went wrong."""

    modes: Counter[Mode] = field(default_factory=Counter)
    doubts: int = 0
    lost: int = 0
    wrong: int = 0

    def cells(self) -> tuple[int, ...]:
        return (*(self.modes[mode] for mode in Mode), self.doubts, self.lost, self.wrong)


@dataclass(slots=True)
class Tally:
    """unreached: targets that no scenario came to, with the name of their base. seen: where each label was passed:
    a few scenarios, and the time. pinned: of scenarios with something wrong, the targets that suffice for it."""

    rows: dict[str, Row] = field(default_factory=dict)
    seen: dict[str, list[tuple[Spec, int]]] = field(default_factory=dict)
    pinned: dict[Spec, list[Target]] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    unreached: list[tuple[str, Target]] = field(default_factory=list)
    kills: int = 0
    lives: int = 0
    settled: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count a scenario."""
        self.outcomes.append(outcome)
        self.lives += outcome.lives
        self.settled += outcome.settled
        for label, time in dict(reversed(outcome.order)).items():
            self.seen.setdefault(label, []).append((outcome.spec, time))
        for hit in outcome.hits:
            row = self.rows.setdefault(hit.passed.label, Row())
            mode = hit.passed.mode
            self.kills += mode is None or mode in KILLING
            row.modes[mode or Mode.BEFORE] += 1
            row.doubts, row.lost = row.doubts + hit.doubts, row.lost + hit.lost
        for label in {hit.passed.label for hit in outcome.hits}:
            self.rows[label].wrong += bool(outcome.wrong)

    @property
    def scenarios(self) -> int:
        return len(self.outcomes)

    @property
    def wrong(self) -> list[Outcome]:
        """Scenarios in which something was wrong."""
        return [outcome for outcome in self.outcomes if outcome.wrong]

    @property
    def violations(self) -> int:
        return len(self.wrong)

    def never(self, only: str) -> list[tuple[str, list[Mode]]]:
        """Labels with `only` in them that were passed somewhere, with the modes that never hit them."""
        lacking = ((label, self._lacking(label)) for label in sorted(self.seen) if only in label)
        return [(label, modes) for label, modes in lacking if modes]

    def _lacking(self, label: str) -> list[Mode]:
        row = self.rows.get(label, Row())
        return [mode for mode in MODES[kind_of(label)] if not row.modes[mode]]


def lines(tally: Tally, only: str = "") -> Iterator[str]:
    """The table, and what was wrong with the command that plays it again. only: a part of the labels meant."""
    width = max((len(label) for label in tally.rows), default=0)
    yield f"{'point':<{width}} " + " ".join(f"{name:>13}" for name in COLUMNS)
    for label in sorted(tally.rows, key=lambda label: (label == CHANCE, label)):
        yield _line(label, width, tally.rows[label].cells())
    total = [sum(cells) for cells in zip(*(row.cells() for row in tally.rows.values()), strict=True)]
    yield _line("all", width, (*total[:-1], tally.violations))
    yield (
        f"{tally.kills} kills in {tally.scenarios} scenarios and {tally.lives} lives; {tally.settled} doubts were "
        f"settled by a person; {tally.violations} scenarios with something wrong"
    )
    if free := sum(outcome.free for outcome in tally.outcomes):
        yield f"{free} tasks of unknown id were wholly given back by the service: nothing was charged for them"
    yield from (f"! never hit: {label}: {', '.join(modes)}" for label, modes in tally.never(only))
    if tally.unreached:
        yield f"not reached (the label was, at other times): {len(tally.unreached)} targets"
    for outcome in tally.wrong:
        yield from wrong_lines(outcome, tally.pinned.get(outcome.spec, []))


def _line(label: str, width: int, cells: Sequence[int]) -> str:
    return f"{label:<{width}} " + " ".join(f"{cell or '·':>13}" for cell in cells)


def wrong_lines(outcome: Outcome, pinned: Sequence[Target] = ()) -> Iterator[str]:
    """What is wrong with a scenario, and how to play it again; nothing where all is well."""
    if not outcome.wrong:
        return
    yield f"WRONG in {outcome.spec.name}:"
    yield from (f"    {text}" for text in outcome.wrong)
    yield from (f"    this alone suffices: {target}" for target in pinned)
    yield f"    again: {REPLAY} '{spec_to_text(outcome.spec)}'"


def spec_to_text(spec: Spec) -> str:
    """A scenario as JSON in one line; `spec_from_text` reads it."""
    default = asdict(Spec(""))
    values: dict[str, Any] = {name: value for name, value in asdict(spec).items() if value != default[name]}
    if spec.targets:
        values["targets"] = [str(target) for target in spec.targets]
    return json.dumps(values, ensure_ascii=False)


def spec_from_text(text: str) -> Spec:
    """Raises ValueError."""
    values = json.loads(text)
    values["targets"] = tuple(target_from_text(target) for target in values.get("targets", ()))
    values.update({name: tuple(values[name]) for name in ("moments", "stores") if name in values})
    values["offer"] = Offer(**values.get("offer", {}))
    return Spec(**values)
