"""Every state, reason and warning has words."""

from __future__ import annotations

import importlib
import inspect
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

import plugin.pipeline
from plugin.pipeline.quota import OWN
from plugin.pipeline.views import Going, Sort, What
from plugin.states import ImageState, ProductState, PublicationState, TaskState
from plugin.stored import PAGE_FIELDS
from plugin.web import words
from tests.plugin.web.conftest import Site

TONES = {"good", "busy", "wait", "trouble", "plain"}
TABLES: list[tuple[type[StrEnum], Any]] = [
    (ProductState, words.PRODUCTS),
    (TaskState, words.TASKS),
    (ImageState, words.IMAGES),
    (PublicationState, words.PUBLICATIONS),
    (Going, words.GOING),
]


@pytest.mark.parametrize(("kind", "table"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_state_has_words(site: Site, kind: type[StrEnum], table: Any) -> None:
    assert set(table) == set(kind)
    with site.app.test_request_context():
        for word in table.values():
            assert word.tone in TONES
            assert str(word.label)
            assert word.tone != "trouble" or str(word.help), word.label


def test_filters_and_orders_have_words(site: Site) -> None:
    assert set(words.FILTERS) == set(What)
    assert set(words.SORTS) == set(Sort)


def test_every_warning_has_words(site: Site) -> None:
    module = importlib.import_module("plugin.pictures.look")  # the package has a function of that name
    codes = re.search(r"found = \{(.+?)\n    \}", inspect.getsource(module.warnings), re.DOTALL)
    assert codes is not None
    assert set(re.findall(r'^        "([\w-]+)":', codes[1], re.MULTILINE)) == set(words.WARNINGS)
    with site.app.test_request_context():
        assert str(words.warning("blank")) != "blank"
        assert words.warning("of-tomorrow") == "of-tomorrow"


def test_every_reason_to_wait_has_words(site: Site) -> None:
    folder = Path(plugin.pipeline.__file__).parent / "submitting"
    source = "".join((folder / name).read_text() for name in ("single_file.py", "submit.py"))
    reasons = set(re.findall(r'wait\(session, account, "(\w+)"', source))
    assert len(reasons) >= 5
    assert reasons <= set(words.WAITS)
    assert set(words.BUDGETS) == set(OWN)
    assert set(words.SET_BY.values()) <= set(PAGE_FIELDS)
    with site.app.test_request_context():
        assert str(words.waits("of tomorrow"))
        said = {str(words.waits("budget", level)) for level in (None, *OWN)}
        assert len(said) == 3


def test_a_waiting_picture_says_what_its_task_does() -> None:
    assert words.of_tile(ImageState.WAITING, TaskState.IN_DOUBT) is words.TASKS[TaskState.IN_DOUBT]
    assert words.of_tile(ImageState.WAITING, TaskState.DONE) is words.IMAGES[ImageState.WAITING]
    assert words.of_tile(ImageState.APPROVED, TaskState.DONE) is words.IMAGES[ImageState.APPROVED]
