"""Lets `flask run` find the bank; the composition root is `accounts_bank/app.py`."""

from accounts_bank.app import create_app

__all__ = ["create_app"]
