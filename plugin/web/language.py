"""English and Simplified Chinese: which one a request gets, and how times and numbers read in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask import Blueprint, Flask, abort, current_app, redirect, request
from flask_babel import Babel, format_decimal, get_locale, get_translations, gettext, lazy_gettext, ngettext
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from plugin.web import phrases
from plugin.web.context import parts

blueprint = Blueprint("language", __name__)
COOKIE = "language"
COOKIE_LIFE = timedelta(days=365)
NAVIGATION = (
    ("catalogue.products", lazy_gettext("Products")),
    ("catalogue.review", lazy_gettext("Review")),
    ("catalogue.money", lazy_gettext("Money")),
    ("activity.show", lazy_gettext("Activity")),
    ("settings.show", lazy_gettext("Settings")),
)


@dataclass(frozen=True, slots=True)
class Language:
    """tag: for the page's `lang`. name: as its speakers write it. The rest: how moments are written (patterns of
    Unicode CLDR), in this year and in others, in full, and days alone."""

    tag: str
    name: str
    moment: str
    moment_of_year: str
    moment_in_full: str
    day: str
    day_of_year: str


# The languages that the pages speak, by the code of their catalogue. English is in the source.
LANGUAGES: Mapping[str, Language] = {
    "en": Language(
        tag="en",
        name="English",
        moment="d MMM HH:mm",
        moment_of_year="d MMM y HH:mm",
        moment_in_full="d MMMM y, HH:mm:ss ZZZZ",
        day="EEEE, d MMMM",
        day_of_year="EEEE, d MMMM y",
    ),
    "zh": Language(
        tag="zh-CN",
        name="中文",
        moment="M月d日 HH:mm",
        moment_of_year="y年M月d日 HH:mm",
        moment_in_full="y年M月d日 HH:mm:ss ZZZZ",
        day="M月d日 EEEE",
        day_of_year="y年M月d日 EEEE",
    ),
}


def install(app: Flask) -> None:
    """Flask-Babel, the names that base.html uses, and the filters: FILTERS here, `phrase`, `event_text`."""
    Babel(app, locale_selector=chosen_language)
    app.context_processor(_names)
    for written in FILTERS:
        app.add_template_filter(written)
    phrases.install(app)


def chosen_language() -> str:
    """The request's language: chosen by hand, else what the browser asks for, else the setting app.language."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    asked = sorted(request.accept_languages, key=lambda entry: -entry[1])  # of every region: zh-TW is served by zh
    codes = (tag.partition("-")[0].lower() for tag, quality in asked if quality > 0)
    return next((code for code in codes if code in LANGUAGES), parts().settings.app.language)


def _names() -> dict[str, object]:
    """What pages find under these names. The catalogue is looked up once for a page, not for each of its hundreds of
    texts."""
    code, texts = _code(), get_translations()

    def text(message: str, **words: object) -> str:
        found: str = texts.ugettext(message)
        return found % words if words else found

    return {
        "language_code": code,
        "language_tag": LANGUAGES[code].tag,
        "navigation": NAVIGATION,
        "_": text,
        "ngettext": ngettext,
    }


def _code() -> str:
    return str(get_locale())


@blueprint.post("/language")
def choose() -> Response:
    """Remember the language and go back to the page. 400: no such language, or a way back that is not our own."""
    code, back = request.form.get("language", ""), request.form.get("back", "/")
    if code not in LANGUAGES or not is_local(back):
        abort(400)
    answer = redirect(back if _can_be_shown(back) else "/", 303)
    age = int(COOKIE_LIFE.total_seconds())
    answer.set_cookie(COOKIE, code, max_age=age, secure=request.is_secure, httponly=True, samesite="Lax")
    return answer


def is_local(path: str) -> bool:
    """Whether it is a path of this site. A browser takes a second slash or backslash, or a tab, for another host."""
    return path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() and " " not in path


def _can_be_shown(path: str) -> bool:
    """A form with mistakes is shown under the address that it was sent to, which cannot be asked for."""
    addresses = current_app.url_map.bind_to_environ(request.environ)
    try:
        addresses.match(urlsplit(path).path, method="GET")
    except HTTPException:
        return False
    return True


def local(at: datetime) -> datetime:
    """A moment in the time zone of the app (the setting app.timezone)."""
    return at.astimezone(ZoneInfo(parts().settings.app.timezone))


def _written(at: datetime, pattern: str) -> str:
    return format_datetime(local(at), pattern, tzinfo=local(at).tzinfo, locale=get_locale())


def moment_short(at: datetime) -> str:
    """ "today 14:05", "22 Nov 14:05", with the year when it is not this one."""
    today, day = local(parts().clock.now()).date(), local(at).date()
    if day == today:
        return str(gettext("today %(time)s", time=moment_time(at)))
    language = LANGUAGES[_code()]
    return _written(at, language.moment if day.year == today.year else language.moment_of_year)


def moment_long(at: datetime) -> str:
    """With seconds and the distance to Greenwich, which tells the two equal hours of a clock change apart."""
    return _written(at, LANGUAGES[_code()].moment_in_full)


def moment_time(at: datetime) -> str:
    """ "14:05", where the day is said already."""
    return local(at).strftime("%H:%M")


def moment_second(at: datetime, since: datetime | None = None) -> str:
    """As `moment_short`, with seconds: where several things happen within a minute. since: what stands before it; on
    the same day the day is not said again."""
    time = local(at).strftime("%H:%M:%S")
    if since is not None and local(since).date() == local(at).date():
        return time
    return moment_short(at).replace(moment_time(at), time)


def moment_day(at: datetime) -> str:
    """ "Sunday, 22 November", with the year when it is not this one."""
    language, this_year = LANGUAGES[_code()], local(parts().clock.now()).year
    return _written(at, language.day if local(at).year == this_year else language.day_of_year)


def number(value: float) -> str:
    """With its thousands grouped."""
    return str(format_decimal(value))


FILTERS = (moment_short, moment_long, moment_time, moment_second, moment_day, number)
