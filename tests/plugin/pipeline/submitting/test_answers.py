from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.hebo import (
    Accepted,
    BadRequestError,
    HeboError,
    KeyRefusedError,
    NoAnswerError,
    NotSentError,
    Quota,
    RefusedError,
    TaskMissingError,
    TooFrequentError,
)
from plugin.pipeline.submitting.answers import asks_quota, decide
from plugin.states import TaskState

PLENTY, LITTLE = Quota(remaining=100), Quota(remaining=3)
UNKNOWN = NoAnswerError("no answer")
REFUSALS = [
    RefusedError(402, "pay"),
    KeyRefusedError(403, "no"),
    TooFrequentError(429, "slow", 7.0),
    BadRequestError(400, "bad"),
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_any_refusal_with_too_little_quota_waits_for_quota(refusal: HeboError) -> None:
    step = decide(refusal, LITTLE, 8)
    assert (step.state, step.account) == (TaskState.PLANNED, None)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_any_refusal_while_the_key_is_refused_stops_the_account(refusal: HeboError) -> None:
    step = decide(refusal, KeyRefusedError(401, "no"), 8)
    assert (step.state, step.account) == (TaskState.PLANNED, "key")


@pytest.mark.parametrize(
    ("result", "quota", "state", "account"),
    [
        (Accepted("t1"), None, TaskState.GENERATING, None),
        (UNKNOWN, None, TaskState.IN_DOUBT, None),
        (NotSentError("refused"), None, TaskState.PLANNED, "service"),
        (BadRequestError(400, "bad ratio"), PLENTY, TaskState.FAILED, None),
        (TooFrequentError(429, "slow", 7.0), PLENTY, TaskState.PLANNED, None),
        (RefusedError(402, "pay"), PLENTY, TaskState.PLANNED, "refused"),
        (KeyRefusedError(403, "no"), PLENTY, TaskState.PLANNED, "refused"),
        (RefusedError(409, "conflict"), PLENTY, TaskState.FAILED, None),
        (TaskMissingError(404, "no such parent"), PLENTY, TaskState.FAILED, None),
        (BadRequestError(400, "bad"), UNKNOWN, TaskState.PLANNED, "service"),
        (BadRequestError(400, "bad"), Quota(enabled=False), TaskState.FAILED, None),
    ],
)
def test_each_answer_has_its_step(
    result: Accepted | HeboError, quota: Quota | HeboError | None, state: TaskState, account: str | None
) -> None:
    step = decide(result, quota, 8)
    assert (step.state, step.account) == (state, account)


def test_the_service_names_the_pause() -> None:
    assert decide(TooFrequentError(429, "slow", 7.0), PLENTY, 8).pause == 7.0
    assert decide(TooFrequentError(429, "slow", None), PLENTY, 8).pause > 0


def test_the_detail_is_shown() -> None:
    assert decide(BadRequestError(400, "bad ratio"), PLENTY, 8).reason == "bad ratio"


RESULTS = st.sampled_from([Accepted("t"), UNKNOWN, NotSentError("x"), *REFUSALS])
QUOTAS = st.one_of(
    st.none(),
    st.builds(Quota, remaining=st.integers(0, 50), enabled=st.booleans()),
    st.sampled_from([UNKNOWN, KeyRefusedError(401, "x")]),
)


@given(RESULTS, QUOTAS, st.integers(1, 8))
def test_an_unknown_outcome_is_always_held_and_only_then(
    result: Accepted | HeboError, quota: Quota | HeboError | None, images: int
) -> None:
    step = decide(result, quota, images)
    unknown = isinstance(result, HeboError) and result.accepted is None
    assert (step.state is TaskState.IN_DOUBT) == unknown
    assert (step.state is TaskState.GENERATING) == isinstance(result, Accepted)


def test_the_quota_is_asked_only_after_a_refusal() -> None:
    assert all(asks_quota(refusal) for refusal in REFUSALS)
    assert not any(asks_quota(result) for result in (Accepted("t"), UNKNOWN, NotSentError("x")))
