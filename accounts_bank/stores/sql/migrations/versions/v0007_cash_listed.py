"""Deposits and withdrawals are listed under their customers, as transfers are."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """List those that are recorded; a line of a customer's account leads to each."""
    op.execute(
        """
        INSERT INTO mentions (of_id, kind, at, entry_id)
        SELECT a.owner_id, l.kind, l.at, l.entry_id
        FROM lines l JOIN accounts a ON a.id = l.account_id
        WHERE l.kind IN ('deposit', 'withdrawal') AND a.owner_id <> 'bank'"""
    )
