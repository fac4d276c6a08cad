"""The operator's settings: a TOML file and environment variables in, frozen typed objects out.

    HEBO_SYNC_* variables  >  config.toml  >  defaults

`load_settings` reads everything and reports every mistake at once. `store_settings` checks one store's table
(those that live in the database too) and `dump` is its reverse; `store_mistakes` and `model_mistakes` give what is
wrong by key, for forms.
"""

from plugin.config.load import CONFIG_VARIABLE, load_settings
from plugin.config.settings import (
    AppSettings,
    DatabaseSettings,
    HeboSettings,
    ProductOrder,
    RelaySettings,
    RetentionSettings,
    ServerSettings,
    Settings,
    StoreSettings,
)
from plugin.config.stores import dump, store_mistakes, store_settings
from plugin.config.tables import ConfigError, ConfigFileError, Mistake, SettingsError, model_mistakes

__all__ = [
    "CONFIG_VARIABLE",
    "AppSettings",
    "ConfigError",
    "ConfigFileError",
    "DatabaseSettings",
    "HeboSettings",
    "Mistake",
    "ProductOrder",
    "RelaySettings",
    "RetentionSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "dump",
    "load_settings",
    "model_mistakes",
    "store_mistakes",
    "store_settings",
]
