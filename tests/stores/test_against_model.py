"""Whatever is asked, in whatever batches: every store says and keeps what a plain model does."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.ledger.actions import (
    Action,
    CloseAccount,
    Deposit,
    Leave,
    OpenAccount,
    RenameAccount,
    Transfer,
    Withdrawal,
)
from accounts.ledger.decide import decide
from accounts.ledger.entries import Entry, Needs
from accounts.stores.base import AccountStore
from accounts.stores.memory import InMemoryAccountStore
from tests.helpers import START
from tests.stores.books import EVER
from tests.stores.model import LARGEST, Model

OWNERS = ["ada", "bob"]
CURRENCIES = ["EUR", "USD"]
AMOUNTS = st.sampled_from([1, 2, 5, 100, LARGEST - 1, LARGEST])
REFERENCES = st.none() | st.text(max_size=3).filter(lambda text: text.isprintable())


class Machine(RuleBasedStateMachine):
    """Asks a store and the model the same, and compares."""

    new_store: Callable[[], AccountStore]

    def __init__(self) -> None:
        super().__init__()
        self.store, self.model, self.asked = type(self).new_store(), Model(), list[Action]()

    @initialize()
    def two_accounts_with_money(self) -> None:
        for owner in OWNERS:
            self._append([OpenAccount(owner, "Main", "EUR")])
        for account in list(self.model.accounts):
            self._append([Deposit(account, 100, "EUR")])

    @rule(data=st.data(), size=st.integers(1, 4))
    def ask(self, data, size) -> None:
        self._append([data.draw(self._actions(), label="action") for _ in range(size)])

    @rule(data=st.data())
    def pay(self, data) -> None:
        names, amount = self._names(), data.draw(AMOUNTS)
        self._append([Transfer(data.draw(names), data.draw(names), amount, "EUR")])

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), same=st.booleans())
    def ask_again(self, data, same) -> None:
        number = data.draw(st.integers(0, len(self.asked) - 1))
        action = self.asked[number] if same else data.draw(self._actions())
        self._compare([self._entry(f"entry-{number:06d}", action)])

    @invariant()
    def accounts_are_as_in_the_model(self) -> None:
        found = self.store.load(Needs(accounts=frozenset(self.model.accounts))).accounts
        assert found.keys() == self.model.accounts.keys()
        for account_id, expected in self.model.accounts.items():
            account = found[account_id]
            assert account.balance_minor == account.available_minor == sum(expected["lines"])
            assert (account.owner_id, account.name) == (expected["owner"], expected["name"])
            assert (account.status == "closed") == expected["closed"]

    @invariant()
    def lines_are_as_in_the_model(self) -> None:
        for account_id, expected in self.model.accounts.items():
            lines = self.store.lines(account_id, before=None, period=EVER, limit=1000)[::-1]
            assert [line.amount_minor for line in lines] == expected["lines"]
            assert [line.number for line in lines] == list(range(1, len(lines) + 1))
            times = [line.at for line in lines]
            assert times == sorted(times)

    @invariant()
    def the_till_holds_the_other_side(self) -> None:
        for currency, cash_minor in self.model.cash.items():
            till = self.store.account(f"till-{currency.lower()}-0")
            assert till.balance_minor == cash_minor

    def _actions(self) -> st.SearchStrategy[Action]:
        names, currency = self._names(), st.sampled_from(CURRENCIES)
        owners = st.sampled_from(OWNERS)
        return st.one_of(
            st.builds(Transfer, names, names, AMOUNTS, currency, REFERENCES),
            st.builds(Deposit, names, AMOUNTS, currency, REFERENCES),
            st.builds(Withdrawal, names, AMOUNTS, currency, REFERENCES),
            st.builds(OpenAccount, owners, st.just("More"), currency),
            st.builds(RenameAccount, names, st.text(max_size=3)),
            names.map(lambda name: CloseAccount(name, self._owner(name))),
            st.builds(Leave, owners),
        )

    def _names(self) -> st.SearchStrategy[str]:
        known = [each[key] for each in self.model.accounts.values() for key in ("id", "number")]
        return st.sampled_from([*known, "nobody", "till-eur-0"])

    def _owner(self, name: str) -> str:
        account = self.model.named(name)
        return account["owner"] if account else "ada"

    def _entry(self, entry_id: str, action: Action) -> Entry:
        at = START + timedelta(seconds=len(self.asked))
        return Entry(entry_id, "caller", at, action)

    def _append(self, actions: list[Action]) -> None:
        entries = []
        for action in actions:
            entries.append(self._entry(f"entry-{len(self.asked):06d}", action))
            self.asked.append(action)
        self._compare(entries)

    def _compare(self, entries: list[Entry]) -> None:
        expected = [self.model.tell(each.id, each.kind, each.action) for each in entries]
        outcomes = self.store.append(entries)
        said = [(str(o.status), dict(o.recorded.details), o.replayed) for o in outcomes]
        assert said == expected
        for account in self.model.accounts.values():
            account["number"] = account["number"] or self.store.account(account["id"]).number


def test_every_store_agrees_with_the_model(new_account_store):
    class Checked(Machine):
        new_store = staticmethod(lambda: new_account_store(decide))

    examples = 100 if new_account_store is InMemoryAccountStore else 12  # each has its database
    run_state_machine_as_test(
        Checked, settings=settings(max_examples=examples, stateful_step_count=30)
    )
