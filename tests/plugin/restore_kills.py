"""Kills a restore at every step that it takes on the disk, restores again, and tells how many kills there were.

    python -m tests.plugin.restore_kills CONFIG BACKUP

A process of its own, since it forks: the child is killed at its n-th step, by an audit hook that the interpreter calls
before it opens, makes, renames or removes anything. Afterwards the data folder must be refused by the program, or be
whole; and the same restore must come to its end.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from plugin import db
from plugin.backup import restore_backup
from plugin.config import Settings, load_settings
from plugin.db import Database, demand_whole
from plugin.schema import DatabaseError
from tests.plugin.installation import FOLDER_ID, NOW, contents

STEPS = ("os.rename", "os.remove", "os.rmdir", "sqlite3.connect")
KILLED = 9


def killed_at(settings: Settings, file: Path, step: int) -> bool:
    """Restore in a child that dies at its step of that number; whether it took so many."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(event: str, arguments: tuple[object, ...]) -> None:
            if event in STEPS or (event == "open" and "w" in str(arguments[1])):
                left[0] -= 1
                if left[0] == 0:
                    os._exit(KILLED)

        sys.addaudithook(count)
        restore_backup(settings, file, NOW, moved=False)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def usable(settings: Settings) -> bool:
    """Whether the program would start on what lies there."""
    try:
        demand_whole(settings.app.data_dir)
    except DatabaseError:
        return False
    return (settings.app.data_dir / "hebo-sync.sqlite3").exists()


def whole(settings: Settings) -> tuple[dict[str, bytes], int, str]:
    """All that was restored."""
    with closing(Database(settings.database.url)) as opened, opened.read() as session:
        stops = session.execute(text("SELECT count(*) FROM stop")).scalar_one()
        folder = session.execute(text("SELECT id FROM data_folder")).scalar_one()
    found = contents(settings.app.data_dir)
    assert found[FOLDER_ID].decode().strip() == folder
    kept = {name: data for name, data in found.items() if not name.startswith("restoring.")}
    return kept, stops, folder


def main(config: str, file: Path) -> None:
    settings = load_settings(Path(config), {})
    os.sync, db.SYNCHRONOUS = lambda: None, "OFF"  # a kill is no power cut
    restore_backup(settings, file, NOW, moved=False)
    wanted, kills = whole(settings), 0
    while True:
        shutil.rmtree(settings.app.data_dir)
        settings.app.data_dir.mkdir()
        if not killed_at(settings, file, kills + 1):
            break
        kills += 1
        if usable(settings):
            assert whole(settings) == wanted, kills
            continue
        restore_backup(settings, file, NOW, moved=False)
        assert whole(settings) == wanted, kills
    sys.stdout.write(f"{kills}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
