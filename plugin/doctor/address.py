"""The public address, and the picture relay behind it."""

from __future__ import annotations

import errno
from urllib.parse import urlsplit

from sqlalchemy import func, select

from connectors.http import HttpError, call, new_session
from plugin.config import Settings
from plugin.doctor.finding import Finding, error, ok, warning
from plugin.listener import ListenerError, bind
from plugin.models import Product
from plugin.pipeline.parts import Parts
from plugin.states import ProductState

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
ADDRESS, RELAY, LOCAL = "public address", "picture relay", "local pictures"
WAIT = 1.0  # seconds for a call to be noted, once it was answered
DEADLINE = 10.0


def check_public_url(settings: Settings) -> list[Finding]:
    """Whether the address of the picture relay can be what it must be, and its port."""
    url = settings.app.public_url
    if url is None:
        return [ok(ADDRESS, "app.public_url is not set: fine while every picture is on the web")]
    here, service = urlsplit(url).hostname in LOCAL_HOSTS, urlsplit(settings.hebo.base_url).hostname in LOCAL_HOSTS
    if here and not service:
        found = warning(
            ADDRESS,
            f"{url} leads nowhere from outside",
            "set app.public_url to an address of the internet",
            "neither the image service nor a store can fetch pictures from here",
        )
    else:
        found = ok(ADDRESS, url)
    return [found, check_relay_port(settings)]


def check_relay_port(settings: Settings) -> Finding:
    """Whether the relay's port is free, or perhaps served already."""
    relay = settings.relay
    try:
        bind(relay.host, relay.port).close()
    except ListenerError as problem:
        message = relay_problem(relay.host, relay.port, problem)
        return warning(RELAY, message, "nothing to do if another hebo-sync runs")
    where = f"port {relay.port} on {relay.host}"
    return ok(RELAY, f"{where} is free; the relay listens there while hebo-sync works")


def relay_problem(host: str, port: int, error: ListenerError) -> str:
    """Why the picture relay cannot listen there, calmly: mostly because another run serves the pictures already."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken. If another hebo-sync of this data folder runs, it serves the pictures; "
            "else choose another port under [relay]"
        )
    return str(error)


def check_reach(parts: Parts) -> list[Finding]:
    """Whether a call of the public address arrives here; the relay must be up. Nothing without such an address."""
    url, name = parts.settings.app.public_url, "way in"
    if url is None:
        return []
    with parts.reach.callbacks.open() as expected:
        problem = _call(expected.url)
        if problem is None and not expected.arrived(WAIT):
            problem = "it was answered, but not by this hebo-sync"
    if problem is None:
        return [ok(name, f"a call of {url} arrives at the picture relay")]
    return [
        warning(
            name,
            f"a call of {url} from this machine did not arrive: {problem}",
            f"open {url} from another network: an empty page with the status 404 must come. If it does, all is well",
            "some routers do not let a machine call its own public address. If it cannot be reached from outside "
            "either, no store and no image service can fetch pictures from here; they are kept and wait",
        )
    ]


def _call(url: str) -> str | None:
    """What is wrong with the answer, if anything. The address says nothing secret, and is good for minutes."""
    session = new_session(allow_private=True)  # the operator names this address
    try:
        answer = call(session, "POST", url, deadline=DEADLINE, max_bytes=100_000)
    except HttpError as problem:
        return str(problem).replace(url, "the address")
    finally:
        session.close()
    return None if answer.status == 200 else f"the answer has the status {answer.status}"


def check_local_pictures(parts: Parts) -> list[Finding]:
    """Pictures in local files can be fetched by the image service only through the relay."""
    present = Product.reference_local & (Product.state != ProductState.GONE)
    with parts.db.read() as session:
        local = session.scalar(select(func.count()).select_from(Product).where(present)) or 0
    if local and parts.settings.app.public_url is None:
        advice = "set app.public_url to the address under which the picture relay is reached from outside"
        meaning = "nothing is asked of the image service for them until then"
        return [error(LOCAL, f"{_local(local)}, which nobody can fetch", advice, meaning)]
    return [ok(LOCAL, _local(local))]


def _local(count: int) -> str:
    return "1 picture is a local file" if count == 1 else f"{count} pictures are local files"
