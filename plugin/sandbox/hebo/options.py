"""What a sandbox Hebo service can be told. All times are seconds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from plugin.sandbox.hebo.faults import FaultRule

Spelling = Literal["first", "second", "literal", "mixed"]
BandReading = Literal["both", "arrival", "last"]
ImageFormat = Literal["png", "jpeg"]
Paint = Literal["eager", "none"]
VENDOR_BANDS = ((30.0, 5.0), (180.0, 10.0), (math.inf, 20.0))  # vendor document §6: age below, least interval


class HeboOptionsError(ValueError):
    """An option has a value that the sandbox cannot work with. The message names the option."""


@dataclass(frozen=True)
class HeboOptions:
    """The behaviour of one sandbox service. Two services with equal options and calls give equal answers.

    - `api_keys`: key -> user id; several keys may belong to one user.
    - `daily_limit`: images a day; None answers `enabled: false`, with 0 for limit and remaining.
    - `spelling`: of the quota keys with two names: the first, the second, both as one literal string as printed in
      the vendor document, or `mixed` (another one each time).
    - `duration`: the least and the greatest age of an item when it ends. The last item of a task ends at an age
      that is uniform over it, the others somewhere before.
    - `queued_for`: age until which a task is `queued`.
    - `fail_rate`, `retry_rate`: share of items that fail for good, or go through automatic retries and succeed;
      `refusal_rate`: share of the failing ones that may not be retried by hand; `retry_fail_rate`: `fail_rate` of
      manual retries (None: the same).
    - `poll_bands`: pairs of (age below which it holds, least interval). `band_reading`: which age counts: that of
      this poll (`arrival`), of the last one (`last`), or the greater interval of the two (`both`, the strictest).
    - `quota_status`: the HTTP status of a submit beyond the quota.
    - `paint`: `eager` fetches the reference and paints real pictures; `none` does neither, and answers with tiny
      prepared pictures, so that a task ends exactly when planned.
    - `fetch_delay`: age of a task when its reference is fetched; `fetch_retries`, `fetch_pause`: further attempts
      and the time between them; `fetch_timeout`: for one attempt.
    - `results_host`: base URL of result pictures (None: the host that was asked); `result_ttl`: how long after the
      task's end they can be fetched; `expired_status`: what they answer from then on.
    """

    seed: int = 0
    api_keys: Mapping[str, str] = field(default_factory=lambda: {"sandbox-key": "3"})
    daily_limit: int | None = 400
    level: str = "vip1"
    spelling: Spelling = "literal"
    quota_status: int = 402
    duration: tuple[float, float] = (6.0, 42.0)
    queued_for: float = 1.5
    fail_rate: float = 0.0
    retry_rate: float = 0.0
    refusal_rate: float = 0.0
    retry_fail_rate: float | None = None
    poll_bands: tuple[tuple[float, float], ...] = VENDOR_BANDS
    band_reading: BandReading = "both"
    terminal_interval: float = 10.0
    paint: Paint = "eager"
    paint_threads: int = 2
    image_format: ImageFormat = "png"
    fetch_delay: float = 0.5
    fetch_retries: int = 6
    fetch_pause: float = 0.5
    fetch_timeout: float = 10.0
    results_host: str | None = None
    result_ttl: float = 86_400.0
    expired_status: int = 403
    faults: tuple[FaultRule, ...] = ()

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_rates()
        if not 0 <= self.duration[0] <= self.duration[1]:
            raise HeboOptionsError(f"duration must be least, greatest in seconds, not {self.duration}")
        if self.poll_bands[-1][0] != math.inf or list(self.poll_bands) != sorted(self.poll_bands):
            raise HeboOptionsError("poll_bands must rise by age and end with an infinite one")
        if self.quota_status not in {400, 402, 403, 429}:
            raise HeboOptionsError(f"quota_status must be 400, 402, 403 or 429, not {self.quota_status}")
        if not self.api_keys:
            raise HeboOptionsError("api_keys must name at least one key")

    def _check_choices(self) -> None:
        choices = {"spelling": Spelling, "band_reading": BandReading, "paint": Paint, "image_format": ImageFormat}
        for name, kind in choices.items():
            if getattr(self, name) not in get_args(kind):
                raise HeboOptionsError(f"{name} must be one of {', '.join(get_args(kind))}, not {getattr(self, name)}")

    def _check_rates(self) -> None:
        for name in ("fail_rate", "retry_rate", "refusal_rate", "retry_fail_rate"):
            rate = getattr(self, name)
            if rate is not None and not 0 <= rate <= 1:
                raise HeboOptionsError(f"{name} must be from 0 to 1, not {rate}")
