"""Secrets of connectors, sealed under the program's keys."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from connectors import ConnectorError
from plugin.pipeline.vault import StoreVault
from plugin.secrets import KeyRing


def vault() -> StoreVault:
    return StoreVault(KeyRing([Fernet.generate_key().decode()], "a test"), "shop")


def test_what_is_sealed_comes_back_and_cannot_be_read() -> None:
    ours = vault()
    sealed = ours.seal("shpat_secret")
    assert "shpat_secret" not in sealed
    assert ours.unseal(sealed) == "shpat_secret"


def test_another_key_is_an_error_that_says_what_to_do() -> None:
    sealed = vault().seal("shpat_secret")
    with pytest.raises(ConnectorError, match="store 'shop': a stored secret cannot be decrypted") as caught:
        vault().unseal(sealed)
    assert caught.value.permanent
    assert "shpat_secret" not in str(caught.value)
