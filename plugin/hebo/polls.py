"""Polls of the image API: hundreds at once, in one event loop."""

from __future__ import annotations

from types import TracebackType

import requests

from connectors.http import HttpError
from connectors.http.async_gets import AsyncGets
from plugin.hebo.reading import MAX_ANSWER, AnswerReader
from plugin.hebo.task_id import task_path
from plugin.hebo.wire import Finished, Odd, Running, parse_task


class HeboPolls:
    """An async context manager, for one event loop. template: a prepared GET of the base URL, with the key's header.
    deadline: seconds for a whole poll."""

    def __init__(self, template: requests.PreparedRequest, reader: AnswerReader, *, connections: int, deadline: float):
        self._base, self._reader = f"{template.url}".rstrip("/"), reader
        self._gets = AsyncGets(template, connections=connections, deadline=deadline, max_bytes=MAX_ANSWER)

    async def __aenter__(self) -> HeboPolls:
        await self._gets.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._gets.__aexit__(kind, error, trace)

    async def poll(self, task_id: str) -> Running | Finished | Odd:
        """GET /v1/ecom/tasks/ID (vendor document §4), sent once. Raises HeboError, TooFrequentError where it was too
        soon."""
        try:
            answer = await self._gets.get(self._base + task_path(task_id))
        except HttpError as error:
            raise self._reader.trouble(error) from error
        return parse_task(self._reader.object_in(answer))
