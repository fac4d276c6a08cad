"""Secrets that were typed into a form which came back: they go along with it, sealed, and need not be typed again.

What stands in the page is encrypted with the program's own key, and good for an hour, for whoever typed it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import g

from plugin.pipeline.parts import Parts
from plugin.secrets import DecryptError

GOOD_FOR = timedelta(hours=1)


def seal(now: Parts, kind: str, secrets: Mapping[str, str]) -> str:
    """secrets: by the names of the kind's settings. Gives what a hidden input can hold; "" where there are none."""
    if not secrets:
        return ""
    return now.keys.encrypt(json.dumps({"typed": _about(kind), "at": now.clock.now().isoformat(), "secrets": secrets}))


def unseal(now: Parts, kind: str, sealed: str) -> Mapping[str, str]:
    """What was sealed; nothing, where it was not sealed here, for this kind and this person, in the last hour."""
    try:
        found: dict[str, Any] = json.loads(now.keys.decrypt(sealed)) if sealed.isascii() and sealed else {}
    except DecryptError:
        return {}
    if found.get("typed") != _about(kind):  # another token of ours: a stored secret must never come out of it
        return {}
    age = now.clock.now() - datetime.fromisoformat(found["at"])
    secrets: dict[str, str] = found["secrets"]
    return secrets if timedelta(0) <= age <= GOOD_FOR else {}


def _about(kind: str) -> list[str]:
    return [kind, g.identity.name]
