"""Secrets that connectors keep between runs, under the program's own keys."""

from __future__ import annotations

from dataclasses import dataclass

from connectors import ConnectorError
from plugin.secrets import DecryptError, KeyRing


@dataclass(frozen=True, slots=True)
class StoreVault:
    """The `Vault` of one store. store: its name, for messages."""

    keys: KeyRing
    store: str

    def seal(self, text: str) -> str:
        """See `Vault.seal`."""
        return self.keys.encrypt(text)

    def unseal(self, sealed: str) -> str:
        """See `Vault.unseal`."""
        try:
            return self.keys.decrypt(sealed)
        except DecryptError as error:
            raise ConnectorError(f"store {self.store!r}: {error}", permanent=True) from error
