"""A mistake of this program is no outage: it is raised as it is, at once."""

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from accounts_bank.errors import Unavailable
from accounts_bank.stores.sql import Database, SqlAccountStore, retry
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from tests.stores.books import Books, at_once

AT_ONCE_S = 1.0


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request, new_database) -> Database:
    return new_database(request.param)


def colliding(opened: Database, store) -> Books:
    """Fill the place of the next line of `ada`, so that no payment of it can ever be saved."""
    books = Books(store)
    books.given(ada=100, bob=100, cyd=100)
    names = "account_id, entry_id, kind, amount_minor, balance_minor, counterparty, reference, at"
    with opened.engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO lines ({names}, number, posting) "  # noqa: S608
                f"SELECT {names}, number + 1, posting + 7 FROM lines "
                "WHERE account_id = :ada ORDER BY number DESC LIMIT 1"
            ),
            {"ada": books.opened["ada"]},
        )
    return books


def test_a_key_that_stays_violated_is_raised_at_once(opened):
    books = colliding(opened, SqlAccountStore(opened))
    began_s = time.monotonic()
    with pytest.raises(IntegrityError):
        books.send("ada", "bob", 1)
    assert time.monotonic() - began_s < AT_ONCE_S
    assert books.send("bob", "cyd", 1) == "recorded"
    assert books.balances() == {"ada": 100, "bob": 99, "cyd": 101}


def test_other_callers_of_a_shared_commit_get_their_outcomes(opened):
    books = colliding(opened, GroupCommit(SqlAccountStore(opened)))
    outcomes: dict[int, object] = {}

    def pay(number: int) -> None:
        payer = "ada" if number % 4 == 0 else "bob"
        try:
            outcomes[number] = books.send(payer, "cyd", 1)
        except SQLAlchemyError as error:
            outcomes[number] = type(error)

    began_s = time.monotonic()
    at_once(8, pay)
    assert time.monotonic() - began_s < 4 * AT_ONCE_S
    assert outcomes == {number: "recorded" if number % 4 else IntegrityError for number in range(8)}


@pytest.mark.parametrize("statement", ["SELECT * FROM no_such_table", "SELECT no_such_column"])
def test_a_wrong_statement_is_raised_as_it_is(opened, statement):
    tries = []

    def act(connection, _tries):
        tries.append(1)
        return connection.execute(text(statement))

    with pytest.raises((OperationalError, ProgrammingError)):
        opened.write(act)
    assert tries == [1]


def test_a_race_for_a_key_is_won_by_the_next_try(opened):
    tries = []

    def act(connection, _tries):
        tries.append(1)
        if len(tries) < retry.RACES_MAX:
            raise IntegrityError("", {}, Exception("UNIQUE constraint failed"))
        return connection.execute(text("SELECT 7")).scalar()

    assert opened.write(act) == 7


def test_a_violated_key_after_a_lost_connection_stays_unknown(opened):
    """An earlier try may have been committed, so the caller must not be told that nothing was."""

    def act(_connection, tries):
        tries.is_unsure = True
        raise IntegrityError("", {}, Exception("UNIQUE constraint failed"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "DEADLINE_S", 0.2)
        with pytest.raises(Unavailable):
            opened.write(act)
