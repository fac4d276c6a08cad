"""Packs of shots, and how a product's facts become the prompts of one image task."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError

from templates.clean import clean_facts, shorten
from templates.errors import PackError, PackNotFoundError, RenderError
from templates.language import Options, PromptEnvironment, problem_of, render
from templates.packfile import MAX_SHOTS, PackFile, ScenePart, ShotPart, pack_name, read_pack

__all__ = [
    "ALT_LIMIT",
    "MAX_SHOTS",
    "PROMPT_LIMIT",
    "PackError",
    "PackNotFoundError",
    "Prompt",
    "PromptPack",
    "PromptSet",
    "RenderError",
    "Scene",
    "Shot",
    "load_pack",
    "pack_names",
]

PROMPT_LIMIT = 2_000  # characters
ALT_LIMIT = 125  # what screen readers read in one go; Shopify's own limit is 512

# A pack is tried with these on loading: everything filled in, and nothing but a title.
_SAMPLES: tuple[dict[str, Any], ...] = (
    {
        "title": "Stoneware mug",
        "description": "Hand-glazed, 350 ml.",
        "vendor": "Hebo",
        "kind": "Home > Kitchen > Mugs",
        "tags": ["handmade", "gift"],
        "options": {"Color": "Blue", "Size": "M"},
        "price": "18.00",
        "currency": "EUR",
    },
    {"title": "Stoneware mug"},
)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a pack. `prompt` and `alt` are template sources."""

    name: str
    title: str
    prompt: str
    alt: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Phrases for products with one of `words` in their kind, title or tags; without words, for all others."""

    words: tuple[str, ...]
    phrases: Mapping[str, str]
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pattern = "|".join(_word_pattern(word) for word in self.words)
        object.__setattr__(self, "_pattern", re.compile(pattern, re.IGNORECASE))

    def suits(self, text: str) -> bool:
        """Whether `text` has one of the words. Words of Latin letters count as whole words, also with -s or -es."""
        return bool(self.words) and self._pattern.search(text) is not None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked of the image API for one shot, and the alternative text of the picture it makes."""

    shot: str
    text: str
    alt: str


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The prompts of one product, in the order of the pack's shots."""

    pack: str
    version: int
    language: str
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True)
class PromptPack:
    """A pack in one language. Its identity is its name: version and shots are the same in every language.

    `size` and `model` are None where the account's settings hold. Raises RenderError when a template is not
    in the prompt language.
    """

    name: str
    version: int
    language: str
    title: str
    description: str
    aspect_ratio: str
    shots: tuple[Shot, ...]
    size: str | None = None
    model: str | None = None
    scenes: tuple[Scene, ...] = ()
    _templates: tuple[tuple[Template, Template], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        environment = PromptEnvironment()
        compiled = tuple(_compiled(environment, self.name, shot) for shot in self.shots)
        object.__setattr__(self, "_templates", compiled)

    def render(self, facts: Mapping[str, Any]) -> PromptSet:
        """The prompts for a product.

        facts: title, description, vendor, kind, tags (list), options (dict), price, currency; all but the title
        may be missing. They are cleaned here. A text is at most PROMPT_LIMIT characters, an alt text at most
        ALT_LIMIT. Raises RenderError when the title is empty or a template fails.
        """
        values = clean_facts(facts)
        if not values["title"]:
            raise RenderError(self.name, "", "the product has no title; give it one in the store")
        values["options"] = Options(values["options"])
        if self.scenes:
            values["scene"] = self._scene_for(values).phrases
        prompts = tuple(self._prompt(number, values) for number in range(len(self.shots)))
        return PromptSet(self.name, self.version, self.language, prompts)

    def _scene_for(self, values: Mapping[str, Any]) -> Scene:
        # A kind is often a path ("Home & Garden > Kitchen > Mugs"): its end says most.
        kind = values["kind"]
        for text in (re.split(r"[>/|]", kind)[-1], values["title"], kind, " ".join(values["tags"])):
            for scene in self.scenes:
                if scene.suits(text):
                    return scene
        return self.scenes[-1]

    def _prompt(self, number: int, values: Mapping[str, Any]) -> Prompt:
        shot, (prompt, alt) = self.shots[number], self._templates[number]
        text = self._text(shot, "prompt", prompt, values)
        alt_text = " ".join(self._text(shot, "alt", alt, values).split())
        return Prompt(shot.name, shorten(text, PROMPT_LIMIT), shorten(alt_text, ALT_LIMIT))

    def _text(self, shot: Shot, part: str, template: Template, values: Mapping[str, Any]) -> str:
        try:
            text = render(template, values)
        except (TemplateError, TypeError) as error:
            raise RenderError(self.name, shot.name, f"the {part} fails: {problem_of(error)}") from error
        if not text:
            raise RenderError(self.name, shot.name, f"the {part} came out empty")
        return text


def load_pack(name: str, language: str, folders: Sequence[Path] = ()) -> PromptPack:
    """The pack `name` in `language` ("en", "zh"; "zh-CN" finds "zh"), fully checked by rendering it once.

    folders: the operator's own pack folders; the first that has the pack wins, the built-in ones come last.
    Raises PackNotFoundError naming the nearest known pack, and PackError naming the file, the shot and the mistake.
    """
    found = _pack_files(folders)
    if name not in found:
        raise PackNotFoundError(f"there is no prompt pack {name!r}; {_suggestion(name, sorted(found))}")
    file = found[name]
    parsed = read_pack(file)
    try:
        pack = _in_language(parsed, name, _language_in(parsed, name, language))
        _try_out(pack)
    except RenderError as error:
        raise PackError(f"pack file {file}: {f'shot {error.shot!r}: ' if error.shot else ''}{error.reason}") from error
    return pack


def pack_names(folders: Sequence[Path] = (), language: str = "en") -> dict[str, str]:
    """Name and title of every pack, by name; the title in `language`, or else in the pack's first one.

    Raises PackError when a pack file or a folder cannot be read.
    """
    titles = {name: read_pack(file).title for name, file in sorted(_pack_files(folders).items())}
    return {name: _title_in(title, language) for name, title in titles.items()}


def _title_in(titles: Mapping[str, str], language: str) -> str:
    return titles.get(language) or titles.get(_base(language)) or next(iter(titles.values()))


def _pack_files(folders: Sequence[Path]) -> dict[str, Traversable]:
    """Every known pack's file by name; an earlier folder hides a later one's pack of the same name."""
    found: dict[str, Traversable] = {}
    for folder in (*folders, files("templates") / "packs"):
        for file in _toml_files(folder):
            found.setdefault(pack_name(file), file)
    return found


def _toml_files(folder: Traversable) -> Iterator[Traversable]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise PackError(f"the pack folder {folder} cannot be read: {error.strerror}") from error
    return (entry for entry in entries if entry.name.endswith(".toml") and entry.is_file())


def _suggestion(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def _base(language: str) -> str:
    return re.split(r"[-_]", language.lower())[0]


def _language_in(parsed: PackFile, name: str, language: str) -> str:
    for candidate in (language, _base(language)):
        if candidate in parsed.languages:
            return candidate
    known = ", ".join(parsed.languages)
    raise PackNotFoundError(f"prompt pack {name!r} is not in language {language!r}; it is in {known}")


def _in_language(parsed: PackFile, name: str, language: str) -> PromptPack:
    return PromptPack(
        name=name,
        version=parsed.version,
        language=language,
        title=parsed.title[language],
        description=parsed.description[language],
        aspect_ratio=parsed.aspect_ratio,
        shots=tuple(_shot(parsed, shot, language) for shot in parsed.shots),
        size=parsed.size,
        model=parsed.model,
        scenes=tuple(_scene(scene, language) for scene in parsed.scenes),
    )


def _shot(parsed: PackFile, shot: ShotPart, language: str) -> Shot:
    parts = (parsed.intro.get(language), shot.prompt[language], parsed.rules.get(language))
    prompt = "\n".join(part for part in parts if part)
    return Shot(shot.name, shot.title[language], prompt, shot.alt[language])


def _scene(scene: ScenePart, language: str) -> Scene:
    return Scene(tuple(scene.words), scene.phrases[language])


def _word_pattern(word: str) -> str:
    # Chinese is written without spaces: a word is found anywhere in the text.
    return rf"\b{re.escape(word)}(?:e?s)?\b" if word.isascii() else re.escape(word)


def _compiled(environment: PromptEnvironment, pack: str, shot: Shot) -> tuple[Template, Template]:
    compiled = []
    for part, source in (("prompt", shot.prompt), ("alt", shot.alt)):
        try:
            compiled.append(environment.compiled(source))
        except TemplateError as error:
            raise RenderError(pack, shot.name, f"the {part} is not a valid template: {problem_of(error)}") from error
    return compiled[0], compiled[1]


def _try_out(pack: PromptPack) -> None:
    """Render with everything and with nothing but a title, for each scene, so that every branch is met."""
    for facts in _SAMPLES:
        pack.render(facts)
        for scene in pack.scenes:
            if scene.words:
                pack.render(facts | {"kind": scene.words[0]})
