"""HTTP that is safe to point at addresses which others choose, and that always ends in time.

    session = new_session(allow_private=False)
    answer = call(session, "GET", url, deadline=30, max_bytes=1_000_000)

Three things that `requests` alone does not give:

- a *total* deadline. Its read timeout starts again with every packet, so a server that sends one byte a
  second holds a thread for ever. Here a socket's timeout is a budget for everything that follows (headers
  too), so neither a second thread nor a timer is needed;
- private addresses are refused when a connection is made, on the very address that is connected to:
  redirects and names that resolve differently the second time (DNS rebinding) gain nothing;
- errors that say whether the request may have reached the server, which is what a paid POST hangs on
  (the tree is drawn in `errors`).
"""

from connectors.http.calls import Answer, call, new_session, prepare, send
from connectors.http.errors import (
    BadRequestError,
    BadUrlError,
    HttpError,
    NoAnswerError,
    NotConnectedError,
    PrivateAddressError,
    TooLargeError,
)

__all__ = [
    "Answer",
    "BadRequestError",
    "BadUrlError",
    "HttpError",
    "NoAnswerError",
    "NotConnectedError",
    "PrivateAddressError",
    "TooLargeError",
    "call",
    "new_session",
    "prepare",
    "send",
]
