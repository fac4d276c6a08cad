"""What can go wrong with a backup.

BackupError              it was not made or not restored; the message says why, what was kept and what to do
 ├── DamagedBackupError  the file is no backup of ours, or not a whole one
 └── NotEmptyError       a restore never writes over anything
"""

from __future__ import annotations

from plugin.schema import first_line


class BackupError(Exception):
    """It was not made or not restored; the message says why, what was kept and what to do."""


class DamagedBackupError(BackupError):
    """The file is no backup of ours, or not a whole one."""


class NotEmptyError(BackupError):
    """A restore never writes over anything."""


def reason_of(error: Exception) -> str:
    """What the system or the database says, for a message."""
    if not isinstance(error, OSError) or error.strerror is None:
        return first_line(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
