"""The pages to sign in and out, to set up, and to look after one's own account."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, abort, current_app, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response
from wtforms import Field

from plugin.web.auth.admins import AdminExistsError
from plugin.web.auth.forms import PasswordForm, SetUpForm, SignInForm
from plugin.web.auth.gate import new_session, password_sign_in
from plugin.web.auth.next_page import local_path
from plugin.web.auth.password_sign_in import COOKIE, WrongCodeError, WrongPasswordError
from plugin.web.auth.passwords import BusyError, WeakPasswordError
from plugin.web.auth.sign_ins import LASTS, Known, mark
from plugin.web.auth.throttle import ThrottledError

blueprint = Blueprint("auth", __name__)
Page = str | Response | tuple[str, int]
BUSY_WAIT = 5  # seconds


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Page:
    """Name and password; then on to the page that was asked for."""
    service, target = password_sign_in(), local_path(request.args.get("next"))
    if g.identity is not None:
        return redirect(target or url_for("home.first"), 303)
    if service.first_run():
        return redirect(url_for("auth.set_up"), 303)
    form = SignInForm()
    if form.validate_on_submit():
        try:
            with _slowed():
                token = service.sign_in(form.name.data, form.password.data, request.remote_addr)
        except WrongPasswordError:
            _complain(form.password, gettext("The name or the password is wrong."))
        else:
            return _signed_in(token, target or url_for("home.first"))
    return render_template("sign_in.html", form=form, next=target), _status(form)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """The browser's cookie is good for nothing from now on."""
    password_sign_in().sign_out(request)
    new_session("")
    flash(gettext("You are signed out."), "info")
    answer = redirect(url_for("auth.sign_in"), 303)
    _set_cookie(answer, "", 0)
    return answer


@blueprint.route("/set-up", methods=["GET", "POST"])
def set_up() -> Page:
    """First run: the code of the terminal, a name and a password make the first admin."""
    service = password_sign_in()
    if not service.first_run():
        return redirect(url_for("auth.sign_in"), 303)
    form = SetUpForm()
    if form.validate_on_submit():
        token = _try_set_up(form)
        if token is not None:
            return _signed_in(token, url_for("home.first"))
    if not service.first_run():
        flash(
            gettext("Somebody else has set this up just now. Sign in with the name and password chosen then."), "info"
        )
        return redirect(url_for("auth.sign_in"), 303)
    form.code.data = ""  # it is never on a page
    return render_template("set_up.html", form=form), _status(form)


def _try_set_up(form: SetUpForm) -> str | None:
    """The token for the cookie; None: the form says what is wrong, or somebody else was quicker."""
    wanted = form.code.data, form.name.data, form.password.data
    try:
        with _slowed():
            return password_sign_in().set_up(*wanted, request.remote_addr)
    except WrongCodeError:
        _complain(form.code, gettext("This is not the code in the terminal. A restart of hebo-sync makes a new one."))
    except WeakPasswordError as error:
        _complain(form.password, str(error))
    except AdminExistsError:
        password_sign_in().first_run()
    return None


@blueprint.route("/account", methods=["GET", "POST"])
def account() -> Page:
    """One's own password, and the browsers in which one is signed in."""
    service = password_sign_in()
    known = service.known(request) or abort(404)
    if request.method == "POST" and request.form.get("action") == "sign_out":
        return _sign_out_others(known)
    form = PasswordForm()
    if form.validate_on_submit() and _try_password(form, known):
        return redirect(url_for("auth.account"), 303)
    return render_template("account.html", form=form, known=known, browsers=service.browsers(known)), _status(form)


def _try_password(form: PasswordForm, known: Known) -> bool:
    """Whether the password is changed; if not, the form says why."""
    service = password_sign_in()
    try:
        with _slowed():
            service.change_password(known, form.current.data, form.password.data, request.remote_addr)
    except WrongPasswordError:
        _complain(form.current, gettext("This is not your password now. Nothing was changed."))
    except WeakPasswordError as error:
        _complain(form.password, str(error))
    else:
        flash(gettext("Your password is changed. Your other browsers are signed out."), "good")
        return True
    return False


def _sign_out_others(known: Known) -> Response:
    """All of them, or the one that is named."""
    named = request.form.get("browser")
    only = None if named is None else int(named) if re.fullmatch("[0-9]{1,9}", named) else 0
    ended = password_sign_in().end_others(known, only)
    flash(ngettext("%(num)s browser is signed out.", "%(num)s browsers are signed out.", ended), "good")
    return redirect(url_for("auth.account"), 303)


@contextmanager
def _slowed() -> Iterator[None]:
    """Guesses that come too fast are answered with how long to wait."""
    try:
        yield
    except ThrottledError as error:
        raise TooManyRequests(retry_after=max(1, math.ceil(error.wait.total_seconds()))) from error
    except BusyError as error:
        raise TooManyRequests(retry_after=BUSY_WAIT) from error


def _signed_in(token: str, target: str) -> Response:
    """A session of its own for the new sign-in: nothing from before it is good any more."""
    new_session(mark(token))
    answer = redirect(target, 303)
    _set_cookie(answer, token, int(LASTS.total_seconds()))
    return answer


def _set_cookie(answer: Response, token: str, age: int) -> None:
    """age: seconds; 0 takes the cookie away."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    name = current_app.config[COOKIE]
    answer.set_cookie(name, token, max_age=age, path="/", secure=secure, httponly=True, samesite="Lax")


def _complain(field: Field, text: str) -> None:
    field.errors = [*field.errors, text]


def _status(form: SignInForm | SetUpForm | PasswordForm) -> int:
    return 422 if form.is_submitted() else 200
