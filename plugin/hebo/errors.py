"""What can go wrong between us and the image API.

HeboError
├── NotSentError         no connection was made: surely nothing reached the service
├── NoAnswerError        sent, or maybe sent, and no usable answer: the outcome is unknown
└── RefusedError         the service said no (4xx): surely nothing was started
    ├── BadRequestError  400, 422: the request itself is wrong, asking again will not help
    ├── KeyRefusedError  401, 403: the key is missing, wrong or not allowed
    ├── TaskMissingError 404
    └── TooFrequentError 429: wait `retry_after`, then ask the same again
"""

from __future__ import annotations


class HeboError(Exception):
    """permanent: asking again as it is will not help. accepted: whether a submit was taken (None: unknown)."""

    permanent = False
    accepted: bool | None = False


class NotSentError(HeboError):
    """The service could not be reached; nothing was sent."""


class NoAnswerError(HeboError):
    """The request may have arrived, its answer did not: time-out, cut, 5xx, 3xx, unreadable (API contract, submit)."""

    accepted = None

    def __init__(self, message: str, status: int | None = None):
        super().__init__(message)
        self.status = status


class RefusedError(HeboError):
    """The service answered 4xx. `detail` is the service's own words, readable and cut to a sane length."""

    def __init__(self, status: int, detail: str, retry_after: float | None = None):
        super().__init__(f"the image service answered {status}: {detail}" if detail else f"HTTP {status}")
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class BadRequestError(RefusedError):
    """Wrong parameters; `detail` says which. Nothing was spent."""

    permanent = True


class KeyRefusedError(RefusedError):
    """The key is wrong or not allowed: all work of that key stops until it is changed."""

    permanent = True


class TaskMissingError(RefusedError):
    """The service does not know the task."""


class TooFrequentError(RefusedError):
    """Too soon; not a failure. `retry_after` is in seconds, the body's figure before the header's."""
