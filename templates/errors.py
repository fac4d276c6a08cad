"""What can go wrong with packs.

PackError                 a pack file is wrong: the file, the shot and the mistake
└── PackNotFoundError     no pack of that name, or none in that language
RenderError               one product's facts cannot be made into prompts
"""

from __future__ import annotations


class PackError(Exception):
    """A pack file cannot be used. The message names the file, the shot (if it is about one) and the mistake."""


class PackNotFoundError(PackError):
    """No pack has the asked name or language. The message names the nearest known one."""


class RenderError(Exception):
    """A product could not be made into prompts; `pack`, `shot` ("": all shots) and `reason` say why."""

    def __init__(self, pack: str, shot: str, reason: str):
        super().__init__(f"prompt pack {pack!r}{f', shot {shot!r}' if shot else ''}: {reason}")
        self.pack = pack
        self.shot = shot
        self.reason = reason
