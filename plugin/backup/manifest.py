"""The list of what is in a backup, and the names that may stand in it."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plugin.backup.errors import DamagedBackupError
from plugin.secrets import KEY_FILE

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database.sqlite3"
KEY = KEY_FILE
PICTURES = "pictures"
STORES = "stores"
RESCUE = "rescue"  # as `plugin.pipeline.submitting.rescue` has it

_PICTURE = re.compile(rf"{PICTURES}/([0-9a-f]{{2}})/(\1[0-9a-f]{{62}})")
_STATE = re.compile(rf"{STORES}/[a-z0-9][a-z0-9_]*(/[^/\\:.\x00-\x1f][^/\\:\x00-\x1f]*){{1,4}}")
_RESCUED = re.compile(rf"{RESCUE}/[0-9a-f]{{1,64}}-[0-9]{{1,19}}\.json")

Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Member(BaseModel):
    """One file of a backup. size: bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    size: int = Field(ge=0)
    sha256: Sha


class Manifest(BaseModel):
    """What is in a backup. source: the kind of database that it was taken from. counts: rows by table.

    data_folder: as `plugin.data_folder` knows it; None: from before there was one. missing: pictures that were not
    there to be taken although something needs them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[1]
    program: str
    revision: str
    made_at: datetime
    source: Literal["sqlite", "postgresql"]
    data_folder: str | None
    with_key: bool
    with_pictures: bool
    missing: tuple[Sha, ...]
    counts: dict[str, int]
    members: dict[str, Member]

    @property
    def pictures(self) -> int:
        return sum(name.startswith(f"{PICTURES}/") for name in self.members)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(member.size for member in self.members.values())

    @property
    def mark(self) -> str:
        """By which this backup is known among others."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """With its own SHA-256 in a line before it."""
        return f"{self.mark}\n{self.model_dump_json()}".encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Raises DamagedBackupError."""
        mark, _, text = data.partition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != mark:
            raise DamagedBackupError("its list of files is damaged")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise DamagedBackupError(
                "its list of files is not of a kind that this version knows: install a newer hebo-sync"
            ) from error


def picture_name(sha: str) -> str:
    return f"{PICTURES}/{sha[:2]}/{sha}"


def picture_in(name: str) -> str | None:
    """The SHA-256 of the picture that a member of this name must be."""
    found = _PICTURE.fullmatch(name)
    return found[2] if found else None


def is_known(name: str) -> bool:
    """Whether a file of this name may be in a backup: one place in the data folder, and none outside of it."""
    return name in (DATABASE, KEY) or picture_in(name) is not None or is_state(name) or is_rescued(name)


def is_state(name: str) -> bool:
    """Whether it is a file that a connector keeps between runs."""
    return _STATE.fullmatch(name) is not None


def is_rescued(name: str) -> bool:
    """Whether it is the id of an accepted task that the database could not take."""
    return _RESCUED.fullmatch(name) is not None
