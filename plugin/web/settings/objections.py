"""What speaks against storing a store as it is: it cannot be read or written, or another one reads the same catalogue.

Money may be spent on a store that its pictures never get to, or twice on one catalogue: so this is stored only where
somebody says so in a second step, with what speaks against it in sight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import request
from sqlalchemy import select

from connectors import StoreInfo, kinds
from plugin.config import StoreSettings
from plugin.config.tables import is_secret
from plugin.models import Store
from plugin.pipeline import stores as service
from plugin.pipeline.parts import Parts
from plugin.web.phrases import translated
from plugin.web.settings import fields
from plugin.web.settings.store_form import OPTION, StoreForm
from plugin.web.settings.texts import gettext

ANYWAY = "anyway"  # the button that stores it all the same
PLACES = ("path", "url")  # settings that say where a catalogue is, where its kind names none (`ConnectorKind.place`)
# Which setting a connector's sentence is about that names none: how it begins, with or without the store's address.
_ABOUT = (
    ("the feed ", "path"),
    ("The output ", "output"),
    ("The folder of the output", "output"),
    ("refused: the key may only read", "consumer_key"),
    ("does not accept the consumer key ", "consumer_key"),
    ("does not let the key's user ", "consumer_key"),
    ("The consumer key ", "consumer_key"),
    ("The key's user ", "consumer_key"),
    ("refused the request's signature", "consumer_secret"),
    ("does not accept the Application Password", "app_password"),
    ("There is no way for a picture into the store", "app_password"),
    ("The WordPress user ", "app_user"),
    ("The store's own address is ", "url"),
    ("does not know the app", "client_id"),
    ("says that the app is not installed", "client_id"),
    ("belongs to another organization than the app", "client_id"),
    ("does not accept the app's credentials", "client_secret"),
    ("does not accept the access token", "access_token"),
    ("does not accept the refresh token", "refresh_token"),
    ("its refresh token ", "refresh_token"),
    ("its address is a private one", "api_url"),
    ("The shop's own address is ", "shop"),
    ("is not known to Shopify", "shop"),
    ("leads requests on to another address", "shop"),
    ("cannot be reached", "shop"),
    ("http", "url"),
)


@dataclass(frozen=True, slots=True)
class Objections:
    """info: what the store says; its problems count. twins: names of the stores that read the same catalogue."""

    info: StoreInfo
    twins: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.info.problems or self.twins)

    @property
    def stand(self) -> bool:
        """Whether there are any, and nobody has said yet to store it all the same."""
        return bool(self) and not request.form.get(ANYWAY)


def look(now: Parts, config: StoreSettings, own: int | None) -> Objections:
    """Looks at the store, and at the others. own: its row, if it has one. Nothing is changed."""
    return Objections(service.look_at(now, config), tuple(_twins(now, config, own)))


def show(store: StoreForm, against: Objections) -> list[str]:
    """Put each beside the field that it is about; gives the sentences that are about none."""
    said = [(_field(store, problem), translated(problem)) for problem in against.info.problems]
    place = next((OPTION + name for name in _places(store.kind.name) if OPTION + name in store.form), "")
    said += [(place, _twin_sentence(name)) for name in against.twins]
    rest = []
    for name, sentence in said:
        if name and not store.form[name].errors:
            fields.say(store.form, name, sentence)
        else:
            rest.append(sentence)
    return rest


def _field(store: StoreForm, problem: str) -> str:
    begins = (problem, problem.partition(" ")[2])
    about = [name for first, name in _ABOUT if any(text.startswith(first) for text in begins)]
    named = [OPTION + name for name in (*fields.NAMED.findall(problem), *about)]
    return next((name for name in named if name in store.form), "")


def _twin_sentence(name: str) -> str:
    return gettext(
        "Store %(name)s reads this catalogue already. With two of them, pictures of the same products are made and "
        "paid for twice.",
        name=name,
    )


def _twins(now: Parts, config: StoreSettings, own: int | None) -> Iterator[str]:
    place = _place(now, config)
    with now.db.read() as session:
        for row in session.scalars(select(Store).where(Store.kind == config.kind).order_by(Store.name)):
            try:
                other = service.config_of(now, row)
            except service.StoreUnknownError:
                continue
            if row.id != own and other.slug != config.slug and _place(now, other) == place:
                yield row.name


def _place(now: Parts, config: StoreSettings) -> dict[str, Any]:
    """What two stores of one catalogue have in common, in one spelling."""
    infos = type(config.options).model_fields
    places = [name for name in _places(config.kind) if name in infos]
    names = places or [name for name in infos if not is_secret(infos[name])]
    return {name: _one_spelling(now, getattr(config.options, name)) for name in names}


def _places(kind: str) -> tuple[str, ...]:
    return kinds()[kind].place or PLACES


def _one_spelling(now: Parts, value: Any) -> Any:
    if isinstance(value, Path):
        return (now.settings.base_dir / value).resolve()
    return value.rstrip("/").casefold() if isinstance(value, str) else value
