"""What a request gets that cannot be answered: a page in plain words that says what to do, and no details."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, Response, make_response, render_template, request
from flask_babel import LazyString, lazy_gettext, ngettext
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from plugin.pipeline.lane import AWAY, first_line
from plugin.web.auth.gate import wants_picture

log = logging.getLogger(__name__)
AWAY_WAIT = 5  # seconds


@dataclass(frozen=True, slots=True)
class Words:
    """title: what happened. text: what to do."""

    title: LazyString
    text: LazyString


WORDS: Mapping[int, Words] = {
    400: Words(
        lazy_gettext("This could not be sent"),
        lazy_gettext(
            "The page was open too long, you signed in anew meanwhile, or the browser keeps no cookies. Nothing was "
            "changed. Go back, reload the page and try again."
        ),
    ),
    403: Words(
        lazy_gettext("This is not allowed"),
        lazy_gettext(
            "The request did not come from one of these pages. Nothing was changed. Open the page here and try again. "
            "If a proxy stands in front of hebo-sync, public_url under [server] must be the address in the browser."
        ),
    ),
    404: Words(
        lazy_gettext("There is nothing here"),
        lazy_gettext("The address is wrong, or what it showed is gone. Go back, or start from the first page."),
    ),
    405: Words(
        lazy_gettext("This address cannot be opened like this"),
        lazy_gettext("Nothing was changed. Go back and use the buttons of the page."),
    ),
    413: Words(
        lazy_gettext("This was too large"),
        lazy_gettext("Nothing was changed. Go back and send less at once."),
    ),
    429: Words(
        lazy_gettext("Too many tries"),
        lazy_gettext("Whatever is entered before then is refused, the right password too."),
    ),
    503: Words(
        lazy_gettext("The database cannot be had just now"),
        lazy_gettext(
            "It is busy or away. What you sent was not stored, and nothing else was lost. Wait a little and try again. "
            "If it stays, tell whoever runs hebo-sync the reference below: the log has the details under it."
        ),
    ),
    500: Words(
        lazy_gettext("Something went wrong here"),
        lazy_gettext(
            "This is a fault of hebo-sync, not yours. Go back and try again. If it stays, tell whoever runs hebo-sync "
            "the reference below: the log has the details under it."
        ),
    ),
}


def install(app: Flask) -> None:
    """One handler for every refusal, and for what nobody expected."""
    app.register_error_handler(HTTPException, answer)
    for away in AWAY:
        app.register_error_handler(away, database_away)


def database_away(error: SQLAlchemyError) -> Response:
    """It is no fault of the program's, and it passes."""
    log.error("the database: %s", first_line(error))
    return answer(ServiceUnavailable(retry_after=AWAY_WAIT))


def answer(error: HTTPException) -> Response:
    """The page for an error, with the headers that belong to it (Allow, Retry-After)."""
    code = error.code or 500
    if wants_picture(request):
        return Response(status=code)
    wait = getattr(error, "retry_after", None)
    page = render_template(
        "error.html",
        words=WORDS.get(code, WORDS[400 if code < 500 else 500]),
        wait=how_long(wait) if isinstance(wait, int) else None,
        reference=_reference() if code >= 500 else None,
    )
    response = make_response(page, code)
    own = error.get_headers() if not isinstance(error, InternalServerError) else []
    response.headers.extend([(name, value) for name, value in own if name != "Content-Type"])
    return response


def how_long(seconds: int) -> str:
    """A wait in words, minutes rounded up."""
    if seconds <= 90:
        return str(ngettext("Please wait %(num)s second.", "Please wait %(num)s seconds.", seconds))
    return str(ngettext("Please wait %(num)s minute.", "Please wait %(num)s minutes.", -(-seconds // 60)))


def _reference() -> str:
    """By which an error on a page is found in the log; what happened stands in the lines before it."""
    reference = secrets.token_hex(4)
    log.error("reference %s: %s %s", reference, request.method, request.endpoint)
    return reference
