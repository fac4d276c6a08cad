"""The prompt-template engine: packs of shots, rendered with a product's facts. A leaf package."""

from templates.engine import (
    MAX_SHOTS,
    PackError,
    PackNotFoundError,
    Prompt,
    PromptPack,
    PromptSet,
    RenderError,
    Shot,
    load_pack,
    pack_names,
)

__all__ = [
    "MAX_SHOTS",
    "PackError",
    "PackNotFoundError",
    "Prompt",
    "PromptPack",
    "PromptSet",
    "RenderError",
    "Shot",
    "load_pack",
    "pack_names",
]
