from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from plugin import states
from plugin.states import (
    IMAGE_STEPS,
    PUBLICATION_STEPS,
    TASK_STEPS,
    IllegalStepError,
    ImageState,
    ProductState,
    PublicationState,
    TaskState,
    check_step,
)

Steps = Mapping[Any, frozenset[Any]]
TABLES: dict[str, tuple[type[StrEnum], Steps]] = {
    "task": (TaskState, TASK_STEPS),
    "image": (ImageState, IMAGE_STEPS),
    "publication": (PublicationState, PUBLICATION_STEPS),
}
ARROW = re.compile(r"[→⇄]")


def drawn(name: str) -> set[tuple[str, str]]:
    """The steps of the module's diagram for one kind of row."""
    lines = (states.__doc__ or "").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{name} "))
    block = [lines[start].removeprefix(name)]
    for line in lines[start + 1 :]:
        if not line.startswith(" "):
            break
        block.append(line)
    kind = TABLES[name][0]
    found: set[tuple[str, str]] = set()
    for chain in re.split(r"[;\n]", "\n".join(block)):
        found |= _steps(chain, {state.value for state in kind})
    return found


def _steps(chain: str, names: set[str]) -> set[tuple[str, str]]:
    """`a → b | c` leads from a to b and to c; `b | c → d` from both to d; `a ⇄ b` both ways."""
    parts = ARROW.split(re.sub(r"\([^)]*\)", "", chain))
    groups = [[word for word in _words(part) if word in names] for part in parts]
    found = set()
    for arrow, before, after in zip(ARROW.findall(chain), groups, groups[1:], strict=False):
        steps = {(old, new) for old in before for new in after}
        found |= steps | ({(new, old) for old, new in steps} if arrow == "⇄" else set())
    return found


def _words(part: str) -> list[str]:
    """The states that a part of a chain begins with; what follows in plain words explains them."""
    return [alternative.split()[0] for alternative in part.split("|") if alternative.split()]


@pytest.mark.parametrize("name", TABLES)
class TestTables:
    def test_every_state_has_its_row(self, name: str) -> None:
        kind, steps = TABLES[name]
        assert set(steps) == set(kind)

    def test_the_diagram_draws_only_legal_steps(self, name: str) -> None:
        _, steps = TABLES[name]
        assert drawn(name)
        assert {(old, new) for old, new in drawn(name) if new not in steps[old]} == set()

    def test_the_diagram_draws_every_step(self, name: str) -> None:
        _, steps = TABLES[name]
        table = {(old.value, new.value) for old, after in steps.items() for new in after}
        assert table - drawn(name) == set()

    def test_check_step_agrees_with_the_table(self, name: str) -> None:
        kind, steps = TABLES[name]
        for old in kind:
            for new in kind:
                if old == new or new in steps[old]:
                    assert check_step(steps, old, new) is new
                else:
                    with pytest.raises(IllegalStepError, match=f"{old} → {new} is not a legal step"):
                        check_step(steps, old, new)

    def test_a_new_row_may_begin_anywhere(self, name: str) -> None:
        kind, steps = TABLES[name]
        assert [check_step(steps, None, state) for state in kind] == list(kind)


def test_what_was_accepted_is_never_planned_again() -> None:
    """From "generating" no way leads back to "planned"."""
    reached, found = {TaskState.GENERATING}, [TaskState.GENERATING]
    while found:
        for new in TASK_STEPS[found.pop()] - reached:
            reached.add(new)
            found.append(new)
    assert reached.isdisjoint({TaskState.PLANNED, TaskState.SUBMITTING, TaskState.IN_DOUBT})


def test_names_fit_their_column() -> None:
    kinds: tuple[type[StrEnum], ...] = (TaskState, ImageState, PublicationState, ProductState)
    assert all(len(state.value) <= 20 for kind in kinds for state in kind)
