"""The image service: whether it can be reached and takes the key, and what time it has."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from connectors.http import HttpError, call, new_session
from plugin.clock import wall
from plugin.config import Settings
from plugin.doctor.finding import Finding, error, ok, warning
from plugin.hebo import HeboClient, HeboError, KeyRefusedError, Quota
from plugin.pipeline.parts import Parts

NAME = "image service"
CLOCK_DIFFERENCE = 60  # seconds
DEADLINE = 15.0
WAITS = "what is planned waits, what is under way is fetched later; nothing is lost or paid for twice"


def check_image_api(parts: Parts) -> list[Finding]:
    """Whether the image service can be reached and takes the key, and whether its clock and ours agree."""
    return _checked(parts.hebo, parts.settings, parts.clock.now())


def check_alone(settings: Settings) -> list[Finding]:
    """The same with the key of the file or the environment, where the rest of the program could not be opened."""
    hebo = settings.hebo
    if hebo.api_key is None:
        return [ok(NAME, "no key in the configuration; one that was entered on the pages cannot be tried now")]
    session = new_session(allow_private=True)  # the operator names this address
    client = HeboClient(
        session,
        hebo.base_url,
        hebo.api_key.get_secret_value(),
        submit_deadline=hebo.submit_deadline,
        read_deadline=DEADLINE,
    )
    try:
        return _checked(client, settings, wall())
    finally:
        client.close()


def _checked(client: HeboClient | None, settings: Settings, now: datetime) -> list[Finding]:
    hebo = settings.hebo
    if client is None:
        advice = "set api_key under [hebo], or HEBO_SYNC_HEBO_API_KEY, or HEBO_SYNC_HEBO_API_KEY_FILE"
        return [error(NAME, "there is no API key", advice, "stores are read and products are planned, no more")]
    try:
        quota = client.quota()
    except KeyRefusedError as problem:
        advice = "check hebo.api_key with the service"
        return [error(NAME, f"the key is refused: {problem}", advice, WAITS), *check_clock(settings, now)]
    except HeboError as problem:
        advice = "check hebo.base_url and the network; nothing is lost"
        return [error(NAME, f"{hebo.base_url}: {problem}", advice, WAITS)]
    return [of_quota(quota), *check_clock(settings, now)]


def of_quota(quota: Quota) -> Finding:
    """What an answered quota means for the work."""
    account = f"account {quota.user_id or 'unknown'}"
    room = quota.room()
    if room is None:
        return ok(NAME, f"{account}, no limit counted")
    if room == 0:
        message = f"{account}: the quota of {quota.daily_limit} images is used up"
        return warning(NAME, message, "nothing: work goes on by itself when the service's day turns")
    return ok(NAME, f"{account}, {room} of {quota.daily_limit} images left")


def check_clock(settings: Settings, now: datetime) -> list[Finding]:
    """The difference to the service's Date header; nothing where it sends none. The key is not sent along."""
    session = new_session(allow_private=True)
    try:
        answer = call(session, "GET", settings.hebo.base_url, deadline=10, max_bytes=1_000_000)
        theirs = parsedate_to_datetime(answer.headers["Date"])
        seconds = (now - theirs).total_seconds()
    except (HttpError, KeyError, ValueError, TypeError):
        return []
    finally:
        session.close()
    if abs(seconds) > CLOCK_DIFFERENCE:
        side = "ahead of" if seconds > 0 else "behind"
        message = f"this machine's clock is {abs(seconds):.0f} s {side} the service's"
        advice = "have the machine set its clock by NTP, then start hebo-sync again"
        meaning = "budgets of a day, schedules and signed addresses go by it; polling does not"
        return [warning("clock", message, advice, meaning)]
    return [ok("clock", "agrees with the image service's")]
