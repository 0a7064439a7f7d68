"""Events of a sandbox bank: due work, the bank's prefix, and a bank that is set back."""


def events(caller, query: str = "limit=100"):
    answer = caller("GET", f"/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json["data"]


def types(caller) -> list[str]:
    return [each["type"] for each in events(caller)]


def test_a_hold_that_expires_is_an_event_of_both_sides(bank):
    bank.hold("ada", "ben", 5, expires_in_s=60)
    bank.advance(by="PT61S")
    for name in ("ada", "ben"):
        placed, expired = events(bank.people[name])[-2:]
        assert [placed["type"], expired["type"]] == ["hold.placed", "hold.expired"]
        assert placed["data"]["hold_id"] == expired["data"]["hold_id"]


def test_runs_refusals_and_the_end_of_a_schedule(bank):
    bank.schedule("ben", "ada", 300, first_at="2026-02-01", every="day", count=2)
    bank.advance(by="P3D")
    run, refused, ended = events(bank.people["ben"])[-3:]
    assert [each["type"] for each in (run, refused, ended)] == [
        "schedule.run",
        "schedule.refused",
        "schedule.ended",
    ]
    assert (refused["data"]["code"], refused["data"]["shortfall_minor"]) == (
        "funds_insufficient",
        100,
    )
    assert refused["number"] == ended["number"]
    sent = events(bank.people["ben"], "type=transfer.sent")
    assert [each["data"]["schedule_id"] for each in sent] == [run["data"]["schedule_id"]]
    (received,) = events(bank.people["ada"], "type=transfer.received")
    assert "schedule_id" not in received["data"]


def test_a_schedule_that_is_cancelled_or_runs_once(bank):
    once = bank.schedule("ada", "ben", 1, first_at="2026-02-01", every="once")
    bank.advance(by="P2D")
    daily = bank.schedule("ada", "ben", 1, first_at="2026-03-01", every="day")
    assert bank.people["ada"]("DELETE", f"/v1/schedules/{daily['id']}").status_code == 204
    *_, ended, cancelled = events(bank.people["ada"])
    assert (ended["type"], ended["data"]["schedule_id"]) == ("schedule.ended", once["id"])
    assert (cancelled["type"], cancelled["data"]["schedule_id"]) == (
        "schedule.cancelled",
        daily["id"],
    )


def test_a_page_of_a_bank_links_to_the_next_under_its_prefix(bank):
    answer = bank.people["ada"]("GET", "/v1/events?limit=1")
    assert answer.headers["Link"].startswith(f"<{bank.path}/v1/events?limit=1&cursor=")


def test_a_bank_that_is_set_back_shows_the_events_of_its_present_books(bank):
    before = events(bank.people["ada"])
    assert bank.admin("PUT", "/v1/sandbox/snapshots/first").status_code == 201
    bank.send("ada", "ben", 1)
    assert types(bank.people["ben"])[-1] == "transfer.received"
    restored = bank.admin("POST", "/v1/sandbox/snapshots/first/restore")
    assert restored.status_code == 200, restored.text
    assert events(bank.people["ada"]) == before
    bank.send("ada", "ben", 2)
    assert events(bank.people["ben"])[-1]["data"]["amount_minor"] == 2
