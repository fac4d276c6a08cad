"""What a connection can do, found out before anything is spent. The store is not changed, but for one short webhook.

First the index, which needs no key; then everything else at once. Each part gives what is wrong and what is to be
known; only the reasons that a person can act on become problems.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.types import Callback, StoreInfo
from connectors.woocommerce.catalogue import currency_of
from connectors.woocommerce.client import Reply
from connectors.woocommerce.errors import StoreError
from connectors.woocommerce.reach import NAME, Reached, reach
from connectors.woocommerce.room import Room

Opening = Callable[[], AbstractContextManager[Callback]]
_SECONDS = 8.0
_PATIENCE = 2.0
_CLOCK_LIMIT = 14 * 60.0  # signed requests are refused from 15 minutes on
_OVERLAP = 4 * 60.0  # readings overlap by five minutes
_INDEX_FIELDS = "name,home,url,gmt_offset,timezone_string,namespaces"
_PASSWORD = "give the store an Application Password (WordPress: Users → Profile → Application Passwords; needs https)"  # noqa: S105
_PUBLIC = "set this program's public address (`public_url` under [app]) so that the store can fetch pictures from it"
_CLOSED = (
    "The store does not tell which products have only a gallery and no main image; adding a picture to such a product "
    "makes one of its gallery the main image. An Application Password lets us see them."
)
_UPLOADS = (
    "Pictures are uploaded with the Application Password. Only the first upload proves that the store keeps them."
)
_FETCHES = "The store fetches pictures from this program. Only the first one proves that its server may."


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the check found. done: whether it works, where another part depends on it."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    done: bool = False
    text: str = ""


def check(room: Room, callback: Opening | None) -> StoreInfo:
    """See `Connector.check`; within about 40 s. callback: opens an address for the store to call, if there is one.

    What is wrong with the store is told as problems. Raises ConnectorError if our own notes cannot be kept.
    """
    try:
        index = _read(room, "", {"_fields": _INDEX_FIELDS})
    except StoreError as error:
        return StoreInfo(room.client.home, problems=(str(error),))
    facts = index.body if isinstance(index.body, Mapping) else {}
    name, zone = str(facts.get("name") or room.client.home), _zone(facts)
    site = _site(room, index, facts)
    key, version, currency, password, mains, reached = _asked(room, callback)
    parts = [site, key]
    if key.done:
        parts += [password, _ways(room, password, reached, given=callback is not None), mains]
    return StoreInfo(
        name,
        currency=currency.text,
        version=version.text,
        timezone=zone,
        problems=tuple(text for part in parts for text in part.problems),
        notes=tuple(text for part in parts for text in part.notes),
    )


def _asked(room: Room, callback: Opening | None) -> tuple[Part, Part, Part, Part, Part, Reached]:
    """The parts that do not depend on each other, at once."""
    with ThreadPoolExecutor(6, "woocommerce-check") as pool:
        key, version = pool.submit(_key, room), pool.submit(_version, room)
        currency, password = pool.submit(_currency, room), pool.submit(_password, room)
        mains = pool.submit(_mains, room)
        reached = pool.submit(reach, room.client, callback) if callback else None
        return (
            key.result(),
            version.result(),
            currency.result(),
            password.result(),
            mains.result(),
            reached.result() if reached else Reached(None),
        )


def _read(room: Room, path: str, params: Mapping[str, str], *, anonymous: bool = False) -> Reply:
    return room.client.read(path, params, seconds=_SECONDS, patience=_PATIENCE, anonymous=anonymous)


# -- the site ----------------------------------------------------------------------------------------------------


def _site(room: Room, index: Reply, facts: Mapping[str, Any]) -> Part:
    """Is it the address that the store signs with, is WooCommerce there, does the clock agree."""
    home, namespaces = room.client.home, facts.get("namespaces")
    problems: list[str] = []
    notes: list[str] = []
    if not isinstance(namespaces, list) or "wc/v3" not in namespaces:
        problems.append(f"{home} answers, but not as a WooCommerce store: is the plugin active there, and up to date?")
    own = str(facts.get("home") or "").rstrip("/")
    if own and own.casefold() != home.casefold():
        text = f"The store's own address is {own}, not {home}: put that one into the settings"
        (notes if home.startswith("https://") else problems).append(text)
    late = _late(room, index)
    if abs(late) > _CLOCK_LIMIT and home.startswith("http://"):
        problems.append(f"{_clock(late)}; over http the store refuses requests then. Set the clocks right")
    elif late > _OVERLAP:
        notes.append(f"{_clock(late)}; changes in the store may be seen only by the weekly reading of everything")
    return Part(tuple(problems), tuple(notes))


def _late(room: Room, index: Reply) -> float:
    """Seconds that the store's clock is behind ours."""
    try:
        told = parsedate_to_datetime(index.headers.get("Date", ""))
    except ValueError:
        return 0.0
    return (room.now() - told).total_seconds() if told.tzinfo else 0.0


def _clock(late: float) -> str:
    minutes, word = round(abs(late) / 60), "behind" if late > 0 else "ahead of"
    return f"The store's clock is {minutes} minutes {word} this machine's"


def _zone(facts: Mapping[str, Any]) -> str:
    """The store's time zone; many stores name only an offset."""
    named, offset = facts.get("timezone_string"), facts.get("gmt_offset")
    if named:
        return str(named)
    try:
        minutes = round(float(offset or 0) * 60)
    except (TypeError, ValueError):
        return ""
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}" if minutes else "UTC"


# -- the key -----------------------------------------------------------------------------------------------------


def _key(room: Room) -> Part:
    """Is the key accepted, may it write, may its user edit products."""
    try:
        found = _read(room, "wc/v3/products", {"per_page": "1", "_fields": "id"})
        products = found.body if isinstance(found.body, list) else []
        problem = _write_problem(room) or (_edit_problem(room, products[0]["id"]) if products else None)
    except StoreError as error:
        return Part((str(error),))
    notes = () if products else ("The store has no products yet.",)
    return Part((problem,) if problem else (), notes, done=True)


def _write_problem(room: Room) -> str | None:
    """A write to a product that cannot exist: a key that may write is told so, one that may not gets 401 before."""
    try:
        room.client.write("PUT", "wc/v3/products/0", {}, seconds=_SECONDS)
    except StoreError as error:
        if error.status in {400, 404} and error.code:
            return None
        if error.status in {401, 403} and error.code:
            return (
                "The consumer key may only read: make one with the permissions Read/Write (WooCommerce → Settings → "
                f"Advanced → REST API). The store says: {error.detail or error.status}"
            )
        return f"Whether the key may write is not known: {error}"
    return None


def _edit_problem(room: Room, product: int) -> str | None:
    """What the key's user may do with a product is told by the header `Allow`."""
    allow = _read(room, f"wc/v3/products/{product}", {"_fields": "id"}).headers.get("Allow", "")
    if allow and "PUT" not in allow:
        return "The key's user may not edit products: make a key for a user with the role Shop manager"
    return None


def _version(room: Room) -> Part:
    try:
        body = _read(room, "wc/v3/system_status", {"_fields": "environment.version"}).body
    except StoreError:
        return Part()  # a key whose user may not see it works all the same
    environment = body.get("environment") if isinstance(body, Mapping) else None
    return Part(text=str(environment.get("version") or "") if isinstance(environment, Mapping) else "")


def _currency(room: Room) -> Part:
    try:
        code = currency_of(room)
    except StoreError:
        return Part()
    if code:
        room.state.note_currency(code)
    return Part(text=code)


# -- the ways for a picture into the store -----------------------------------------------------------------------


def _password(room: Room) -> Part:
    """Does the Application Password work, and may its user upload."""
    if room.options.app_login() is None:
        return Part()
    if not room.client.can_upload:
        return Part(notes=("The Application Password is not used: the store's address is http, and it needs https.",))
    try:
        fields = {"context": "edit", "_fields": "id,capabilities.upload_files"}
        body = _read(room, "wp/v2/users/me", fields).body
    except StoreError as error:
        return Part((str(error),))
    rights = body.get("capabilities") if isinstance(body, Mapping) else None
    if isinstance(rights, Mapping) and rights.get("upload_files"):
        return Part(done=True)
    who = f"The WordPress user {room.options.app_user}"
    return Part((f"{who} may not upload files: give that user the role Shop manager, or choose another user",))


def _ways(room: Room, password: Part, reached: Reached, *, given: bool) -> Part:
    """One of the two ways has to work: upload, or the store fetches."""
    notes = (f"A webhook named “{NAME}” may be left in the store; it can be deleted.",) if reached.left else ()
    if password.done:
        return Part(notes=(_UPLOADS, *notes))
    if reached.came:
        return Part(notes=(_FETCHES, *notes))
    if reached.came is None and given:
        untried = f"Whether the store can reach this program could not be tried ({reached.why})."
        return Part(notes=(untried, _FETCHES, *notes))
    return Part(
        (_no_way(reached) if given else f"There is no way for a picture into the store: {_PASSWORD}, or {_PUBLIC}",),
        notes,
    )


def _no_way(reached: Reached) -> str:
    said = f" The store says: {reached.why}." if reached.why else ""
    return (
        "The store cannot reach this program's public address, so it cannot fetch pictures from it."
        f"{said} Open that address to the internet (port 80, 443 or 8080), or {_PASSWORD}"
    )


def _mains(room: Room) -> Part:
    """Whether products with only a gallery can be told from others."""
    for anonymous in (False, True) if room.client.can_upload else (True,):
        try:
            _read(room, "wp/v2/product", {"per_page": "1", "_fields": "id,featured_media"}, anonymous=anonymous)
        except StoreError:
            continue
        return Part(done=True)
    return Part(notes=(_CLOSED,))
