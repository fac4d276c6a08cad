from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.pipeline.due import publish_due
from plugin.pipeline.parts import Policy
from plugin.states import ImageState

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DECIDED = NOW - timedelta(seconds=30)
LATER = DECIDED + timedelta(minutes=2)
I = ImageState  # noqa: E741  # short in a table


@pytest.mark.parametrize(
    ("states", "attended", "unattended"),
    [
        ({I.APPROVED}, NOW, NOW),
        ({I.APPROVED, I.REJECTED, I.FAILED, I.LOST}, NOW, NOW),
        ({I.APPROVED, I.IN_REVIEW}, LATER, NOW),
        ({I.APPROVED, I.WAITING}, LATER, LATER),
        ({I.APPROVED, I.FETCHED}, LATER, LATER),
        ({I.IN_REVIEW}, None, None),
        ({I.PUBLISHED}, None, None),
        (set(), None, None),
    ],
)
def test_all_together_or_two_minutes_after_the_last_decision(
    states: set[ImageState], attended: datetime | None, unattended: datetime | None
) -> None:
    assert publish_due(states, DECIDED, NOW, Policy()) == attended
    assert publish_due(states, DECIDED, NOW, Policy(unattended=True)) == unattended


@given(st.sets(st.sampled_from(list(ImageState))), st.booleans())
def test_something_is_published_exactly_when_something_is_approved(states: set[ImageState], unattended: bool) -> None:
    due = publish_due(states, DECIDED, NOW, Policy(unattended=unattended))
    assert (due is not None) == (ImageState.APPROVED in states)
