"""The image API's settings: the key is asked about before it is stored, and never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, render_template, request
from flask_wtf import FlaskForm
from pydantic import SecretStr
from werkzeug.wrappers import Response
from wtforms import BooleanField

from plugin import stored
from plugin.config import HeboSettings, model_mistakes
from plugin.hebo import HeboError, KeyRefusedError, Quota
from plugin.pipeline import image_api as service
from plugin.pipeline.parts import Parts
from plugin.pipeline.quota import quota_view
from plugin.web.context import engine, parts
from plugin.web.phrases import translated
from plugin.web.settings import fields
from plugin.web.settings.room import WRONG, blueprint, go
from plugin.web.settings.texts import gettext, ngettext

ANYWAY, OTHER = "store_anyway", "other_account"  # the two boxes that are asked for only where needed


@dataclass(frozen=True, slots=True)
class Asked:
    """What the service said of a key, and when it was asked. quota None: it did not answer, for `problem`."""

    at: datetime
    quota: Quota | None = None
    problem: HeboError | None = None


@blueprint.route("/settings/image-api", methods=["GET", "POST"])
def image_api() -> str | Response | tuple[str, int]:
    """Shows the image API's settings; POST stores them, or with action=check only asks about the key in use."""
    now = parts()
    if request.method == "GET":
        return _page(now, _form(now, None))
    if request.form.get("action") == "check":
        return _check(now)
    form = _form(now, request.form)
    if _save(now, form):
        return go("settings.image_api")
    return _page(now, form), WRONG


def _form(now: Parts, posted: Any) -> FlaskForm:
    locked, infos = stored.locked(now.provisioned), HeboSettings.model_fields
    made = {name: fields.field_of(name, infos[name]) for name in stored.PAGE_FIELDS}
    made |= {
        ANYWAY: BooleanField(gettext("Store the key although the service did not confirm it")),
        OTHER: BooleanField(gettext("I know, and have the old key at hand")),
    }
    shown = fields.shown_values(now.settings.hebo, stored.PAGE_FIELDS)
    form = fields.make_form(made, posted, shown)
    for name in locked:  # whatever was posted for them
        form[name].data = shown.get(name, "")
    return form


def _page(now: Parts, form: FlaskForm) -> str:
    with now.db.read() as session:
        quota, key = quota_view(session, now), stored.kept_key(session, now.keys)
    return render_template(
        "settings_image_api.html",
        form=form,
        names=stored.PAGE_FIELDS,
        locked=stored.locked(now.provisioned),
        quota=quota,
        key=key,
        has_key=now.hebo is not None,
    )


def _check(now: Parts) -> Response:
    """Ask about the key in use; nothing but the reading is stored."""
    api_key = _key_in_use(now)
    if not api_key:
        flash(gettext("There is no key to check. Enter one first."), "warning")
        return go("settings.image_api")
    asked = _ask(now, api_key)
    if asked.quota is None:
        flash(_refusal(asked), "trouble")
    else:
        service.note(now, api_key, asked.quota, asked.at)
        flash(_greeting(asked.quota), "good")
        engine().wake()
    return go("settings.image_api")


def _save(now: Parts, form: FlaskForm) -> bool:
    """Store what was posted, if all of it is right; else the form says what is not."""
    free = [name for name in stored.PAGE_FIELDS if name not in stored.locked(now.provisioned)]
    values = fields.posted_values(form, free)
    well = form.validate()
    wrong = model_mistakes(HeboSettings, values)
    fields.show_mistakes(form, wrong)
    if not well or wrong:
        return False
    new_key = str(values.get("api_key", ""))
    asked = _ask(now, new_key) if new_key else Asked(now.clock.now())
    if new_key and not _key_may_be_stored(now, form, new_key, asked):
        return False
    _store(now, values, new_key, asked)
    return True


def _store(now: Parts, values: Mapping[str, Any], new_key: str, asked: Asked) -> None:
    checked = HeboSettings.model_validate(dict(values))
    kept = {name: getattr(checked, name) for name in stored.PAGE_FIELDS if name in values}
    if new_key:
        kept["api_key"] = SecretStr(new_key)
    service.keep(now, kept, new_key or _key_in_use(now), asked.quota, asked.at)
    engine().settings_changed()
    engine().wake()
    flash(gettext("The settings of the image API are stored."), "good")
    if asked.quota is not None:
        flash(_greeting(asked.quota), "good")
    elif new_key:
        flash(gettext("The key is stored without having been checked. Check it once the service answers."), "warning")


def _key_in_use(now: Parts) -> str:
    api_key = now.settings.hebo.api_key
    return api_key.get_secret_value() if api_key else ""


def _ask(now: Parts, api_key: str) -> Asked:
    at = now.clock.now()
    try:
        return Asked(at, quota=service.ask(now.settings.hebo.base_url, api_key))
    except HeboError as problem:
        return Asked(at, problem=problem)


def _key_may_be_stored(now: Parts, form: FlaskForm, api_key: str, asked: Asked) -> bool:
    """Whether nothing speaks against a new key, or the admin has said to store it all the same."""
    if isinstance(asked.problem, KeyRefusedError):
        fields.say(form, "api_key", _refusal(asked))
        return False
    if asked.quota is None and not form[ANYWAY].data:
        fields.say(form, "api_key", _refusal(asked))
        fields.say(form, ANYWAY, gettext("To store it all the same, tick this and enter the key again."))
        return False
    return _account_may_change(now, form, api_key, asked.quota)


def _account_may_change(now: Parts, form: FlaskForm, api_key: str, quota: Quota | None) -> bool:
    with now.db.read() as session:
        left = service.left_behind(session, now, api_key, quota.user_id if quota else "")
    if not left or form[OTHER].data:
        return True
    fields.say(form, "api_key", _left_sentence(left, known=bool(quota and quota.user_id)))
    fields.say(form, OTHER, gettext("To change the key all the same, tick this and enter the key again."))
    return False


def _left_sentence(left: int, *, known: bool) -> str:
    if known:
        return ngettext(
            "This key belongs to another account. %(num)s task is under way that can only be collected with the key it "
            "was sent with: it rests until that key is set again.",
            "This key belongs to another account. %(num)s tasks are under way that can only be collected with the key "
            "they were sent with: they rest until that key is set again.",
            left,
        )
    return ngettext(
        "It is not known whose key this is. If it is another account's, %(num)s task under way can only be collected "
        "with the key it was sent with.",
        "It is not known whose key this is. If it is another account's, %(num)s tasks under way can only be collected "
        "with the key they were sent with.",
        left,
    )


def _refusal(asked: Asked) -> str:
    """Why a key was not confirmed, and what to do."""
    if isinstance(asked.problem, KeyRefusedError):
        return gettext(
            "The image service refused the key (%(status)s). Copy it again from the service's console; the stored key "
            "was not changed.",
            status=asked.problem.status,
        )
    return gettext(
        "The image service could not be asked about the key: %(reason)s. The stored key was not changed. Try again in "
        "a while.",
        reason=translated(str(asked.problem)),
    )


def _greeting(quota: Quota) -> str:
    who = quota.user_id or "–"
    if not quota.enabled:
        return gettext(
            "The key works. Account %(account)s, level %(level)s; the service counts no quota for it.",
            account=who,
            level=quota.level or "–",
        )
    return gettext(
        "The key works. Account %(account)s, level %(level)s: %(used)s of %(limit)s images used today, %(remaining)s "
        "remain.",
        account=who,
        level=quota.level or "–",
        used="–" if quota.used is None else quota.used,
        limit="–" if quota.daily_limit is None else quota.daily_limit,
        remaining="–" if quota.remaining is None else quota.remaining,
    )
