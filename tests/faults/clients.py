"""Clients: each asks one thing after another, and sends each again until it is decided."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, NamedTuple

from tests.faults.history import UNDECIDED, WITHOUT_KEY, Answer, Call, Effect, History, Read, Try
from tests.faults.transport import NoAnswer, Transport

MODES = ("each", "stop", "atomic")
PAUSE_S = 0.02
LATE_S = 60.0
"""How long a client goes on with its last request, in seconds."""
AGAIN, MUCH_LATER, GIVE_UP = 0.1, 0.05, 0.3
"""The parts of calls that are sent once more, of calls that are sent again much later, and of
clients' calls without an answer that are given up."""


class Customer(NamedTuple):
    """A customer with accounts, and the tokens that its clients use."""

    name: str
    token: str
    teller: str
    accounts: tuple[str, ...]


class Client(Thread):
    """Asks as one customer until it is told to end, or for a number of turns."""

    def __init__(
        self, number: int, customer: Customer, transport: Transport, history: History
    ) -> None:
        super().__init__(daemon=True)
        self.number, self.customer, self.history = number, customer, history
        self.transport, self.ended = transport, Event()
        self.random = Random(f"client {number}")  # noqa: S311 - the same walk each time
        self.turn, self.late_s = 0, LATE_S
        self.earlier: deque[Call] = deque(maxlen=100)
        self.error: BaseException | None = None

    @property
    def deeds(self) -> list[tuple[Callable[[], Any], int]]:
        """The things to do, each with its weight."""
        return [
            (self.transfer, 30),
            (self.hold, 12),
            (self.send_back, 6),
            (self.bulk, 5),
            (self.schedule, 2),
            (self.read_balance, 15),
            (self.read_lines, 10),
            (self.read_all, 10),
        ]

    def run(self) -> None:
        try:
            self.go_on(None)
        except BaseException as error:  # noqa: BLE001 - the run reports it
            self.error = error
        self.transport.close()

    def go_on(self, turns: int | None) -> None:
        deeds, weights = zip(*self.deeds, strict=True)
        while not self.ended.is_set() and turns != 0:
            self.random.choices(deeds, weights)[0]()
            if self.earlier and self.random.random() < MUCH_LATER:
                self.tried(self.random.choice(self.earlier))
            turns = turns - 1 if turns else None

    def transfer(self) -> Call:
        return self.ask("transfer", "/v1/transfers", self.payment())

    def hold(self) -> None:
        """Set money aside; end that once or twice, or let it expire."""
        lasts = {"expires_in_s": self.random.choice([1, 3600])}
        call = self.ask("hold", "/v1/holds", self.payment() | lasts, ())
        for how in (
            self.random.choice(["", "c", "v", "cc", "cv", "vc", "vv"]) if call.is_done else ""
        ):
            self.end(call, how)

    def end(self, hold: Call, how: str) -> None:
        assert hold.answer
        hold_id, asked = hold.answer.body["id"], hold.body
        kind = {"c": "capture", "v": "void"}[how]
        path, body = f"/v1/holds/{hold_id}/{kind}", {}
        effects: tuple[Effect, ...] = ()
        if how == "c":
            body["amount_minor"] = amount = self.random.randint(1, asked["amount_minor"])
            effects = (moved(hold.key, asked["from_account"], asked["to_account"], amount),)
        self.ask(kind, path, body, effects, of=hold_id)

    def send_back(self) -> None:
        """Transfer, and send parts of it back."""
        sent = self.transfer()
        if not (sent.is_done and sent.answer):
            return
        for _ in range(2):
            amount = self.random.randint(1, sent.body["amount_minor"])
            key, of = self.new_key(), sent.answer.body["id"]
            body = {"amount_minor": amount, "reference": key}
            effect = moved(key, sent.body["to_account"], sent.body["from_account"], amount)
            self.ask("reversal", f"/v1/transfers/{of}/reversals", body, (effect,), key=key, of=of)

    def bulk(self) -> None:
        key = self.new_key()
        count = self.random.randint(1, 6)
        items = [self.payment(f"{key}-{index}") for index in range(count)]
        body = {"mode": self.random.choice(MODES), "transfers": items}
        self.ask("bulk", "/v1/transfers/bulk", body, tuple(map(effect_of, items)), key=key)

    def schedule(self) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.ask("schedule", "/v1/schedules", self.payment() | {"first_at": now, "every": "once"})

    def read_balance(self) -> None:
        account_id = self.random.choice(self.customer.accounts)
        self.read("balance", account_id, f"/v1/accounts/{account_id}")

    def read_lines(self) -> None:
        account_id = self.random.choice(self.customer.accounts)
        self.read("lines", account_id, f"/v1/accounts/{account_id}/lines?limit=20")

    def read_all(self) -> None:
        self.read("all", "", "/v1/accounts?limit=100")

    def payment(self, reference: str = "") -> dict[str, Any]:
        payer, payee = self.random.sample(self.customer.accounts, 2)
        return {
            "from_account": payer,
            "to_account": payee,
            "amount_minor": self.random.randint(1, 300),
            "currency": "EUR",
            "reference": reference or self.new_key(),
        }

    def new_key(self) -> str:
        self.turn += 1
        return f"{self.number}-{self.turn}"

    def ask(
        self,
        kind: str,
        path: str,
        body: dict[str, Any],
        effects: tuple[Effect, ...] | None = None,
        *,
        key: str = "",
        of: str = "",
        token: str = "",
    ) -> Call:
        """Ask for one thing until it is decided; one in ten times ask again after that."""
        key = key or body.get("reference") or self.new_key()
        if effects is None:
            effects = (effect_of(body),)
        call = Call(self.number, key, kind, path, body, effects, of, [])
        self.history.begin(call)
        self.decide(call, token)
        if call.answer and call.kind not in WITHOUT_KEY:
            self.earlier.append(call)
            if self.random.random() < AGAIN:
                self.tried(call)
        return call

    def decide(self, call: Call, token: str) -> None:
        """Send until there is an answer other than 503; now and then give up."""
        gives_up = self.random.random() < GIVE_UP
        until_s = float("inf")
        while monotonic() < until_s:
            answer = self.tried(call, token)
            if answer and answer.status != UNDECIDED:
                return
            if answer is None and gives_up and call.kind == "transfer":
                return
            if self.ended.is_set():
                until_s = min(until_s, monotonic() + self.late_s)
            sleep(PAUSE_S)

    def tried(self, call: Call, token: str = "") -> Answer | None:
        sent_s, answer = monotonic(), None
        with suppress(NoAnswer):
            answer = self.transport.send(
                "POST", call.path, call.body, token=token or self.customer.token, key=call.key
            )
        self.history.end(call, Try(sent_s, monotonic(), answer))
        return answer

    def read(self, kind: str, account_id: str, path: str) -> None:
        began_s = monotonic()
        try:
            answer = self.transport.send("GET", path, token=self.customer.token)
        except NoAnswer:
            return
        self.history.read(Read(self.number, kind, account_id, began_s, monotonic(), answer))


class CashClient(Client):
    """Pays in and out as well, and has accounts frozen by the teller."""

    @property
    def deeds(self) -> list[tuple[Callable[[], Any], int]]:
        cash = [(self.cash, 30), (self.freeze, 2)]
        return [each for each in super().deeds if each[0] != self.read_all] + cash

    def cash(self) -> None:
        kind = self.random.choice(["deposit", "withdrawal"])
        account = self.random.choice(self.customer.accounts)
        self.pay_cash(kind, account, self.random.randint(1, 300))

    def pay_cash(self, kind: str, account: str, amount_minor: int) -> Call:
        key = self.new_key()
        body = {"account": account, "amount_minor": amount_minor, "currency": "EUR"}
        signed_minor = amount_minor if kind == "deposit" else -amount_minor
        effects = (Effect(key, ((account, signed_minor),)),)
        return self.ask(kind, f"/v1/{kind}s", body | {"reference": key}, effects, key=key)

    def freeze(self) -> None:
        """Open an account, have it frozen, try to pay from it, have it unfrozen."""
        opened = self.ask("open", "/v1/accounts", {"name": "Frozen", "currency": "EUR"}, ())
        if not (opened.is_done and opened.answer):
            return
        account, teller = opened.answer.body["id"], self.customer.teller
        self.pay_cash("deposit", account, 500)
        self.ask("freeze", f"/v1/accounts/{account}/freeze", {}, (), of=account, token=teller)
        self.pay_cash("withdrawal", account, 5)
        payee = self.random.choice(self.customer.accounts)
        self.ask(
            "transfer",
            "/v1/transfers",
            self.payment() | {"from_account": account, "to_account": payee},
        )
        self.ask("unfreeze", f"/v1/accounts/{account}/unfreeze", {}, (), of=account, token=teller)


def effect_of(body: dict[str, Any]) -> Effect:
    """Return the effect of a transfer, or of the first run of a schedule."""
    return moved(body["reference"], body["from_account"], body["to_account"], body["amount_minor"])


def moved(reference: str, payer: str, payee: str, amount_minor: int) -> Effect:
    return Effect(reference, ((payer, -amount_minor), (payee, amount_minor)))
