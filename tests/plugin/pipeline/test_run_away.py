"""A run whose database goes away: it waits, tells once, and ends with what was kept and what to do."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from plugin import db
from plugin.pipeline import lane as lane_module
from plugin.pipeline import run as run_module
from plugin.pipeline.away import DatabaseAwayError
from plugin.pipeline.run import run
from tests.plugin.pipeline.trouble import locked, read_only
from tests.plugin.pipeline.world import World


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_TIMEOUT", 0.02)
    monkeypatch.setattr(lane_module, "REST", 0.01)
    monkeypatch.setattr(run_module, "LONGEST_SLEEP", 0.02)


def test_it_does_not_begin_where_nothing_can_be_written(shop: World) -> None:
    shop.product("p1")
    with shop.parts() as parts, read_only(parts), pytest.raises(DatabaseAwayError, match="it goes on from here"):
        run(parts)


@pytest.mark.parametrize("ends", [True, False])
def test_it_waits_for_a_database_that_somebody_holds(
    shop: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, ends: bool
) -> None:
    monkeypatch.setattr(run_module, "PATIENCE", 60 if ends else 0.2)
    turns, trouble = [0], ExitStack()
    shop.product("p1")
    with shop.parts() as parts, trouble:

        def stop() -> bool:
            """Asked before every turn: the database is held from the third on, until the tenth."""
            turns[0] += 1
            if turns[0] == 3:
                trouble.enter_context(locked(parts))
            if turns[0] == 10 and ends:
                trouble.close()
            return turns[0] > 30 and ends

        if ends:
            run(parts, stop=stop)
            assert "can be used again" in caplog.text
        else:
            with pytest.raises(DatabaseAwayError, match=r"is kept, and nothing is sent twice\. Make room"):
                run(parts, stop=stop)
    assert caplog.text.count("tried again and again") == 1
