"""Health: what is not well in the running program, as it is shown on the pages and at /healthz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Health:
    """What is not well, by part ("scheduler", "database", "disk"): a sentence each; empty: all is well."""

    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return not self.problems
