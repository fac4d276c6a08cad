"""Which kinds of store there are: found by entry point, so that a fourth platform is another distribution.

An entry point of the group `hebo_sync.connectors` names a `ConnectorKind`:

    [project.entry-points."hebo_sync.connectors"]
    feed = "connectors.feed:KIND"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel

from connectors.types import Connector, Environment

GROUP = "hebo_sync.connectors"


@dataclass(frozen=True, slots=True)
class ConnectorKind:
    """One platform: its name, the typed options of a store of it, and how to open one.

    `options` is a frozen pydantic model with `extra="forbid"`; secrets in it are `SecretStr`, and every field
    has a description, since the settings page and the documentation show it. `place` names the options that say
    where the store is: while they stay, other options lead to the same listings. None named: every option that is a
    text or a path and no secret.
    """

    name: str
    title: str
    options: type[BaseModel]
    open: Callable[[Any, Environment], Connector]
    place: tuple[str, ...] = ()


@cache
def kinds() -> Mapping[str, ConnectorKind]:
    """Every installed kind of store by name. Raises TypeError if an entry point is not a ConnectorKind."""
    found: dict[str, ConnectorKind] = {}
    for entry in entry_points(group=GROUP):
        kind = entry.load()
        if not isinstance(kind, ConnectorKind):
            raise TypeError(f"entry point {entry.name!r} of {GROUP} is not a ConnectorKind")
        found[kind.name] = kind
    return found
