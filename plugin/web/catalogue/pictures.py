"""Kept pictures for those who are signed in: whole, or as a thumbnail. The relay gives them to everybody else."""

from __future__ import annotations

import io
from typing import NoReturn

from flask import Response, abort, send_file

from plugin.models import Picture
from plugin.pictures import NotAPictureError, StorageError
from plugin.pipeline import views
from plugin.web.catalogue import blueprint
from plugin.web.context import parts

# 400 is made when a picture is collected.
WIDTHS = frozenset({96, 240, 400, 480, 960})


@blueprint.get("/pictures/<sha>")
def picture(sha: str) -> Response:
    """The bytes as they were stored. 404: not known, missing or damaged."""
    row = _row(sha)
    try:
        data = parts().pictures.read(row.sha)
    except StorageError:
        _missing()
    name = f"{row.sha[:12]}.{row.extension}"
    return _kept(send_file(io.BytesIO(data), mimetype=row.mime, download_name=name, etag=row.sha, conditional=True))


@blueprint.get("/pictures/<sha>/<int:width>")
def thumbnail(sha: str, width: int) -> Response:
    """A JPEG of one of WIDTHS. 404: another width; not known, missing or damaged."""
    if width not in WIDTHS:
        _missing()
    row = _row(sha)
    try:
        path = parts().pictures.thumbnail(row.sha, width)
        sent = send_file(path.absolute(), mimetype="image/jpeg", etag=f"{row.sha}-{width}", conditional=True)
    except (StorageError, NotAPictureError, OSError):
        _missing()
    return _kept(sent)


def _row(sha: str) -> Picture:
    with parts().db.read() as session:
        row = views.find_picture(session, sha) if sha.isascii() and sha.isalnum() else None
    return row or _missing()


def _missing() -> NoReturn:
    abort(404)


def _kept(response: Response) -> Response:
    """A picture's address names its bytes, so a browser need never ask again."""
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
