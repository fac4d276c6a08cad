"""Which errors are news for a person, and the exit code of each. Imported only when something was raised."""

from __future__ import annotations

from connectors import ConnectorError
from plugin.config import ConfigError
from plugin.hebo import HeboError
from plugin.links import NoPublicUrlError
from plugin.listener import ListenerError
from plugin.pictures import PictureError, StorageError
from plugin.pipeline.away import DatabaseAwayError
from plugin.pipeline.planning.retry import RetryError
from plugin.pipeline.publishing.publish import PublicationStateError
from plugin.pipeline.publishing.undo import UndoError
from plugin.pipeline.review import ReviewError
from plugin.pipeline.stores import StoreChangeError, StoreUnknownError
from plugin.pipeline.submitting.doubt import SettleError
from plugin.scheduler import SchedulerTakenError
from plugin.schema import DatabaseError
from plugin.secrets import SecretsError
from templates import PackError, RenderError

USAGE = 2  # bad usage or configuration
TROUBLE = 1  # something failed, waits or needs a person

CONFIGURATION_ERRORS = (ConfigError, StoreUnknownError, SecretsError, DatabaseError, PackError)
TROUBLE_ERRORS = (
    ConnectorError,
    DatabaseAwayError,
    HeboError,
    ListenerError,
    NoPublicUrlError,
    PictureError,
    PublicationStateError,
    RenderError,
    RetryError,
    ReviewError,
    SchedulerTakenError,
    SettleError,
    StorageError,
    StoreChangeError,
    UndoError,
)
EXPECTED = (*CONFIGURATION_ERRORS, *TROUBLE_ERRORS)


def exit_code_of(error: BaseException) -> int:
    """The exit code for one of EXPECTED."""
    return USAGE if isinstance(error, CONFIGURATION_ERRORS) else TROUBLE
