"""The key ring: one key for everybody, nobody else reads it, a change of keys loses nothing."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from plugin import secrets
from plugin.secrets import DecryptError, KeyFileError, KeyRing

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def ring(*keys: str) -> KeyRing:
    return KeyRing(keys, "the test")


@given(st.text())
def test_what_is_encrypted_can_be_read_again(text: str) -> None:
    token = ring(NEW).encrypt(text)
    assert ring(OLD, NEW).decrypt(token) == text
    assert token.isascii()


def test_a_new_key_in_front_reads_the_old_and_rotates() -> None:
    token = ring(OLD).encrypt("hello")
    rotated = ring(NEW, OLD).rotate(token)
    assert ring(NEW).decrypt(rotated) == "hello"


@pytest.mark.parametrize(
    "token", [ring(OLD).encrypt("x"), "", "nonsense", "中文"], ids=["other key", "empty", "nonsense", "not ASCII"]
)
def test_a_token_of_another_key_says_what_to_do(token: str) -> None:
    with pytest.raises(DecryptError, match=r"the test is not what it was encrypted with\. Put the old key back"):
        ring(NEW).decrypt(token)
    with pytest.raises(DecryptError):
        ring(NEW).rotate(token)


def test_derived_keys_depend_on_key_and_purpose() -> None:
    both = ring(NEW, OLD).derive("links")
    assert both == [*ring(NEW).derive("links"), *ring(OLD).derive("links")]
    assert len({*both, *ring(NEW, OLD).derive("other")}) == 4
    assert {len(key) for key in both} == {32}


def test_fingerprints_outlive_a_new_key() -> None:
    stored = ring(OLD).fingerprint("api-key")
    assert stored in ring(NEW, OLD).fingerprints("api-key")
    assert stored not in ring(NEW, OLD).fingerprints("another")
    assert ring(NEW).fingerprint("api-key") != stored


def test_the_setting_comes_before_the_file(tmp_path: Path) -> None:
    opened = KeyRing.open(SecretStr(f"{NEW}\n {OLD}"), tmp_path)
    assert opened.decrypt(ring(OLD).encrypt("x")) == "x"
    assert not list(tmp_path.iterdir())
    assert NEW not in repr(opened)


def test_the_key_file_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    token = KeyRing.open(None, data).encrypt("x")
    assert KeyRing.open(None, data).decrypt(token) == "x"
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    assert [file.name for file in data.iterdir()] == ["secret.key"]


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from plugin.secrets import KeyRing; sys.stdin.read();"
        "print(KeyRing.open(None, pathlib.Path(sys.argv[1])).fingerprint('x'))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "data")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()  # all of them wait for this
    prints = set()
    for process in started:
        with process:
            assert process.stdout is not None
            prints.add(process.stdout.read())
    assert prints == {KeyRing.open(None, tmp_path / "data").fingerprint("x") + "\n"}


def test_the_loser_of_the_race_takes_the_winners_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    winner = KeyRing.open(None, tmp_path)
    real = Path.exists
    monkeypatch.setattr(Path, "exists", lambda file: False if file.name == "secret.key" else real(file))
    assert KeyRing.open(None, tmp_path).fingerprint("x") == winner.fingerprint("x")
    assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such permissions")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    KeyRing.open(None, tmp_path)
    (tmp_path / "secret.key").chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        KeyRing.open(None, tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "there is no key in the key file"), (b"short", "not a Fernet key: make one"), (b"\xff", "is not text")],
)
def test_a_bad_key_file_is_refused_and_kept(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "secret.key"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(KeyFileError, match=expected):
        KeyRing.open(None, tmp_path)
    assert file.read_bytes() == content


def test_an_unusable_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match=r"cannot use the key file .* exists: .*file. Mend that"):
        KeyRing.open(None, tmp_path / "file")


def test_no_message_holds_a_key() -> None:
    with pytest.raises(KeyFileError) as caught:
        ring(NEW, "bad")
    assert NEW not in str(caught.value)
    assert issubclass(KeyFileError, secrets.SecretsError)
