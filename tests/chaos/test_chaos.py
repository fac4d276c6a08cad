"""The short form of the campaign: nothing is paid twice or lost unseen, and a broken program is found out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.short import BROKEN

LONGEST = 600  # seconds, on a very busy machine


@pytest.fixture(scope="module")
def said() -> str:
    """What `python -m tests.chaos --short` prints: a process of its own, since it forks and must have no threads."""
    command = (sys.executable, "-m", "tests.chaos", "--short")
    folder = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_killed_everywhere_on_the_moneys_way_nothing_is_paid_twice_or_lost_unseen(said: str) -> None:
    assert "0 scenarios with something wrong" in said
    assert "WRONG" not in said
    assert "not reached" not in said


@pytest.mark.parametrize("safeguard", BROKEN)
def test_a_program_without_a_safeguard_is_found_out(said: str, safeguard: str) -> None:
    found = [line for line in said.splitlines() if line.startswith(f"without the {safeguard}: ")]
    assert len(found) == 1
    assert "NOTHING" not in found[0]
