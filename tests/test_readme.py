"""What the READMEs name is really there: commands, make targets, settings, files; both languages say the same."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from itertools import takewhile
from pathlib import Path

import click
import pytest

from connectors import kinds
from connectors.feed.product import LABELS, OPTIONS
from plugin.cli.group import cli
from plugin.config import load_settings
from plugin.config.load import SECTIONS
from plugin.config.stores import COMMON
from plugin.pipeline.run import Report
from plugin.sandbox.hebo.faults import fault_from_text
from plugin.sandbox.shopify.faults import fault_from_text as shopify_fault_from_text
from plugin.sandbox.woocommerce.faults import fault_from_text as woo_fault_from_text
from templates import load_pack

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
PAGES = (*READMES, *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))))
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FAULT = re.compile(r"`((?:submit|poll|retry|quota|result):[a-z0-9_=:.]+)`")
SETTING_LINE = re.compile(r"`([a-z_]+) = [^`]+`")
SHOPIFY, WOOCOMMERCE = "docs/shopify.md", "docs/woocommerce.md"
STORE_FAULTS = {SHOPIFY: shopify_fault_from_text, WOOCOMMERCE: woo_fault_from_text}
EXAMPLES = [("README.md", 5), ("README.zh-CN.md", 5), (SHOPIFY, 1), (WOOCOMMERCE, 1)]
VARIABLE = re.compile(r"HEBO_SYNC_[A-Z_]+\b")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return [body for _, found, body in FENCE.findall(text_of(page)) if found == language]


def code(page: str) -> Iterator[str]:
    """Every line of a shell block and every piece of inline code."""
    for block in blocks(page, "sh") + blocks(page, "text"):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text_of(page)))


def named(page: str, program: str) -> list[list[str]]:
    """The words behind each mention of the program, as a shell would split them."""
    parts = (part.strip() for line in code(page) for part in line.split("&&"))
    found = (re.search(rf"^(?:\S*/)?{program}( .*)?$", part) for part in parts)
    return [shlex.split(match[1] or "", comments=True) for match in found if match]


def subcommands(group: click.Group) -> dict[str, click.Command]:
    """The commands of a group by name, also where it imports them only when asked."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def problem_of(words: list[str]) -> str:
    """What is wrong with the words of a `hebo-sync` command; empty if every command and option is there."""
    at: click.Command = cli
    for word in takewhile(lambda word: not word.startswith((">", "2>")), words):
        if word.startswith("-"):
            if word.split("=")[0] not in {
                name for option in at.params for name in (*option.opts, *option.secondary_opts)
            }:
                return f"{at.name} has no option {word}"
        elif isinstance(at, click.Group):
            below = subcommands(at).get(word)
            if below is None:
                return f"{at.name} has no command {word}"
            at = below
    return ""


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_exists(page: str) -> None:
    commands = named(page, "hebo-sync")
    assert [problem for words in commands if (problem := problem_of(words))] == []
    assert commands or page == "docs/connectors.md"


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    assert problem_of(["runn"])
    assert problem_of(["run", "--until-idel"])
    assert problem_of(["images", "aprove", "17"])


@pytest.mark.parametrize("page", READMES)
def test_every_command_of_the_program_is_named(page: str) -> None:
    assert {words[0] for words in named(page, "hebo-sync") if words} >= subcommands(cli).keys()


@pytest.mark.parametrize("page", READMES)
def test_the_table_names_the_subcommands(page: str) -> None:
    rows = re.findall(r"^\| `hebo-sync (\w+)` \| (.*) \|$", text_of(page), re.MULTILINE)
    groups = {name: command for name, command in subcommands(cli).items() if isinstance(command, click.Group)}
    told = {name: set(re.findall(r"`([a-z]+)`", cell)) for name, cell in rows if name in groups}
    assert told == {name: set(subcommands(group)) for name, group in groups.items()}


@pytest.mark.parametrize("page", READMES)
def test_every_make_target_that_is_named_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    words = [words for words in named(page, "make") if words]
    assert {first for first, *_ in words} <= targets
    variables = {word.split("=")[0] for _, *rest in words for word in rest}
    variables |= set(re.findall(r"\b([A-Z]+_ARGS)=", text_of(page)))
    assert variables <= set(re.findall(r"^([A-Z_]+) =", text_of("Makefile"), re.MULTILINE))


@pytest.mark.parametrize(("page", "count"), EXAMPLES)
def test_every_configuration_example_loads(page: str, count: int, tmp_path: Path) -> None:
    examples = blocks(page, "toml")
    assert len(examples) == count
    for number, example in enumerate(examples):
        file = tmp_path / f"{number}.toml"
        file.write_text(example, encoding="utf-8")
        assert load_settings(file, {}).base_dir == tmp_path.resolve()


def settings() -> set[str]:
    """Every key that may stand in a configuration file."""
    sections = (model.model_fields for model in SECTIONS.values())
    return set(COMMON).union(*sections, *(kind.options.model_fields for kind in kinds().values()))


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_is_named_exists(page: str) -> None:
    assert set(SETTING_LINE.findall(text_of(page))) <= settings()
    assert set(re.findall(r"`\[([a-z]+)\]`", text_of(page))) <= {*SECTIONS, "intro"}


@pytest.mark.parametrize("page", READMES)
def test_every_name_with_an_underscore_is_a_setting_a_column_or_a_key_of_the_report(page: str) -> None:
    columns = {"image_link", "additional_image_link", "product_type", "google_product_category", "item_group_id"}
    columns |= {"sales_rank"}
    report = {field.name for field in fields(Report)}
    named = set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", FENCE.sub("", text_of(page))))
    assert named <= {*settings(), *columns, *report, *OPTIONS, *LABELS}
    assert set(OPTIONS) <= set(re.findall(r"`([a-z_]+)`", text_of(page)))


@pytest.mark.parametrize("page", READMES)
def test_every_key_of_the_report_is_explained_and_shown(page: str) -> None:
    explained = set(re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\| (`.*?) \|", text_of(page), re.MULTILINE))))
    (shown,) = blocks(page, "json")
    names = [field.name for field in fields(Report)]
    assert set(names) <= explained
    assert list(json.loads(shown)) == names


def example_of(name: str, tmp_path: Path) -> str:
    """A value that the setting of a variable takes; for one that ends in _FILE a file with it."""
    values = {"PAUSED": "true", "BUDGET": "100", "URL": "postgresql://hebo@localhost/hebo", "SECRET": "cs_1"}
    words = name.removesuffix("_FILE").split("_")
    value = "ck_1" if "CONSUMER_KEY" in name else values.get(words[-1], "word")
    if not name.endswith("_FILE"):
        return value
    file = tmp_path / name
    file.write_text(value, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(("page", "least"), [("README.md", 7), ("README.zh-CN.md", 7), (SHOPIFY, 2), (WOOCOMMERCE, 3)])
def test_every_variable_that_is_named_is_understood(page: str, least: int, tmp_path: Path) -> None:
    stores = "\n".join(block for block in blocks("README.md", "toml") if "[[stores]]" in block)
    (tmp_path / "config.toml").write_text(stores, encoding="utf-8")
    names = {name for name in VARIABLE.findall(text_of(page)) if not name.endswith("_")} - {"HEBO_SYNC_CONFIG"}
    for name in names:
        load_settings(tmp_path / "config.toml", {name: example_of(name, tmp_path)})
    assert len(names) >= least


@pytest.mark.parametrize("page", READMES)
def test_every_pack_and_fault_that_is_named_exists(page: str) -> None:
    packs = {file.stem for file in (ROOT / "templates/packs").glob("*.toml")}
    assert packs <= set(re.findall(r"`([a-z-]+)`", text_of(page)))
    faults = FAULT.findall(text_of(page))
    assert [fault_from_text(fault).call for fault in faults] == [fault.split(":")[0] for fault in faults]
    assert faults


@pytest.mark.parametrize("page", STORE_FAULTS)
def test_every_fault_of_a_sandbox_store_that_is_named_exists(page: str) -> None:
    named = re.findall(r"^\| `([a-z_]+:\S+)` \|", text_of(page), re.MULTILINE)
    assert [STORE_FAULTS[page](fault).call for fault in named] == [fault.split(":")[0] for fault in named]
    assert len(named) >= 5


def test_the_pack_that_is_shown_works(tmp_path: Path) -> None:
    whole, scenes = blocks("docs/packs.md", "toml")
    (tmp_path / "my-pack.toml").write_text(f"{whole}\n{scenes}", encoding="utf-8")
    for language in ("en", "zh"):
        assert load_pack("my-pack", language, [tmp_path]).render({"title": "Mug"}).prompts


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    for link in LINK.findall(FENCE.sub("", text_of(page))):
        file, _, anchor = link.partition("#")
        assert "://" not in link
        assert (ROOT / page).parent.joinpath(file).is_file(), link
        headings = re.findall(r"^#+ (.*)$", text_of(str(Path(page).parent / file)), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_both_languages_have_the_same_structure() -> None:
    shapes = [re.findall(r"^(#+ |```\w*$|\| `[^`]+`)", text_of(page), re.MULTILINE) for page in READMES]
    assert shapes[0] == shapes[1]


def test_both_languages_show_the_same_data() -> None:
    one, other = ([*blocks(page, "json"), blocks(page, "text")[0]] for page in READMES)
    assert one == other
    one, other = ([*blocks(page, "sh"), *blocks(page, "toml")] for page in READMES)
    assert [re.sub(r" *#.*", "", block) for block in one] == [re.sub(r" *#.*", "", block) for block in other]


@pytest.mark.parametrize("page", READMES)
def test_the_states_are_those_of_the_program(page: str) -> None:
    diagram = next(block for block in blocks(page, "text") if block.startswith("task "))
    for line in diagram.splitlines():
        assert line in text_of("plugin/states.py")
