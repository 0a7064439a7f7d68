"""The skeletons of usernames that an earlier version took without comparing them."""

from collections.abc import Iterable, Iterator

from accounts_bank.usernames import skeleton


def first_of_each(named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str | None]]:
    """Yield the id and the skeleton of each user; only the first of look-alikes gets theirs.

    :param named: the ids and the usernames, in the order of the ids.
    """
    seen: set[str] = set()
    for user_id, username in named:
        found = skeleton(username)
        yield user_id, None if found in seen else found
        seen.add(found)
