"""Moving a site's world to where an action can be tried, and looking at what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import unescape
from typing import Any

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from plugin.models import GeneratedImage, GenerationTask, Product, Publication, Round
from plugin.pipeline.review import decide
from plugin.pipeline.run import begin
from plugin.states import ImageState
from tests.plugin.web.conftest import Site

Form = Mapping[str, Any]


def read(site: Site) -> None:
    """Read the store and do all that goes by itself: pictures are in review then."""
    begin(site.parts, None, site.world.clock.now())
    site.world.drive(site.parts)


def post(site: Site, path: str, form: Form | None = None, *, target: str = "") -> TestResponse:
    """target: the id of what a script would replace; none: sent without scripts."""
    headers = {"HX-Request": "true", "HX-Target": target} if target else {}
    return site.client.post(path, data=form or {}, headers=headers)


def after(site: Site, path: str, form: Form | None = None, to: str | None = None) -> str:
    """Post without scripts; the message on the page that follows."""
    answer = post(site, path, form)
    assert answer.status_code == 303, (path, answer.status, answer.text[:500])
    if to is not None:
        assert answer.location == to
    return message(site)


def message(site: Site) -> str:
    """The message that the last answer left for the next page."""
    with site.client.session_transaction() as kept:
        (said,) = kept.pop("_flashes")
    return str(said[1])


def images(site: Site, *states: ImageState) -> list[int]:
    with site.parts.db.read() as session:
        where = [GeneratedImage.state.in_(states)] if states else []
        return list(session.scalars(select(GeneratedImage.id).where(*where).order_by(GeneratedImage.id)))


def states(site: Site) -> list[ImageState]:
    with site.parts.db.read() as session:
        return list(session.scalars(select(GeneratedImage.state).order_by(GeneratedImage.id)))


def product(site: Site, name: str = "p1") -> Product:
    with site.parts.db.read() as session:
        return session.scalars(select(Product).where(Product.external_id == name)).one()


def publication(site: Site) -> Publication:
    with site.parts.db.read() as session:
        return session.scalars(select(Publication).order_by(Publication.id.desc()).limit(1)).one()


def tasks(site: Site) -> list[GenerationTask]:
    with site.parts.db.read() as session:
        return list(session.scalars(select(GenerationTask).order_by(GenerationTask.id)))


def rounds(site: Site) -> list[tuple[str, str, int]]:
    """Photo, pack and number of every round."""
    with site.parts.db.read() as session:
        ordered = select(Round.reference_sha, Round.pack, Round.number).order_by(Round.id)
        return [(row[0], row[1], row[2]) for row in session.execute(ordered)]


def pictures_planned(site: Site) -> int:
    with site.parts.db.read() as session:
        return session.scalar(select(func.count()).select_from(GeneratedImage)) or 0


def approve(site: Site, ids: Iterable[int] | None = None) -> None:
    """Somebody approves these pictures, or all in review."""
    with site.parts.db.write() as session:
        decide(session, site.parts, list(ids or images(site, ImageState.IN_REVIEW)), ImageState.APPROVED, "somebody")


def publish(site: Site) -> None:
    """Read, make, approve, publish."""
    read(site)
    approve(site)
    site.world.drive(site.parts)


def form_of(page: str, action: str) -> dict[str, Any]:
    """What the first form that leads to `action` would send: hidden values, ticked boxes, chosen options."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert found is not None, (action, page)
    fields: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", found[0]):
        kind, name, value = (attribute(tag, word) for word in ("type", "name", "value"))
        if name and (kind != "checkbox" or re.search(r"\schecked[\s>]", tag)):
            fields.setdefault(name, []).append(value)
    for tag, inner in re.findall(r"(<select[^>]*>)(.*?)</select>", found[0], re.DOTALL):
        options = re.findall(r"<option[^>]*>", inner)
        chosen = next((option for option in options if re.search(r"\sselected[\s>]", option)), options[0])
        fields.setdefault(attribute(tag, "name"), []).append(attribute(chosen, "value"))
    return fields


def attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return unescape(found[1]) if found else ""
