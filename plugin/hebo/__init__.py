"""The Hebo image API: its answers as types, the client, and the polling schedule as a pure function."""

from plugin.hebo.client import HeboClient
from plugin.hebo.errors import (
    BadRequestError,
    HeboError,
    KeyRefusedError,
    NoAnswerError,
    NotSentError,
    RefusedError,
    TaskMissingError,
    TooFrequentError,
)
from plugin.hebo.schedule import PollSchedule
from plugin.hebo.wire import Accepted, FailedItem, Finished, Item, Odd, Quota, Result, Running, TaskMoney, room_of

__all__ = [
    "Accepted",
    "BadRequestError",
    "FailedItem",
    "Finished",
    "HeboClient",
    "HeboError",
    "Item",
    "KeyRefusedError",
    "NoAnswerError",
    "NotSentError",
    "Odd",
    "PollSchedule",
    "Quota",
    "RefusedError",
    "Result",
    "Running",
    "TaskMissingError",
    "TaskMoney",
    "TooFrequentError",
    "room_of",
]
