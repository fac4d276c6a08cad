"""Secrets at rest: encryption, signing keys and fingerprints, all from the keys of one ring.

    SecretsError
     ├── KeyFileError   the key file cannot be read or made, holds no good key, or others may read it
     └── DecryptError   a stored secret was encrypted with a key that the ring does not have

The keys come from `app.secret_key`, else from the file `secret.key` in the data folder, which is made on first
use. The first key is the newest: it encrypts; all of them decrypt. To change keys, put a new one in front.
"""

from __future__ import annotations

import hmac
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from plugin.disk import sync_folder

KEY_FILE = "secret.key"
KEY_BYTES = 32


class SecretsError(Exception):
    """A secret cannot be read or kept. The message says what to do, and never holds the secret."""


class KeyFileError(SecretsError):
    """The key file cannot be read or made, holds no good key, or others may read it."""


class DecryptError(SecretsError):
    """A stored secret was encrypted with a key that the ring does not have."""


class KeyRing:
    """Fernet keys, newest first. Safe to share between threads."""

    def __init__(self, keys: Sequence[str], source: str):
        """keys: at least one Fernet key, newest first. source: where they come from, for messages.

        Raises KeyFileError if there is none or one is not a Fernet key.
        """
        if not keys:
            raise KeyFileError(f"there is no key in {source}")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise KeyFileError(f"{source} holds something that is not a Fernet key: {_HOW_TO_MAKE}") from None
        self._keys = tuple(key.encode() for key in keys)
        self._source = source

    @classmethod
    def open(cls, secret_key: SecretStr | None, data_dir: Path) -> KeyRing:
        """The ring of `app.secret_key`, else of the key file, which is made where it is missing.

        Raises KeyFileError.
        """
        if secret_key is not None:
            return cls(secret_key.get_secret_value().split(), "the setting app.secret_key")
        file = data_dir / KEY_FILE
        return cls(_read_or_make(file).split(), f"the key file {file}")

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._keys)} from {self._source}>"

    def encrypt(self, text: str) -> str:
        """A token that only a ring with the same key can read."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """The text of a token. Raises DecryptError."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise self._unreadable() from None

    def rotate(self, token: str) -> str:
        """The same text under the newest key. Raises DecryptError."""
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken:
            raise self._unreadable() from None

    def derive(self, purpose: str) -> list[bytes]:
        """A signing key of 32 bytes for one purpose from each key, newest first: sign with the first, accept all.

        (itsdangerous wants them the other way round.)
        """
        return [_derive(key, purpose) for key in self._keys]

    def fingerprint(self, secret: str) -> str:
        """64 hex digits by which a secret can be recognised; without the ring they say nothing about it."""
        return self.fingerprints(secret)[0]

    def fingerprints(self, secret: str) -> list[str]:
        """The fingerprint under every key, newest first: what was stored before a change of keys is among them."""
        return [hmac.digest(key, secret.encode(), "sha256").hex() for key in self.derive("fingerprint")]

    def _unreadable(self) -> DecryptError:
        return DecryptError(
            f"a stored secret cannot be decrypted: {self._source} is not what it was encrypted with. Put the old key "
            "back (behind a newer one, with a space between), or enter the secret again"
        )


_HOW_TO_MAKE = 'make one with: python3 -c "import base64,os;print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'


def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), length=KEY_BYTES, salt=None, info=f"hebo-sync:{purpose}".encode()).derive(key)


def _read_or_make(file: Path) -> str:
    try:
        if not file.exists():
            _make(file)
        return _read(file)
    except OSError as error:
        raise KeyFileError(
            f"cannot use the key file {file}: {error.strerror}: {error.filename}. Mend that, or set app.secret_key"
        ) from None
    except UnicodeDecodeError:
        raise KeyFileError(f"the key file {file} is not text; put the right one back from a backup") from None


def _read(file: Path) -> str:
    """What the open file holds, after a look at who may read that very file."""
    with file.open(encoding="ascii") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise KeyFileError(
                f"other users may read the key file {file}: run `chmod 600 '{file}'`, and change what it protected if "
                "they may have done so. Where the file system knows no permissions, set app.secret_key instead"
            )
        return stream.read()


def _make(file: Path) -> None:
    """A new key, whole or not at all. Where two processes start at once, the first one's key stands for both."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{KEY_FILE}.", dir=file.parent)  # O_EXCL, mode 600
    draft = Path(name)
    try:
        with open(handle, "wb") as stream:
            stream.write(Fernet.generate_key() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        _publish(draft, file)
    finally:
        draft.unlink()


def _publish(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)  # unlike a rename, this never puts a new key over an existing one
    except FileExistsError:
        return
    sync_folder(file.parent)
