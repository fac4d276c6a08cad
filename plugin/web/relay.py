"""The picture relay: the one face that may be shown to the whole internet.

It gives out a picture to whoever holds a signed address that has not expired, and nothing else: no pages, no
cookies, no listings, and no words in its refusals.
"""

from __future__ import annotations

from flask import Flask, Response, abort, send_file
from werkzeug.exceptions import HTTPException

from plugin.links import BadLinkError, ExpiredLinkError, PictureLinks
from plugin.pictures import PictureStore

_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
# Other errors (a wrong method, a malformed request) look like a missing page.
_SHOWN = frozenset({404, 410, 416, 500})


def create_relay(links: PictureLinks, store: PictureStore) -> Flask:
    """A WSGI application that answers GET and HEAD of /p/<token>/<file name>, with ranges and conditions.

    404: not an address of ours, or the picture is gone. 410: the address has expired.
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

    @app.errorhandler(HTTPException)
    def refusal(error: HTTPException) -> Response:
        return Response(status=error.code if error.code in _SHOWN else 404, mimetype="text/plain")

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Cache-Control"] = "private"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app


def _picture(store: PictureStore, sha: str, filename: str) -> Response:
    mime = _TYPES[filename.rpartition(".")[2]]
    return send_file(store.path(sha).absolute(), mimetype=mime, etag=sha, conditional=True)
