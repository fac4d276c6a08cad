"""Is everything in order? Checks as functions; each gives findings, for `hebo-sync doctor` and the settings page.

`check_settings` needs no database: it also tells why one cannot be opened. `check_parts` looks at everything else.
Nothing is sent and nothing is spent; whoever opens the parts makes the data folder and the database where missing.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from connectors import ConnectorError
from connectors.http import HttpError, call, new_session
from plugin.config import Settings, StoreSettings
from plugin.config.load import PREFIX
from plugin.hebo import HeboError, KeyRefusedError, Quota
from plugin.listener import ListenerError, bind
from plugin.models import Account, Event, GenerationTask, Product, Publication, Store
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.secrets import KEY_FILE
from plugin.states import ProductState, PublicationState, TaskState
from templates import PackError, pack_names

LITTLE_DISK, LOW_DISK = 100_000_000, 1_000_000_000  # bytes: too little to work, soon too little
CLOCK_DIFFERENCE = 60  # seconds
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
# States of products that a person may want to look at.
TROUBLED = (ProductState.NO_IMAGE, ProductState.BAD_IMAGE, ProductState.PLACEHOLDER, ProductState.OURS)


class Level(StrEnum):
    """error: it does not work, or a person must act. warning: worth a look."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it ("": nothing). notes: what else is good to know."""

    check: str
    level: Level
    message: str
    advice: str = ""
    notes: tuple[str, ...] = ()


def ok(check: str, message: str, notes: tuple[str, ...] = ()) -> Finding:
    return Finding(check, Level.OK, message, notes=notes)


def warning(check: str, message: str, advice: str) -> Finding:
    return Finding(check, Level.WARNING, message, advice)


def error(check: str, message: str, advice: str) -> Finding:
    return Finding(check, Level.ERROR, message, advice)


def check_settings(config: Path | None, settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """What can be seen before anything is opened.

    config: the file that the settings come from, if one does; environ: the variables that they come from.
    """
    return [
        check_config_file(config, settings),
        *check_secret_files(environ),
        check_data_folder(settings),
        check_key_file(settings),
        *check_public_url(settings),
    ]


def check_parts(parts: Parts) -> Iterator[Finding]:
    """Everything else, one finding after the other: the slow ones (the network) come as they are known."""
    yield check_disk(parts)
    yield check_database(parts)
    yield from check_image_api(parts)
    yield from check_packs(parts)
    yield from check_stores(parts)
    yield check_local_pictures(parts)
    yield from check_work(parts)


def check_config_file(config: Path | None, settings: Settings) -> Finding:
    """Whether others may read the secrets in it."""
    name = "configuration"
    if config is None:
        message = "there is no configuration file; the environment alone decides"
        return warning(name, message, "hebo-sync init makes one")
    mode = stat.S_IMODE(config.stat().st_mode)
    if os.name == "posix" and mode & 0o077 and _holds_secret(config.read_text(encoding="utf-8"), settings):
        return warning(
            name,
            f"{config} holds a secret, and other users may read it",
            f"chmod 600 '{config}'; or NAME_FILE variables",
        )
    return ok(name, str(config))


def check_secret_files(environ: Mapping[str, str]) -> list[Finding]:
    """Whether others may read a file that a HEBO_SYNC_…_FILE variable names."""
    named = {name: Path(value) for name, value in environ.items() if name.startswith(PREFIX) and name.endswith("_FILE")}
    return [_secret_file(name, file) for name, file in sorted(named.items()) if file.is_file()]


def _secret_file(name: str, file: Path) -> Finding:
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        return warning(name, f"{file} holds a secret, and other users may read it", f"chmod 600 '{file}'")
    return ok(name, str(file))


def _holds_secret(content: str, settings: Settings) -> bool:
    password = make_url(settings.database.url).password
    return any(secret and secret in content for secret in (*_secrets(settings), password))


def _secrets(model: BaseModel) -> Iterator[str]:
    """The values of all secret fields, at any depth."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, SecretStr):
                yield part.get_secret_value()
            elif isinstance(part, BaseModel):
                yield from _secrets(part)


def check_data_folder(settings: Settings) -> Finding:
    """Whether the data folder (or the place where it is made) can be written."""
    name, folder = "data folder", settings.app.data_dir
    place = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            return ok(name, str(folder) if place == folder else f"{folder} (will be made)")
    except OSError as problem:
        return error(
            name,
            f"{folder} cannot be written: {problem.strerror}",
            "give hebo-sync the right to write there, or set app.data_dir to another folder",
        )


def check_key_file(settings: Settings) -> Finding:
    """Whether the key of the stored secrets is there and private."""
    name, file = "key file", settings.app.data_dir / KEY_FILE
    if settings.app.secret_key is not None:
        return ok(name, "app.secret_key is set")
    if not file.exists():
        return ok(name, f"{file} (will be made)")
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        return error(name, f"other users may read {file}", f"chmod 600 '{file}', and change what it protected")
    return ok(name, str(file))


def check_public_url(settings: Settings) -> list[Finding]:
    """Whether the address of the picture relay can be what it must be, and its port."""
    name, url = "public address", settings.app.public_url
    if url is None:
        return [ok(name, "app.public_url is not set: fine while every picture is on the web")]
    here, service = urlsplit(url).hostname in LOCAL_HOSTS, urlsplit(settings.hebo.base_url).hostname in LOCAL_HOSTS
    if here and not service:
        found = warning(name, f"{url} leads nowhere from outside", "set app.public_url to an address of the internet")
    else:
        found = ok(name, url)
    return [found, check_relay_port(settings)]


def check_relay_port(settings: Settings) -> Finding:
    """Whether the relay's port is free, or perhaps served already."""
    relay = settings.relay
    try:
        bind(relay.host, relay.port).close()
    except ListenerError as problem:
        message = relay_problem(relay.host, relay.port, problem)
        return warning("picture relay", message, "nothing to do if another hebo-sync runs")
    where = f"port {relay.port} on {relay.host}"
    return ok("picture relay", f"{where} is free; the relay listens there while hebo-sync works")


def relay_problem(host: str, port: int, error: ListenerError) -> str:
    """Why the picture relay cannot listen there, calmly: mostly because another run serves the pictures already."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken. If another hebo-sync of this data folder runs, it serves the pictures; "
            "else choose another port under [relay]"
        )
    return str(error)


def check_disk(parts: Parts) -> Finding:
    """Room for pictures and the database."""
    free = shutil.disk_usage(parts.settings.app.data_dir).free
    message, advice = f"{free / 1e9:.1f} GB are free", "make room, or move app.data_dir to a larger disk"
    if free < LITTLE_DISK:
        return error("disk", message, advice)
    return warning("disk", message, advice) if free < LOW_DISK else ok("disk", message)


def check_database(parts: Parts) -> Finding:
    """Its schema version; SQLite: its integrity (PRAGMA quick_check)."""
    name, where = "database", parts.db.where
    try:
        with parts.db.read() as session:
            version = session.scalar(text("SELECT version_num FROM alembic_version"))
            sqlite = parts.db.engine.dialect.name == "sqlite"
            damage = session.scalars(text("PRAGMA quick_check(3)")).all() if sqlite else ["ok"]
    except SQLAlchemyError as problem:
        damage, version = [str(problem).splitlines()[0]], None
    if damage != ["ok"]:
        reasons = "; ".join(str(line) for line in damage)
        advice = "stop hebo-sync, keep a copy of the file, restore a backup"
        return error(name, f"{where} is damaged: {reasons}", advice)
    return ok(name, f"{where}, schema {version}")


def check_image_api(parts: Parts) -> list[Finding]:
    """Whether the image service can be reached and takes the key, and whether its clock and ours agree."""
    name, hebo = "image service", parts.settings.hebo
    if parts.hebo is None:
        advice = "set api_key under [hebo], or HEBO_SYNC_HEBO_API_KEY, or HEBO_SYNC_HEBO_API_KEY_FILE"
        return [error(name, "there is no API key", advice)]
    try:
        quota = parts.hebo.quota()
    except KeyRefusedError as problem:
        return [error(name, f"the key is refused: {problem}", "check hebo.api_key with the service"), *_clock(parts)]
    except HeboError as problem:
        return [error(name, f"{hebo.base_url}: {problem}", "check hebo.base_url and the network; nothing is lost")]
    return [of_quota(quota), *_clock(parts)]


def of_quota(quota: Quota) -> Finding:
    """What an answered quota means for the work."""
    name, account = "image service", f"account {quota.user_id or 'unknown'}"
    room = quota.room()
    if room is None:
        return ok(name, f"{account}, no limit counted")
    if room == 0:
        return warning(name, f"{account}: the quota of {quota.daily_limit} images is used up", "work goes on tomorrow")
    return ok(name, f"{account}, {room} of {quota.daily_limit} images left")


def _clock(parts: Parts) -> list[Finding]:
    """The difference to the service's Date header; nothing where it sends none. The key is not sent along."""
    session = new_session(allow_private=True)  # the operator names this address
    try:
        answer = call(session, "GET", parts.settings.hebo.base_url, deadline=10, max_bytes=1_000_000)
        theirs = parsedate_to_datetime(answer.headers["Date"])
        seconds = (parts.clock.now() - theirs).total_seconds()
    except (HttpError, KeyError, ValueError, TypeError):
        return []
    finally:
        session.close()
    if abs(seconds) > CLOCK_DIFFERENCE:
        side = "ahead of" if seconds > 0 else "behind"
        message = f"this machine's clock is {abs(seconds):.0f} s {side} the service's"
        return [warning("clock", message, "have the machine set its clock by NTP: budgets and links go by it")]
    return [ok("clock", "agrees with the image service's")]


def check_packs(parts: Parts) -> list[Finding]:
    """Whether all pack files can be read, and each store's pack in its language."""
    name, app = "prompt packs", parts.settings.app
    try:
        known = pack_names(app.pack_folders, app.language)
        for config in _configs(parts).values():
            parts.pack(config.pack, config.language or app.language)
    except PackError as problem:
        return [error(name, str(problem), "mend it (hebo-sync prompts check FILE), or name another pack")]
    return [ok(name, ", ".join(known))]


def _configs(parts: Parts) -> dict[int, StoreSettings]:
    with parts.db.read() as session:
        return stores.configured(parts, session)


def check_stores(parts: Parts) -> Iterator[Finding]:
    """Each store's own check."""
    configs = _configs(parts)
    if not configs:
        yield warning("stores", "no store is set up and active", "add a [[stores]] table to the configuration file")
    with parts.db.read() as session:
        rows = session.scalars(select(Store).order_by(Store.name)).all()
    for row in rows:
        if row.id in configs:
            yield check_store(parts, configs[row.id])
        else:
            yield ok(f"store {row.name}", "paused or no longer configured: left alone")


def check_store(parts: Parts, config: StoreSettings) -> Finding:
    """One store's `Connector.check`."""
    name = f"store {config.name}"
    try:
        info = stores.connect(parts, config).check()
    except ConnectorError as problem:
        return error(name, str(problem), f"mend that, then: hebo-sync stores check {config.name}")
    if info.problems:
        advice = f"mend that, then: hebo-sync stores check {config.name}"
        return Finding(name, Level.ERROR, "; ".join(info.problems), advice, info.notes)
    return ok(name, f"{info.name} is ready", info.notes)


def check_local_pictures(parts: Parts) -> Finding:
    """Pictures in local files can be fetched by the image service only through the relay."""
    present = Product.reference_local & (Product.state != ProductState.GONE)
    with parts.db.read() as session:
        local = session.scalar(select(func.count()).select_from(Product).where(present)) or 0
    if local and parts.settings.app.public_url is None:
        advice = "set app.public_url to the address under which the picture relay is reached from outside"
        return error("local pictures", f"{_local(local)}, which nobody can fetch", advice)
    return ok("local pictures", _local(local))


def _local(count: int) -> str:
    return "1 picture is a local file" if count == 1 else f"{count} pictures are local files"


def check_work(parts: Parts) -> list[Finding]:
    """What waits for a person: products, tasks, write-backs, the account."""
    with parts.db.read() as session:
        return [
            *_skipped(session),
            *_products(session),
            *_tasks(session),
            *_publications(session),
            *_accounts(session, parts),
        ]


def _skipped(session: Session) -> Iterator[Finding]:
    """What could not be read of each catalogue, when it was read last."""
    for store in session.scalars(select(Store).order_by(Store.name)):
        mine = (Event.code == "store_refreshed") & (Event.store_id == store.id)
        last = session.scalars(select(Event).where(mine).order_by(Event.id.desc()).limit(1)).first()
        skipped = last.data["skipped"] if last else 0
        if skipped:
            what = "1 entry" if skipped == 1 else f"{skipped} entries"
            advice = f"mend the catalogue; which ones: hebo-sync stores refresh {store.name} --full"
            yield warning(f"catalogue {store.name}", f"{what} could not be read the last time", advice)


def _products(session: Session) -> Iterator[Finding]:
    troubled = select(Product.state, func.count()).where(Product.state.in_(TROUBLED)).group_by(Product.state)
    for state, count in session.execute(troubled):
        what = f"without new pictures, {state.replace('_', ' ')}: {count}"
        yield warning("products", what, f"hebo-sync products list --state {state}")


def _tasks(session: Session) -> Iterator[Finding]:
    doubt = GenerationTask.state == TaskState.IN_DOUBT
    asking = _count(session, GenerationTask, doubt & GenerationTask.due_at.is_(None))
    if asking:
        advice = "hebo-sync tasks list --state in_doubt, then hebo-sync tasks settle ID"
        yield error("tasks", f"a person must say whether the service accepted them: {asking}", advice)
    for state, meaning in ((TaskState.IN_DOUBT, "in doubt"), (TaskState.STALLED, "without a result for hours")):
        count = _count(session, GenerationTask, GenerationTask.state == state)
        if count:
            yield warning("tasks", f"{meaning}: {count}", f"hebo-sync tasks list --state {state}")


def _publications(session: Session) -> Iterator[Finding]:
    refused = _count(session, Publication, Publication.state == PublicationState.REFUSED)
    if refused:
        yield warning("publications", f"refused by their store: {refused}", "hebo-sync retry --publication ID")


def _accounts(session: Session, parts: Parts) -> Iterator[Finding]:
    now = parts.clock.now()
    waiting = (Account.key_fingerprint == parts.key_fingerprint) & (Account.wait_until > now)
    for row in session.scalars(select(Account).where(waiting)):
        message = f"waits until {row.wait_until:%Y-%m-%d %H:%M} UTC: {row.wait_detail}"
        yield warning("submitting", message, "hebo-sync quota")


def _count(session: Session, model: type[GenerationTask] | type[Publication], where: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(model).where(where)) or 0
