"""The catalogue: products with their pictures, review, and what is generated anew."""

from __future__ import annotations

from flask import Blueprint, render_template

blueprint = Blueprint("catalogue", __name__)


@blueprint.get("/products")
def products() -> str:
    return render_template("products.html")


@blueprint.get("/review")
def review() -> str:
    return render_template("review.html")


@blueprint.get("/pictures/<sha>")
def picture(sha: str) -> str:
    return sha


@blueprint.get("/pictures/<sha>/<int:width>")
def thumbnail(sha: str, width: int) -> str:
    return f"{sha} {width}"
