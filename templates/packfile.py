"""A pack as its TOML file says it: one file per pack, named after it, with its texts in every language it speaks.

    version = 1                     # raise it when the pictures would come out differently
    aspect_ratio = "1:1"
    size = "1024x1024"              # optional, as is model: without them the account's settings hold
    title = { en = "…", zh = "…" }
    description = { en = "…", zh = "…" }
    intro = { en = "…", zh = "…" }  # optional: opens every prompt of the pack
    rules = { en = "…", zh = "…" }  # optional: closes every prompt of the pack

    [[scenes]]                      # optional: phrases that differ by kind of product, used as {{ scene.place }}
    words = ["mug", "杯"]           # the first scene that has a word in the product's kind, title or tags is taken;
    en = { place = "…" }            # the last scene has no words: it is for everything else
    zh = { place = "…" }

    [[shots]]                       # 1 to 8
    name = "front"
    title = { en = "…", zh = "…" }
    prompt = { en = "…", zh = "…" }
    alt = { en = "…", zh = "…" }

Version, shots and their order are one for all languages because there is only one list of them.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import ErrorDetails

from templates.errors import PackError

MAX_SHOTS = 8  # the image API takes at most 8 prompts in one task

NAME_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_SIZE_PATTERN = r"^[1-9]\d{1,4}x[1-9]\d{1,4}$"
# The image API's list (vendor document, the parameters of the batch call).
AspectRatio = Literal["1:1", "3:4", "2:3", "9:16", "4:3", "3:2", "16:9"]

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Texts = dict[str, Text]  # by language


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ShotPart(_Part):
    """One `[[shots]]` table."""

    name: Name
    title: Texts
    prompt: Texts
    alt: Texts


class ScenePart(BaseModel):
    """One `[[scenes]]` table: the words it is for, and its phrases in each language."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, Texts]
    words: list[Text] = []

    @property
    def phrases(self) -> dict[str, Texts]:
        """By language, then by name."""
        return self.__pydantic_extra__


class PackFile(_Part):
    """A whole pack file, checked."""

    version: Annotated[int, Field(ge=1)]
    aspect_ratio: AspectRatio
    size: Annotated[str, StringConstraints(pattern=_SIZE_PATTERN)] | None = None
    model: Text | None = None
    title: Texts = Field(min_length=1)
    description: Texts
    intro: Texts = {}
    rules: Texts = {}
    scenes: list[ScenePart] = []
    shots: Annotated[list[ShotPart], Field(min_length=1, max_length=MAX_SHOTS)]

    @property
    def languages(self) -> list[str]:
        """The languages of the pack, in the file's order."""
        return list(self.title)

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        repeated = [name for name, count in Counter(shot.name for shot in self.shots).items() if count > 1]
        if repeated:
            raise ValueError(f"shot {repeated[0]!r} is there twice; each shot needs a name of its own")
        for where, texts in self._texts():
            self._check_languages(where, texts)
        self._check_scenes()
        return self

    def _texts(self) -> Iterator[tuple[str, Texts]]:
        yield "description", self.description
        yield from ((key, texts) for key, texts in (("intro", self.intro), ("rules", self.rules)) if texts)
        for shot in self.shots:
            for key in ("title", "prompt", "alt"):
                yield f"shot {shot.name!r}: {key}", getattr(shot, key)

    def _check_languages(self, where: str, texts: object) -> None:
        if isinstance(texts, dict) and set(texts) != set(self.languages):
            found, wanted = ", ".join(sorted(texts)) or "none", ", ".join(sorted(self.languages))
            raise ValueError(f"{where} is in the languages {found}, but the pack's title is in {wanted}")

    def _check_scenes(self) -> None:
        if not self.scenes:
            return
        names = set(self.scenes[-1].phrases.get(self.languages[0], {}))
        for number, scene in enumerate(self.scenes, 1):
            self._check_languages(f"scene {number}", scene.phrases)
            if any(set(phrases) != names for phrases in scene.phrases.values()):
                raise ValueError(f"scene {number} must have the phrases {', '.join(sorted(names))} in each language")
            if bool(scene.words) == (number == len(self.scenes)):
                raise ValueError(f"scene {number}: every scene but the last needs words, and the last must have none")


def read_pack(file: Traversable) -> PackFile:
    """The pack that `file` holds. Raises PackError naming the file, the shot and the mistake."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackError(f"pack file {file} cannot be read: {error}") from error
    if not re.fullmatch(NAME_PATTERN, pack_name(file)):
        raise PackError(f"pack file {file}: name it with lower-case letters, digits and hyphens, as in my-pack.toml")
    try:
        return PackFile.model_validate(document)
    except ValidationError as error:
        raise PackError(f"pack file {file}: {_mistake(error.errors()[0], document)}") from error


def pack_name(file: Traversable) -> str:
    """The name of the pack in `file`."""
    return file.name.removesuffix(".toml")


def _mistake(detail: ErrorDetails, document: dict[str, object]) -> str:
    """One plain sentence for the first thing that validation found."""
    return _where(detail["loc"], document) + _what(detail, detail["loc"])


def _what(detail: ErrorDetails, path: tuple[int | str, ...]) -> str:
    key = str(path[-1]) if path else ""
    match detail["type"]:
        case "extra_forbidden":
            what = f"unknown key {key!r}{_nearest(key, ShotPart if 'shots' in path else PackFile)}"
        case "missing":
            what = f"the key {key!r} is missing"
        case "too_long":
            what = f"it has more than {MAX_SHOTS} shots; the image API takes at most {MAX_SHOTS} in one task"
        case "too_short" if key == "shots":
            what = "it has no shots"
        case "literal_error":
            what = f"{key} is {detail['input']!r}; it must be one of {', '.join(get_args(AspectRatio))}"
        case "value_error":
            what = str(detail["ctx"]["error"])
        case _:
            what = f"{key} is {detail['input']!r}: {detail['msg'].lower()}"
    return what


def _where(path: tuple[int | str, ...], document: dict[str, object]) -> str:
    """ "shot 'front': " for what is inside a shot, "scene 2: " for what is inside a scene, else ""."""
    if len(path) < 2 or path[0] not in ("shots", "scenes"):
        return ""
    tables, index = document[str(path[0])], path[1]
    table = tables[index] if isinstance(tables, list) and isinstance(index, int) else None
    name = table.get("name") if isinstance(table, dict) else None
    number = index + 1 if isinstance(index, int) else index
    return f"{str(path[0])[:-1]} {repr(name) if isinstance(name, str) else number}: "


def _nearest(key: str, part: type[BaseModel]) -> str:
    close = difflib.get_close_matches(key, part.model_fields, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(part.model_fields)}"
