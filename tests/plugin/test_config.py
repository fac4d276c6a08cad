"""Settings: every mistake is named, all at once, and no secret is ever shown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from connectors import ConnectorKind, Placement
from plugin.config import (
    AppSettings,
    ConfigError,
    ConfigFileError,
    DatabaseSettings,
    HeboSettings,
    Settings,
    SettingsError,
    StoreSettings,
    dump,
    load_settings,
    model_mistakes,
    store_mistakes,
    store_settings,
)
from plugin.config.load import SECTIONS
from plugin.config.tables import is_scalar, is_secret

SECRET = "sk-a-very-secret-word"


class ShopOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str = Field(description="Address.")
    token: SecretStr | None = Field(None, description="Token.")
    folder: Path = Field(Path("out"), description="Folder.")
    columns: tuple[str, ...] = Field((), description="Columns.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="More headers.")
    mode: Literal["fast", "slow"] = Field("fast", description="Mode.")

    @model_validator(mode="after")
    def _slow_needs_no_token(self) -> ShopOptions:
        if self.mode == "slow" and self.token:
            raise ValueError("slow mode takes no token")
        return self


def no_connector(*_: Any) -> Any:
    raise AssertionError("settings open no store")


KNOWN = {"shop": ConnectorKind("shop", "A shop", ShopOptions, no_connector)}
STORE = {"name": "main", "kind": "shop", "url": "https://shop.example.com"}


def load(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environ or {}, KNOWN)


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(folder, text, environ)
    assert SECRET not in str(caught.value)
    return caught.value.problems


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert settings.base_dir == tmp_path.resolve()
    assert settings.app.data_dir == tmp_path.resolve() / "hebo-sync-data"
    assert settings.database.url == f"sqlite:///{settings.app.data_dir}/hebo-sync.sqlite3"
    assert settings.hebo.base_url == "https://vip.hebokuajing.xyz"
    assert settings.hebo.poll_bands == ((30, 5), (180, 10), (math.inf, 20))
    assert (settings.hebo.api_key, settings.stores) == (None, ())


def test_without_a_file_the_current_folder_is_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, {"HEBO_SYNC_SERVER_PORT": "9000"})
    assert (settings.base_dir, settings.server.port) == (tmp_path.resolve(), 9000)


def test_the_config_variable_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_bytes(b"\xef\xbb\xbf[server]\nport = 9001\n")  # saved with a byte order mark
    assert load_settings(None, {"HEBO_SYNC_CONFIG": str(file)}).server.port == 9001


def test_settings_are_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        load(tmp_path, "").hebo.exclusive = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[hebo]\naip_key = 1", "config.toml [hebo] has no setting 'aip_key'; did you mean 'api_key'?"),
        ("[heboo]\na = 1", "config.toml has no section [heboo]; did you mean 'hebo'?"),
        ("port = 1", "config.toml: the setting 'port' stands outside of any section"),
        ("hebo = 1", "config.toml [hebo] must be a section"),
        ("[stores]\nname = 'x'", "config.toml [[stores]]: write each store under a heading of its own"),
        ("[server]\nport = 'many'", "config.toml [server] port: must be a valid integer"),
        ("[server]\nport = 65536", "[server] port: must be less than or equal to 65535"),
        ("[server]\nzzzzzz = 1", "known are: host, port, public_url, threads"),
        ("[app]\nlanguage = 'fr'", "[app] language: must be 'en' or 'zh'"),
        ("[app]\ntimezone = 'Asia/Shangai'", "is not a known time zone; did you mean 'Asia/Shanghai'?"),
        ("[app]\ntimezone = '../etc'", "is not a known time zone"),
        ("[app]\ndata_dir = '~nobody-of-that-name/x'", "config.toml app: cannot find out where ~nobody"),
        ("[app]\npublic_url = 'shop.example.com'", "[app] public_url: must be an address like"),
        ("[app]\npublic_url = 'https://[::1'", "[app] public_url: must be an address like"),
        ("[app]\npublic_url = 'https://a:b@c.example'", "[app] public_url: must be a plain address"),
        (f"[hebo]\napi_key = 'two {SECRET}'", "[hebo] api_key: must be one word of plain ASCII"),
        (f"[hebo]\napi_key = ['{SECRET}']", "[hebo] api_key: must be a valid string"),
        ("[hebo]\naspect_ratio = '5:4'", "[hebo] aspect_ratio: must be '1:1'"),
        ("[hebo]\nsize = 'big'", "[hebo] size: "),
        ("[hebo]\ndaily_budget = 0", "[hebo] daily_budget: must be greater than 0"),
        ("[hebo]\nstall_after = inf", "[hebo] stall_after: must be a finite number"),
        ("[hebo]\npoll_bands = [[30, 5]]", "[hebo] poll_bands: the last band must reach to inf"),
        ("[hebo]\npoll_bands = [[30, 5], [30, 9], [inf, 9]]", "[hebo] poll_bands: the ages must rise"),
        ("[hebo]\npoll_bands = [[inf, 0]]", "[hebo] poll_bands: the pauses must be seconds above 0"),
        ("[hebo]\npoll_bands = []", "[hebo] poll_bands: the last band must reach to inf"),
        ("[hebo]\npoll_bands = [[30]]", "[hebo] poll_bands.0.1: is required"),
        (f"[database]\nurl = 'mysql://u:{SECRET}@h/d'", "[database] url: must start with sqlite:/// or"),
        ("[database]\nurl = 'sqlite:///:memory:'", "[database] url: must name a file"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert expected in problem


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = "[server]\nport = 'x'\nthreads = 0\n[hebo]\naip_key = 1\n[[stores]]\nname = 'a b'\nkind = 'shop'\n"
    found = problems(tmp_path, text, {"HEBO_SYNC_RELAY_PORT": "-1"})
    subjects = ["[server] port", "[server] threads", "HEBO_SYNC_RELAY_PORT", "'aip_key'", "'a b' name", "'a b' url"]
    assert len(found) == len(subjects)
    assert all(any(subject in problem for problem in found) for subject in subjects)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="hebo-sync init"):
        load_settings(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[hebo]\n\napi_key = \n", r"config\.toml is not valid TOML: .*line 3"),
        (b"a = '\xff'", "is not UTF-8 text"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    with pytest.raises(ConfigFileError, match=expected):
        load_settings(tmp_path / "config.toml", {})


def test_a_folder_is_not_a_config_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="cannot read the config file"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:////srv/a.sqlite3", "sqlite:////srv/a.sqlite3"),
        ("sqlite:///a.sqlite3?timeout=9", "sqlite:///{base}/a.sqlite3?timeout=9"),
    ],
)
def test_database_urls(tmp_path: Path, url: str, expected: str) -> None:
    settings = load(tmp_path, f"[database]\nurl = '{url}'")
    assert settings.database.url == expected.replace("{base}", str(tmp_path.resolve()))
    assert "://" not in repr(settings.database)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    app = load(tmp_path, "[app]\ndata_dir = '../data'\npack_folders = ['packs', '/srv/packs']").app
    assert app.data_dir == tmp_path.resolve().parent / "data"
    assert app.pack_folders == (tmp_path.resolve() / "packs", Path("/srv/packs"))


def test_settings_made_by_hand_are_complete_too(tmp_path: Path) -> None:
    settings = Settings(base_dir=tmp_path, app=AppSettings(data_dir=Path("d")), database=DatabaseSettings())
    assert settings.database.url == f"sqlite:///{tmp_path.resolve()}/d/hebo-sync.sqlite3"


def test_addresses_lose_the_slash_at_their_end(tmp_path: Path) -> None:
    assert load(tmp_path, "[app]\npublic_url = 'https://a.example/x/'").app.public_url == "https://a.example/x"


def test_a_blank_secret_is_no_secret(tmp_path: Path) -> None:
    assert load(tmp_path, "[hebo]\napi_key = ' '").hebo.api_key is None


# The environment


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, "[server]\nport = 1\nhost = 'a'", {"HEBO_SYNC_SERVER_PORT": " 2 ", "PATH": "/bin"})
    assert (settings.server.port, settings.server.host) == (2, "a")


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert load(tmp_path, "[server]\nport = 1", {"HEBO_SYNC_SERVER_PORT": ""}).server.port == 1


EXAMPLES = {"host": "h", "port": "1", "threads": "3", "url": "sqlite:////d", "data_dir": "/d", "secret_key": "k"}
EXAMPLES |= {"public_url": "https://a.example", "language": "zh", "timezone": "Asia/Shanghai", "model": "m"}
EXAMPLES |= {"allow_private_addresses": "true", "base_url": "https://b.example", "api_key": "k", "exclusive": "1"}
EXAMPLES |= {"size": "10x10", "aspect_ratio": "3:4", "daily_budget": "5", "max_connections": "2", "stall_after": "9"}
EXAMPLES |= {"submit_deadline": "9", "doubt_wait": "9", "poll_margin": "0.5", "monthly_budget": "9"}
EXAMPLES |= {"item_retries": "2", "pictures_days": "9", "history_days": "99", "readings_days": "9"}
SCALARS = [(s, k) for s, model in SECTIONS.items() for k, info in model.model_fields.items() if is_scalar(info)]


@pytest.mark.parametrize(("section", "key"), SCALARS)
def test_every_scalar_setting_has_a_variable(tmp_path: Path, section: str, key: str) -> None:
    name = f"HEBO_SYNC_{section}_{key}".upper()
    before, after = load(tmp_path, ""), load(tmp_path, "", {name: EXAMPLES[key]})
    assert getattr(getattr(after, section), key) != getattr(getattr(before, section), key)


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    (tmp_path / "url").write_text("postgresql://u:p@h/d\n")
    files = {"HEBO_SYNC_HEBO_API_KEY_FILE": "key", "HEBO_SYNC_DATABASE_URL_FILE": "url"}
    settings = load(tmp_path, "", {name: str(tmp_path / file) for name, file in files.items()})
    assert settings.hebo.api_key == SecretStr(SECRET)
    assert settings.database.url == "postgresql+psycopg://u:p@h/d"
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("content", "expected"), [(None, "cannot read the file"), (b" \n", "is empty"), (b"\xff", "is not text")]
)
def test_a_secret_file_that_gives_nothing_is_an_error(tmp_path: Path, content: bytes | None, expected: str) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    (problem,) = problems(tmp_path, "", {"HEBO_SYNC_HEBO_API_KEY_FILE": str(tmp_path / "key")})
    assert problem.startswith("HEBO_SYNC_HEBO_API_KEY_FILE: ")
    assert expected in problem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HEBO_SYNC_HEBO_AIP_KEY", "did you mean 'HEBO_SYNC_HEBO_API_KEY'?"),
        ("HEBO_SYNC_CONFIGS", "did you mean 'HEBO_SYNC_CONFIG'?"),
        ("HEBO_SYNC_SERVER_PORT_FILE", "did you mean 'HEBO_SYNC_SERVER_PORT'?"),
        ("HEBO_SYNC_STORE_MAIN_NAME", "is not known"),
        ("HEBO_SYNC_STORE_MAIN_COLUMNS", "is not known"),
        ("HEBO_SYNC_" + 40 * "Z", "config.example.toml says which there are"),
    ],
)
def test_an_unknown_variable_is_an_error(tmp_path: Path, name: str, expected: str) -> None:
    (problem,) = problems(tmp_path, "[[stores]]\nname = 'main'\nkind = 'shop'\nurl = 'u'", {name: SECRET})
    assert name in problem
    assert expected in problem


def test_a_secret_and_its_file_together_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET)
    both = {"HEBO_SYNC_HEBO_API_KEY": SECRET, "HEBO_SYNC_HEBO_API_KEY_FILE": str(tmp_path / "key")}
    (problem,) = problems(tmp_path, "", both)
    assert "keep one of them" in problem


def test_a_wrong_variable_is_named_as_such(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "", {"HEBO_SYNC_SERVER_PORT": SECRET})
    assert problem.startswith("HEBO_SYNC_SERVER_PORT: must be a valid integer")


# Stores


def test_store_options_stand_beside_the_common_keys(tmp_path: Path) -> None:
    text = "[[stores]]\nname = 'eu-1'\nkind = 'shop'\nurl = 'u'\nplacement = 'after-main'\ncolumns = ['a']\n"
    (tmp_path / "token").write_text(SECRET)
    environ = {"HEBO_SYNC_STORE_EU_1_TOKEN_FILE": str(tmp_path / "token"), "HEBO_SYNC_STORE_EU_1_REVIEW": "false"}
    (store,) = load(tmp_path, text, environ).stores
    assert (store.name, store.placement, store.review) == ("eu-1", Placement.AFTER_MAIN, False)
    assert store.options == ShopOptions(url="u", token=SecretStr(SECRET), columns=("a",))
    assert SECRET not in repr(store)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kind": "shopp"}, "store 'main': there is no kind of store 'shopp'; did you mean 'shop'?"),
        ({"kind": None}, "store 'main' kind: is required: shop"),
        ({"urll": "x"}, "store 'main' has no setting 'urll'; did you mean 'url'?"),
        ({"revew": True}, "store 'main' has no setting 'revew'; did you mean 'review'?"),
        ({"mode": SECRET}, "store 'main' mode: must be 'fast' or 'slow'"),
        ({"mode": "slow", "token": SECRET}, "store 'main': slow mode takes no token"),
        ({"name": "../x"}, "store 'main' name: "),
        ({"placement": "first"}, "store 'main' placement: must be 'append', 'after-main' or 'replace-main'"),
        ({"options": 1}, "store 'main' has no setting 'options'"),
    ],
)
def test_a_wrong_store_is_named(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        store_settings(STORE | change, "store 'main'", KNOWN)
    (problem,) = caught.value.problems
    assert expected in problem
    assert SECRET not in problem


def test_store_names_differ_beyond_case_and_dashes(tmp_path: Path) -> None:
    text = "".join(f"[[stores]]\nname = '{name}'\nkind = 'shop'\nurl = 'u'\n" for name in ("a-b", "A_B"))
    (problem,) = problems(tmp_path, text)
    assert "two stores are called 'a-b' and 'A_B'" in problem


words = st.text(min_size=1, max_size=20)


@settings(max_examples=40, deadline=None)
@given(url=words, token=st.none() | words, headers=st.dictionaries(words, words, max_size=2), columns=st.lists(words))
def test_dump_is_the_reverse(url: str, token: str | None, headers: dict[str, str], columns: list[str]) -> None:
    table = STORE | {"url": url, "token": token, "headers": headers, "columns": columns, "timezone": "Asia/Tokyo"}
    store = store_settings(table, "store", KNOWN)
    stored = json.loads(json.dumps(dump(store)))
    assert stored["token"] == token
    assert store_settings(stored, "store", KNOWN) == store


def test_dump_reveals_nested_models() -> None:
    class Outer(BaseModel):
        inner: ShopOptions

    known = {"deep": ConnectorKind("deep", "Deep", Outer, no_connector)}
    table = {"name": "d", "kind": "deep", "inner": {"url": "u", "token": SECRET}}
    assert dump(store_settings(table, "store", known))["inner"]["token"] == SECRET


def test_every_problem_is_a_config_error() -> None:
    assert issubclass(SettingsError, ConfigError)
    assert issubclass(ConfigFileError, ConfigError)


def test_what_counts_as_a_secret() -> None:
    secret = {f"{s}.{k}" for s, model in SECTIONS.items() for k, info in model.model_fields.items() if is_secret(info)}
    assert secret == {"app.secret_key", "hebo.api_key", "database.url"}


# Whatever comes in, only a ConfigError comes out

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
store_keys = st.sampled_from([*StoreSettings.model_fields, *ShopOptions.model_fields, "nme", ""])
variables = st.sampled_from(
    [f"HEBO_SYNC_{section}_{key}".upper() + end for section, key in SCALARS for end in ("", "_FILE")]
)


@settings(deadline=None)
@given(table=st.dictionaries(store_keys, json_values, max_size=6))
def test_any_stored_table_is_a_store_or_a_settings_error(table: dict[str, Any]) -> None:
    try:
        store = store_settings({"kind": "shop"} | table, "store", KNOWN)
    except SettingsError as error:
        said = error.problems
    else:
        assert store_settings(dump(store), "store", KNOWN) == store
        return
    assert all(problem.startswith("store") for problem in said)


@settings(deadline=None)
@given(environ=st.dictionaries(variables, st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=4))
def test_any_environment_gives_settings_or_a_config_error(environ: dict[str, str]) -> None:
    try:
        loaded = load_settings(None, environ, KNOWN)
    except ConfigError as error:
        said = str(error)
    else:
        assert loaded.database.url
        return
    assert any(name.removesuffix("_FILE") in said for name in environ)


# Mistakes by key, for forms


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"name": f"{SECRET} x"}, [("name", "string_pattern_mismatch")]),
        ({"name": None}, [("name", "string_type")]),
        ({"mode": SECRET, "placement": SECRET}, [("placement", "enum"), ("mode", "literal_error")]),
        ({"shared_image_limit": 0}, [("shared_image_limit", "greater_than_equal")]),
        ({"timezone": SECRET}, [("timezone", "value_error")]),
        ({"mode": "slow", "token": SECRET}, [("", "value_error")]),
        ({"headers": {"a": [SECRET]}}, [("headers", "string_type")]),
        ({SECRET[3:]: 1}, [(SECRET[3:], "extra_forbidden")]),
    ],
)
def test_a_forms_mistakes_come_by_key_and_without_values(
    change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = store_mistakes(KNOWN["shop"], STORE | change)
    assert [(mistake.key, mistake.code) for mistake in found] == expected
    assert SECRET not in repr([(mistake.text, mistake.limits) for mistake in found])
    assert bool(found) == _is_refused(STORE | change)


def _is_refused(table: dict[str, Any]) -> bool:
    try:
        store_settings(table, "store", KNOWN)
    except SettingsError:
        return True
    return False


def test_a_mistake_has_the_limit_that_it_broke() -> None:
    (mistake,) = model_mistakes(HeboSettings, {"daily_budget": 0})
    assert (mistake.key, mistake.limits) == ("daily_budget", {"gt": 0})


def test_a_mistake_between_fields_is_the_named_ones() -> None:
    class Pair(BaseModel):
        one: int

        @model_validator(mode="after")
        def _never(self) -> Pair:
            raise ValueError("`one` is never right")

    (mistake,) = model_mistakes(Pair, {"one": 1})
    assert (mistake.key, mistake.text) == ("one", "`one` is never right")
