"""The sandbox command's flags: each reaches the service, and a wrong one is a message, not a traceback."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from plugin.cli import sandbox as module
from plugin.cli.group import cli
from plugin.cli.sandbox import options_of, sandbox_hebo
from plugin.sandbox.hebo.faults import FaultRule
from plugin.sandbox.hebo.options import HeboOptions

# Not by a flag: what only tests of the sandbox itself turn.
NOT_FLAGS = {
    "api_keys",
    "expired_status",
    "fetch_pause",
    "fetch_retries",
    "fetch_timeout",
    "paint_threads",
    "queued_for",
    "results_host",
    "terminal_interval",
}


def parsed(*words: str) -> HeboOptions:
    """The options that a command line gives the service."""
    with sandbox_hebo.make_context("hebo", list(words)) as context:
        values = {
            name: value for name, value in context.params.items() if name not in ("host", "port", "separate_results")
        }
        return options_of(**values)


def test_without_flags_it_is_the_service_of_the_document() -> None:
    assert parsed() == HeboOptions()


def test_every_option_of_the_service_has_its_flag() -> None:
    flags = {param.name for param in sandbox_hebo.params} - {"host", "port", "separate_results", "key"}
    assert flags == {field.name for field in dataclasses.fields(HeboOptions)} - NOT_FLAGS


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--seed", "7"], "seed", 7),
        (["--key", "other"], "api_keys", {"other": "3"}),
        (["--daily-limit", "40"], "daily_limit", 40),
        (["--daily-limit", "0"], "daily_limit", None),
        (["--level", "vip9"], "level", "vip9"),
        (["--spelling", "mixed"], "spelling", "mixed"),
        (["--quota-status", "429"], "quota_status", 429),
        (["--duration", "1", "2.5"], "duration", (1.0, 2.5)),
        (["--fail-rate", "0.1"], "fail_rate", 0.1),
        (["--retry-rate", "0.2"], "retry_rate", 0.2),
        (["--refusal-rate", "0.3"], "refusal_rate", 0.3),
        (["--retry-fail-rate", "0"], "retry_fail_rate", 0.0),
        (["--poll-bands", "2:0.5,inf:1"], "poll_bands", ((2.0, 0.5), (math.inf, 1.0))),
        (["--band-reading", "last"], "band_reading", "last"),
        (["--paint", "none"], "paint", "none"),
        (["--image-format", "jpeg"], "image_format", "jpeg"),
        (["--fetch-delay", "0.1"], "fetch_delay", 0.1),
        (["--result-ttl", "60"], "result_ttl", 60.0),
        (
            ["--fault", "submit:slow=2:x3", "--fault", "poll:http_500:0.5"],
            "faults",
            (FaultRule("submit", "slow", value=2.0, count=3), FaultRule("poll", "http_500", probability=0.5)),
        ),
    ],
)
def test_a_flag_reaches_the_service(words: list[str], field: str, value: Any) -> None:
    assert parsed(*words) == dataclasses.replace(HeboOptions(), **{field: value})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--fault", "submit:nonsense"], "'nonsense' is no fault of submit"),
        (["--fault", "submit"], "'' is no fault of submit"),
        (["--fault", "poll:http_500:often"], "'often' in 'poll:http_500:often' is not a number"),
        (["--fault", "poll:http_500:x0"], "a count is at least 1"),
        (["--poll-bands", ""], "is not of the form"),
        (["--poll-bands", "30"], "is not of the form"),
        (["--poll-bands", "30:5:1,inf:20"], "is not of the form"),
        (["--poll-bands", "30:0,inf:20"], "is not of the form"),
        (["--poll-bands", "nan:5,inf:20"], "is not of the form"),
        (["--poll-bands", "30:5,180:10"], "the last one must be inf"),
        (["--poll-bands", "30:5,10:1,inf:20"], "must rise"),
        (["--poll-bands", "inf:5,inf:20"], "must rise"),
        (["--duration", "9", "3"], "duration must be least, greatest"),
        (["--quota-status", "418"], "quota_status must be 400, 402, 403 or 429, not 418"),
        (["--spelling", "third"], "'third' is not one of"),
        (["--fail-rate", "2"], "2.0 is not in the range"),
        (["--daily-limit", "-1"], "-1 is not in the range"),
        (["--result-ttl", "-1"], "-1.0 is not in the range"),
    ],
)
def test_a_wrong_value_is_a_message(words: list[str], says: str) -> None:
    result = CliRunner().invoke(cli, ["sandbox", "hebo", *words])
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.output.replace("│", "").split())


def test_the_service_answers_until_it_is_told_to_end(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    seen: list[tuple[int, int]] = []

    def ask() -> None:
        url = capfd.readouterr().out.split()[4]
        state = requests.get(f"{url}/sandbox/state", timeout=10)
        quota = requests.get(f"{url}/v1/ecom/quota", headers={"Authorization": "Bearer other"}, timeout=10)
        seen.append((state.status_code, quota.json()["quota"]["daily_limit"]))

    monkeypatch.setattr(module, "wait_for_signal", ask)
    words = ["--port", "0", "--key", "other", "--daily-limit", "7", "--spelling", "first", "--separate-results"]
    sandbox_hebo.main(words, standalone_mode=False)
    assert seen == [(200, 7)]


def test_a_key_of_ones_own_is_not_printed(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr(module, "wait_for_signal", lambda: None)
    for words, says in ((["--key", "my-own"], "(key as given)"), ([], "(key sandbox-key)")):
        sandbox_hebo.main(["--port", "0", *words], standalone_mode=False)
        out = capfd.readouterr().out
        assert says in out
        assert "my-own" not in out
