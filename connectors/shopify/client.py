"""The GraphQL client of one shop: one request at a time, each with a deadline, and nothing remembered of a session.

A read is tried again a few times. A mutation is sent again only where it surely was not carried out (THROTTLED, 429,
no connection, an expired token), or where doing it twice is as doing it once. How fast, the shop's governor says.
The token goes only to the shop's own API address, in the header X-Shopify-Access-Token.
"""

from __future__ import annotations

import math
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import requests

from connectors.http import Answer, HttpError, NoAnswerError, prepare, send
from connectors.shopify import replies
from connectors.shopify.access import Access
from connectors.shopify.documents import document
from connectors.shopify.errors import Asked, ShopError
from connectors.shopify.governor import Governor
from connectors.shopify.options import ShopifyOptions
from connectors.shopify.transfer import fetch

__all__ = ["Client", "Result"]

MAX_BYTES = 30_000_000
PATIENCE = 45.0  # seconds after which a request is not begun once more
THROTTLE_PATIENCE = 120.0  # … because of the shop's pace; other programs may be using the same bucket
_WAITS = (1.0, 3.0, 8.0, 16.0)  # seconds before each further try
_THERE = frozenset({403, 409, 412})  # what a storage says that lets no file be written twice
_AGAIN = frozenset({408, 425, 429, 430})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave. errors: what came with the data: a part of it is missing then (it is null)."""

    data: Mapping[str, Any]
    errors: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    variables: Mapping[str, Any]
    asked: Asked
    seconds: float
    fresh: bool
    patience: float = math.inf


class Client:
    """One shop's GraphQL Admin API. May be used by several threads at once.

    shop: its domain. base: the address that requests go to, without a slash at its end. session: for calls besides.
    served: the API version of the last answer, as Shopify named it ("": it named none).
    """

    def __init__(
        self,
        options: ShopifyOptions,
        session: requests.Session,
        access: Access,
        governor: Governor,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ):
        """session: made by `connectors.http.new_session`. now: aware UTC. sleep: waits so many seconds."""
        self.shop, self.base, self.session = options.shop, options.base, session
        self.version, self.served = options.api_version, ""
        self._url = f"{self.base}/admin/api/{options.api_version}/graphql.json"
        self._access, self._governor = access, governor
        self._now, self._sleep = now, sleep
        self._hidden: list[str] = []  # every token that was sent: no message may carry one

    def query(
        self,
        name: str,
        variables: Mapping[str, Any] | None = None,
        *,
        about: str = "",
        seconds: float = 30.0,
        patience: float | None = None,
    ) -> Result:
        """Send a reading document. Overload, errors of the server and lost answers are tried again.

        name: of the document. about: "product 42", for messages. seconds: for one try. patience: seconds after which
        nothing is tried again, whatever went wrong (None: as usual).
        Raises ShopError; also where no root field has a value because of errors.
        """
        asked, most = self._asked(about, writes=False), math.inf if patience is None else patience
        call = _Call(name, variables or {}, asked, seconds, fresh=False, patience=most)

        def once() -> Result:
            return Result(*self._data(call))

        return self._persist(once, repeatable=True, patience=patience)

    def mutate(
        self,
        name: str,
        variables: Mapping[str, Any],
        *,
        about: str = "",
        repeatable: bool = False,
        seconds: float = 60.0,
    ) -> Mapping[str, Any]:
        """Send a changing document with one root field; gives that field's payload.

        repeatable: doing it twice is as doing it once, so it is sent again after a lost answer too. Otherwise look
        at the error's `maybe_done` before going on.
        Raises UserErrorsError for userErrors, whatever their field is called; ShopError.
        """
        asked = self._asked(about, writes=True)
        call = _Call(name, variables, asked, seconds, fresh=not repeatable)

        def once() -> Mapping[str, Any]:
            return replies.payload_of(call.asked, self._answered(call))

        return self._persist(once, repeatable=repeatable)

    def _data(self, call: _Call) -> tuple[Mapping[str, Any], replies.Errors]:
        """What was counted too low can be asked for in smaller pages: that is no permanent error."""
        try:
            return replies.data_of(call.asked, self._answered(call))
        except ShopError as error:
            if error.code == "MAX_COST_EXCEEDED" and self._governor.shrink():
                error.permanent = False
            raise

    def _asked(self, about: str, *, writes: bool) -> Asked:
        return Asked(self.shop, writes, about, self.version, self._hidden)

    def page(self, most: int, each: int, fixed: int = 0) -> int:
        """How many nodes to ask for at once; see `Governor.page`. Ask anew for every page: more is known by then."""
        return self._governor.page(most, each, fixed)

    def send_file(
        self,
        url: str,
        fields: Sequence[tuple[str, str]],
        path: Path,
        filename: str,
        *,
        seconds: float = 120.0,
    ) -> None:
        """Upload a file to a staged target: a multipart POST, `fields` in their order, the file last, no token.

        Tried again where it fails by the way. A target may take one file only: one that refuses it after a try
        without an answer has it already.
        Raises ShopError; OSError if the file cannot be read.
        """
        asked = Asked(self.shop, writes=False, about=f"the upload of {filename}", hidden=(url,))
        kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"

        unanswered: list[int] = []  # tries that may have brought it there

        def once() -> None:
            with path.open("rb") as file:
                content: dict[str, Any] = {"data": list(fields), "files": {"file": (filename, file, kind)}}
                request = self._prepared(asked, url, **content)
            unanswered.append(1)
            status = self._sent(asked, request, seconds, fresh=False).status
            if 200 <= status < 300 or (status in _THERE and len(unanswered) > 1):
                return
            if status < 500:
                unanswered.pop()
            raise replies.not_taken(asked, status)

        self._persist(once, repeatable=True)

    def download(self, url: str, path: Path, *, seconds: float, size: int | None = None) -> None:
        """Stream an address (a bulk result) into a file, without the token; the file is there only when it is whole.

        seconds: for one try. size: bytes that it must have, if that is known.
        Raises ShopError; OSError if the file cannot be written.
        """
        asked = Asked(self.shop, writes=False, about="the result of a bulk operation", hidden=(url,))
        self._persist(lambda: fetch(self.session, asked, url, path, seconds=seconds, size=size), repeatable=True)

    def _persist(self, once: Callable[[], T], *, repeatable: bool, patience: float | None = None) -> T:
        """Try until it works, or until trying again is of no use."""
        usual, throttle = (PATIENCE, THROTTLE_PATIENCE) if patience is None else (patience, patience)
        began, tries, throttled = self._now(), 0, 0
        while True:
            try:
                return once()
            except ShopError as error:
                spent = (self._now() - began).total_seconds()
                if error.code == "THROTTLED":
                    self._pause(error, throttled, spent, throttle)
                    throttled += 1
                    continue
                wait = _next_wait(error, tries, repeatable=repeatable)
                if wait is None or spent + wait > usual:
                    raise
            tries += 1
            self._sleep(wait)

    def _pause(self, error: ShopError, throttled: int, spent: float, patience: float) -> None:
        """The governor has heard what the answer told; it waits by that. Where that was not enough, it waits more."""
        wait = error.retry_after or 0.0
        if throttled or (wait == 0.0 and error.status != 200):
            wait = max(wait, min(_FIRST_PAUSE * 2**throttled, _LONGEST_PAUSE))
        if spent + wait > patience:
            raise error
        self._governor.pause(wait)

    def _answered(self, call: _Call) -> Mapping[str, Any]:
        """The JSON of an answer, by a renewed token if the shop refuses the first one."""
        token = self._access.token()
        answer = self._turn(call, token)
        if answer.status == 401 or (replies.is_denied(answer) and self._access.may_lack()):
            other = self._access.renewed(token)
            if other is None:
                raise replies.refused(call.asked, answer)
            answer = self._turn(call, other)
        return replies.body_of(call.asked, answer)

    def _turn(self, call: _Call, token: str) -> replies.Reply:
        if token not in self._hidden:
            self._hidden.append(token)
        with self._governor.turn(call.name, call.variables, self._sleep, call.patience) as turn:
            headers = {"X-Shopify-Access-Token": token, "Accept": "application/json"}
            content = {"query": document(call.name), "variables": dict(call.variables)}
            request = self._prepared(call.asked, self._url, headers=headers, json=content)
            answer = replies.read(self._sent(call.asked, request, call.seconds, fresh=call.fresh))
            turn.answered(answer.json)
        self.served = answer.headers.get("X-Shopify-API-Version", "")
        return answer

    def _prepared(self, asked: Asked, url: str, **content: Any) -> requests.PreparedRequest:
        try:
            return prepare(self.session, "POST", url, **content)
        except HttpError as error:
            raise replies.unreachable(asked, error) from error

    def _sent(self, asked: Asked, request: requests.PreparedRequest, seconds: float, *, fresh: bool) -> Answer:
        """A mutation that must not be repeated goes over a new connection: a kept one may be closed by the server in
        the very moment of use, and then it is not known whether it was carried out."""
        try:
            return send(self.session, request, deadline=seconds, max_bytes=MAX_BYTES, fresh=fresh)
        except HttpError as error:
            raise replies.unreachable(asked, error) from error


def _next_wait(error: ShopError, tries: int, *, repeatable: bool) -> float | None:
    """Seconds before it is tried again; None: it is not."""
    passing = error.status is None or error.status >= 500 or error.status in _AGAIN or error.code in replies.PASSING
    if error.permanent or not passing or tries >= len(_WAITS) or (error.maybe_done and not repeatable):
        return None
    if error.retry_after is not None:
        return max(error.retry_after, 0.1)
    # A kept connection that the server has just closed looks like a lost answer: ask again at once.
    lost = isinstance(error.__cause__, NoAnswerError)
    return 0.0 if lost and tries == 0 else _WAITS[tries]
