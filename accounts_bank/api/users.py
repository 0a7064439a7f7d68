"""/v1/users: sign up, what a user does with itself, and what the staff does with users."""

from flask import Blueprint, Response, request

from accounts_bank.api.etags import if_match, tag_of_user, tagged
from accounts_bank.api.operations import ADMINS, EVERYONE, SIGNED_IN, STAFF, operation
from accounts_bank.api.schemas.users import (
    PasswordRequest,
    ProfileRequest,
    RoleRequest,
    UserRequest,
    UsersQuery,
    UserView,
    user_view,
)
from accounts_bank.http import cursors
from accounts_bank.http.bank import bank
from accounts_bank.http.messages import answer, nothing, page, parse
from accounts_bank.identity import Caller, User

users = Blueprint("users", __name__, url_prefix="/v1/users")


@users.post("")
@operation(
    "Sign up",
    who=EVERYONE,
    body=UserRequest,
    answer=UserView,
    status=201,
    codes=("username_taken", "rate_limited"),
)
def sign_up() -> Response:
    """Add a user with the role `customer`."""
    user = add_customer(parse(UserRequest))
    return answer(user_view(user), 201, {"Location": "/v1/users/me"})


@users.get("/me")
@operation("Read yourself", who=SIGNED_IN, answer=UserView, is_tagged=True)
def read(caller: Caller) -> Response:
    """Show the user who asks."""
    user = bank().users.user(caller)
    return tagged(user_view(user), tag_of_user(user))


@users.patch("/me")
@operation(
    "Change your profile", who=SIGNED_IN, body=ProfileRequest, answer=UserView, is_tagged=True
)
def update(caller: Caller) -> Response:
    """Change the full name."""
    wish = parse(ProfileRequest)
    user = bank().users.update(caller, wish.full_name, if_match(tag_of_user))
    return tagged(user_view(user), tag_of_user(user))


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
    body=PasswordRequest,
    status=204,
    codes=("invalid_credentials", "rate_limited"),
)
def change_password(caller: Caller) -> Response:
    """Change the password: every other session ends."""
    set_password(caller, parse(PasswordRequest))
    return nothing()


@users.get("")
@operation("List users", who=STAFF, query=UsersQuery, answer=UserView, is_page=True)
def list_users(caller: Caller, query: UsersQuery) -> Response:
    """List users in the order they signed up, or who has a username: a teller must name one.

    Deleted users are left out, so a page may be shorter than `limit` and not be the last.
    """
    if query.username:
        return page([user_view(each) for each in bank().users.find(query.username)], None)
    after = cursors.id_of(query.cursor) if query.cursor else ""
    found, last_id = bank().users.page(caller, after=after, limit=query.limit)
    return page([user_view(each) for each in found], cursors.of_id(last_id) if last_id else None)


@users.get("/<user_id>")
@operation("Read a user", who=STAFF, answer=UserView, codes=("not_found",))
def read_user(_caller: Caller, user_id: str) -> Response:
    """Show a user by id."""
    return answer(user_view(bank().users.read(user_id)))


@users.put("/<user_id>/role")
@operation(
    "Change a user's role",
    who=ADMINS,
    body=RoleRequest,
    answer=UserView,
    codes=("not_found", "last_admin"),
)
def change_role(caller: Caller, user_id: str) -> Response:
    """Give a user another role. It counts from the user's next request on."""
    wish = parse(RoleRequest)
    return answer(user_view(bank().users.change_role(caller, user_id, wish.role)))


def add_customer(wish: UserRequest) -> User:
    """Add a customer, and count how many one address adds.

    :raises UsernameTaken: somebody has a name that compares equal.
    :raises TooManyRequests: too many were added from there.
    """
    bank().limits.sign_up.spend(request.remote_addr or "")
    return bank().users.sign_up(wish.username, wish.password, wish.full_name)


def set_password(caller: Caller, wish: PasswordRequest) -> None:
    """Change the caller's password, and count what fails.

    :raises InvalidCredentials: the current one is another.
    :raises TooManyRequests: it was tried too often.
    """
    with bank().limits.login.one("password", caller.id):
        bank().users.change_password(caller, wish.current_password, wish.new_password)
