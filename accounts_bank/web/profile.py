"""Pages of the own user: profile, password and deletion."""

from contextlib import suppress

from flask import Blueprint, Response, request

from accounts_bank.api.schemas.users import FullName, GivenPassword, PasswordRequest
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import ApiError, InvalidCredentials, NotFound, Refused, TooManyRequests
from accounts_bank.http import credentials
from accounts_bank.http.bank import bank
from accounts_bank.http.guard import hashes_password
from accounts_bank.identity import Caller
from accounts_bank.web import sessions
from accounts_bank.web.forms import Field, Form, new_password
from accounts_bank.web.pages import page, redirect, signed_in
from accounts_bank.web.sessions import SignedOut

profile = Blueprint("profile_pages", __name__, url_prefix="/profile")

_FULL_NAME = Field(
    name="full_name",
    label="Full name",
    kind=FullName,
    wrong="A name has at most 200 characters.",
    autocomplete="name",
    optional=True,
    maxlength=200,
)
_PASSWORDS = (
    Field(
        name="current_password",
        label="Current password",
        kind=GivenPassword,
        wrong="Type your current password.",
        type="password",
        autocomplete="current-password",
    ),
    new_password("new_password", "New password"),
)
_NOT_YOURS = "This is not your current password. If you have just changed it, type the new one."


@profile.route("", methods=["GET", "POST"])
@signed_in(Permission.MANAGE_SELF)
def show(caller: Caller) -> Response:
    """Show and change the profile."""
    user = bank().users.user(caller)
    form = Form(_FULL_NAME, typed={"full_name": user.full_name or ""} | request.values.to_dict())
    if request.method == "POST":
        full_name = form.read("full_name")
        if not form.errors:
            bank().users.update(caller, full_name)
            return redirect("/profile", done="saved")
    return page("profile", form.status, form=form, user=user, done=request.args.get("done"))


@profile.route("/password", methods=["GET", "POST"])
@hashes_password
@signed_in(Permission.MANAGE_SELF)
def change_password(caller: Caller) -> Response:
    """Change the password and end every other session."""
    form = Form(*_PASSWORDS, typed=request.form)
    if request.method == "POST":
        body = PasswordRequest(form.read("current_password"), form.read("new_password"))
        if not form.errors:
            try:
                credentials.change_password(
                    bank(), caller, body.current_password, body.new_password
                )
                return redirect("/profile", done="password")
            except InvalidCredentials as error:
                form.refuse(error, {"invalid_credentials": "current_password"}, _NOT_YOURS)
            except ApiError as error:
                form.refuse(error, {"password_weak": "new_password"})
    return page("password", form.status, form=form)


@profile.route("/sessions", methods=["GET", "POST"])
@signed_in(Permission.MANAGE_SELF)
def show_sessions(caller: Caller) -> Response:
    """List the sign-ins of the user, and end one of them."""
    if request.method == "POST":
        with suppress(NotFound):  # it has ended meanwhile
            bank().users.end_session(caller, request.form.get("session", ""))
        return redirect("/profile/sessions", done="ended")
    live, done = bank().users.sessions(caller), request.args.get("done")
    return page("sessions", sessions=live, done=done)


@profile.route("/delete", methods=["GET", "POST"])
@hashes_password
def delete() -> Response:
    """Delete the user. All accounts must be closed."""
    try:
        return _delete()
    except SignedOut as out:
        if request.method == "POST" and _is_gone(out.user_id):
            return sessions.clear_cookies(redirect("/sign-in", why="deleted"))
        raise


@signed_in(Permission.MANAGE_SELF)
def _delete(caller: Caller) -> Response:
    form = Form(_PASSWORDS[0], typed=request.form)
    if request.method == "POST":
        password = form.read("current_password")
        if not form.errors:
            try:
                credentials.delete_user(bank(), caller, password)
                return sessions.clear_cookies(redirect("/sign-in", why="deleted"))
            except Refused as error:
                form.refuse(error, {}, "Close all your accounts first.")
            except InvalidCredentials as error:
                form.refuse(error, {"invalid_credentials": "current_password"}, _NOT_YOURS)
            except TooManyRequests as error:
                form.refuse(error, {})
    return page("user_delete", form.status, form=form)


def _is_gone(user_id: str | None) -> bool:
    """Return whether a user was deleted; then the form was sent twice."""
    try:
        bank().users.read(user_id or "")
    except NotFound:
        return user_id is not None
    return False
