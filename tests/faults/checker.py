"""The checker: the history of a run against the books at its end.

Each rule is a generator of findings. Nothing here knows how the bank works inside.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from tests.faults.books import Books
from tests.faults.findings import Finding, Sort
from tests.faults.history import DECIDED, UNDECIDED, WITHOUT_KEY, Call, Effect, History, effects_of
from tests.faults.reads import read_rules
from tests.faults.trail import trail_rules

Rule = Callable[[History, Books], Iterator[Finding]]
Legs = tuple[tuple[str, int], ...]


def check(history: History, books: Books) -> list[Finding]:
    """Return everything that is wrong, each thing once."""
    rules: list[Rule] = [
        answers_are_expected,
        answers_to_a_key_are_one,
        effects_are_right,
        answers_name_their_lines,
        lines_add_up,
        holds_end_once,
        held_is_the_sum_of_open_holds,
        bulks_keep_their_mode,
        schedules_run_once,
        frozen_accounts_pay_nothing,
        *read_rules,
        *trail_rules,
    ]
    return [finding for rule in rules for finding in rule(history, books)]


def answers_are_expected(history: History, _: Books) -> Iterator[Finding]:
    """Each answer is a decision or "not decided". All requests are well-formed."""
    for call in history.calls.values():
        for each in call.tries:
            if each.answer and each.answer.status not in DECIDED | {UNDECIDED}:
                text = f"{call.kind} {call.key} got {each.answer[:2]}"
                yield Finding(Sort.OTHER, text, each.ended_s)
    for read in history.reads:
        if read.answer.status not in {200, UNDECIDED}:
            text = f"reading {read.account_id} got {read.answer[:2]}"
            yield Finding(Sort.OTHER, text, read.ended_s)


def answers_to_a_key_are_one(history: History, _: Books) -> Iterator[Finding]:
    """All decisions on one key are equal, and all but the first say so."""
    for call in history.calls.values():
        if call.kind in WITHOUT_KEY or not call.first:
            continue
        for each in call.tries:
            if each.answer and each.answer.status in DECIDED:
                if each.answer[:2] != call.first.answer[:2]:
                    text = f"{call.key} got {call.first.answer[:2]}, then {each.answer[:2]}"
                    yield Finding(Sort.ALTERED, text, each.ended_s)
                elif each.sent_s > call.first.ended_s and not each.answer.is_replayed:
                    yield Finding(Sort.OTHER, f"{call.key} is not marked as replayed", each.ended_s)


def effects_are_right(history: History, books: Books) -> Iterator[Finding]:
    """Done calls have their lines once, refused ones never, unknown ones at most once."""
    must: dict[str, list[tuple[Call, Legs]]] = defaultdict(list)
    may: dict[str, list[Legs]] = defaultdict(list)
    for call, effect in effects_of(history.calls.values()):
        verdict = is_done(call, effect)
        if verdict:
            must[effect.reference].append((call, effect.legs))
        elif verdict is None:
            may[effect.reference].append(effect.legs)
    found = found_effects(books)
    for reference in {*found, *must}:
        left = list(found.get(reference, {}).values())
        yield from compared(reference, left, must[reference], may[reference], history)


def is_done(call: Call, effect: Effect) -> bool | None:
    """Tell whether an effect was acknowledged; None where it may be so or not."""
    if call.kind == "schedule" and not call.is_refused:
        return None
    if call.is_done and call.kind == "bulk":
        index = call.effects.index(effect)
        return bool(call.answer.body["results"][index]["status"] == "recorded")
    return True if call.is_done else False if call.is_refused else None


def found_effects(books: Books) -> dict[str, dict[str, Legs]]:
    """Return the legs of each entry, by reference and entry id."""
    found: dict[str, dict[str, Legs]] = defaultdict(lambda: defaultdict(tuple))
    for account_id, lines in books.lines.items():
        for line in lines:
            leg = (account_id, line["amount_minor"])
            entries = found[line["reference"] or line["entry_id"]]
            entries[line["entry_id"]] = tuple(sorted((*entries[line["entry_id"]], leg)))
    return found


def compared(
    reference: str,
    left: list[Legs],
    must: list[tuple[Call, Legs]],
    may: list[Legs],
    history: History,
) -> Iterator[Finding]:
    """Compare the entries of a reference with what was acknowledged."""
    missing = []
    for call, legs in must:
        if tuple(sorted(legs)) in left:
            left.remove(tuple(sorted(legs)))
        else:
            missing.append((call, legs))
    for legs in may:
        if tuple(sorted(legs)) in left:
            left.remove(tuple(sorted(legs)))
    for call, legs in missing:
        sort = Sort.ALTERED if left else Sort.LOST
        was = left.pop() if left else "nothing"
        text = f"{call.kind} {call.key} was acknowledged as {legs}, the books have {was}"
        yield Finding(sort, text, call.acknowledged_s)
    for legs in left:
        known = history.calls.get(reference)
        yield Finding(
            Sort.DOUBLED, f"{reference} has {legs} too much", known.began_s if known else 0.0
        )


def answers_name_their_lines(history: History, books: Books) -> Iterator[Finding]:
    """The ids and balances of answers are those of the lines."""
    lines = {
        (account_id, line["entry_id"]): line
        for account_id, of_account in books.lines.items()
        for line in of_account
    }
    for call in history.done():
        body = call.answer.body
        if call.kind in {"deposit", "withdrawal", "transfer", "reversal", "capture"}:
            entry_id = body["capture_id"] if call.kind == "capture" else body["id"]
            account_id, amount_minor = call.effects[0].legs[0]
            line = lines.get((account_id, entry_id))
            balance_minor = body.get("from_balance_minor", body.get("balance_minor"))
            if line is None:
                text = f"{call.kind} {call.key} has no entry {entry_id}"
                yield Finding(Sort.LOST, text, call.acknowledged_s)
            elif (line["amount_minor"], line["balance_minor"]) != (
                amount_minor,
                line["balance_minor"] if balance_minor is None else balance_minor,
            ):
                text = f"{call.kind} {call.key} was answered {body}, its line is {line}"
                yield Finding(Sort.ALTERED, text, call.acknowledged_s)


def lines_add_up(history: History, books: Books) -> Iterator[Finding]:
    """Numbers have no gap, balances run on, end at the balance, and stay above the floor."""
    for account_id, lines in books.lines.items():
        account, balance_minor = books.accounts[account_id], 0
        floor_minor = -history.credit_minor.get(account_id, 0)
        for number, line in enumerate(lines, 1):
            balance_minor += line["amount_minor"]
            if (line["number"], line["balance_minor"]) != (number, balance_minor):
                yield Finding(Sort.OTHER, f"line {number} of {account_id} is {line}")
                balance_minor = line["balance_minor"]
            if line["amount_minor"] < 0 and balance_minor < floor_minor:
                yield Finding(Sort.OTHER, f"line {number} of {account_id} is below the floor")
        if (account["balance_minor"], account["credit_limit_minor"]) != (
            balance_minor,
            -floor_minor,
        ):
            yield Finding(Sort.OTHER, f"{account_id} is not as its lines and its limit: {account}")


def holds_end_once(history: History, books: Books) -> Iterator[Finding]:
    """A hold is captured or voided by one call, and says so at the end."""
    ends = defaultdict(list)
    for call in history.done():
        if call.kind in {"capture", "void"}:
            ends[call.of].append(call)
    for call in history.done("hold"):
        if call.answer.body["id"] not in books.holds:
            yield Finding(Sort.LOST, f"hold {call.key} is not there", call.acknowledged_s)
    for hold_id, calls in ends.items():
        hold, at_s = books.holds.get(hold_id), calls[-1].acknowledged_s
        if len(calls) > 1:
            keys = [each.key for each in calls]
            yield Finding(Sort.DOUBLED, f"hold {hold_id} was ended by {keys}", at_s)
        elif hold and hold["status"] != {"capture": "captured", "void": "voided"}[calls[0].kind]:
            text = f"hold {hold_id} is {hold['status']} after {calls[0].kind} {calls[0].key}"
            yield Finding(Sort.ALTERED, text, at_s)


def held_is_the_sum_of_open_holds(_: History, books: Books) -> Iterator[Finding]:
    held_minor: Counter[str] = Counter()
    for hold in books.holds.values():
        if hold["status"] == "open":
            held_minor[hold["from_account_id"]] += hold["amount_minor"]
    for account_id, account in books.accounts.items():
        if account["held_minor"] != held_minor[account_id]:
            text = f"{account_id} holds {account['held_minor']}, not {held_minor[account_id]}"
            yield Finding(Sort.OTHER, text)


def bulks_keep_their_mode(history: History, _: Books) -> Iterator[Finding]:
    for call in history.done("bulk"):
        made = [each["status"] == "recorded" for each in call.answer.body["results"]]
        mode = call.body["mode"]
        is_kept = {
            "each": True,
            "stop": made == sorted(made, reverse=True),
            "atomic": len(set(made)) == 1,
        }
        if not is_kept[mode] or len(made) != len(call.effects):
            text = f"bulk {call.key} in mode {mode} was answered {made}"
            yield Finding(Sort.OTHER, text, call.acknowledged_s)


def schedules_run_once(history: History, books: Books) -> Iterator[Finding]:
    """A schedule that is to run once has one run; its lines are there once, or it was refused."""
    for call in history.done("schedule"):
        schedule = books.schedules.get(call.answer.body["id"])
        if schedule is None:
            yield Finding(Sort.LOST, f"schedule {call.key} is not there", call.acknowledged_s)
        elif (schedule["status"], schedule["run_count"]) != ("ended", 1):
            yield Finding(Sort.OTHER, f"schedule {call.key} is {schedule}", call.acknowledged_s)


def frozen_accounts_pay_nothing(history: History, _: Books) -> Iterator[Finding]:
    """A payment that was made between "frozen" and "unfreeze" is refused."""
    unfrozen_s = {
        each.of: each.began_s for each in history.calls.values() if each.kind == "unfreeze"
    }
    frozen = {each.of: each for each in history.done("freeze")}
    for call, effect in effects_of(history.done()):
        for account_id, amount_minor in effect.legs:
            freeze = frozen.get(account_id)
            if (
                freeze
                and amount_minor < 0
                and (
                    freeze.acknowledged_s < call.began_s
                    and call.acknowledged_s < unfrozen_s.get(account_id, float("inf"))
                )
            ):
                yield Finding(Sort.OTHER, f"{call.key} left a frozen account", call.acknowledged_s)
