"""prompts: the packs, and checking a file."""

from __future__ import annotations

import re

from tests.plugin.cli.home import Home

PACK = """\
version = 1
aspect_ratio = "1:1"
title = { en = "Mine", zh = "我的" }
description = { en = "One shot.", zh = "一张。" }

[[shots]]
name = "front"
title = { en = "Front", zh = "正面" }
prompt = { en = "{{ title }} from the front", zh = "{{ title }}正面" }
alt = { en = "{{ title }}", zh = "{{ title }}" }
"""


def test_the_list_has_the_built_in_packs_and_ones_own(fresh: Home) -> None:
    names = [row["name"] for row in fresh("prompts", "list", "--json").json]
    assert names == ["detail-scale", "lifestyle", "main-image", "seasonal-poster"]
    (fresh.folder / "packs").mkdir()
    (fresh.folder / "packs" / "mine.toml").write_text(PACK)
    english = re.sub(r", zh = \"[^\"]*\"", "", PACK)
    (fresh.folder / "packs" / "english.toml").write_text(english)
    fresh.edit("[app]", '[app]\npack_folders = ["packs"]')
    fresh.edit("[app]", '[app]\nlanguage = "zh"')
    table = fresh("prompts", "list").out
    assert "我的" in table
    assert "not in language 'zh'" in table


def test_show_has_the_shots(fresh: Home) -> None:
    text = fresh("prompts", "show", "main-image").out
    assert "studio-gradient" in text
    pack = fresh("prompts", "show", "main-image", "--language", "zh", "--json").json
    assert (pack["language"], len(pack["shots"])) == ("zh", 8)


def test_a_sample_is_rendered(fresh: Home) -> None:
    prompts = fresh("prompts", "show", "lifestyle", "--sample", "--json").json["prompts"]
    assert len(prompts) == 8
    assert all("Tidal stoneware mug" in prompt["text"] for prompt in prompts)


def test_an_unknown_pack_names_the_nearest(fresh: Home) -> None:
    called = fresh("prompts", "show", "main-imag")
    assert called.code == 2
    assert "did you mean 'main-image'" in called.err
    called = fresh("prompts", "show", "main-image", "--language", "fr")
    assert called.code == 2
    assert "it is in en, zh" in called.err


def test_a_good_file_is_good_in_every_language(fresh: Home) -> None:
    file = fresh.folder / "mine.toml"
    file.write_text(PACK)
    called = fresh("prompts", "check", file)
    assert (called.code, called.out) == (0, f"{file}: good, 1 shots in en, zh\n")
    assert f"add its folder to app.pack_folders: {fresh.folder}" in called.err


def test_a_mistake_is_told_with_file_and_shot(fresh: Home) -> None:
    file = fresh.folder / "mine.toml"
    file.write_text(PACK.replace("{{ title }}正面", "{{ titel }}正面"))
    called = fresh("prompts", "check", file)
    assert called.code == 2
    assert str(file) in called.err
    assert "shot 'front'" in called.err
    assert fresh("prompts", "check", fresh.folder / "none.toml").code == 2
    assert fresh("prompts", "check", fresh.folder / "feed.tsv").code == 2
