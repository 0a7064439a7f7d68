"""Bulk: many transfers in one batch."""

from uuid import UUID

import pytest

from accounts_bank.collections.bulk import part_ids
from accounts_bank.collections.client import keyed_id
from accounts_bank.errors import Refused
from accounts_bank.ledger.actions import BulkMode, Transfer


def asked(bank, *items: tuple[str, str, int]) -> list[Transfer]:
    names = {name: account.number for name, account in bank.opened.items()}
    return [Transfer(names.get(a, a), names.get(b, b), amount, "EUR") for a, b, amount in items]


def sent(bank, mode: str, *items: tuple[str, str, int], **more) -> list[str]:
    seen = bank.accounts.transfer_all(
        bank.caller("ada"), BulkMode(mode), asked(bank, *items), more.pop("key", None), **more
    )
    return [str(each.status) for each in seen.outcomes]


ITEMS = [("ada", "bob", 10), ("ada", "bob", 1000), ("bob", "ada", 1), ("ada", "cyd", 20)]


@pytest.mark.parametrize(
    ("mode", "codes", "balances"),
    [
        (
            "each",
            ["recorded", "funds_insufficient", "not_found", "recorded"],
            {"ada": 70, "bob": 10, "cyd": 20},
        ),
        (
            "stop",
            ["recorded", "funds_insufficient", "bulk_stopped", "bulk_stopped"],
            {"ada": 90, "bob": 10, "cyd": 0},
        ),
        (
            "atomic",
            ["bulk_aborted", "funds_insufficient", "bulk_aborted", "bulk_aborted"],
            {"ada": 100, "bob": 0, "cyd": 0},
        ),
    ],
)
def test_the_mode_decides_the_effect_of_a_refusal_on_the_others(bank, mode, codes, balances):
    bank.given(ada=100, bob=0, cyd=0)
    assert sent(bank, mode, *ITEMS) == codes
    assert bank.balances() == balances


@pytest.mark.parametrize("mode", ["each", "stop", "atomic"])
def test_a_retry_repeats_nothing_and_has_the_same_outcomes(bank, mode):
    bank.given(ada=100, bob=0, cyd=0)
    first = sent(bank, mode, *ITEMS, key="k")
    bank.deposit("ada", 5000)
    before = bank.balances()
    assert sent(bank, mode, *ITEMS, key="k") == first
    assert bank.balances() == before


@pytest.mark.parametrize("mode", ["each", "stop", "atomic"])
def test_the_key_belongs_to_that_bulk_alone(bank, mode):
    bank.given(ada=100, bob=0, cyd=0)
    sent(bank, mode, ("ada", "bob", 1), key="k")
    bank.send("ada", "bob", 1, key="of a transfer")
    for items, other_mode, key in [
        ([("ada", "bob", 2)], mode, "k"),
        ([("ada", "bob", 1)] * 2, mode, "k"),
        ([("ada", "bob", 1)], "stop" if mode == "each" else "each", "k"),
        ([("ada", "bob", 1)], mode, "of a transfer"),
    ]:
        with pytest.raises(Refused) as caught:
            sent(bank, other_mode, *items, key=key)
        assert caught.value.code == "key_reused"
    assert bank.send("ada", "bob", 1, key="k") == "key_reused"
    assert bank.balances() == {"ada": 98, "bob": 2, "cyd": 0}


@pytest.mark.parametrize("mode", ["each", "stop", "atomic"])
def test_a_dry_run_says_the_same_and_saves_nothing(bank, mode):
    bank.given(ada=100, bob=0, cyd=0)
    dry = sent(bank, mode, *ITEMS, key="k", dry_run=True)
    assert bank.balances() == {"ada": 100, "bob": 0, "cyd": 0}
    assert sent(bank, mode, *ITEMS, key="k") == dry


def test_another_users_account_and_a_missing_one_are_the_same_refusal(bank):
    bank.given(ada=100, bob=100)
    for name in ("bob", "nobody", "till-eur-0"):
        assert sent(bank, "each", (name, "ada", 1)) == ["not_found"]
    assert bank.balances() == {"ada": 100, "bob": 100}


def test_no_key_leads_to_the_ids_of_its_parts(bank):
    bank.given(ada=100, bob=0)
    seen = bank.accounts.transfer_all(
        bank.caller("ada"), BulkMode.EACH, asked(bank, ("ada", "bob", 1), ("ada", "bob", 1)), "k"
    )
    bulk_id = keyed_id("user-ada", "k")
    ids = [each.recorded.entry.id for each in seen.outcomes]
    assert [UUID(each).version for each in ids] == [8, 8]
    assert [each[-5:] for each in ids] == [f"{ids[0][-5]}0000", f"{ids[0][-5]}0001"]
    assert ids == part_ids(bulk_id, 2)
    assert ids[0][:13] == bulk_id[:13]  # which has its time there, where it has one
    assert ids[0][13:-4] not in {bulk_id[13:-4], part_ids(keyed_id("user-ada", "l"), 1)[0][13:-4]}


def test_a_bulk_is_one_batch_and_wakes_the_sealer_once(bank):
    bank.given(ada=100, bob=0)
    before = bank.seals
    sent(bank, "each", *[("ada", "bob", 1)] * 5)
    assert bank.seals == before + 1
