"""A dry run answers like the real action and changes nothing."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.helpers import TELLER, Http
from tests.rounds import rounds

MOVES = ["transfer", "hold", "reversal"] * 2 + ["schedule", "bulk", "capture", "void"]
MOVES += ["disturb"] * 2
DISTURBANCES = ["deposit"] * 3 + ["unfreeze"] * 2 + ["freeze", "daily-limit"]
TIMES = {"at": None, "expires_at": None, "request_id": None}


class Town:
    """A few customers with little money, and their entries so far."""

    def __init__(self, http: Http) -> None:
        self.people = {name: http.joined(name) for name in ("ada", "bob")}
        self.people[TELLER] = http.signed_in(TELLER)
        self.accounts = [self.people["ada"].opened(100) for _ in range(2)]
        self.accounts += [self.people["bob"].opened(100) for _ in range(2)]
        self.accounts += [self.people["bob"].opened(100, "USD")]
        self.made: dict[str, list[str]] = {"transfers": ["none"], "holds": ["none"]}
        self.store = http.app.extensions["accounts"].accounts._client.store
        self.said: Counter[str] = Counter()
        self.keys = 0

    def owner_of(self, payment: Any) -> str:
        """Return the payer."""
        ids = [each["id"] for each in self.accounts]
        return ("ada", "ada", "bob", "bob", "bob")[ids.index(payment["from_account"])]

    def payment(self, dice: Random) -> Any:
        """Ask for a payment between any two accounts."""
        payer, payee = dice.choice(self.accounts), dice.choice(self.accounts)
        return {
            "from_account": payer["id"],
            "to_account": payee["number"],
            "amount_minor": dice.randint(1, 90),
            "currency": dice.choice(["EUR"] * 9 + ["USD"]),
        }

    def everything(self) -> Any:
        """Read all that is in the books."""
        with self.store.ledger() as ledger:
            parts = ledger.accounts, ledger.lines, ledger.entries, ledger.progress
            return [list(each) for each in parts]

    def ask(self, who: str, path: str, body: Any) -> None:
        """Ask dry, then really, with one key; compare."""
        self.keys += 1
        key, before = f"k{self.keys}", self.everything()
        dry = self.people[who]("POST", f"{path}?dry_run=true", body, key=key)
        assert self.everything() == before
        real = self.people[who]("POST", path, body, key=key)
        assert (dry.status_code, dry.json | TIMES) == (real.status_code, real.json | TIMES)
        assert ("Dry-Run" in dry.headers) == (dry.status_code < 400)
        self._learn(path, real)

    def _learn(self, path: str, answer: Any) -> None:
        for each in (answer.json, *answer.json.get("results", ())):
            self.said[each.get("code") or str(each.get("kind", "done"))] += 1
        if answer.status_code == 201 and path.removeprefix("/v1/") in self.made:
            self.made[path.removeprefix("/v1/")].append(answer.json["id"])

    def disturb(self, what: str, account: Any, amount_minor: int) -> None:
        """Make a real change that changes the refusals."""
        teller, path = self.people[TELLER], f"/v1/accounts/{account['id']}"
        if what == "deposit":
            cash = {"account": account["id"], "amount_minor": amount_minor}
            teller("POST", "/v1/deposits", cash | {"currency": account["currency"]})
        elif what == "daily-limit":
            teller("PUT", f"{path}/daily-limit", {"daily_limit_minor": 2 * amount_minor})
        else:
            teller("POST", f"{path}/{what}")


@pytest.fixture
def town(http):
    return Town(http)


def move(town: Town, dice: Random) -> None:
    """Do one thing, chosen by the dice."""
    payment, who = town.payment(dice), dice.choice(list(town.people))
    payer = dice.choice([town.owner_of(payment)] * 4 + [who])
    part = dice.choice([None, {}, {"amount_minor": dice.randint(1, 90)}])
    transfer, hold = (dice.choice(town.made[each][-5:]) for each in ("transfers", "holds"))
    match dice.choice(MOVES):
        case "transfer" | "hold" as kind:
            town.ask(payer, f"/v1/{kind}s", payment)
        case "schedule":
            when = {"first_at": "2999-01-01", "every": "day"}
            town.ask(payer, "/v1/schedules", payment | when)
        case "bulk":
            mode = dice.choice(["each", "stop", "atomic"])
            items = [town.payment(dice) for _ in range(dice.randint(1, 4))]
            town.ask(payer, "/v1/transfers/bulk", {"mode": mode, "transfers": items})
        case "reversal":
            town.ask(who, f"/v1/transfers/{transfer}/reversals", part)
        case "capture" | "void" as end:
            town.ask(who, f"/v1/holds/{hold}/{end}", part if end == "capture" else None)
        case _:
            account = dice.choice(town.accounts)
            town.disturb(dice.choice(DISTURBANCES), account, dice.randint(1, 60))


@given(dice=st.randoms(use_true_random=True))
@settings(
    max_examples=rounds(600, 2000),
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def some_moves(town: Town, dice: Random) -> None:
    move(town, dice)


@pytest.mark.soak
def test_a_dry_run_answers_like_the_real_request_and_changes_nothing(town):
    some_moves(town)
    assert town.said.keys() >= {
        *("transfer", "hold", "schedule", "reversal", "done", "not_found", "forbidden"),
        *("same_account", "account_frozen", "currency_mismatch", "funds_insufficient"),
        *("limit_exceeded", "hold_captured", "hold_voided", "capture_too_large"),
        *("reversal_too_large", "bulk_stopped", "bulk_aborted"),
    }
