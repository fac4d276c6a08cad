"""/healthz: whether scheduler, database and disk are well, for whatever watches over the process."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from plugin.web.context import engine

blueprint = Blueprint("health", __name__)
PARTS = ("scheduler", "database", "disk")


@blueprint.get("/healthz")
def show() -> tuple[Response, int]:
    """200 and "ok" for each part, or 503 and what is wrong. Nothing about stores, products or keys is said here."""
    problems = engine().health().problems
    states = {part: problems.get(part, "ok") for part in PARTS}
    return jsonify(status="trouble" if problems else "ok", **states), 503 if problems else 200
