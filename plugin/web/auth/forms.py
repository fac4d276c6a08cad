"""The forms of the sign-in, set-up and account pages."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import Field, Form, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length, ValidationError

from plugin.web.auth.admins import LONGEST_NAME
from plugin.web.auth.passwords import LONGEST, SHORTEST

_NEEDED = InputRequired(lazy_gettext("Please fill this in."))
_SHORT_ENOUGH = Length(max=LONGEST, message=lazy_gettext("Use at most %(most)s characters.", most=LONGEST))
_PLAIN: dict[str, Any] = {"autocapitalize": "none", "spellcheck": "false"}
_NAME = {**_PLAIN, "autocomplete": "username", "maxlength": LONGEST_NAME}
_OLD = {"autocomplete": "current-password"}
_NEW = {"autocomplete": "new-password", "minlength": SHORTEST}


def _again(field: str) -> list[Any]:
    return [_NEEDED, EqualTo(field, lazy_gettext("The two passwords differ. Type the same one twice."))]


def _visible(_: Form, field: Field) -> None:
    name = " ".join(field.data.split())
    if not name or not name.isprintable():
        raise ValidationError(lazy_gettext("Use letters that can be seen."))


class _Form(FlaskForm):  # type: ignore[misc]  # the library has no types
    """A form whose token CSRFProtect looks at, before any form is made."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # the library has no types
        csrf = False


class SignInForm(_Form):
    name = StringField(lazy_gettext("Your name"), [_NEEDED], render_kw={**_NAME, "autofocus": True})
    password = PasswordField(lazy_gettext("Password"), [_NEEDED, _SHORT_ENOUGH], render_kw=_OLD)


class SetUpForm(_Form):
    code = StringField(
        lazy_gettext("Set-up code"),
        [_NEEDED, Length(max=100, message=lazy_gettext("The code has 16 letters and digits."))],
        description=lazy_gettext("It stands in the terminal in which hebo-sync was started, and is good once."),
        render_kw={**_PLAIN, "autocomplete": "off", "placeholder": "XXXX-XXXX-XXXX-XXXX", "autofocus": True},
    )
    name = StringField(
        lazy_gettext("Your name"),
        [
            _NEEDED,
            Length(max=LONGEST_NAME, message=lazy_gettext("Use at most %(most)s characters.", most=LONGEST_NAME)),
            _visible,
        ],
        description=lazy_gettext("You sign in with it, and what you decide is recorded under it."),
        render_kw=_NAME,
    )
    password = PasswordField(
        lazy_gettext("Password"),
        [_NEEDED, _SHORT_ENOUGH],
        description=lazy_gettext("At least %(least)s characters. A few words in a row are good.", least=SHORTEST),
        render_kw=_NEW,
    )
    again = PasswordField(lazy_gettext("The same password again"), _again("password"), render_kw=_NEW)


class PasswordForm(_Form):
    current = PasswordField(lazy_gettext("Your password now"), [_NEEDED, _SHORT_ENOUGH], render_kw=_OLD)
    password = PasswordField(
        lazy_gettext("New password"),
        [_NEEDED, _SHORT_ENOUGH],
        description=lazy_gettext("At least %(least)s characters. Your other browsers are signed out.", least=SHORTEST),
        render_kw=_NEW,
    )
    again = PasswordField(lazy_gettext("The new password again"), _again("password"), render_kw=_NEW)
