"""Sign up, sign in, sign out."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from accounts_bank.api.auth import begin_session
from accounts_bank.api.schemas.users import (
    FullName,
    GivenPassword,
    LoginRequest,
    Password,
    UserRequest,
)
from accounts_bank.api.users import add_customer
from accounts_bank.errors import ApiError, Forbidden, InvalidCredentials, UsernameTaken
from accounts_bank.http.bank import bank
from accounts_bank.identity import Session, User, Username
from accounts_bank.web import sessions
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.pages import go, page
from accounts_bank.web.sessions import SignedOut

entrance = Blueprint("entrance", __name__)

HOME = "/overview"

_WHO = Field(
    name="username",
    label="Username",
    kind=Username,
    wrong="Choose a name of 1 to 64 characters, with no spaces around it.",
    autocomplete="username",
    maxlength=64,
)
_NEW_PASSWORD = Field(
    name="password",
    label="Password",
    kind=Password,
    wrong="A password has 8 to 256 characters.",
    hint="At least 8 characters. Several words are easy to remember and hard to guess.",
    type="password",
    autocomplete="new-password",
)
_FULL_NAME = Field(
    name="full_name",
    label="Full name",
    kind=FullName,
    wrong="A name has at most 200 characters.",
    hint="As you would like to be addressed.",
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
_SIGN_UP = (_WHO, _FULL_NAME, _NEW_PASSWORD)
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
def begin() -> Response:
    """Lead whoever opens the bank in a browser to its accounts, and to sign in before."""
    return go(HOME)


@entrance.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response:
    """Begin a session, and go on where somebody was."""
    form, back = Form(*_SIGN_IN, typed=request.form), _back()
    if request.method == "POST":
        _refuse_other_sites()
        wish = LoginRequest(form.read("username"), form.read("password"))
        if not form.errors:
            try:
                return _begun(back, *begin_session(wish))
            except ApiError as error:
                form.refuse(error, {"invalid_credentials": "password"})
    elif sessions.is_signed_in():
        return go(back)
    why = request.values.get("why", "")
    shown = {"demo_users": bank().demo_users, "back": back, "why": why}
    return page("sign_in", form.status, form=form, **shown)


@entrance.route("/sign-up", methods=["GET", "POST"])
def sign_up() -> Response:
    """Add a customer and sign it in.

    Who sends the form twice is signed in the second time: the name is taken, by whoever knows its
    password.
    """
    form = Form(*_SIGN_UP, typed=request.form)
    if request.method == "POST":
        _refuse_other_sites()
        wish = UserRequest(form.read("username"), form.read("password"), form.read("full_name"))
        if not form.errors:
            try:
                return _joined(wish)
            except ApiError as error:
                form.refuse(error, {"username_taken": "username"})
    return page("sign_up", form.status, form=form)


@entrance.route("/sign-out", methods=["GET", "POST"])
def sign_out() -> Response:
    """End the session."""
    try:
        caller = sessions.visitor()
    except SignedOut:
        return sessions.end(go("/sign-in", why="left"))
    if request.method == "GET":
        return page("sign_out")
    bank().users.logout(caller)
    return sessions.end(go("/sign-in", why="left"))


def _joined(wish: UserRequest) -> Response:
    try:
        add_customer(wish)
    except UsernameTaken as taken:
        try:
            user, session = begin_session(LoginRequest(wish.username, wish.password))
        except InvalidCredentials:
            raise taken from None
    else:
        user, session = begin_session(LoginRequest(wish.username, wish.password))
    return _begun(HOME, user, session)


def _begun(back: str, user: User, session: Session) -> Response:
    """Hand out the tokens and go on; where the browser may drop them, come back and say so."""
    onwards = go(back) if sessions.are_kept() else go("/sign-in", next=back, why="begun")
    return sessions.begin(onwards, user, session)


def _refuse_other_sites() -> None:
    """Refuse a form that another site sent: there is no session yet that could tell.

    Browsers say so by `Sec-Fetch-Site` (W3C, Fetch Metadata).
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise Forbidden("This form was sent from another site.")


def _back() -> str:
    """Give the address to go on to: one of ours, whatever was written into it."""
    back = request.values.get("next", "")
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return back if is_ours and not urlsplit(back).netloc else HOME
