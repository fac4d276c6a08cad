"""/healthz: whether scheduler, database, disk and clock are well, for whatever watches over the process."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from plugin.web.context import engine

blueprint = Blueprint("health", __name__)
PARTS = ("scheduler", "database", "disk", "clock")


@blueprint.get("/healthz")
def show() -> tuple[Response, int]:
    """200, or 503 where a part is not well: "ok" or "trouble" for each, and no more, since anybody may ask.

    What the trouble is stands in the log and in `hebo-sync doctor`.
    """
    problems = engine().health().problems
    states = {part: "trouble" if part in problems else "ok" for part in (*PARTS, *sorted(set(problems) - {*PARTS}))}
    answer = jsonify(status="trouble" if problems else "ok", **states)
    answer.cache_control.no_store = True
    return answer, 503 if problems else 200
