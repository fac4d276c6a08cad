"""Packs as operators write them: what is read, what is refused, what comes out."""

from __future__ import annotations

import dataclasses
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import (
    MAX_SHOTS,
    PackError,
    PackNotFoundError,
    Prompt,
    PromptPack,
    RenderError,
    Shot,
    load_pack,
    pack_names,
)
from templates.clean import clean_text
from templates.engine import ALT_LIMIT, PROMPT_LIMIT

HEAD = """
version = 3
aspect_ratio = "1:1"
title = { en = "Mine" }
description = { en = "My own pack" }
"""
SHOT = """
[[shots]]
name = "front"
title = { en = "Front" }
prompt = { en = 'Photograph "{{ title }}".' }
alt = { en = "Front of {{ title }}" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def written(folder: Path, text: str, name: str = "mine") -> Path:
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def pack_of(prompt: str, alt: str = "{{ title }}") -> PromptPack:
    return PromptPack("test", 1, "en", "Test", "", "1:1", (Shot("front", "Front", prompt, alt),))


def text_of(prompt: str, **facts: Any) -> str:
    return pack_of(prompt).render({"title": "Mug"} | facts).prompts[0].text


def test_a_pack_of_the_operator(folder: Path) -> None:
    pack = load_pack("mine", "en", [written(folder, HEAD + SHOT)])
    assert (pack.name, pack.version, pack.language, pack.aspect_ratio) == ("mine", 3, "en", "1:1")
    assert (pack.size, pack.model) == (None, None)
    made = pack.render({"title": "Blue mug"})
    assert (made.pack, made.version, made.language) == ("mine", 3, "en")
    assert made.prompts == (Prompt("front", 'Photograph "Blue mug".', "Front of Blue mug"),)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pack.version = 4  # type: ignore[misc]


def test_intro_and_rules_frame_every_prompt(folder: Path) -> None:
    frame = 'intro = { en = "Intro." }\nrules = { en = "Rules." }\n'
    pack = load_pack("mine", "en", [written(folder, HEAD + frame + SHOT)])
    assert pack.render({"title": "Mug"}).prompts[0].text == 'Intro.\nPhotograph "Mug".\nRules.'


def test_the_operators_pack_comes_first(folder: Path) -> None:
    written(folder, HEAD + SHOT, "lifestyle")
    assert load_pack("lifestyle", "en", [folder]).version == 3
    assert pack_names([folder])["lifestyle"] == "Mine"
    assert pack_names()["lifestyle"] == "Lifestyle"


def test_an_unknown_pack_names_the_nearest(folder: Path) -> None:
    with pytest.raises(PackNotFoundError, match="did you mean 'main-image'"):
        load_pack("main_image", "en")
    with pytest.raises(PackNotFoundError, match=r"known are .*lifestyle"):
        load_pack("../../etc/passwd", "en", [folder])


def test_a_missing_language_names_those_there_are() -> None:
    with pytest.raises(PackNotFoundError, match="not in language 'fr'; it is in en, zh"):
        load_pack("lifestyle", "fr")


@pytest.mark.parametrize("language", ["zh", "zh-CN", "zh_Hans", "ZH"])
def test_a_regional_language_finds_its_base(language: str) -> None:
    assert load_pack("lifestyle", language).language == "zh"
    assert pack_names(language=language)["lifestyle"] == "生活场景图"


def shots(count: int) -> str:
    return "".join(SHOT.replace('"front"', f'"shot-{number}"') for number in range(count))


SCENE = '[[scenes]]\nwords = ["mug"]\nen = { place = "a kitchen" }\n'
LAST_SCENE = '[[scenes]]\nen = { place = "a room" }\n'


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("version = ", "cannot be read"),
        (HEAD, "'shots' is missing"),
        ("shots = []\n" + HEAD, "no shots"),
        (HEAD + shots(MAX_SHOTS + 1), "more than 8 shots"),
        (HEAD + SHOT + SHOT, "shot 'front' is there twice"),
        (HEAD + SHOT + "promt = { en = 'x' }", "shot 'front': unknown key 'promt'; did you mean 'prompt'"),
        (HEAD + 'colour = "x"\n' + SHOT, "unknown key 'colour'; known are version"),
        (HEAD + SHOT.replace("alt =", "# alt ="), "shot 'front': the key 'alt' is missing"),
        (HEAD + SHOT.replace('"front"', '"Front view"'), "shot 'Front view': name is 'Front view'"),
        (HEAD.replace("1:1", "5:4") + SHOT, "aspect_ratio is '5:4'; it must be one of 1:1, 3:4"),
        (HEAD.replace("3", "0") + SHOT, "version is 0"),
        (HEAD.replace("3", '"3"') + SHOT, "version is '3'"),
        (HEAD + 'size = "big"\n' + SHOT, "size is 'big'"),
        (HEAD + SHOT.replace("{{ title }}", "{{ title "), "shot 'front': the prompt is not a valid template"),
        (HEAD + SHOT.replace("{{ title }}", "{{ titel }}"), "shot 'front': the prompt fails: 'titel' is undefined"),
        (HEAD + SHOT.replace("Front of {{ title }}", "{{ x }}"), "shot 'front': the alt fails: 'x' is undefined"),
        (HEAD + SHOT.replace("Front of {{ title }}", "{{ vendor }}"), "shot 'front': the alt came out empty"),
        (HEAD + SHOT.replace("alt = { en", "alt = { zh"), "shot 'front': alt is in the languages zh, but .* in en"),
        (HEAD + 'rules = { zh = "x" }' + SHOT, "rules is in the languages zh"),
        (HEAD + SCENE + SHOT, "scene 1: every scene but the last needs words"),
        (HEAD + LAST_SCENE + LAST_SCENE + SHOT, "scene 1: every scene but the last needs words"),
        (HEAD + SCENE.replace("place", "x") + LAST_SCENE + SHOT, "scene 1 must have the phrases place"),
        (HEAD + SCENE + LAST_SCENE + SHOT.replace("{{ title }}", "{{ scene.x }}"), "the prompt fails: .*'x'"),
        (HEAD + SCENE.replace("en =", "zh =") + LAST_SCENE + SHOT, "scene 1 is in the languages zh"),
        (HEAD + SCENE.replace('["mug"]', "3") + LAST_SCENE + SHOT, "scene 1: words is 3"),
    ],
)
def test_a_mistake_is_named(folder: Path, text: str, mistake: str) -> None:
    with pytest.raises(PackError, match=mistake) as caught:
        load_pack("mine", "en", [written(folder, text)])
    assert str(folder / "mine.toml") in str(caught.value)
    assert "\n" not in str(caught.value).replace("\n  ", "")


def test_a_file_that_is_not_utf8(folder: Path) -> None:
    (folder / "mine.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(PackError, match=r"mine\.toml cannot be read"):
        load_pack("mine", "en", [folder])


def test_a_badly_named_file(folder: Path) -> None:
    with pytest.raises(PackError, match="lower-case letters"):
        load_pack("My Pack", "en", [written(folder, HEAD + SHOT, "My Pack")])


def test_a_missing_folder(folder: Path) -> None:
    with pytest.raises(PackError, match=r"pack folder .*nowhere cannot be read"):
        pack_names([folder / "nowhere"])


def test_scenes_follow_the_kind_and_its_end_first(folder: Path) -> None:
    lamp = SCENE.replace('"mug"', '"lamp", "灯"').replace("a kitchen", "a hall")
    shot = SHOT.replace("Photograph", "In {{ scene.place }}:")
    pack = load_pack("mine", "en", [written(folder, HEAD + SCENE + lamp + LAST_SCENE + shot)])

    def place(**facts: Any) -> str:
        return pack.render({"title": "Thing"} | facts).prompts[0].text.split(":")[0]

    assert place(kind="Home > Mugs") == place(title="My MUG") == place(tags=["mug"]) == "In a kitchen"
    assert place(kind="Mugs and more > Lamps") == place(title="落地灯") == "In a hall"
    assert place(kind="Mugshots") == place() == "In a room"


@pytest.mark.parametrize("hostile", ["{{ 7*7 }}", "{% for x in y %}", "{# gone #}", "{{ title }}", "${7*7}"])
def test_product_texts_are_never_templates(hostile: str) -> None:
    facts = {"title": hostile, "options": {"Color": hostile}, "tags": [hostile]}
    text = text_of("{{ title }}|{{ options.color }}|{{ tags|join(',') }}", **facts)
    assert text == f"{hostile}|{hostile}|{hostile}"


def test_options_may_be_missing_and_ignore_case() -> None:
    source = "{{ title }} {{ options.color }}{{ options['material'] }}"
    assert text_of(source, options={"Color": "Blue"}) == "Mug Blue"
    assert text_of(source) == "Mug"


def test_what_the_language_can_do() -> None:
    assert (
        text_of("{% for t in tags if t %}{{ t|upper }}{{ ', ' if not loop.last }}{% endfor %}", tags=["a", "b"])
        == "A, B"
    )
    assert text_of("{% for k, v in options|items %}{{ k }}={{ v }}{% endfor %}", options={"Size": "M"}) == "Size=M"
    assert text_of("{{ vendor|default('us', true) }} {{ tags|length }} {{ 'u' in title|lower }}") == "us 0 True"


@pytest.mark.parametrize(
    "source",
    [
        "{% set x = title %}{{ x }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include 'other' %}",
        "{{ title.upper() }}",
        "{{ range(10) }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ title|center(1000000000) }}",
        "{% for a in tags %}{% for b in tags %}{% for c in tags %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in tags recursive %}{{ loop(tags) }}{% endfor %}",
        "{{ " + "(" * 3000 + "title" + ")" * 3000 + " }}",
        "x" * 9_000,
    ],
)
def test_what_the_language_refuses_at_once(source: str) -> None:
    with pytest.raises(RenderError, match="shot 'front': the prompt is not a valid template"):
        pack_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ title.__class__ }}",
        "{{ title.upper }}",
        "{{ tags[3] }}",
        "{{ title > 3 }}",
        "{{ title|join(description) }}",
        "{{ tags|join(description) }}",
        "{{ tags|first }}",
        "{% for a in description %}{% for b in description %}{{ description }}{% endfor %}{% endfor %}",
        "{% if vendor == 'nobody' %}x{% endif %}",
    ],
)
def test_what_fails_on_rendering_says_where(source: str) -> None:
    with pytest.raises(RenderError) as caught:
        text_of(source, description="word " * 100)
    assert (caught.value.pack, caught.value.shot) == ("test", "front")
    assert caught.value.reason.startswith("the prompt")
    assert "'test', shot 'front'" in str(caught.value)


@pytest.mark.parametrize("title", ["", "  ", None, "<p></p>", "\u200b\u202e"])
def test_a_product_without_a_title(title: str | None) -> None:
    with pytest.raises(RenderError, match="no title") as caught:
        text_of("x", title=title)
    assert caught.value.shot == ""


def test_long_results_are_cut_at_a_word() -> None:
    made = pack_of("{{ title }} " + "word " * 1_000, "{{ title }} {{ description }}").render(
        {"title": "Mug", "description": "pretty " * 50}
    )
    assert len(made.prompts[0].text) <= PROMPT_LIMIT
    assert len(made.prompts[0].alt) <= ALT_LIMIT
    assert made.prompts[0].text.endswith(" word…")
    assert made.prompts[0].alt.endswith(" pretty…")


BUILT_IN = [load_pack(name, language) for name in pack_names() for language in ("en", "zh")]
TEXTS = st.text(max_size=300) | st.sampled_from(["{{ 7*7 }}", "<b>x</b>", '"', "\u202e", "a\nb", "{%"])
FACTS = st.fixed_dictionaries(
    {"title": TEXTS},
    optional={
        "description": TEXTS | st.none(),
        "vendor": TEXTS,
        "kind": TEXTS,
        "tags": st.lists(TEXTS, max_size=4),
        "options": st.dictionaries(TEXTS, TEXTS, max_size=4),
        "price": TEXTS | st.integers(),
        "currency": TEXTS,
        "unknown": TEXTS,
    },
)


@given(st.sampled_from(BUILT_IN), FACTS)
def test_any_facts_give_prompts_or_a_missing_title(pack: PromptPack, facts: dict[str, Any]) -> None:
    if not clean_text(facts["title"], 100):
        with pytest.raises(RenderError, match="no title"):
            pack.render(facts)
        return
    made = pack.render(facts)
    assert [prompt.shot for prompt in made.prompts] == [shot.name for shot in pack.shots]
    for prompt in made.prompts:
        assert 0 < len(prompt.text) <= PROMPT_LIMIT
        assert 0 < len(prompt.alt) <= ALT_LIMIT
        controls = [c for c in prompt.text + prompt.alt if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
        assert set(controls) <= {"\n"}
        assert prompt.text.count("\n") == 2
        assert "\n" not in prompt.alt
        assert prompt.text.count('"') % 2 == 0
