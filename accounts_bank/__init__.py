"""Accounts: a bank in a box. The layers are api -> collections -> stores; see docs/design.md."""
