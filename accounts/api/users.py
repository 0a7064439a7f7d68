"""/v1/users: sign up, and what a user does with itself."""

from flask import Blueprint, Response, request

from accounts.api.bank import bank
from accounts.api.http import answer, nothing, parse
from accounts.api.operations import EVERYONE, SIGNED_IN, operation
from accounts.api.schemas import PasswordWish, ProfileWish, UserView, UserWish, user_view
from accounts.identity import Caller

users = Blueprint("users", __name__, url_prefix="/v1/users")


@users.post("")
@operation(
    "Sign up",
    who=EVERYONE,
    body=UserWish,
    answer=UserView,
    status=201,
    codes=("username_taken", "rate_limited"),
)
def sign_up() -> Response:
    """Add a user with the role `customer`."""
    wish = parse(UserWish)
    bank().limits.sign_up.spend(request.remote_addr or "")
    user = bank().users.sign_up(wish.username, wish.password, wish.full_name)
    return answer(user_view(user), 201, {"Location": "/v1/users/me"})


@users.get("/me")
@operation("Read yourself", who=SIGNED_IN, answer=UserView)
def read(caller: Caller) -> Response:
    """Show the user who asks."""
    return answer(user_view(bank().users.user(caller)))


@users.patch("/me")
@operation("Change your profile", who=SIGNED_IN, body=ProfileWish, answer=UserView)
def update(caller: Caller) -> Response:
    """Change the full name."""
    wish = parse(ProfileWish)
    return answer(user_view(bank().users.update(caller, wish.full_name)))


@users.delete("/me")
@operation("Delete yourself", who=SIGNED_IN, status=204, codes=("accounts_open",))
def delete(caller: Caller) -> Response:
    """Delete the user once every account is closed: its tokens and its personal data go."""
    bank().users.delete(caller)
    return nothing()


@users.post("/me/password")
@operation(
    "Change your password",
    who=SIGNED_IN,
    body=PasswordWish,
    status=204,
    codes=("invalid_credentials", "rate_limited"),
)
def change_password(caller: Caller) -> Response:
    """Change the password: every other session ends."""
    wish = parse(PasswordWish)
    key = ("password", caller.id)
    bank().limits.login.spend(*key)
    bank().users.change_password(caller, wish.current_password, wish.new_password)
    bank().limits.login.forgive(*key)
    return nothing()
