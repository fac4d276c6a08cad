"""The image API key, where a command cannot do without."""

from __future__ import annotations

from plugin.config import ConfigError
from plugin.pipeline.parts import Parts


class NoKeyError(ConfigError):
    """There is no image API key."""


def require_key(parts: Parts) -> None:
    """Raises NoKeyError, which says where the key goes."""
    if parts.hebo is None:
        raise NoKeyError(
            "there is no image API key: set api_key under [hebo] in the configuration file, or HEBO_SYNC_HEBO_API_KEY, "
            "or HEBO_SYNC_HEBO_API_KEY_FILE (a file with the key in it). No store was read, nothing was sent or spent"
        )
