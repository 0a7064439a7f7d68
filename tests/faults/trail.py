"""Rules about the audit trail: one line for each entry, with the lines of the accounts."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.books import Books
from tests.faults.findings import Finding, Sort
from tests.faults.history import Call, History


def numbers_of_the_trail_have_no_gap(_: History, books: Books) -> Iterator[Finding]:
    numbers = [each["number"] for each in books.audit]
    for place, number in enumerate(numbers, 1):
        if number != place:
            yield Finding(Sort.OTHER, f"the audit trail has {number} in place of {place}")
            return


def the_trail_has_each_entry_once(history: History, books: Books) -> Iterator[Finding]:
    count = Counter(each["id"] for each in books.audit)
    for entry_id, times in count.items():
        if times > 1:
            yield Finding(Sort.DOUBLED, f"{entry_id} is {times} times in the audit trail")
    for call in history.done():
        for entry_id in ids_of(call):
            if not count[entry_id]:
                text = f"{call.kind} {call.key} is not in the audit trail"
                yield Finding(Sort.LOST, text, call.acknowledged_s)


def ids_of(call: Call) -> list[str]:
    """Return the ids of the entries of a call, as its answer names them."""
    body = call.answer.body
    if call.kind == "bulk":
        return [each["id"] for each in body["results"] if each["status"] == "recorded"]
    if call.kind in {"freeze", "unfreeze", "void", "open"}:
        return []
    return [body["capture_id"] if call.kind == "capture" else body["id"]]


def the_trail_has_the_lines(_: History, books: Books) -> Iterator[Finding]:
    """The lines in the trail and the lines of the accounts are the same, and sum to zero."""
    told = {
        (account_id, number): (amount_minor, balance_minor, each["id"])
        for each in books.audit
        for account_id, number, amount_minor, balance_minor in each.get("lines", [])
        if account_id in books.accounts
    }
    kept = {
        (account_id, line["number"]): (
            line["amount_minor"],
            line["balance_minor"],
            line["entry_id"],
        )
        for account_id, lines in books.lines.items()
        for line in lines
    }
    for place in sorted({*told, *kept}):
        if told.get(place) != kept.get(place):
            text = f"line {place} is {kept.get(place)}, the audit trail has {told.get(place)}"
            yield Finding(Sort.OTHER, text)
    for each in books.audit:
        if sum(amount_minor for _, _, amount_minor, _ in each.get("lines", [])):
            yield Finding(Sort.OTHER, f"{each['id']} does not sum to zero")


trail_rules = [
    numbers_of_the_trail_have_no_gap,
    the_trail_has_each_entry_once,
    the_trail_has_the_lines,
]
