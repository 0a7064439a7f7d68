"""Pages to sign up, sign in and sign out."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from accounts_bank.api.schemas.users import (
    FullName,
    GivenPassword,
    LoginRequest,
    UserRequest,
)
from accounts_bank.errors import ApiError, InvalidCredentials, UsernameTaken
from accounts_bank.http.bank import bank
from accounts_bank.http.credentials import add_customer, begin_session
from accounts_bank.http.guard import hashes_password
from accounts_bank.http.messages import device
from accounts_bank.identity import Session, User, Username
from accounts_bank.web import devices, sessions
from accounts_bank.web.forms import Field, Form, new_password
from accounts_bank.web.pages import page, redirect
from accounts_bank.web.sessions import SignedOut

entrance = Blueprint("entrance", __name__)

HOME = "/overview"

_USERNAME = Field(
    name="username",
    label="Username",
    kind=Username,
    wrong="Choose a name of 1 to 64 characters, with no spaces around it.",
    autocomplete="username",
    maxlength=64,
)
_NEW_PASSWORD = new_password("password", "Password")
_FULL_NAME = Field(
    name="full_name",
    label="Full name",
    kind=FullName,
    wrong="A name has at most 200 characters.",
    hint="The bank greets you with this name.",
    autocomplete="name",
    optional=True,
    maxlength=200,
)
_PASSWORD = Field(
    name="password",
    label="Password",
    kind=GivenPassword,
    wrong="Type your password.",
    type="password",
    autocomplete="current-password",
)
_WRONG = {
    "username_taken": "username",
    "username_not_allowed": "username",
    "password_weak": "password",
}
_SIGN_UP = (_USERNAME, _FULL_NAME, _NEW_PASSWORD)
_SIGN_IN = (
    Field(
        name="username",
        label="Username",
        kind=GivenPassword,
        wrong="Type your username.",
        autocomplete="username",
    ),
    _PASSWORD,
)


@entrance.get("/")
def home() -> Response:
    """Redirect to the overview; it redirects signed-out visitors to the sign-in page."""
    return redirect(HOME)


@entrance.route("/sign-in", methods=["GET", "POST"])
@hashes_password
def sign_in() -> Response:
    """Start a session and return to the page that required it."""
    form, back = Form(*_SIGN_IN, typed=request.form), _return_path()
    if request.method == "POST":
        body = LoginRequest(form.read("username"), form.read("password"))
        if not form.errors:
            try:
                return _start_session(back, *_signed_in(body.username, body.password))
            except ApiError as error:
                form.refuse(error, {"invalid_credentials": "password"})
    elif sessions.is_signed_in():
        return redirect(back)
    why = request.values.get("why", "")
    shown = {"demo_users": bank().demo_users, "back": back, "why": why}
    return page("sign_in", form.status, form=form, **shown)


@entrance.route("/sign-up", methods=["GET", "POST"])
@hashes_password
def sign_up() -> Response:
    """Register a customer and start a session.

    A form that is sent twice signs in the second time: the name is taken and the password matches.
    """
    form = Form(*_SIGN_UP, typed=request.form)
    if request.method == "POST":
        body = UserRequest(form.read("username"), form.read("password"), form.read("full_name"))
        if not form.errors:
            try:
                return _sign_up(body)
            except ApiError as error:
                form.refuse(error, _WRONG)
    return page("sign_up", form.status, form=form)


@entrance.route("/sign-out", methods=["GET", "POST"])
def sign_out() -> Response:
    """End the session."""
    try:
        caller = sessions.current_caller()
    except SignedOut:
        return sessions.clear_cookies(redirect("/sign-in", why="left"))
    if request.method == "GET":
        return page("sign_out")
    bank().users.logout(caller)
    return sessions.clear_cookies(redirect("/sign-in", why="left"))


def _sign_up(body: UserRequest) -> Response:
    try:
        address = request.remote_addr or ""
        add_customer(bank(), address, body.username, body.password, body.full_name)
    except UsernameTaken as taken:
        try:
            user, session = _signed_in(body.username, body.password)
        except InvalidCredentials:
            raise taken from None
    else:
        user, session = _signed_in(body.username, body.password)
    return _start_session(HOME, user, session)


def _signed_in(username: str, password: str) -> tuple[User, Session]:
    known = devices.known_user_id()
    return begin_session(bank(), device(is_of_pages=True), username, password, known)


def _start_session(back: str, user: User, session: Session) -> Response:
    """Set the cookies and redirect; if the browser may drop them, check on the sign-in page."""
    if session.displaced:
        back = "/profile/sessions?done=displaced"
    to = redirect(back)
    if not sessions.cookies_are_kept():
        to = redirect("/sign-in", next=back, why="begun")
    return devices.remember(sessions.set_cookies(to, user.id, session), user)


def _return_path() -> str:
    """Return the local path of the parameter `next`; any other address becomes the overview."""
    back = request.values.get("next", "")
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return back if is_ours and not urlsplit(back).netloc else HOME
