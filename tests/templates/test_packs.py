"""The packs that come with the program."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from templates import PromptPack, load_pack, pack_names

NAMES = ["detail-scale", "lifestyle", "main-image", "seasonal-poster"]
BY_NAME = {name: {language: load_pack(name, language) for language in ("en", "zh")} for name in NAMES}
PACKS = [pack for packs in BY_NAME.values() for pack in packs.values()]
LONG = {"title": "Very long title " * 20, "vendor": "Vendor " * 30, "kind": "Kind " * 30, "description": "Text " * 300}
CHINESE = re.compile("[\u4e00-\u9fff]")


def test_there_are_four() -> None:
    assert list(pack_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_are_the_same_pack(name: str) -> None:
    english, chinese = BY_NAME[name]["en"], BY_NAME[name]["zh"]
    assert english.version == chinese.version
    assert (english.aspect_ratio, english.size) == (chinese.aspect_ratio, chinese.size)
    assert [shot.name for shot in english.shots] == [shot.name for shot in chinese.shots]
    assert [scene.words for scene in english.scenes] == [scene.words for scene in chinese.scenes]
    assert english.title != chinese.title


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: f"{pack.name}.{pack.language}")
class TestEachPack:
    def test_shots(self, pack: PromptPack) -> None:
        assert 6 <= len(pack.shots) <= 8
        assert len({shot.title for shot in pack.shots}) == len(pack.shots)

    def test_texts_are_in_its_language(self, pack: PromptPack) -> None:
        for prompt in pack.render({"title": "X"}).prompts:
            assert bool(CHINESE.search(prompt.text)) == bool(CHINESE.search(prompt.alt)) == (pack.language == "zh")

    def test_nothing_is_cut_however_long_the_facts(self, pack: PromptPack) -> None:
        kinds = ["", *(scene.words[0] for scene in pack.scenes if scene.words)]
        texts = [prompt.text for kind in kinds for prompt in pack.render(LONG | {"kind": kind}).prompts]
        assert max(map(len, texts)) <= 1_900
        assert not [text for text in texts if text.endswith("…")]

    def test_alt_texts_differ_even_for_long_titles(self, pack: PromptPack) -> None:
        alts = {prompt.alt for prompt in pack.render(LONG).prompts}
        assert len(alts) == len(pack.shots)

    def test_alt_texts_name_the_product(self, pack: PromptPack) -> None:
        assert all("Blue mug" in prompt.alt for prompt in pack.render({"title": "Blue mug"}).prompts)

    def test_product_texts_stand_in_quotation_marks(self, pack: PromptPack) -> None:
        for prompt in pack.render({"title": "Mug@", "vendor": "Hebo@", "kind": "Kitchen@"}).prompts:
            assert prompt.text.count("@") == len(re.findall(r'["“][^"“”]*@["”]', prompt.text)) == 3

    def test_every_prompt_says_what_must_stay_and_what_must_not_come(self, pack: PromptPack) -> None:
        wanted = {
            "en": ("true to the reference", "logo", "No added text|No text", "[Ii]nvent no"),
            "zh": ("参考图完全一致", "LOGO", "文字", "不虚构"),
        }
        for prompt in pack.render({"title": "Mug"}).prompts:
            assert all(re.search(phrase, prompt.text) for phrase in wanted[pack.language])

    def test_prices_never_reach_a_prompt(self, pack: PromptPack) -> None:
        facts = {"title": "Mug", "price": "1234.56", "currency": "XYZ"}
        assert not [p for p in pack.render(facts).prompts if "1234" in p.text + p.alt or "XYZ" in p.text + p.alt]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_scenes_suit_the_kind(language: str) -> None:
    pack = BY_NAME["lifestyle"][language]
    kinds = [
        "Coffee Tables",
        "Coffee Mugs",
        "Shoes",
        "Wristwatches",
        "Headphones",
        "Perfume",
        "Camping",
        "Toys",
        "Else",
    ]
    first = [pack.render({"title": "X", "kind": f"Home & Garden > {kind}"}).prompts[0].text for kind in kinds]
    assert len(set(first)) == len(kinds)
    assert all(one != other for one, other in pairwise(first))
