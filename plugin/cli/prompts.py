"""hebo-sync prompts: the prompt packs, and checking one of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from plugin.cli.context import Context, json_option, note, pass_context, print_json, print_table
from plugin.cli.lookup import BadUsageError
from plugin.cli.products import show_prompt_set
from plugin.config import Settings
from templates import PackNotFoundError, PromptPack, load_pack, pack_names
from templates.packfile import read_pack

SAMPLE: dict[str, Any] = {
    "title": "Tidal stoneware mug, 350 ml",
    "description": "Hand-thrown stoneware mug with a deep sea-blue glaze over a raw cream foot. Dishwasher safe.",
    "vendor": "Hebo",
    "kind": "Home & Garden > Kitchen > Mugs",
    "tags": ["handmade", "gift"],
    "options": {"Color": "Sea blue"},
    "price": "24.00",
    "currency": "EUR",
}


@click.group()
def prompts() -> None:
    """Prompt packs: up to 8 shots each, written with a product's facts."""


@prompts.command("list")
@json_option
@pass_context
def list_packs(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Every pack, the built-in ones and those in app.pack_folders."""
    settings = context.settings()
    titles = pack_names(settings.app.pack_folders, settings.app.language)
    packs = {name: _in_language(settings, name) for name in titles}
    if as_json:
        print_json([_facts(pack) if pack else {"name": name, "title": titles[name]} for name, pack in packs.items()])
        return
    rows = [(name, titles[name], *_summary(pack, settings.app.language)) for name, pack in packs.items()]
    print_table(("pack", "title", "version", "shots", "ratio"), rows, empty="no packs")


def _in_language(settings: Settings, name: str) -> PromptPack | None:
    """The pack in the app's language; None where it does not speak it. Raises PackError."""
    try:
        return load_pack(name, settings.app.language, settings.app.pack_folders)
    except PackNotFoundError:
        return None


def _summary(pack: PromptPack | None, language: str) -> tuple[object, ...]:
    if pack is None:
        return ("", "", f"not in language {language!r}")
    return (pack.version, len(pack.shots), pack.aspect_ratio)


def _facts(pack: PromptPack) -> dict[str, Any]:
    return {
        "name": pack.name,
        "title": pack.title,
        "description": pack.description,
        "version": pack.version,
        "language": pack.language,
        "aspect_ratio": pack.aspect_ratio,
        "size": pack.size,
        "model": pack.model,
        "shots": [{"name": shot.name, "title": shot.title} for shot in pack.shots],
    }


@prompts.command("show")
@click.argument("pack", metavar="PACK")
@click.option("--language", metavar="CODE", help="en or zh; default: the app's.")
@click.option("--sample", is_flag=True, help="Print the prompts as a sample product's facts make them.")
@json_option
@pass_context
def show_pack(context: Context, pack: str, language: str | None, sample: bool, as_json: bool) -> None:  # noqa: FBT001
    """One pack and its shots. `products prompts ID --pack PACK` renders it with a real product's facts."""
    settings = context.settings()
    loaded = load_pack(pack, language or settings.app.language, settings.app.pack_folders)
    if sample:
        show_prompt_set(loaded.render(SAMPLE), as_json=as_json)
        return
    if as_json:
        print_json(_facts(loaded))
        return
    click.echo(f"{loaded.name}: {loaded.title}, version {loaded.version}, {loaded.aspect_ratio}, {loaded.language}")
    click.echo(f"{loaded.description}\n")
    rows = [(number, shot.name, shot.title) for number, shot in enumerate(loaded.shots, 1)]
    print_table(("", "shot", "title"), rows, empty="no shots")


@prompts.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_context
def check_pack(context: Context, file: Path) -> None:
    """Check a pack file of your own, in every language that it speaks. Exit 2 if it cannot be used."""
    if file.suffix != ".toml":
        raise BadUsageError(f"{file}: a pack is a .toml file, named after the pack, such as my-pack.toml")
    folder = file.resolve().parent
    languages = read_pack(file).languages
    packs = [load_pack(file.stem, language, [folder]) for language in languages]
    click.echo(f"{file}: good, {len(packs[0].shots)} shots in {', '.join(languages)}")
    if folder not in context.settings().app.pack_folders:
        note(f"to use it, add its folder to app.pack_folders: {folder}")
