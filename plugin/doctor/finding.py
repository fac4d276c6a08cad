"""What a check gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """error: it does not work, or a person must act. warning: worth a look."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it ("": nothing). notes: what else is good to know.

    meaning: what follows from it, and what hebo-sync does meanwhile; "": the message says it all.
    """

    check: str
    level: Level
    message: str
    advice: str = ""
    notes: tuple[str, ...] = ()
    meaning: str = ""


def ok(check: str, message: str, notes: tuple[str, ...] = ()) -> Finding:
    return Finding(check, Level.OK, message, notes=notes)


def warning(check: str, message: str, advice: str, meaning: str = "") -> Finding:
    return Finding(check, Level.WARNING, message, advice, meaning=meaning)


def error(check: str, message: str, advice: str, meaning: str = "") -> Finding:
    return Finding(check, Level.ERROR, message, advice, meaning=meaning)
