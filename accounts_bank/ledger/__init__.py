"""The rules of money: pure functions over frozen values; no I/O, no clock, no randomness."""
