"""For any entries in any batches, every store answers and keeps the same as a plain model."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
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
from msgspec import UNSET
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    Action,
    AskApproval,
    Bulk,
    BulkMode,
    CancelSchedule,
    Capture,
    ChangeAccount,
    CloseAccount,
    Deposit,
    Every,
    Expire,
    FreezeAccount,
    GrantApproval,
    Hold,
    Leave,
    OpenAccount,
    RefuseApproval,
    RenameAccount,
    Reversal,
    Schedule,
    SetCreditLimit,
    SetDailyLimit,
    SetRole,
    Transfer,
    UnfreezeAccount,
    Void,
    Withdrawal,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry, Needs
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.stores.base import AccountStore
from accounts_bank.stores.memory import InMemoryAccountStore
from tests.helpers import START
from tests.rounds import rounds
from tests.stores.books import EVER
from tests.stores.model import Model
from tests.stores.model_accounts import LARGEST

OWNERS = ["ada", "bob"]
CURRENCIES = st.sampled_from(["EUR", "EUR", "EUR", "USD"])
AMOUNTS = st.sampled_from([1, 2, 5, 40, 100, LARGEST - 1, LARGEST])
PARTS = st.sampled_from([None, 1, 5, 40, 100])
LIMITS = st.sampled_from([0, 5, 100, LARGEST])
LASTS_S = st.sampled_from([1, 60, 100_000])
METADATA = st.sampled_from([{}, {"order": "7"}, {"b": "2", "a": "1"}])
TEXTS = st.text(max_size=3).filter(str.isprintable)
REFERENCES = st.none() | TEXTS
PASSES = st.sampled_from([timedelta(seconds=1), timedelta(minutes=2), timedelta(days=1)])


class Machine(RuleBasedStateMachine):
    """Asks a store and the model the same, and compares."""

    new_store: Callable[[], AccountStore]

    def __init__(self) -> None:
        super().__init__()
        self.store, self.model = type(self).new_store(), Model()
        self.now = START
        self.asked: list[list[Entry]] = []
        self.promised: list[Entry] = []
        self.requests: list[Entry] = []

    @initialize()
    def two_accounts_with_money(self) -> None:
        for owner in OWNERS:
            self._append(OpenAccount(owner, "Main", "EUR"))
        for account in list(self.model.accounts):
            self._append(Deposit(account, 100, "EUR"))

    @rule(data=st.data(), size=st.integers(1, 4))
    def ask(self, data, size) -> None:
        self._append(*[data.draw(self._actions(), label="action") for _ in range(size)])

    @rule(data=st.data())
    def pay(self, data) -> None:
        self._append(data.draw(self._payments()))

    @rule(data=st.data(), mode=st.sampled_from(BulkMode), other=st.none() | PARTS)
    def pay_many(self, data, mode, other) -> None:
        parts = data.draw(st.lists(self._payments(), max_size=4), label="parts")
        batch = self._bulk(mode, parts)
        if other:
            batch += self._entries([data.draw(self._actions())])
        self._compare(batch)

    @precondition(lambda self: self.promised)
    @rule(data=st.data(), size=st.integers(1, 3))
    def go_on(self, data, size) -> None:
        """Make an action on an earlier entry, mostly by its right name."""
        asked = [data.draw(self._followings(), label="following") for _ in range(size)]
        self._append(*asked)

    @rule(data=st.data(), maker=st.sampled_from(["ada", "tess"]))
    def ask_for_approval(self, data, maker) -> None:
        action = data.draw(self._approvable(), label="approvable")
        user_id = action.user_id if isinstance(action, SetRole) else None
        transfer_id = action.transfer_id if isinstance(action, Reversal) else None
        ask = AskApproval(action, data.draw(LASTS_S), user_id, transfer_id)
        self.requests += self._as(maker, ask)

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), maker=st.sampled_from(["ada", "tess"]), grants=st.booleans())
    def decide_request(self, data, maker, grants) -> None:
        entry = data.draw(st.sampled_from(self.requests))
        ask: Any = entry.action
        subject = (None, ask.user_id) if ask.user_id else (ask.subject, None)
        if grants:
            self._as(maker, GrantApproval(entry.id, *subject), ask.action)
        else:
            self._as(maker, RefuseApproval(entry.id, *subject))

    @rule(passes=PASSES, data=st.data())
    def time_passes(self, passes, data) -> None:
        self.now += passes
        for progress in self.store.due(self.now, limit=data.draw(st.integers(1, 9))):
            self._do(progress)

    @rule(data=st.data(), same=st.booleans())
    def ask_again(self, data, same) -> None:
        batch = data.draw(st.sampled_from(self.asked))
        if not same:
            batch = [replace(batch[0], action=data.draw(self._payments()))]
        self._compare([replace(each, at=self.now) for each in batch])

    @invariant()
    def accounts_are_as_in_the_model(self) -> None:
        found = self.store.load(Needs(accounts=frozenset(self.model.accounts))).accounts
        assert found.keys() == self.model.accounts.keys()
        for account_id, expected in self.model.accounts.items():
            account = found[account_id]
            assert account.balance_minor == sum(expected["lines"])
            assert account.held_minor == self.model.held(expected)
            assert account.available_minor == self.model.available(expected)
            assert (account.owner_id, account.name) == (expected["owner"], expected["name"])
            assert (account.metadata or {}) == expected["metadata"]
            assert (account.status, account.daily_limit_minor) == (
                expected["status"],
                expected["limit"],
            )

    @invariant()
    def promises_are_as_in_the_model(self) -> None:
        expected = self.model.promises()
        found = self.store.load(Needs(progress=frozenset(self.model.said))).progress
        assert {
            each: (kept.stage, kept.done_minor, kept.done_count, kept.due_at)
            for each, kept in found.items()
        } == expected
        due = sorted((at, each) for each, (*_, at) in expected.items() if at and at <= self.now)
        assert [(each.due_at, each.entry_id) for each in self.store.due(self.now, limit=2)] == (
            due[:2]
        )

    def teardown(self) -> None:
        """Look at everything else once, at the end."""
        self._lines_are_as_in_the_model()
        for (of_id, kind), expected in self.model.found.items():
            found = self.store.entries_of(of_id, kind, before=None, limit=1000)
            assert [(each.at, each.entry.id) for each in found] == sorted(expected)[::-1]
        with self.store.ledger() as ledger:
            assert prove(ledger).entries == len(self.model.said)

    def _lines_are_as_in_the_model(self) -> None:
        for account_id, expected in self.model.accounts.items():
            lines = self.store.lines(account_id, before=None, period=EVER, limit=1000)[::-1]
            assert [line.amount_minor for line in lines] == expected["lines"]
            assert [line.at for line in lines] == expected["times"] == sorted(expected["times"])
            assert [line.number for line in lines] == list(range(1, len(lines) + 1))
        for currency, cash in self.model.cash.items():
            till = self.store.account(f"till-{currency.lower()}-0")
            assert (till.balance_minor if till else 0) == sum(cash["lines"])

    def _payments(self) -> st.SearchStrategy[Transfer]:
        names = self._names()
        return st.builds(Transfer, names, names, AMOUNTS, st.just("EUR"), REFERENCES)

    def _actions(self) -> st.SearchStrategy[Action]:
        names, owners = self._names(), st.sampled_from(OWNERS)
        return st.one_of(
            st.builds(Transfer, names, names, AMOUNTS, CURRENCIES, REFERENCES, metadata=METADATA),
            st.builds(Deposit, names, AMOUNTS, CURRENCIES, REFERENCES, METADATA),
            st.builds(Withdrawal, names, AMOUNTS, CURRENCIES, REFERENCES, METADATA),
            st.builds(Hold, names, names, AMOUNTS, CURRENCIES, LASTS_S, REFERENCES, METADATA),
            st.builds(
                Schedule,
                names,
                names,
                AMOUNTS,
                CURRENCIES,
                first_at=st.sampled_from([self.now, START + timedelta(days=30)]),
                every=st.sampled_from(Every),
                count=st.sampled_from([None, 1, 3]),
                reference=REFERENCES,
            ),
            st.builds(OpenAccount, owners, st.just("More"), CURRENCIES, METADATA),
            st.builds(RenameAccount, names, TEXTS, st.sampled_from([None, "Main"])),
            st.builds(
                ChangeAccount,
                names,
                METADATA,
                st.none() | TEXTS,
                st.sampled_from([UNSET, {}, {"order": "7"}]),
                st.sampled_from([None, "Main"]),
            ),
            st.builds(CloseAccount, names, owners),
            names.map(lambda name: CloseAccount(name, self._owner(name))),
            st.builds(FreezeAccount, names),
            st.builds(UnfreezeAccount, names),
            st.builds(SetCreditLimit, names, LIMITS),
            st.builds(SetDailyLimit, names, st.none() | LIMITS),
            st.builds(Leave, owners),
        )

    def _approvable(self) -> st.SearchStrategy[Any]:
        names = self._names()
        return st.one_of(
            st.builds(Deposit, names, AMOUNTS, CURRENCIES, REFERENCES),
            st.builds(Withdrawal, names, AMOUNTS, CURRENCIES, REFERENCES),
            st.builds(SetCreditLimit, names, LIMITS),
            st.builds(SetDailyLimit, names, st.none() | LIMITS),
            st.builds(SetRole, st.sampled_from(OWNERS), st.just("teller")),
            *(
                st.builds(Reversal, st.just(each.id), *self._back(each), PARTS)
                for each in self.promised[-2:]
            ),
        )

    def _followings(self) -> st.SearchStrategy[Action]:
        return st.sampled_from(self.promised).flatmap(self._following)

    def _following(self, entry: Entry) -> st.SearchStrategy[Action]:
        """Make an action on an entry: a fitting one, or any other."""
        ask: Any = entry.action
        payer, payee, names = ask.from_account, ask.to_account, self._names()
        fits: dict[type[Any], list[st.SearchStrategy[Action]]] = {
            Hold: [
                st.builds(Capture, st.just(entry.id), st.just(payer), st.just(payee), PARTS),
                st.just(Void(entry.id, payer)),
                st.just(Expire(entry.id, payer)),
            ],
            Schedule: [
                st.just(self._run(entry)),
                st.just(CancelSchedule(entry.id, payer)),
            ],
            Transfer: [st.builds(Reversal, st.just(entry.id), *self._back(entry), PARTS)],
        }
        others: list[st.SearchStrategy[Action]] = [
            st.builds(Capture, st.just(entry.id), names, names, PARTS),
            st.builds(Void, st.just(entry.id), names),
            st.builds(Expire, st.just(entry.id), names),
            st.builds(CancelSchedule, st.just(entry.id), names),
            st.builds(Reversal, st.just(entry.id), names, names, PARTS),
            st.just(self._run(entry)),
        ]
        return st.one_of(*fits[type(ask)] * 3, *others)

    def _run(self, entry: Entry) -> Transfer:
        ask: Any = entry.action
        named = ask.from_account, ask.to_account
        return Transfer(*named, ask.amount_minor, ask.currency, schedule_id=entry.id)

    def _back(self, entry: Entry) -> list[st.SearchStrategy[str]]:
        sent = self.model.sent.get(entry.id)
        if sent is None:
            return [self._names(), self._names()]
        return [st.just(sent["payee"]["id"]), st.just(sent["payer"]["id"])]

    def _names(self) -> st.SearchStrategy[str]:
        known = [each[key] for each in self.model.accounts.values() for key in ("id", "number")]
        return st.sampled_from([*known, "nobody", "till-eur-0"])

    def _owner(self, name: str) -> str:
        account = self.model.named(name)
        return account["owner"] if account else "ada"

    def _caller(self, action: Action) -> str:
        """Return the caller: the payer, but for each sixth payment."""
        payer = self._owner(getattr(action, "from_account", ""))
        return "mallory" if len(self.asked) % 6 == 5 else payer

    def _do(self, progress: Any) -> None:
        """Do the due work, as the bank itself does."""
        entry = next(each for each in self.promised if each.id == progress.entry_id)
        if progress.kind == "hold":
            self._append(Expire(entry.id, progress.account_id))
        else:
            self._append(self._run(entry))

    def _entries(self, actions: list[Action], at: datetime | None = None) -> list[Entry]:
        count = sum(map(len, self.asked))
        made = [
            Entry(f"entry-{count + number:06d}", self._caller(action), at or self.now, action)
            for number, action in enumerate(actions)
        ]
        self.asked.append(made)
        self.promised += [
            each for each in made if isinstance(each.action, Hold | Schedule | Transfer)
        ]
        return made

    def _bulk(self, mode: BulkMode, parts: list[Transfer]) -> list[Entry]:
        bulk_id = f"entry-{sum(map(len, self.asked)):06d}"
        own = [replace(part, bulk_id=bulk_id) for part in parts]
        return self._entries([Bulk(mode, len(parts), repr(parts)), *own])

    def _append(self, *actions: Action) -> None:
        self.now += timedelta(seconds=1)
        self._compare(self._entries(list(actions)))

    def _as(self, maker: str, *actions: Action) -> list[Entry]:
        self.now += timedelta(seconds=1)
        made = [replace(each, caller_id=maker) for each in self._entries(list(actions))]
        self.asked[-1] = made
        self._compare(made)
        return made

    def _compare(self, entries: list[Entry]) -> None:
        expected = self.model.tell_all(entries)
        outcomes = self.store.append(entries)
        said = [(str(o.status), dict(o.recorded.details), o.replayed) for o in outcomes]
        assert said == expected
        for account in self.model.accounts.values():
            account["number"] = account["number"] or self.store.account(account["id"]).number


@pytest.mark.soak
def test_every_store_agrees_with_the_model(new_account_store):
    class Checked(Machine):
        new_store = staticmethod(lambda: new_account_store(decide))

    in_memory = new_account_store is InMemoryAccountStore  # each other example has its database
    examples = rounds(30, 200) if in_memory else rounds(4, 20)
    run_state_machine_as_test(
        Checked, settings=settings(max_examples=examples, stateful_step_count=30)
    )
