"""The parts of one running sandbox image API, and where a request finds them."""

from collections.abc import Callable

from flask import current_app

from plugin.sandbox.hebo.faults import FaultBook, FaultRule
from plugin.sandbox.hebo.mischief import Mischief
from plugin.sandbox.hebo.options import HeboOptions
from plugin.sandbox.hebo.state import HeboState
from plugin.sandbox.hebo.studio import Studio
from plugin.sandbox.hebo.wire import Speller


class HeboSandbox:
    """The parts of one running service: `state`, `faults`, `studio`. `close` ends its threads."""

    def __init__(self, options: HeboOptions, now: Callable[[], float]) -> None:
        self.options = options
        self.now = now
        self.studio = Studio(options, now)
        self.state = HeboState(options, self.studio.take if options.paint == "eager" else None)
        self.studio.state = self.state
        self.faults: FaultBook[FaultRule] = FaultBook(options.seed, options.faults)
        self.spell = Speller(options.spelling)
        self.results_base = options.results_host
        self.mischief: Mischief | None = None

    def effect(self, kind: str, amount: float, authorization: str) -> None:
        """What a fault rule makes happen before a call: another client's spending, or the turn of the day."""
        if kind == "turn_day":
            self.state.turn_day(self.now())
            return
        user = self.state.keys.get(authorization.removeprefix("Bearer ").strip())
        if user is not None:
            self.state.spend(user, int(amount), self.now())

    def close(self) -> None:
        """End all threads and delete the pictures."""
        if self.mischief is not None:
            self.mischief.close()
        self.studio.close()


def parts() -> HeboSandbox:
    """The service that this request belongs to."""
    sandbox: HeboSandbox = current_app.extensions["hebo"]
    return sandbox
