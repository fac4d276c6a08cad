"""hebo-sync sandbox: local services that answer over real HTTP, for trying things out and for tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, get_args

import click

from plugin.cli.signals import wait_for_signal
from plugin.sandbox.hebo_faults import FaultError, FaultRule, fault_from_text
from plugin.sandbox.hebo_options import (
    VENDOR_BANDS,
    BandReading,
    HeboOptions,
    HeboOptionsError,
    ImageFormat,
    Paint,
    Spelling,
)

DEFAULTS = HeboOptions()
DEFAULT_KEY = "sandbox-key"
USER = "3"  # whose the accepted key is
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


def read_faults(_context: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[FaultRule, ...]:
    """Raises click.BadParameter."""
    try:
        return tuple(fault_from_text(text) for text in texts)
    except FaultError as error:
        raise click.BadParameter(str(error)) from error


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
        callback=read_faults,
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
    from plugin.sandbox.hebo import serve_hebo

    options = options_of(key, **values)
    with serve_hebo(options, host, port, separate_results=separate_results) as listener:
        shown = key if key == DEFAULT_KEY else "as given"  # somebody's real key must not stand in a log
        click.echo(f"sandbox image API on {listener.url} (key {shown}); what it saw: {listener.url}/sandbox/state")
        wait_for_signal()
