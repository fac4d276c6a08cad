"""The words of the settings page: labels, help lines, and mistakes as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask_babel
from flask_babel import lazy_gettext
from pydantic.fields import FieldInfo

from plugin import schedules
from plugin.config import Mistake
from plugin.web.phrases import translated

LABELS: Mapping[str, Any] = {
    "api_key": lazy_gettext("API key"),
    "exclusive": lazy_gettext("Nothing else uses this key"),
    "model": lazy_gettext("Model"),
    "size": lazy_gettext("Picture size"),
    "aspect_ratio": lazy_gettext("Aspect ratio"),
    "daily_budget": lazy_gettext("Daily budget, in images"),
    "monthly_budget": lazy_gettext("Monthly budget, in images"),
    "item_retries": lazy_gettext("Try failed pictures again by itself"),
    "order": lazy_gettext("Which products come first"),
    "store_daily_budget": lazy_gettext("Daily budget of this store, in images"),
    "store_monthly_budget": lazy_gettext("Monthly budget of this store, in images"),
    "run_budget": lazy_gettext("Budget from one reading to the next, in images"),
    "name": lazy_gettext("Name"),
    "pack": lazy_gettext("Prompt pack"),
    "language": lazy_gettext("Language of the prompts"),
    "auto_generate": lazy_gettext("Make pictures for new products by itself"),
    "review": lazy_gettext("Somebody looks at each picture before it is published"),
    "placement": lazy_gettext("Where new pictures go"),
    "schedule": lazy_gettext("Schedule"),
    "timezone": lazy_gettext("Time zone"),
    "shared_image_limit": lazy_gettext("Products that may share a photo"),
    "path": lazy_gettext("Feed to read"),
    "output": lazy_gettext("Feed to write"),
    "pictures_url": lazy_gettext("Address of the picture folder"),
}

# Each line says what the field does; where it is missing here, the setting's own description is shown.
HELP: Mapping[str, Any] = {
    "api_key": lazy_gettext("Key of the image service. It is checked with the service before it is stored."),
    "exclusive": lazy_gettext(
        "Tick it if no other program uses this key. Then it can be told from the quota whether an unanswered request "
        "was accepted."
    ),
    "model": lazy_gettext("Model, where a prompt pack does not name one."),
    "size": lazy_gettext("Picture size for all prompt packs, for example 1024x1024. Empty: each pack's own."),
    "aspect_ratio": lazy_gettext("Aspect ratio for all prompt packs, instead of their own."),
    "daily_budget": lazy_gettext(
        "The most images that may be paid for in a day, whatever the service would allow. Empty: only the service's "
        "own limit."
    ),
    "monthly_budget": lazy_gettext(
        "The same for a month. A day and a month begin at midnight in the program's time zone."
    ),
    "item_retries": lazy_gettext(
        "How often, where the image service allows it; 0: never. A retry reserves images again, and is charged only if "
        "it succeeds."
    ),
    "order": lazy_gettext(
        "Where quota or budget do not suffice for all. What somebody put first or last on a product's page goes before "
        "this."
    ),
    "store_daily_budget": lazy_gettext(
        "The most images that may be paid for in a day for this store, in its time zone. What does not fit waits for "
        "the next day. Empty: no limit of its own."
    ),
    "store_monthly_budget": lazy_gettext("The same for a month. Empty: no limit of its own."),
    "run_budget": lazy_gettext(
        "The most images that may be paid for until the catalogue is read the next time, for a slow start, say. Empty: "
        "no limit of its own."
    ),
    "name": lazy_gettext(
        "Your name for the store: letters, digits, - and _. It cannot be changed later, since folders are named after "
        "it."
    ),
    "pack": lazy_gettext("The pictures that are made of each product."),
    "language": lazy_gettext("The language in which the pictures are described to the image service."),
    "auto_generate": lazy_gettext(
        "On: pictures are made for every new product, and paid for, without being asked. Off: only for products that "
        "somebody chooses, with the cost shown before."
    ),
    "review": lazy_gettext("Off: pictures are published without anybody having looked at them."),
    "placement": lazy_gettext(
        "Nothing is ever deleted. Replacing the main picture changes what buyers see first, and some marketplaces "
        "allow only plain product photos there."
    ),
    "schedule": lazy_gettext("Reading the catalogue costs nothing."),
    "timezone": lazy_gettext("Time zone of the schedule. Empty: the program's own."),
    "shared_image_limit": lazy_gettext(
        "A photo that more products than this share counts as a placeholder, and no pictures are made from it."
    ),
    "path": lazy_gettext(
        "The feed to read, never changed (TSV, CSV, RSS or Atom in the Google Merchant Center format)."
    ),
    "output": lazy_gettext(
        "The feed to write: the input plus the published pictures. Must be another file than the input. "
        "The picture files go beside it, into a folder named after it."
    ),
    "pictures_url": lazy_gettext(
        "The address under which the folder of picture files can be reached for good, for example "
        "https://shop.example/feed-pictures/. Without it the output names the pictures by relative path."
    ),
}

PLACEMENTS: Mapping[str, Any] = {
    "append": lazy_gettext("After the pictures that are there"),
    "after-main": lazy_gettext("Right after the main picture"),
    "replace-main": lazy_gettext("As the new main picture; the old one becomes the second"),
}
ORDERS: Mapping[str, Any] = {
    "newest": lazy_gettext("The newest ones"),
    "changed": lazy_gettext("Those that were changed last"),
    "sales": lazy_gettext("Those that sell best, where the catalogue tells"),
    "priority": lazy_gettext("As they were planned"),
}
LANGUAGES: Mapping[str, Any] = {"en": lazy_gettext("English"), "zh": lazy_gettext("Chinese")}
SCHEDULES: Mapping[str, Any] = {
    "": lazy_gettext("On demand only"),
    "0 * * * *": lazy_gettext("Every hour"),
    "0 */6 * * *": lazy_gettext("Every 6 hours"),
    "0 3 * * *": lazy_gettext("Every day at 03:00"),
    "0 3 * * 1": lazy_gettext("Every Monday at 03:00"),
}

# What is wrong, by the setting where its own rule is known, else by the kind of mistake.
_BY_KEY: Mapping[tuple[str, str], Any] = {
    ("name", "string_pattern_mismatch"): lazy_gettext(
        "Use letters, digits, - and _, beginning with a letter or a digit, at most 64 of them."
    ),
    ("size", "string_pattern_mismatch"): lazy_gettext("Write width and height like 1024x1024."),
    ("timezone", "value_error"): lazy_gettext("No such time zone is known. Choose one, for example Asia/Shanghai."),
}
_BY_CODE: Mapping[str, Any] = {
    "missing": lazy_gettext("This must be filled in."),
    "string_too_short": lazy_gettext("This must be filled in."),
    "int_parsing": lazy_gettext("Write a whole number."),
    "int_from_float": lazy_gettext("Write a whole number."),
    "float_parsing": lazy_gettext("Write a number."),
    "literal_error": lazy_gettext("Choose one of the list."),
    "enum": lazy_gettext("Choose one of the list."),
    "greater_than": lazy_gettext("Write a number above %(gt)s."),
    "greater_than_equal": lazy_gettext("Write a number of at least %(ge)s."),
    "less_than": lazy_gettext("Write a number below %(lt)s."),
    "less_than_equal": lazy_gettext("Write a number of at most %(le)s."),
}
_SCHEDULE: Mapping[str, Any] = {
    "fields": lazy_gettext(
        "This is no schedule. Write five fields like 0 3 * * * (every night at 3), or an interval like every 6 hours."
    ),
    "seconds": lazy_gettext("There are six fields, but a schedule has no seconds: begin with the minute."),
    "field": lazy_gettext("One of the five fields is wrong: minute, hour, day of month, month, day of week."),
    "never": lazy_gettext("This day never comes: no such month has so many days."),
    "interval": lazy_gettext("An interval is written in minutes, hours or days, like every 30 minutes."),
    "short": lazy_gettext("The shortest interval is one minute."),
    "long": lazy_gettext("This interval is too long."),
}
# Sentences that the settings' own checks raise, here so that they are translated.
OWN_SENTENCES = (
    lazy_gettext("must be an address like https://shop.example.com"),
    lazy_gettext("must be a plain address: no user name, no '?' and no '#' in it"),
    lazy_gettext("must be one word of plain ASCII characters; copy the key again"),
    lazy_gettext("must be an http:// or https:// address without query, such as https://shop.example/pics/"),
    lazy_gettext("`output` is the same file as `path`; the input is never changed: name another output"),
)


def gettext(text: str, **values: object) -> str:
    """A sentence in the reader's language; values stand in it as %(name)s."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """The same with a number, which stands in it as %(num)s."""
    return str(flask_babel.ngettext(one, many, number, **values))


def label(name: str, info: FieldInfo) -> str:
    """What a field is called: our word for it, the connector's title, or its name."""
    known = LABELS.get(name)
    return str(known) if known is not None else gettext(info.title or name.replace("_", " ").capitalize())


def help_line(name: str, info: FieldInfo) -> str:
    """The line under a field."""
    known = HELP.get(name)
    if known is not None:
        return str(known)
    return gettext(info.description) if info.description else ""


def schedule_mistake(text: str) -> str:
    """What is wrong with a schedule's text; empty: nothing."""
    try:
        schedules.parse(text)
    except schedules.ScheduleError as error:
        return str(_SCHEDULE.get(error.code, _SCHEDULE["fields"]))
    return ""


def sentence(mistake: Mistake) -> str:
    """A mistake in the reader's language, without the value that was given."""
    known = _BY_KEY.get((mistake.key, mistake.code), _BY_CODE.get(mistake.code))
    if known is None:
        return translated(mistake.text)
    return str(known) % mistake.limits if mistake.limits else str(known)
