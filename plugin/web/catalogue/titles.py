"""What packs and their shots are called in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from flask_babel import get_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.models import GenerationTask, Round
from plugin.web.context import parts
from plugin.web.phrases import Happened
from templates import PackError, PromptPack


def shot_title(pack: str, shot: str) -> str:
    """A shot's name for people; the bare name where the pack is gone."""
    found = _pack(pack)
    return next((row.title for row in found.shots if row.name == shot), shot) if found else shot


def pack_title(pack: str) -> str:
    """A pack's name for people; the bare name where it is gone."""
    found = _pack(pack)
    return found.title if found else pack


def event_titles(session: Session, events: Iterable[Happened]) -> Callable[[Happened], Mapping[str, str]]:
    """What an event's sentence calls the pack and the shot that its words name; one question for all of the events."""
    tasks = {event.data["task"] for event in events if "shot" in event.data and "task" in event.data}
    chosen = select(GenerationTask.id, Round.pack).join(Round, GenerationTask.round_id == Round.id)
    rows = session.execute(chosen.where(GenerationTask.id.in_(tasks))) if tasks else ()
    packs = {row[0]: row[1] for row in rows}

    def titles(event: Happened) -> Mapping[str, str]:
        data, found = event.data, {}
        if "pack" in data:
            found["pack"] = pack_title(data["pack"])
        if "shot" in data and data.get("task") in packs:
            found["shot"] = shot_title(packs[data["task"]], data["shot"])
        return found

    return titles


def _pack(name: str) -> PromptPack | None:
    """In the reader's language, else in the one that the pack has."""
    locale = get_locale()
    for language in dict.fromkeys((locale.language if locale else "en", "en", "zh")):
        try:
            return parts().pack(name, language)
        except PackError:
            continue
    return None
