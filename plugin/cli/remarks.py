"""What a reviewer should know of a picture."""

from __future__ import annotations

from collections.abc import Mapping

from plugin.pipeline.views import ImageView

# What the codes of `plugin.pictures.warnings` mean.
WARNINGS: Mapping[str, str] = {
    "direction": "not in the ratio that was asked for",
    "small": "smaller than was asked for",
    "blank": "nearly one colour",
    "same-as-reference": "looks like the picture it was made from",
}


def remarks(row: ImageView) -> list[str]:
    """What a reviewer should know of a picture."""
    unknown = [] if row.prompt_known else ["it is not known which prompt made it"]
    return [*(WARNINGS.get(code, code) for code in row.warnings), *unknown, *([row.error] if row.error else [])]
