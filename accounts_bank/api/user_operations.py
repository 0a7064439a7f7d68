"""/v1/users: sign-up, the own user, and users for the staff."""

from functools import partial
from itertools import chain

from werkzeug.datastructures import ETags

from accounts_bank.api.etags import matcher, tag_of_user, tagged
from accounts_bank.api.export import parts_of, zipped
from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.users import (
    PasswordRequest,
    ProfileRequest,
    RoleRequest,
    SessionView,
    UserRequest,
    UsersQuery,
    UserView,
    began,
    session_view,
    user_view,
)
from accounts_bank.collections.approved_roles import change_role as change_role_of
from accounts_bank.collections.permissions import Permission
from accounts_bank.http import credentials, cursors
from accounts_bank.http.answers import NO_CONTENT, Answer, File
from accounts_bank.http.bank import Bank
from accounts_bank.http.credentials import add_customer
from accounts_bank.http.fields import NewestFirst
from accounts_bank.http.pagination import page, page_of
from accounts_bank.identity import Caller

operations = Operations("users", "/v1/users")


@operations.declare(
    "POST",
    "",
    "Sign up",
    permission=None,
    body=UserRequest,
    hashes_password=True,
    answer=UserView,
    status=201,
    codes=("password_weak", "username_not_allowed", "username_taken", "rate_limited"),
)
def sign_up(bank: Bank, body: UserRequest, address: str) -> Answer:
    """Add a user with the role `customer`."""
    user = add_customer(bank, address, body.username, body.password, body.full_name)
    return Answer(user_view(user), 201, location="/v1/users/me")


@operations.declare(
    "GET",
    "/me",
    "Read yourself",
    permission=Permission.MANAGE_SELF,
    answer=UserView,
    is_tagged=True,
)
def read(bank: Bank, caller: Caller, if_none_match: ETags) -> Answer:
    """Show the caller's user."""
    user = bank.users.user(caller)
    return tagged(user_view(user), tag_of_user(user), if_none_match)


@operations.declare(
    "PATCH",
    "/me",
    "Change your profile",
    permission=Permission.MANAGE_SELF,
    body=ProfileRequest,
    answer=UserView,
    is_tagged=True,
)
def update(bank: Bank, caller: Caller, body: ProfileRequest, if_match: ETags | None) -> Answer:
    """Change the full name."""
    user = bank.users.update(caller, body.full_name, matcher(if_match, tag_of_user))
    return tagged(user_view(user), tag_of_user(user))


@operations.declare(
    "DELETE",
    "/me",
    "Delete yourself",
    permission=Permission.MANAGE_SELF,
    status=204,
    codes=("accounts_open",),
)
def delete(bank: Bank, caller: Caller) -> Answer:
    """Delete the user, its tokens and its personal data. Every account must be closed."""
    bank.users.delete(caller)
    return NO_CONTENT


@operations.declare(
    "POST",
    "/me/password",
    "Change your password",
    permission=Permission.MANAGE_SELF,
    body=PasswordRequest,
    hashes_password=True,
    status=204,
    codes=("invalid_credentials", "password_weak", "rate_limited"),
)
def change_password(bank: Bank, caller: Caller, body: PasswordRequest) -> Answer:
    """Change the password and end every other session."""
    credentials.change_password(bank, caller, body.current_password, body.new_password)
    return NO_CONTENT


@operations.declare(
    "GET",
    "/me/sessions",
    "List your sessions",
    permission=Permission.MANAGE_SELF,
    query=NewestFirst,
    answer=SessionView,
    is_page=True,
)
def list_sessions(bank: Bank, caller: Caller, query: NewestFirst) -> Answer:
    """List the live sign-ins, the newest first."""
    before = cursors.time_of(query.cursor) if query.cursor else None
    live = sorted(bank.users.sessions(caller), key=began, reverse=True)
    found = [each for each in live if before is None or began(each) < before]
    view = partial(session_view, caller=caller)
    return page_of(found, query.limit, lambda each: cursors.of_time(*began(each)), view)


@operations.declare(
    "DELETE",
    "/me/sessions/<session_id>",
    "End a session",
    permission=Permission.MANAGE_SELF,
    status=204,
    codes=("not_found",),
)
def end_session(bank: Bank, caller: Caller, session_id: str) -> Answer:
    """End one of your sign-ins and its tokens, on every worker."""
    bank.users.end_session(caller, session_id)
    return NO_CONTENT


@operations.declare(
    "GET",
    "/me/export",
    "Get everything of yourself",
    permission=Permission.MANAGE_SELF,
    media_types=("application/zip",),
)
def export(bank: Bank, caller: Caller) -> Answer:
    """Get a ZIP of your user, sessions, accounts, payments and statements, as JSON and CSV."""
    chunks = zipped(parts_of(bank, caller), bank.clock())
    first = next(chunks)  # a store out of reach is a 503, not half a file
    name = (("Content-Disposition", 'attachment; filename="accounts-export.zip"'),)
    return Answer(file=File("application/zip", chain([first], chunks), name))


@operations.declare(
    "GET",
    "",
    "List users",
    permission=Permission.READ_USERS,
    query=UsersQuery,
    answer=UserView,
    is_page=True,
)
def list_users(bank: Bank, caller: Caller, query: UsersQuery) -> Answer:
    """List users in the order of sign-up, or the user of a username. A teller must name one.

    The list omits deleted users, so a page before the last may be shorter than `limit`.
    """
    if query.username:
        return page([user_view(each) for each in bank.users.find(query.username)], None)
    after = cursors.id_of(query.cursor) if query.cursor else ""
    found, last_id = bank.users.page(caller, after=after, limit=query.limit)
    return page([user_view(each) for each in found], cursors.of_id(last_id) if last_id else None)


@operations.declare(
    "GET",
    "/<user_id>",
    "Read a user",
    permission=Permission.READ_USERS,
    answer=UserView,
    codes=("not_found",),
)
def read_user(bank: Bank, user_id: str) -> Answer:
    """Show a user by id."""
    return Answer(user_view(bank.users.read(user_id)))


@operations.declare(
    "PUT",
    "/<user_id>/role",
    "Change a user's role",
    permission=Permission.CHANGE_ROLES,
    body=RoleRequest,
    answer=UserView,
    codes=("not_found", "last_admin"),
    may_wait=True,
)
def change_role(bank: Bank, caller: Caller, body: RoleRequest, user_id: str) -> Answer:
    """Give a user another role, from the user's next request on."""
    return Answer(user_view(change_role_of(bank.users, bank.accounts, caller, user_id, body.role)))
