"""The digest of a recorded entry never changes: the journal stays provable in later versions.

The digests were computed by the first version. A field added later has a default that is left out.
"""

from datetime import timedelta

import msgspec
import pytest
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
from accounts_bank.ledger.entries import KINDS, Entry, digest_of, recorded_as
from accounts_bank.ledger.values import Line, Status
from tests.helpers import START

LATER = START + timedelta(seconds=1)
ACTIONS: dict[str, Action] = {
    "account_opened": OpenAccount("owner", "Main", "EUR"),
    "account_renamed": RenameAccount("payer", "Rent", "Main"),
    "account_changed": ChangeAccount("payer", {"team": "a"}, "Rent", {}, "Main"),
    "account_closed": CloseAccount("payer", "owner"),
    "account_frozen": FreezeAccount("payer"),
    "account_unfrozen": UnfreezeAccount("payer"),
    "credit_limit_set": SetCreditLimit("payer", 500),
    "daily_limit_set": SetDailyLimit("payer", None),
    "customer_left": Leave("owner"),
    "deposit": Deposit("payee", 12, "EUR", "cash"),
    "withdrawal": Withdrawal("payer", 12, "EUR", None),
    "transfer": Transfer("payer", "payee", 12, "EUR", "rent", schedule_id="schedule"),
    "bulk": Bulk(BulkMode.ATOMIC, 2, "digest"),
    "reversal": Reversal("transfer", "payer", "payee", None, "rent"),
    "hold": Hold("payer", "payee", 12, "EUR", 60, "rent"),
    "capture": Capture("hold", "payer", "payee", 7),
    "void": Void("hold", "payer"),
    "expiry": Expire("hold", "payer"),
    "schedule": Schedule("payer", "payee", 12, "EUR", START, Every.MONTH, 3, "rent"),
    "schedule_cancelled": CancelSchedule("schedule", "payer"),
    "role_set": SetRole("owner", "teller"),
    "approval_asked": AskApproval(Reversal("sent", "a", "b", None, "rent"), 60, None, "sent"),
    "approval_granted": GrantApproval("ask", "payer"),
    "approval_refused": RefuseApproval("ask", None, "owner"),
}

DIGESTS = {  # kind: (digest when recorded, digest when refused)
    "account_opened": (
        "604b91fe0089618a07851588e5e81d8390967aba07858f65c35b76147643bf2c",
        "0e73b81dd4a0329e4199db8e0463b8ce4a0755b988f953f19749c97331168887",
    ),
    "account_renamed": (
        "d8606c2cf5b61166b04b0ec8cf960f9da7ea32980f52bf24ce82f52655ba1091",
        "28878b755455c42dd2c8803d82bdf79606e5a453c4efd021610d0c74b86e4536",
    ),
    "account_changed": (
        "f193b16e18eda682b4ed0e0a0d06004e64d6206ba1e68d0889776e369b214751",
        "96166aa2a3189f06e993020dcc8ff71080f49e52ee3103988d08da7b4cb0a6b1",
    ),
    "account_closed": (
        "8d69c836ad8748fb4759cdd4783767c81701172b61e4aa791da2f7bb8c4aa40d",
        "03b86a5c5743c84ea45bf8f0d1330979b4b643fa8d1187be72fc4b3433c33dbb",
    ),
    "account_frozen": (
        "89731f6ea5a4933dba644583554b19de6afe9ded80961665c1a1f66e2894ed89",
        "016edb3a1eb13047b6ca458110f089cbce9b447a0ff5926ea476edd42b4165c7",
    ),
    "account_unfrozen": (
        "304c5408832e979ea088f16edc250527595fe417b03559ac8868290a6511948a",
        "427a008a635a62fe78c527427a3d09c88011b38d604284c3d180f48d7818cd00",
    ),
    "credit_limit_set": (
        "ce8b8ec1fa2e843e12d0542237785adbab72c1ce0d5533ba26eae81ac81b70c4",
        "fadc974db2c8eb529e988a682d23c23e6a6ffb335c4d29ed70fe80459026c4a7",
    ),
    "daily_limit_set": (
        "cc7c2202b2a1bf7236f5fb9b6fe8e6dee0eca0e6849b1244844bfef48e9ff87b",
        "71a07896d34a5bb1743d7a4dc100e3ff15be3c71647e1b4208e5cd64f97abf0e",
    ),
    "customer_left": (
        "591b98a3f4a601e89ff2d55c1f20241be48dc08348f071a55524c42eb18fc6f2",
        "9543a4c93c8fd4df98245e71791aa0b26f9f866d4a4ac3b1ddceb200cffc40ff",
    ),
    "deposit": (
        "ce455973951845274372c938e322d901a79aea1f27b16b6681729e4addfc821a",
        "10784f329b1296906003d2c9296047e3ab5cd079bea835d6b1616608f7d1f969",
    ),
    "withdrawal": (
        "173916086bde8e215a6579308d8c9b4f098a40394aaf0b4d1b88bb291d40825f",
        "fc81910f149268a716e0313524adf22d1504af871d3c17201d8d777c5aad6e4c",
    ),
    "transfer": (
        "77cd44702b0c2e07c9b5ff01524bf43cce23c1fd5a80853436b46f0aaa5475cf",
        "7c7b8a695e872c07b01580145dccfd3d3b8655a4e70c505d91c07f107c7d3815",
    ),
    "bulk": (
        "740288500d6264c1d375e8d981b3d7a198603f0ac45fd92d59fcddacb72bbd1b",
        "75fde6288b6493eb1fd461993cdf0d63e02da2a41313cf7f3468400990aec9e9",
    ),
    "reversal": (
        "f32102ba6e8c7f649561e45b271105a90d21b64e37a10b05f9b5a492572ced64",
        "db2373fa8263706896cdefb1176a716d8aaf4920d37a5d261c8276fd199502c8",
    ),
    "hold": (
        "bd4962b2bf10c4275e65e3d6a72a3e74368d02c4c9ce595cadc4e2703d23d944",
        "589bc7fe1250a018983385045afdc09e6d65341d22072c2193c8c965d0588129",
    ),
    "capture": (
        "3f478f3a77288158290ad21688297e771658bee25e6f7b95c5e622055df45198",
        "926c6b2157aba7a83ea70e0a77e73678dbc939544b75958c78c8e2c9cf91a2e2",
    ),
    "void": (
        "8887e1134424d9f7ad49bc916fae7670134985ff1a7f35f8d0e1015159c36726",
        "c82f09d95e8da0d50af683417b289ac2f8fd84b719b1c674c1095f750d096ed4",
    ),
    "expiry": (
        "e39f65744ef32754fdfa41f400093a8f74674f3874000012bcca4e0d52fe8e09",
        "15f61c155579d3565070f1ae01d97480bed919ec1f7a71632ddb914f60c89347",
    ),
    "schedule": (
        "3afc6eba7aefcd0d34d0bcea92db92bede12fb63effb13b0d734ab3137882c6d",
        "a5f7e5c907f28f03c4c6ed1fb53e431ba2938c1db128f8033c3724e864bf4783",
    ),
    "schedule_cancelled": (
        "68e1075f3168828e63efc2d24c2deb7a2c64e7510a1178fc71ba217a53265178",
        "c5e9848876a092f83d4dbeceec8b22243487f10d4cf5f318384f230d1a4e7605",
    ),
    "role_set": (
        "1501a4a23d2b793ac14bbe0b6515e22baf233e7d7cd57787f1373ef689299715",
        "b39f99c0107a15ba1fda8eca4a913f5c2bd1ab141c0548bf665bbb41d7164f20",
    ),
    "approval_asked": (
        "b962ad5eea950dd21a4836cdbcded79bbb15315baa61d8a3f3008e9e3436b92f",
        "109608ba50b1b3e366261643a39507f8ade10d57e59bb93e5c82332f95946dd9",
    ),
    "approval_granted": (
        "9c8f4ccda436a172aad3c3ed2003fadf37f3cbd5259161066d32a46baa0b569d",
        "1d911b3a1406e9aa3fff0a5f5cbeffa82a31cb293e93278e9c02a88d993ef158",
    ),
    "approval_refused": (
        "a07197bf059d3e4b29d61ce98407d427faf0ffaf12fa37146115c3ae8ed774ea",
        "0780f9fae429e5865bde90bdbdaff71a94d076baccdbf2610d948801e558d301",
    ),
}

METADATA = {"order": "7", "Käse": ""}
WITH_METADATA = {  # kind: digest when recorded with METADATA
    "account_opened": "b0354809d21d2c263a2cb905abbe73fa805e367509cf30b2667c5b85201c1a84",
    "deposit": "fb35b9b71623756a133be29f6f2fd29d6202b17bdd25a1149c5f8d66ff710041",
    "withdrawal": "a31a6928a45d56d12405419efe845fb84f714d659c64697a3827d72cb41772ce",
    "transfer": "5ff6935dc4a717791c6e5f0bdfeda6d4a9314bbfb5d71644c72561879b7b1821",
    "hold": "1b21e87259dee39563551e647cf8933e5736facc1d408838d4cfe56affad630d",
    "schedule": "c9d0e4aba49b353d3ab9ad68dcc289e7b820dd7ed0a2065d2536296bb9f8a693",
}


def entry(action: Action) -> Entry:
    return Entry("entry", "caller", START, action, till=7)


def lines(kind: str) -> tuple[Line, Line]:
    return (
        Line("payer", 3, "entry", kind, -12, 88, "DE1", "rent", LATER),
        Line("payee", 1, "entry", kind, 12, 12, None, None, LATER),
    )


def test_every_kind_has_its_digests():
    assert ACTIONS.keys() == DIGESTS.keys() == set(KINDS.values())


@pytest.mark.parametrize("kind", DIGESTS)
def test_the_digests_of_a_kind_never_change(kind):
    asked = entry(ACTIONS[kind])
    assert asked.kind == kind
    recorded = recorded_as(asked, Status.RECORDED, LATER, lines(kind), ())
    refused = recorded_as(asked, Status.LIMIT_EXCEEDED, START, (), (("left_minor", 1),))
    assert (recorded.digest, refused.digest) == DIGESTS[kind]


@pytest.mark.parametrize("kind", WITH_METADATA)
def test_a_digest_covers_metadata(kind):
    action = replace(ACTIONS[kind], metadata=METADATA)
    recorded = recorded_as(entry(action), Status.RECORDED, LATER, lines(kind), ())
    assert recorded.digest == WITH_METADATA[kind] != DIGESTS[kind][0]
    stored = msgspec.json.decode(msgspec.json.encode(recorded), type=type(recorded))
    assert digest_of(stored) == recorded.digest


@pytest.mark.parametrize("action", ACTIONS.values())
def test_a_recorded_entry_keeps_its_digest_in_json(action):
    recorded = recorded_as(entry(action), Status.RECORDED, LATER, (), ())
    decoded = msgspec.json.decode(msgspec.json.encode(recorded), type=type(recorded))
    assert decoded == recorded
    assert digest_of(decoded) == recorded.digest
