"""The painter's scenes: which words of a prompt ask for which, their colours, and where the product stands in them."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageColor

from plugin.sandbox.painter.scenes import (
    Colour,
    Palette,
    draw_dark,
    draw_flat,
    draw_home,
    draw_outdoor,
    draw_podium,
    draw_poster,
    draw_season,
    draw_studio,
)

Draw = Callable[[Image.Image, Palette, random.Random], None]


@dataclass(frozen=True)
class Stage:
    """Where the product stands, as shares of the canvas: its base line, and the box it may fill."""

    base: float
    width: float
    height: float


@dataclass(frozen=True)
class Scene:
    """A kind of picture. `shadow` is the strength of the product's shadow, `overlay` what floats before it.

    `weight` is that of its words: a season in a prompt for a poster decides.
    """

    name: str
    draw: Draw
    stage: Stage
    palettes: tuple[Palette, ...]
    words: tuple[str, ...]
    shadow: float = 0.5
    overlay: str = ""
    weight: int = 1


def rgb(text: str) -> Colour:
    """Red, green and blue of a hexadecimal colour."""
    red, green, blue = ImageColor.getrgb(f"#{text}")[:3]
    return red, green, blue


def palettes(*rows: str) -> tuple[Palette, ...]:
    """Palettes from rows of four hexadecimal colours: top, bottom, floor, accent."""
    return tuple(Palette(*(rgb(colour) for colour in row.split())) for row in rows)


def words(english: str, chinese: str) -> tuple[str, ...]:
    """English words or phrases between bars, Chinese ones between spaces."""
    return (*english.split("|"), *chinese.split())


TABLE = Stage(0.86, 0.6, 0.62)
SCENES = (
    Scene(
        "winter",
        draw_season,
        TABLE,
        palettes("12304a 3c6e8f e6eef5 cfe6f5", "3b0d16 7d1d2b f1e6dc e8c070"),
        words("christmas|winter|snow|xmas|holiday", "圣诞 冬 雪"),
        weight=3,
        overlay="snow",
    ),
    Scene(
        "new-year",
        draw_season,
        TABLE,
        palettes("7a0d12 c4252a 8a1418 f2c14e"),
        words("new year|lunar|spring festival", "春节 新年 年货 红包"),
        weight=3,
        overlay="sparks",
    ),
    Scene(
        "valentine",
        draw_season,
        TABLE,
        palettes("f7c6d0 fde8ec f3b3c1 d94f70"),
        words("valentine|mother's day|wedding|romantic", "情人节 母亲节 七夕 浪漫"),
        weight=3,
        overlay="sparks",
    ),
    Scene(
        "autumn",
        draw_season,
        TABLE,
        palettes("6b3212 c9752b 8a4a1f f0a94a"),
        words("autumn|fall season|halloween|thanksgiving|harvest", "秋 万圣"),
        weight=3,
        overlay="sparks",
    ),
    Scene(
        "spring",
        draw_season,
        TABLE,
        palettes("f9d9e3 fdf3f0 d9ead3 e88fb0", "d8efe0 f7fbf2 c9e2bf f2a7b8"),
        words("spring|easter|blossom", "春 樱花 复活节"),
        weight=3,
    ),
    Scene(
        "dark",
        draw_dark,
        Stage(0.84, 0.6, 0.64),
        palettes("08090c 1b1d24 050608 d8b26a", "070b14 14203a 04060c 58b7ff", "0c0710 2a1436 07040a d17bff"),
        words(
            "luxury|dark|black background|elegant|dramatic|high-tech|neon|futuristic",
            "高端 奢华 黑色背景 暗调 暗黑 科技",
        ),
        shadow=0.8,
    ),
    Scene(
        "flat",
        draw_flat,
        Stage(0.8, 0.6, 0.6),
        palettes("efe6da f7f1e8 d9c7b0 b98a64", "dfe7e4 eff4f1 bccbc4 6d8f80"),
        words("flat lay|flatlay|top view|top-down|overhead", "平铺 俯拍 俯视"),
        shadow=0.6,
    ),
    Scene(
        "outdoor",
        draw_outdoor,
        Stage(0.86, 0.58, 0.62),
        palettes("8cc4ea e8f4fb b9b2a5 4f8f5b", "f3b27a fde6c8 a5968a 5b6e8f", "7fd0e0 e9fbfb d9cbb0 2f9c9c"),
        words(
            "outdoor|nature|garden|beach|forest|mountain|summer|camping|meadow",
            "户外 自然 花园 海边 夏 森林 露营",
        ),
    ),
    Scene(
        "home",
        draw_home,
        Stage(0.88, 0.58, 0.62),
        palettes("e9e0d3 f6efe4 b98a5d 7f9a83", "cfd9dc e9eff0 9c7a58 5c7f92", "ead3c6 f8ebe2 c79a72 b5654a"),
        words(
            "lifestyle|at home|kitchen|living room|table|desk|bedroom|office|cozy|in use|interior",
            "场景 生活 家居 厨房 客厅 桌 卧室 办公",
        ),
    ),
    Scene(
        "poster",
        draw_poster,
        Stage(0.84, 0.62, 0.68),
        palettes("ffd166 ffe3a0 ef476f fb8b24", "bde0fe e3f2fd 3a5ba0 ffb703", "d8f3dc f1faee 2d6a4f 95d5b2"),
        words("poster|banner|promotion|advert|campaign", "海报 促销 广告 横幅"),
    ),
    Scene(
        "podium",
        draw_podium,
        Stage(0.83, 0.56, 0.6),
        palettes("e6d9cf f6eee7 d9c6b6 b8835a", "cfe0dc eef6f3 b5cdc6 4f8a7b", "d9d5ea f3f1fa c3bcdc 7a6bb5"),
        words("premium|podium|pedestal|minimal|display|showcase|beauty", "精致 质感 展台 简约"),
    ),
    Scene(
        "studio",
        draw_studio,
        Stage(0.86, 0.72, 0.72),
        palettes("f3f4f6 ffffff dfe2e6 9aa4b2", "f7f3ee fffdfa e8dfd4 b39b7d", "eaf0f5 fbfdff d3dee8 7d9ab8"),
        words(
            "white background|plain background|seamless|studio|main image|packshot", "白底 白色背景 主图 纯色背景 棚拍"
        ),
    ),
)
NEUTRAL = frozenset({"podium", "home", "poster", "studio"})  # for prompts that name nothing


def has_word(text: str, word: str) -> bool:
    """Whether a lower-case text has a word, also in the plural; Chinese has no spaces to look for."""
    return word in text and (not word.isascii() or re.search(rf"\b{word}s?\b", text) is not None)


def choose_scene(prompt: str, source: random.Random) -> Scene:
    """The scene that the prompt has most words of; without any, a neutral one by chance."""
    text = prompt.lower()
    scores = [scene.weight * sum(has_word(text, word) for word in scene.words) for scene in SCENES]
    best = max(scores)
    if best == 0:
        return source.choice([scene for scene in SCENES if scene.name in NEUTRAL])
    return SCENES[scores.index(best)]
