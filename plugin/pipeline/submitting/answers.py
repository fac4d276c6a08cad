"""What the answer to a submit means: a pure decision (API contract, "POST /v1/ecom/batch" and "Errors")."""

from __future__ import annotations

from dataclasses import dataclass

from plugin.hebo import Accepted, HeboError, KeyRefusedError, NotSentError, Quota, RefusedError, TooFrequentError
from plugin.states import TaskState

DEFAULT_PAUSE = 10.0  # seconds, where the service names none
REFUSED_PAUSE = 900.0


@dataclass(frozen=True, slots=True)
class Step:
    """state: the task's next one. pause: seconds until it may be claimed again (planned). account: what the
    account's submissions stop for ("service", "key", and "refused" if it goes on); reason: one clause for people."""

    state: TaskState
    pause: float = 0.0
    account: str | None = None
    reason: str = ""


def asks_quota(result: Accepted | HeboError) -> bool:
    """Whether the quota must be asked before the answer can be judged.

    A submit beyond the quota may be answered by 402, 403, 429 or 400 alike: never judge by the message's text.
    """
    return isinstance(result, HeboError) and result.accepted is False and not isinstance(result, NotSentError)


def decide(result: Accepted | HeboError, quota: Quota | HeboError | None, images: int) -> Step:
    """The task's next state. quota: what `GET /quota` answered after a refusal."""
    if isinstance(result, Accepted):
        return Step(TaskState.GENERATING)
    if result.accepted is None:
        return Step(TaskState.IN_DOUBT, reason=str(result))
    if isinstance(result, NotSentError):
        return Step(TaskState.PLANNED, account="service", reason=str(result))
    if isinstance(quota, HeboError):
        return Step(TaskState.PLANNED, account="key" if _refuses(quota) else "service", reason=str(quota))
    room = quota.room() if quota is not None else None
    if room is not None and room < images:
        return Step(TaskState.PLANNED, reason="too little of the quota remains")
    return _judge(result)


def _refuses(error: HeboError) -> bool:
    return isinstance(error, KeyRefusedError)


def _judge(error: HeboError) -> Step:
    """A refusal although the key is good and the quota suffices: it concerns this task alone, unless it goes on.

    The refused task steps back, so that it cannot hold up the others.
    """
    if isinstance(error, TooFrequentError):
        return Step(TaskState.PLANNED, pause=error.retry_after or DEFAULT_PAUSE, reason=str(error))
    if isinstance(error, RefusedError) and error.status in (402, 403):
        return Step(TaskState.PLANNED, pause=REFUSED_PAUSE, account="refused", reason=str(error))
    return Step(TaskState.FAILED, reason=getattr(error, "detail", "") or str(error))
