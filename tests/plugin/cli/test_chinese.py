from __future__ import annotations

from plugin.cli.chinese import CHINESE, both
from plugin.cli.remarks import WARNINGS
from plugin.states import ImageState


def test_every_state_and_warning_of_the_sheet_has_its_chinese() -> None:
    shown = {state.value.replace("_", " ") for state in ImageState} | set(WARNINGS.values())
    assert shown <= set(CHINESE)


def test_what_comes_from_elsewhere_stays_as_it_is() -> None:
    assert both("published") == "published · 已发布"
    assert both("HTTP 500: system error") == "HTTP 500: system error"
