"""The options of a feed store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class FeedOptions(BaseModel):
    """Where the feed comes from and where it goes. Relative paths are relative to `Environment.base_dir`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(
        description="The feed to read, never changed (TSV, CSV, RSS or Atom in the Google Merchant Center format)."
    )
    output: Path = Field(
        description="The feed to write: the input plus the published pictures. Must be another file than the input. "
        "The picture files go beside it, into a folder named after it."
    )
    pictures_url: str | None = Field(
        default=None,
        description="The address under which the folder of picture files can be reached for good, for example "
        "https://shop.example/feed-pictures/. Without it the output names the pictures by relative path.",
    )

    @field_validator("pictures_url")
    @classmethod
    def _whole_address(cls, value: str | None) -> str | None:
        """An http(s) address without query, with one slash at its end; an empty text counts as not given."""
        if not value:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an http:// or https:// address without query, such as https://shop.example/pics/")
        return value.rstrip("/") + "/"

    @model_validator(mode="after")
    def _two_files(self) -> Self:
        """Refuses one path for both, as far as the paths alone tell; the rest is found when the files are opened."""
        if os.path.normpath(self.path) == os.path.normpath(self.output):
            raise ValueError("`output` is the same file as `path`; the input is never changed: name another output")
        return self
