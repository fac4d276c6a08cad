"""hebo-sync demo: the whole thing on a sandbox service and a sample catalogue; no credentials needed."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from plugin import open_parts
from plugin.cli.context import note
from plugin.cli.relay import relay_beside
from plugin.cli.run import Outcome, run_watched, show
from plugin.cli.serve import leave_at_once, serve_until_stopped
from plugin.config import ServerSettings, Settings, load_settings, store_settings
from plugin.listener import ListenerError, bind, free_port
from plugin.pipeline.parts import Parts, Policy

if TYPE_CHECKING:
    from plugin.cli.demo_shop import DemoShop, Platform

KEY = "sandbox-key"
Shops: TypeAlias = "Sequence[tuple[Platform, DemoShop]]"
LOOK = 0.1  # seconds between two looks whether somebody has signed in
STORE = {
    "name": "sample",
    "kind": "feed",
    "path": "catalogue/feed.tsv",
    "output": "catalogue/feed-with-pictures.tsv",
    "schedule": "every 30 minutes",
}
CONFIG = """\
[app]
public_url = "http://127.0.0.1:{relay}"
allow_private_addresses = true

[relay]
port = {relay}

[hebo]
base_url = "{service}"
"""


@dataclass(frozen=True, slots=True)
class Door:
    """How to get in: a sign-in that is good for this demo only, since it is printed."""

    name: str
    password: str


@click.command()
@click.option("--once", is_flag=True, help="One pass without pages: approve and publish everything, then exit.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the pages. Without it: 8787, or a free one.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the demo keeps its files.")
def demo(once: bool, port: int | None, no_browser: bool, folder: Path | None) -> None:  # noqa: FBT001  # click's own form
    """A sample feed, a WooCommerce and a Shopify sandbox shop and a sandbox image API, over real HTTP at the real
    polling intervals, and the pages to click through.

    Nothing is made before you have signed in; then pictures of the feed's products arrive on the pages while you look.
    For the shops' products you choose yourself. Ctrl-C ends it.
    """
    folder = (folder or Path(tempfile.mkdtemp(prefix="hebo-sync-demo-"))).resolve()
    with ExitStack() as stack:
        stack.callback(note, f"the demo's files stay in {folder}: remove that folder when you have seen enough")
        settings = _prepare(folder, stack.enter_context(_sandbox()), automatic=once)
        shops = stack.enter_context(_shops(settings))
        if once:
            sys.exit(_run_once(settings, folder, shops).exit_code)
        left = _serve(settings, folder, shops, port, browser=not no_browser)
    if left:
        leave_at_once(left)


@contextmanager
def _sandbox() -> Iterator[str]:
    from plugin.sandbox.hebo.options import HeboOptions
    from plugin.sandbox.hebo.server import serve_hebo

    with serve_hebo(HeboOptions(duration=(6, 30)), "127.0.0.1", 0) as service:
        note(f"sandbox image API: {service.url}")
        yield service.url


@contextmanager
def _shops(settings: Settings) -> Iterator[Shops]:
    """The sandbox shops, set up as stores beside the feed."""
    from plugin.cli.demo_shop import shop_beside

    with ExitStack() as stack:
        with open_parts(settings) as parts:
            shops = [(platform, stack.enter_context(shop_beside(parts, platform))) for platform in _platforms()]
        yield shops


def _platforms() -> list[Platform]:
    from plugin.cli.demo_shopify import SHOPIFY
    from plugin.cli.demo_woocommerce import WOOCOMMERCE

    return [WOOCOMMERCE, SHOPIFY]


def _prepare(folder: Path, service: str, *, automatic: bool) -> Settings:
    """The sample catalogue, its settings as the pages would store them, and a configuration file for the rest.

    automatic: pictures are made at once; else the catalogue is only read, and its photos are looked at.
    What an earlier demo left in the folder is gone on with.
    """
    from plugin.sandbox.catalogue.feed import write_catalogue

    feed = folder / "catalogue" / "feed.tsv"
    if not feed.exists():
        write_catalogue(feed.parent)
    note(f"sample catalogue: {feed}")
    config = folder / "config.toml"
    config.write_text(CONFIG.format(relay=free_port(), service=service), encoding="utf-8")
    settings = load_settings(config, {})
    with open_parts(settings) as parts:
        _furnish(parts, automatic=automatic)
    return settings


def _furnish(parts: Parts, *, automatic: bool) -> None:
    from pydantic import SecretStr

    from plugin.models import SettingsPage
    from plugin.pipeline import stores
    from plugin.stored import HEBO, keep

    config = store_settings({**STORE, "auto_generate": automatic}, "the sample store")
    with parts.db.write() as session:
        kept = session.get(SettingsPage, HEBO)  # what an earlier demo was set to on the page stays
        values = {**(kept.values if kept else {}), "api_key": SecretStr(KEY), "exclusive": True}
        keep(session, parts.keys, values, parts.clock.now())
        if stores.known_by_name(session, config.slug) is None:
            stores.add(session, parts, config, read_now=not automatic)  # a run reads it anyway


def _run_once(settings: Settings, folder: Path, shops: Shops) -> Outcome:
    from plugin.cli.demo_shop import ask_for_some, tell_shown

    with open_parts(settings, policy=Policy(approve_all=True, unattended=True)) as parts, relay_beside(parts):
        ask_for_some(parts, [platform for platform, _ in shops])
        outcome = run_watched(parts, store=None, until_idle=True, quiet=False)
    show(outcome, as_json=False)
    click.echo(f"the feed with its new pictures: {folder / STORE['output']}")
    for platform, shop in shops:
        tell_shown(platform, shop)
    _tell_commands(folder, "(or images list, tasks list, ledger; the sandboxes have ended)")
    return outcome


def _tell_commands(folder: Path, others: str) -> None:
    command = shlex.join([_program(), "--config", str(folder / "config.toml"), "products", "list"])
    click.echo(f"look around: {command} {others}")


def _program() -> str:
    """The program as it can be called here: by its name alone only where the shell finds this very one by it."""
    name, called = "hebo-sync", Path(sys.argv[0])
    if called.stem != name or not called.exists():
        return name
    found = shutil.which(name)
    return name if found and Path(found).resolve() == called.resolve() else str(called)


def _serve(settings: Settings, folder: Path, shops: Shops, port: int | None, *, browser: bool) -> int:
    """The pages until Ctrl-C; gives how many calls still run then."""
    from plugin.cli.demo_shop import tell_shop

    server = settings.server.model_copy(update={"port": _port(settings.server) if port is None else port})
    with open_parts(settings, policy=Policy(unattended=False)) as parts:
        door = _unlock(parts)

        def tell(address: str) -> None:
            click.echo(f"open {address}/products and sign in as {door.name} with the password {door.password}")
            for platform, shop in shops:
                tell_shop(platform, shop)
            _tell_commands(folder, "(or images, tasks, quota, undo …; while the demo runs)")
            note("pictures for the feed are made once you have signed in. Ctrl-C ends the demo")
            if browser and _has_screen():
                webbrowser.open(f"{address}/products")

        with _waiting_for_somebody(parts):
            return serve_until_stopped(parts, server, tell)


@contextmanager
def _waiting_for_somebody(parts: Parts) -> Iterator[None]:
    """Has pictures made as soon as somebody signs in, if none were made before: they are to be seen as they arrive."""
    over = threading.Event()
    waiter = threading.Thread(target=_wait_and_begin, args=(parts, parts.clock.now(), over), name="door")
    if not _has_begun(parts):
        waiter.start()
    try:
        yield
    finally:
        over.set()
        if waiter.is_alive():
            waiter.join()


def _wait_and_begin(parts: Parts, since: datetime, over: threading.Event) -> None:
    while not over.wait(LOOK):
        if _has_come(parts, since):
            _begin(parts)
            return


def _has_begun(parts: Parts) -> bool:
    from sqlalchemy import select

    from plugin.models import GenerationTask

    with parts.db.read() as session:
        return session.scalar(select(GenerationTask.id).limit(1)) is not None


def _has_come(parts: Parts, since: datetime) -> bool:
    from sqlalchemy import select

    from plugin.models import SignIn

    with parts.db.read() as session:
        return session.scalar(select(SignIn.id).where(SignIn.created_at >= since).limit(1)) is not None


def _begin(parts: Parts) -> None:
    """The sample store makes pictures by itself from now on, as if that were switched on in its settings."""
    from plugin.pipeline import stores

    with parts.db.write() as session:
        row = stores.find(parts, session, STORE["name"])
        config = stores.config_of(parts, row).model_copy(update={"auto_generate": True})
        stores.change(session, parts, row, config, read_now=False)
        stores.plan_unmade(session, row.id, parts.clock.now())


def _port(server: ServerSettings) -> int:
    """The usual port, or any where that is taken."""
    try:
        bind(server.host, server.port).close()
    except ListenerError:
        return 0
    return server.port


def _unlock(parts: Parts) -> Door:
    """An admin for the demo, with a new password each time."""
    from plugin.web.auth.admins import create_admin, find_admin, set_password

    door = Door("demo", secrets.token_hex(6))
    with parts.db.write() as session:
        known = find_admin(session, door.name)
        if known is None:
            create_admin(session, door.name, door.password, parts.clock.now())
        else:
            set_password(session, known, door.password)
    return door


def _has_screen() -> bool:
    """Whether a browser window can be seen by somebody at this terminal."""
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
