"""kills: `hebo-sync serve` killed again and again; how soon it is back, and that nothing is lost or paid twice."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.rows import Row, percentile
from tests.serve_kills import campaign

NAME = "kills"
FAULTS = ("submit:slow=0.2", "poll:slow=0.05:0.5", "result:slow=0.2")


def measure(kills: int, seed: int = 1) -> list[Row]:
    """So many lives of random length; 0 wrong is what counts."""
    with tempfile.TemporaryDirectory(prefix="hebo-sync-bench-") as name:
        done = campaign(Path(name), seed, kills, FAULTS, longest_life=2.0)
    return [
        Row(NAME, "kills", done.kills, "times", "kill -9 within 2 s of coming up, submits and downloads slowed"),
        Row(NAME, "wrong afterwards", len(done.wrong), "things", "; ".join(done.wrong) or "must be 0"),
        Row(NAME, "up again: p50", percentile(done.starts, 0.5), "s", "until /healthz answers"),
        Row(NAME, "up again: slowest", max(done.starts), "s", f"of {len(done.starts)} starts"),
        Row(NAME, "graceful stop", done.stopped, "s", "SIGTERM to exit"),
    ]
