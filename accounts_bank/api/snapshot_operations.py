"""/v1/sandbox: snapshots, reset and digest of the bank."""

import re

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.sandbox import (
    SNAPSHOT_NAME,
    ClockView,
    DigestView,
    ResetRequest,
    SnapshotView,
    clock_view,
)
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import InvalidRequest
from accounts_bank.http.answers import NO_CONTENT, Answer, File
from accounts_bank.http.bank import Bank, sandbox_of

operations = Operations("sandbox", "/v1/sandbox")


@operations.declare(
    "PUT",
    "/snapshots/<name>",
    "Take a snapshot",
    permission=Permission.CONTROL_SANDBOX,
    answer=SnapshotView,
    status=201,
    codes=("sandbox_full",),
    is_sandbox=True,
)
def take_snapshot(bank: Bank, name: str) -> Answer:
    """Keep the whole bank under a name; a snapshot of the same name is replaced."""
    if not re.match(SNAPSHOT_NAME, name):
        raise InvalidRequest("Send 1 to 64 letters, digits, `.`, `_` or `-` as the name.")
    sandbox = sandbox_of(bank)
    sandbox.save(name)
    view = SnapshotView(name, sandbox.now)
    return Answer(view, 201, location=f"/v1/sandbox/snapshots/{name}")


@operations.declare(
    "GET",
    "/snapshots/<name>",
    "Download a snapshot",
    permission=Permission.CONTROL_SANDBOX,
    codes=("not_found",),
    is_sandbox=True,
)
def download_snapshot(bank: Bank, name: str) -> Answer:
    """Download a snapshot as one file, which `accounts copy FILE URL` loads into any store."""
    lines = sandbox_of(bank).lines(name)
    headers = (("Content-Disposition", f'attachment; filename="{name}.snapshot"'),)
    return Answer(file=File("application/x-ndjson", lines, headers))


@operations.declare(
    "DELETE",
    "/snapshots/<name>",
    "Delete a snapshot",
    permission=Permission.CONTROL_SANDBOX,
    status=204,
    codes=("not_found",),
    is_sandbox=True,
)
def delete_snapshot(bank: Bank, name: str) -> Answer:
    """Forget a snapshot."""
    sandbox_of(bank).drop(name)
    return NO_CONTENT


@operations.declare(
    "POST",
    "/snapshots/<name>/restore",
    "Restore a snapshot",
    permission=Permission.CONTROL_SANDBOX,
    answer=ClockView,
    codes=("not_found",),
    is_sandbox=True,
)
def restore_snapshot(bank: Bank, name: str) -> Answer:
    """Set the whole bank back to a snapshot, its clock and ids too."""
    return _restored(bank, name)


@operations.declare(
    "POST",
    "/reset",
    "Reset the bank",
    permission=Permission.CONTROL_SANDBOX,
    body=ResetRequest,
    answer=ClockView,
    codes=("not_found",),
    is_sandbox=True,
)
def reset(bank: Bank, body: ResetRequest) -> Answer:
    """Go back to `empty` (the admin alone), to the `seed` (as it was made) or to a snapshot."""
    return _restored(bank, body.to)


@operations.declare(
    "GET",
    "/digest",
    "Read the digest",
    permission=Permission.CONTROL_SANDBOX,
    answer=DigestView,
    is_sandbox=True,
)
def read_digest(bank: Bank) -> Answer:
    """Hash the books and the users. Sessions and the audit trail are no part of it."""
    return Answer(DigestView(sandbox_of(bank).digest()))


def _restored(bank: Bank, name: str) -> Answer:
    sandbox = sandbox_of(bank)
    sandbox.restore(name)
    return Answer(clock_view(sandbox))
