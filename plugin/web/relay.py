"""The picture relay: the one face that may be shown to the whole internet.

It gives out a picture to whoever holds a signed address that has not expired, takes the calls that a store was asked
to make, and nothing else: no pages, no cookies, no listings, and no words in its refusals.
"""

from __future__ import annotations

from flask import Flask, Response, abort, send_file
from werkzeug.exceptions import HTTPException

from plugin.callbacks import Callbacks
from plugin.links import BadLinkError, ExpiredLinkError, PictureLinks
from plugin.pictures import PictureStore

_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
# Other errors (a wrong method, a malformed request) look like a missing page.
_SHOWN = frozenset({404, 410, 416, 500})


def create_relay(links: PictureLinks, store: PictureStore, callbacks: Callbacks | None = None) -> Flask:
    """A WSGI application that answers GET and HEAD of /p/<token>/<file name>, with ranges and conditions, and POST of
    /c/<token> with an empty 200 (the body is not looked at; None: there are no such addresses).

    404: not an address of ours, or the picture is gone, or nobody waits for the call. 410: the address has expired.
    """
    app = Flask("hebo-sync-relay", static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = 0

    @app.get("/p/<token>/<filename>", provide_automatic_options=False)
    def picture(token: str, filename: str) -> Response:
        try:
            return _picture(store, links.open(token, filename), filename)
        except ExpiredLinkError:
            abort(410)
        except (BadLinkError, FileNotFoundError):
            abort(404)

    @app.post("/c/<token>", provide_automatic_options=False)
    def call(token: str) -> Response:
        try:
            _take(callbacks, token)
        except ExpiredLinkError:
            abort(410)
        except BadLinkError:
            abort(404)
        return Response(mimetype="text/plain")

    @app.errorhandler(HTTPException)
    def refusal(error: HTTPException) -> Response:
        return Response(status=error.code if error.code in _SHOWN else 404, mimetype="text/plain")

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Cache-Control"] = "private"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app


def _take(callbacks: Callbacks | None, token: str) -> None:
    if callbacks is None:
        raise BadLinkError("nobody waits for calls here")
    callbacks.take(token)


def _picture(store: PictureStore, sha: str, filename: str) -> Response:
    mime = _TYPES[filename.rpartition(".")[2]]
    return send_file(store.path(sha).absolute(), mimetype=mime, etag=sha, conditional=True)
