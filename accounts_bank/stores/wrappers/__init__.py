"""Stores that wrap another store and add one thing to it."""
