"""kill -9 of the server: it comes up again, goes on, and every picture is accounted for."""

from __future__ import annotations

from pathlib import Path

from tests.serve_kills import campaign

FAULTS = ("submit:slow=0.2", "poll:slow=0.05:0.5", "result:slow=0.2", "submit:drop_after:x1", "poll:http_500:x3")


def test_killed_at_random_it_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    done = campaign(tmp_path, seed=3, kills=4, faults=FAULTS, longest_life=1.5)
    assert done.kills == 4
    assert done.wrong == []
    assert done.exit_code == 0
    assert done.stopped < 10
