"""hebo-sync sandbox: local services that answer over real HTTP, for trying things out and for tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from plugin.cli.signals import wait_for_signal
from plugin.sandbox.faults import FaultError, Rule
from plugin.sandbox.hebo.faults import fault_from_text
from plugin.sandbox.hebo.options import (
    VENDOR_BANDS,
    BandReading,
    HeboOptions,
    HeboOptionsError,
    ImageFormat,
    Paint,
    Spelling,
)
from plugin.sandbox.shopify.faults import fault_from_text as shopify_fault_from_text
from plugin.sandbox.shopify.options import (
    DEFAULT_CLIENT,
    DEFAULT_TOKEN,
    AttachAt,
    SandboxOptions,
    ShopifyOptionsError,
)
from plugin.sandbox.shopify.options import DEFAULT_SECRET as DEFAULT_CLIENT_SECRET
from plugin.sandbox.shopify.options import Catalogue as ShopifyCatalogue
from plugin.sandbox.woocommerce.faults import fault_from_text as woo_fault_from_text
from plugin.sandbox.woocommerce.options import (
    DEFAULT_KEY as WOO_KEY,
)
from plugin.sandbox.woocommerce.options import (
    DEFAULT_PASSWORD,
    DEFAULT_SECRET,
    DEFAULT_USER,
    ApiKey,
    Catalogue,
    WooOptions,
    WooOptionsError,
    default_keys,
)

DEFAULTS = HeboOptions()
DEFAULT_KEY = "sandbox-key"
USER = "3"  # whose the accepted key is
R = TypeVar("R", bound=Rule)
Bands = tuple[tuple[float, float], ...]
VENDOR_TEXT = ",".join(f"{age:g}:{pause:g}" for age, pause in VENDOR_BANDS)


def read_bands(_context: click.Context, _param: click.Parameter, text: str) -> Bands:
    """`AGE:PAUSE,…,inf:PAUSE` as pairs, in seconds. Raises click.BadParameter."""
    try:
        bands = tuple(_band(word) for word in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not of the form {VENDOR_TEXT} (seconds)") from error
    ages = [age for age, _ in bands]
    if ages[-1] != math.inf or any(later <= earlier for earlier, later in pairwise(ages)):
        raise click.BadParameter(f"the ages of {text!r} must rise, and the last one must be inf")
    return bands


def _band(word: str) -> tuple[float, float]:
    """Raises ValueError."""
    age, pause = (float(part) for part in word.split(":"))
    if not age > 0 or not 0 < pause < math.inf:
        raise ValueError(word)
    return age, pause


def faults_reader(
    read: Callable[[str], R],
) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[R, ...]]:
    """A callback that reads fault rules by `read`; it raises click.BadParameter."""

    def callback(_context: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[R, ...]:
        try:
            return tuple(read(text) for text in texts)
        except FaultError as error:
            raise click.BadParameter(str(error)) from error

    return callback


SECONDS = click.FloatRange(min=0)
SHARE = click.FloatRange(0, 1)


def _option(name: str, help_line: str, **attributes: Any) -> Callable[[Any], Any]:
    """A flag for the field of that name of HeboOptions; its default is the field's unless one is given."""
    attributes = {"default": getattr(DEFAULTS, name), "show_default": True, **attributes}
    return click.option(f"--{name.replace('_', '-')}", name, help=help_line, **attributes)


def _choice(name: str, kind: Any, help_line: str) -> Callable[[Any], Any]:
    return _option(name, help_line, type=click.Choice(get_args(kind)))


BEHAVIOUR = (
    _option("seed", "Equal seeds give equal answers.", type=int),
    _option("daily_limit", "Images a day; 0: no limit.", type=click.IntRange(min=0)),
    _option("level", "The level that the quota names."),
    _choice("spelling", Spelling, "Which name of the quota keys that have two; literal: both in one."),
    _option("quota_status", "HTTP status of a submit beyond the quota: 400, 402, 403 or 429.", type=int),
    _option("duration", "Least and most seconds until a task ends.", type=(float, float)),
    _option("fail_rate", "Share of pictures that fail for good.", type=SHARE),
    _option("retry_rate", "Share that is retried automatically.", type=SHARE),
    _option("refusal_rate", "Share of the failed ones that may not be retried by hand.", type=SHARE),
    _option(
        "retry_fail_rate", "Share of manual retries that fail.", type=SHARE, show_default="as --fail-rate", default=None
    ),
    _option(
        "poll_bands",
        "Least pause between two polls, by the task's age, in seconds.",
        callback=read_bands,
        default=VENDOR_TEXT,
        metavar="AGE:PAUSE,…",
    ),
    _choice("band_reading", BandReading, "Which age a pause is judged by: of this poll, the last one, or both."),
    _choice("paint", Paint, "eager: real pictures of the reference; none: tiny ones, and it is not fetched."),
    _choice("image_format", ImageFormat, "Of the pictures."),
    _option("fetch_delay", "Seconds after acceptance until the reference is fetched.", type=SECONDS),
    _option("result_ttl", "Seconds for which pictures can be fetched.", type=SECONDS),
    click.option(
        "--fault",
        "faults",
        multiple=True,
        callback=faults_reader(fault_from_text),
        metavar="CALL:KIND[=VALUE][:CHANCE|:xCOUNT]",
        help="For example submit:drop_after:x1, poll:http_500:0.1 or result:result_404:x2. May be given several times.",
    ),
)


def behaviour(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags of BEHAVIOUR, in that order; their names are fields of HeboOptions."""
    for option in reversed(BEHAVIOUR):
        command = option(command)
    return command


def options_of(key: str, daily_limit: int, **values: Any) -> HeboOptions:
    """The service's options from the flags' values. Raises click.UsageError where they do not fit together."""
    try:
        return HeboOptions(api_keys={key: USER}, daily_limit=daily_limit or None, **values)
    except HeboOptionsError as error:
        raise click.UsageError(str(error)) from error


@click.group()
def sandbox() -> None:
    """Local stand-ins for the services, over real HTTP and with faults on request."""


@sandbox.command("hebo")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9911, show_default=True, type=click.IntRange(0, 65535))
@click.option("--separate-results", is_flag=True, help="Serve the pictures on a port of their own.")
@click.option("--key", default=DEFAULT_KEY, show_default=True, help="The API key that is accepted.")
@behaviour
def sandbox_hebo(host: str, port: int, separate_results: bool, key: str, **values: Any) -> None:  # noqa: FBT001
    """The image API of the vendor's document: limits, quota, billing and faults. Pictures are marked SANDBOX."""
    from plugin.sandbox.hebo.server import serve_hebo

    options = options_of(key, **values)
    with serve_hebo(options, host, port, separate_results=separate_results) as listener:
        shown = key if key == DEFAULT_KEY else "as given"  # somebody's real key must not stand in a log
        click.echo(f"sandbox image API on {listener.url} (key {shown}); what it saw: {listener.url}/sandbox/state")
        wait_for_signal()


WOO = WooOptions()
STORE = (
    click.option("--tls", is_flag=True, help="Serve https://localhost with a certificate of an authority of its own."),
    click.option("--key", default=WOO_KEY, show_default=True, help="The consumer key that may read and write."),
    click.option("--secret", default=DEFAULT_SECRET, show_default=True, help="Its consumer secret."),
    click.option("--app-user", default=DEFAULT_USER, show_default=True, help="A WordPress user; only with --tls."),
    click.option("--app-password", default=DEFAULT_PASSWORD, show_default=True, help="Its Application Password."),
    click.option(
        "--catalogue",
        type=click.Choice(get_args(Catalogue)),
        default=WOO.catalogue,
        show_default=True,
        help="sample: a small shop with drawn pictures; many: --count generated products.",
    ),
    click.option("--count", type=click.IntRange(min=0), default=WOO.count, show_default=True, help="Products of many."),
    click.option(
        "--recordings",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder of recorded answers, for the recorded catalogue.",
    ),
    click.option("--name", default=WOO.name, show_default=True, help="The shop's name."),
    click.option("--timezone", default=WOO.timezone, show_default=True, help="The store's time zone."),
    click.option("--currency", default=WOO.currency, show_default=True, help="The store's currency."),
    click.option(
        "--pace", type=SECONDS, default=1.0, show_default=True, help="0: at once; 1: as slow as a genuine store."
    ),
    click.option(
        "--fetch-port",
        "fetch_ports",
        type=click.IntRange(1, 65535),
        multiple=True,
        help="A further port that pictures may be fetched from, besides 80, 443 and 8080.",
    ),
    click.option(
        "--fetch-host", "fetch_hosts", multiple=True, help="A private host that pictures may be fetched from."
    ),
    click.option("--seed", type=int, default=WOO.seed, show_default=True, help="Equal seeds give equal faults."),
    click.option(
        "--fault",
        "faults",
        multiple=True,
        callback=faults_reader(woo_fault_from_text),
        metavar="CALL:KIND[=VALUE][:CHANCE|:xCOUNT]",
        help="For example write:drop_after:x1, list:http_503:0.1 or write:late=5. May be given several times.",
    ),
)


def store_behaviour(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags of STORE, in that order."""
    for option in reversed(STORE):
        command = option(command)
    return command


def woo_options_of(key: str, secret: str, app_user: str, app_password: str, **values: Any) -> WooOptions:
    """The store's options from the flags' values. Raises click.UsageError where they do not fit together."""
    try:
        return WooOptions(
            keys={**default_keys(), key: ApiKey(secret)}, app_passwords={app_user: app_password}, **values
        )
    except WooOptionsError as error:
        raise click.UsageError(str(error)) from error


@sandbox.command("woocommerce")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9912, show_default=True, type=click.IntRange(0, 65535))
@store_behaviour
def sandbox_woocommerce(host: str, port: int, tls: bool, **values: Any) -> None:  # noqa: FBT001
    """A WooCommerce store that answers as a genuine one does, bites included. The shop itself is at its address."""
    from plugin.sandbox.woocommerce.server import serve_woocommerce

    options = woo_options_of(**values)
    given = values["key"] != WOO_KEY or values["secret"] != DEFAULT_SECRET
    with serve_woocommerce(options, host, port, tls=tls) as shop:
        shown = "as given" if given else f"{WOO_KEY} / {DEFAULT_SECRET}"  # somebody's real key must not stand in a log
        click.echo(f"sandbox WooCommerce store on {shop.url} (key {shown}); what it saw: {shop.url}/sandbox/state")
        if tls:
            own = values["app_password"] == DEFAULT_PASSWORD
            password = f"Application Password of {values['app_user']}: {DEFAULT_PASSWORD if own else 'as given'}"
            click.echo(f"trust this certificate: {shop.ca_file}; {password}")
        wait_for_signal()


SHOPIFY = SandboxOptions()


def _shop_option(name: str, help_line: str, **attributes: Any) -> Callable[[Any], Any]:
    """A flag for the field of that name of SandboxOptions, whose default is the field's."""
    attributes = {"default": getattr(SHOPIFY, name), "show_default": True, **attributes}
    return click.option(f"--{name.replace('_', '-')}", name, help=help_line, **attributes)


POINTS = click.FloatRange(min=0, min_open=True)
COUNT = click.IntRange(min=1)
SHOP = (
    _shop_option("shop", "The shop's domain."),
    _shop_option("name", "The shop's name."),
    _shop_option("currency", "The shop's currency."),
    _shop_option("timezone", "The shop's time zone."),
    _shop_option("plan", "The shop's plan."),
    _shop_option(
        "catalogue",
        "sample: a small shop with drawn pictures; many: --count generated products.",
        type=click.Choice(get_args(ShopifyCatalogue)),
    ),
    _shop_option("count", "Products of many.", type=click.IntRange(min=0)),
    _shop_option("access_token", "A token that never ends."),
    _shop_option("client_id", "The app that tokens are granted to."),
    _shop_option("client_secret", "Its secret."),
    click.option(
        "--scope", "scopes", multiple=True, default=SHOPIFY.scopes, show_default=True, help="What the tokens may do."
    ),
    _shop_option("token_seconds", "A granted token's life, by client credentials.", type=SECONDS),
    _shop_option("offline_seconds", "A granted token's life, with a refresh token.", type=SECONDS),
    _shop_option("refresh_seconds", "A refresh token's life.", type=SECONDS),
    _shop_option("bucket", "The most points that the shop has.", type=POINTS),
    _shop_option("restore_rate", "Points that come back in a second.", type=POINTS),
    _shop_option("query_limit", "The most points of one query.", type=COUNT),
    _shop_option("paging_limit", "The most objects that one query may page through.", type=COUNT),
    _shop_option("ready_after", "Seconds until a picture is READY.", type=SECONDS),
    _shop_option("job_after", "Seconds that a reorder takes.", type=SECONDS),
    _shop_option("bulk_after", "Seconds that a bulk operation takes.", type=SECONDS),
    _shop_option("index_lag", "Seconds for which searches do not see a change.", type=SECONDS),
    _shop_option("attach_after", "Seconds until an attached picture is seen in its listing.", type=SECONDS),
    _shop_option("attach_at", "Where an attached picture goes.", type=click.Choice(get_args(AttachAt))),
    _shop_option("media_limit", "The most media of one product.", type=COUNT),
    _shop_option("staged_seconds", "Seconds for which an upload's address is good.", type=SECONDS),
    _shop_option("seed", "Equal seeds give equal faults.", type=int),
    click.option(
        "--fault",
        "faults",
        multiple=True,
        callback=faults_reader(shopify_fault_from_text),
        metavar="CALL:KIND[=VALUE][:CHANCE|:xCOUNT]",
        help="For example file_create:drop_after:x1 or products:throttled:0.1. May be given several times.",
    ),
)


def shop_behaviour(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags of SHOP, in that order; their names are fields of SandboxOptions."""
    for option in reversed(SHOP):
        command = option(command)
    return command


def shopify_options_of(**values: Any) -> SandboxOptions:
    """The shop's options from the flags' values. Raises click.UsageError where they do not fit together."""
    try:
        return SandboxOptions(**values)
    except ShopifyOptionsError as error:
        raise click.UsageError(str(error)) from error


@sandbox.command("shopify")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9913, show_default=True, type=click.IntRange(0, 65535))
@shop_behaviour
def sandbox_shopify(host: str, port: int, **values: Any) -> None:
    """A Shopify store with costs, media states, jobs and bulk operations. The shop itself is at its address."""
    from plugin.sandbox.shopify.server import serve_shopify

    options = shopify_options_of(**values)
    given = options.access_token != DEFAULT_TOKEN  # somebody's real token must not stand in a log
    own = (options.client_id, options.client_secret) != (DEFAULT_CLIENT, DEFAULT_CLIENT_SECRET)
    with serve_shopify(options, host, port) as shop:
        token = "as given" if given else DEFAULT_TOKEN
        client = "as given" if own else f"{DEFAULT_CLIENT} / {DEFAULT_CLIENT_SECRET}"
        click.echo(f"sandbox Shopify store {options.shop} on {shop.url} (token {token}, app {client})")
        click.echo(f"name {shop.url} as its api_url; what it saw: {shop.url}/sandbox/state")
        wait_for_signal()
