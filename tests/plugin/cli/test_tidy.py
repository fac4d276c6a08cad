"""tidy: what it says, and that a dry run changes nothing."""

from __future__ import annotations

import os
from datetime import timedelta

from filelock import FileLock
from sqlalchemy import update

from plugin.models import GeneratedImage, Picture, PublicationImage
from plugin.pipeline.retention import LOCK
from plugin.states import ImageState
from tests.plugin.cli.home import Home


def reject_long_ago(home: Home) -> None:
    """Every picture was rejected 100 days ago, and was on no listing."""
    with home.parts() as parts:
        then = parts.clock.now() - timedelta(days=100)
        with parts.db.write() as session:
            session.query(PublicationImage).delete()
            session.execute(update(GeneratedImage).values(state=ImageState.REJECTED, decided_at=then))
            session.execute(update(Picture).values(created_at=then))
    for path in (home.folder / "hebo-sync-data" / "pictures").rglob("*"):
        os.utime(path, (then.timestamp(), then.timestamp()))


def test_a_dry_run_changes_nothing_and_says_what_would_go(home: Home) -> None:
    reject_long_ago(home)
    before = home("tidy", "--dry-run", "--json").json
    assert before["pictures"] > 0
    assert home("tidy", "--dry-run", "--json").json == before
    called = home("tidy")
    assert called.out.startswith("gone: ")
    assert f"{before['bytes'] / 1e6:.1f} MB" in called.out
    after = home("tidy", "--dry-run")
    assert after.out == "would go: 0 picture files (0.0 MB), 0 lines of the activity, 0 readings of the quota\n"


def test_pictures_that_are_no_longer_kept_are_told_by_the_commands(home: Home) -> None:
    """Their rows stay: lists and details are as before, and an export says which bytes are not there."""
    reject_long_ago(home)
    listed = home("images", "list", "--json").json
    assert home("tidy").code == 0
    assert [row["id"] for row in home("images", "list", "--json").json] == [row["id"] for row in listed]
    made = next(row["id"] for row in listed if row["size"])
    assert home("images", "show", made).code == 0
    called = home("images", "export", made, home.folder / "one.png")
    assert (called.code, (home.folder / "one.png").exists()) == (1, False)
    assert "picture" in called.err


def test_another_one_that_is_at_it(home: Home) -> None:
    with FileLock(home.folder / "hebo-sync-data" / LOCK):
        called = home("tidy")
    assert (called.code, "nothing was done" in called.err) == (1, True)
