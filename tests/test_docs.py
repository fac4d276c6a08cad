"""config.example.toml shows every setting, with its help line, and may be used as it is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from connectors import kinds
from plugin.config import Settings, load_settings
from plugin.config.load import SECTIONS
from plugin.config.stores import COMMON
from plugin.config.tables import is_secret

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
SETTING = re.compile(r"^#?([a-z_]+) = ", re.MULTILINE)
FIELDS = {(section, key): info for section, model in SECTIONS.items() for key, info in model.model_fields.items()}


def blocks(text: str) -> Iterable[tuple[str, str]]:
    """Each section heading's name with the lines up to the next heading, of switched-off sections too."""
    parts = re.split(r"^(?:# )?\[+([a-z]+)\]+\n", text, flags=re.MULTILINE)
    return zip(parts[1::2], parts[2::2], strict=True)


def documented(block: str) -> dict[str, str]:
    """Each setting of a block with the comment above it, as one line."""
    help_lines: dict[str, str] = {}
    for paragraph in block.split("\n\n"):
        comment = " ".join(re.findall(r"^# (.*)$", paragraph, re.MULTILINE))
        help_lines |= dict.fromkeys(SETTING.findall(paragraph), comment)
    return help_lines


def undocumented(fields: Iterable[tuple[str, FieldInfo]], block: str) -> list[str]:
    found = documented(block)
    return [key for key, info in fields if not info.description or info.description not in found.get(key, "")]


def switched_on(text: str) -> str:
    return re.sub(r"^#(?=[a-z_]+ = )|^# (?=\[)", "", text, flags=re.MULTILINE)


def store_blocks() -> dict[str, str]:
    """The lines of each kind's example of a store."""
    stores = [block for section, block in blocks(EXAMPLE.read_text()) if section == "stores"]
    return {kind: block for kind in kinds() for block in stores if f'kind = "{kind}"' in block}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_shown_with_its_help_line(section: str) -> None:
    block = dict(blocks(EXAMPLE.read_text()))[section]
    assert undocumented(SECTIONS[section].model_fields.items(), block) == []
    assert documented(block).keys() == SECTIONS[section].model_fields.keys()


def test_every_store_setting_is_shown_with_its_help_line() -> None:
    first = next(block for section, block in blocks(EXAMPLE.read_text()) if section == "stores")
    assert undocumented(COMMON.items(), first) == []
    shown = store_blocks()
    missing = {kind: undocumented(kinds()[kind].options.model_fields.items(), shown.get(kind, "")) for kind in kinds()}
    assert missing == {kind: [] for kind in kinds()}


def test_the_example_of_a_kind_shows_nothing_else() -> None:
    shown = {kind: documented(block).keys() for kind, block in store_blocks().items()}
    assert {kind: keys - kinds()[kind].options.model_fields.keys() - COMMON.keys() for kind, keys in shown.items()} == {
        kind: set() for kind in kinds()
    }


def marked_as_secret(block: str) -> set[str]:
    return {key for key, text in documented(block).items() if "(secret" in text}


def test_every_secret_of_a_store_is_marked() -> None:
    fields = {name: kind.options.model_fields for name, kind in kinds().items()}
    secrets = {name: {key for key, info in infos.items() if is_secret(info)} for name, infos in fields.items()}
    assert {name: marked_as_secret(block) for name, block in store_blocks().items()} == secrets
    assert any(secrets.values())


def test_no_kind_of_store_takes_a_common_word_for_its_own() -> None:
    taken = {kind.name: kind.options.model_fields.keys() & {*COMMON, "options"} for kind in kinds().values()}
    assert taken == {name: set() for name in kinds()}


def test_a_setting_without_its_line_would_be_noticed() -> None:
    fields = SECTIONS["server"].model_fields
    block = "# Address on which the pages listen.\n#host = 1\n\n# Another text.\n#port = 1\n"
    assert undocumented(fields.items(), block) == ["port", "public_url", "threads"]


def test_the_example_loads_with_its_first_store_alone() -> None:
    settings = load_settings(EXAMPLE, {})
    assert settings.base_dir == EXAMPLE.parent
    assert [store.kind for store in settings.stores] == ["feed"]


def test_the_example_loads_with_everything_switched_on(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(switched_on(EXAMPLE.read_text()))
    settings = load_settings(file, {})
    assert settings.app.public_url == "https://pictures.example.com"
    assert settings.database == Settings(base_dir=tmp_path).database
    assert {store.kind for store in settings.stores} == set(kinds())


@pytest.mark.parametrize("kind", kinds())
def test_the_example_of_a_kind_shows_its_defaults(kind: str) -> None:
    shown = tomllib.loads(switched_on(store_blocks()[kind]))
    model = kinds()[kind].options
    options = model(**{key: shown[key] for key in model.model_fields})
    defaults = {key: info.default for key, info in model.model_fields.items() if info.default is not None}
    given = {key: value for key, value in defaults.items() if not model.model_fields[key].is_required()}
    assert {key: getattr(options, key) for key in given} == given


@pytest.mark.parametrize(("section", "key"), FIELDS)
def test_the_example_shows_the_defaults(section: str, key: str) -> None:
    default = FIELDS[section, key].default
    shown = tomllib.loads(switched_on(EXAMPLE.read_text()))[section][key]
    if default not in (None, ""):  # else there is no default to show, but an example
        assert getattr(SECTIONS[section](**{key: shown}), key) == default
