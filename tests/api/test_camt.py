"""A statement as camt.053.001.08: each element where the published schema has it.

The whole was checked with the schema itself too, and read by bankstatementparser and camt053 from
PyPI: docs/decisions/statements.md says how.
"""

import re
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}"

# Parent -> its children in order, as far as they are used here; those with ? may be left out.
ORDER = {
    "Document": "BkToCstmrStmt",
    "BkToCstmrStmt": "GrpHdr Stmt",
    "GrpHdr": "MsgId CreDtTm",
    "Stmt": "Id CreDtTm? FrToDt? Acct Bal+ TxsSummry? Ntry*",
    "FrToDt": "FrDtTm ToDtTm",
    "Acct": "Id Ccy? Nm?",
    "DbtrAcct": "Id",
    "CdtrAcct": "Id",
    "Bal": "Tp Amt CdtDbtInd Dt",
    "Tp": "CdOrPrtry",
    "CdOrPrtry": "Cd",
    "Dt": "DtTm",
    "TxsSummry": "TtlNtries?",
    "TtlNtries": "NbOfNtries?",
    "Ntry": "NtryRef? Amt CdtDbtInd Sts BookgDt? ValDt? AcctSvcrRef? BkTxCd NtryDtls*",
    "Sts": "Cd",
    "BookgDt": "DtTm",
    "ValDt": "DtTm",
    "BkTxCd": "Domn? Prtry?",
    "Domn": "Cd Fmly",
    "Fmly": "Cd SubFmlyCd",
    "Prtry": "Cd",
    "NtryDtls": "TxDtls*",
    "TxDtls": "Refs? Amt? CdtDbtInd? RltdPties? RmtInf?",
    "Refs": "AcctSvcrRef?",
    "RltdPties": "DbtrAcct? CdtrAcct?",
    "RmtInf": "Ustrd*",
}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"
TEXT = {
    **dict.fromkeys(("MsgId", "NtryRef", "AcctSvcrRef"), r".{1,35}"),
    **dict.fromkeys(("CreDtTm", "FrDtTm", "ToDtTm", "DtTm"), TIME),
    "Id": r".{1,35}",
    "IBAN": r"[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}",
    "Ccy": r"[A-Z]{3}",
    "Nm": r".{1,70}",
    "Amt": r"\d{1,18}(\.\d{1,5})?",
    "CdtDbtInd": r"CRDT|DBIT",
    "Cd": r".{1,35}",
    "SubFmlyCd": r".{1,4}",
    "NbOfNtries": r"[0-9]{1,15}",
    "Ustrd": r".{1,140}",
}


@pytest.fixture
def ada(http):
    return http.joined("ada")


def message(caller, account, query="") -> ET.Element:
    path = f"/v1/accounts/{account['id']}/statement{query}"
    answer = caller("GET", path, headers={"Accept": "application/xml"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="statement-DE\d+-[\d-]+\.xml"',
        answer.headers["Content-Disposition"],
    )
    document = ET.fromstring(answer.data)  # noqa: S314 - our own
    check(document)
    return document


def check(node: ET.Element) -> None:
    name, children = local(node), [local(each) for each in node]
    if name == "Id" and children:
        assert children == ["IBAN"]
    elif children or name not in TEXT:
        order = re.sub(r"(\w+)", r"(?:\1 )", ORDER[name]).replace(") ", ")").replace(" (", "(")
        assert re.fullmatch(order, "".join(f"{each} " for each in children)), (name, children)
    else:
        assert re.fullmatch(TEXT[name], node.text), (name, node.text)
    assert set(node.attrib) == ({"Ccy"} if name == "Amt" else set())
    for each in node:
        check(each)


def local(node: ET.Element) -> str:
    assert node.tag.startswith(NAMESPACE)
    return node.tag.removeprefix(NAMESPACE)


def at(node: ET.Element, path: str) -> str | None:
    return node.findtext("/".join(NAMESPACE + part for part in path.split("/")))


def every(node: ET.Element, name: str) -> list[ET.Element]:
    return list(node.iter(NAMESPACE + name))


def test_camt_matches_the_statement(ada):
    account, other = ada.opened(10_000), ada.opened()
    ada.transfer(account, other, 2_500, reference="Rent <May> & more")
    ada.transfer(other, account, 1)
    body = {"account": account["id"], "amount_minor": 100, "currency": "EUR"}
    ada("POST", "/v1/withdrawals", body)
    (statement,) = every(message(ada, account), "Stmt")
    assert at(statement, "Acct/Id/IBAN") == account["number"]
    assert (at(statement, "Acct/Ccy"), at(statement, "Acct/Nm")) == ("EUR", "Main")
    balances = [(at(each, "Tp/CdOrPrtry/Cd"), at(each, "Amt")) for each in every(statement, "Bal")]
    assert balances == [("OPBD", "0.00"), ("CLBD", "74.01")]
    entries = every(statement, "Ntry")
    domains = [
        f"{at(each, 'BkTxCd/Domn/Fmly/Cd')} {at(each, 'BkTxCd/Domn/Fmly/SubFmlyCd')}"
        for each in entries
    ]
    assert domains == ["CNTR CDPT", "ICDT BOOK", "RCDT BOOK", "CNTR CWDL"]
    signs = {"CRDT": 1, "DBIT": -1}
    amounts = [signs[at(each, "CdtDbtInd")] * Decimal(at(each, "Amt")) for each in entries]
    assert amounts == [Decimal(100), Decimal(-25), Decimal("0.01"), Decimal(-1)]
    paid, received = (each.find(f".//{NAMESPACE}TxDtls") for each in entries[1:3])
    assert at(paid, "RltdPties/CdtrAcct/Id/IBAN") == other["number"]
    assert at(paid, "RmtInf/Ustrd") == "Rent <May> & more"
    assert at(received, "RltdPties/DbtrAcct/Id/IBAN") == other["number"]


def test_captures_and_reversals_are_transfers_to_it(ada):
    account, other = ada.opened(), ada.opened(100)
    body = {"from_account": other["id"], "to_account": account["id"], "currency": "EUR"}
    hold = ada("POST", "/v1/holds", body | {"amount_minor": 5}).headers["Location"]
    assert ada("POST", f"{hold}/capture").status_code == 200
    sent = ada.transfer(other, account, 3).headers["Location"]
    assert ada("POST", f"{sent}/reversals").status_code == 201
    found = [
        (at(each, "BkTxCd/Domn/Fmly/Cd"), at(each, "BkTxCd/Prtry/Cd"))
        for each in every(message(ada, account), "Ntry")
    ]
    assert found == [("RCDT", "capture"), ("RCDT", "transfer"), ("ICDT", "reversal")]


@pytest.mark.parametrize(("currency", "text"), [("JPY", "5"), ("BHD", "0.005"), ("CLF", "0.0005")])
def test_amounts_have_the_decimals_of_their_currency(ada, currency, text):
    document = message(ada, ada.opened(5, currency))
    (entry,) = every(document, "Ntry")
    assert at(entry, "Amt") == text
    assert entry.find(f"{NAMESPACE}Amt").get("Ccy") == currency


def test_an_empty_period_is_valid_too(ada):
    document = message(ada, ada.opened(5), "?to=2020-01-01")
    assert every(document, "Ntry") == []


def test_long_names_are_cut_and_characters_outside_xml_are_replaced(ada):
    account, other = ada.opened(5), ada.opened()
    ada("PATCH", f"/v1/accounts/{account['id']}", {"name": "<" * 100})
    ada.transfer(account, other, 1, reference="a\ufffeb\uffff]]>")
    document = message(ada, account)
    assert [each.text for each in every(document, "Nm")] == ["<" * 70]
    assert [each.text for each in every(document, "Ustrd")] == ["a\ufffdb\ufffd]]>"]


def test_a_finished_period_has_one_id_however_often_it_is_read(ada):
    account = ada.opened(5)
    period = "?from=2020-01-01&to=2100-01-01"
    first, again, other = (
        every(message(ada, account, query), "MsgId")[0].text for query in (period, period, "")
    )
    assert first == again != other
