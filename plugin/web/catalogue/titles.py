"""What packs and their shots are called in the reader's language."""

from __future__ import annotations

from flask_babel import get_locale

from plugin.web.context import parts
from templates import PackError, PromptPack


def shot_title(pack: str, shot: str) -> str:
    """A shot's name for people; the bare name where the pack is gone."""
    found = _pack(pack)
    return next((row.title for row in found.shots if row.name == shot), shot) if found else shot


def pack_title(pack: str) -> str:
    """A pack's name for people; the bare name where it is gone."""
    found = _pack(pack)
    return found.title if found else pack


def _pack(name: str) -> PromptPack | None:
    """In the reader's language, else in the one that the pack has."""
    locale = get_locale()
    for language in dict.fromkeys((locale.language if locale else "en", "en", "zh")):
        try:
            return parts().pack(name, language)
        except PackError:
            continue
    return None
