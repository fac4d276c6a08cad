"""Backup and restore: the whole installation in one file, while the program runs, and back into an empty place.

    hebo-sync.tar   pictures/ab/abcd…   as they lie in the data folder
                    stores/NAME/…       what connectors have to know between runs
                    rescue/…            ids of accepted tasks that the database could not take so far
                    secret.key          without it the secrets in the database cannot be read
                    database.sqlite3    always SQLite, whatever kind of database it was taken from
                    manifest.json       the last one: what belongs to it, with sizes and SHA-256

The database is copied first, in one consistent state: whatever is copied later is as new as it or newer, as after a
crash, and the program knows how to go on from there.
"""

from __future__ import annotations

from plugin.backup.archive import check_backup
from plugin.backup.errors import BackupError, DamagedBackupError, NotEmptyError
from plugin.backup.make import Choice, last_backup, make_backup
from plugin.backup.manifest import Manifest
from plugin.backup.restore import Restored, restore_backup

__all__ = [
    "BackupError",
    "Choice",
    "DamagedBackupError",
    "Manifest",
    "NotEmptyError",
    "Restored",
    "check_backup",
    "last_backup",
    "make_backup",
    "restore_backup",
]
