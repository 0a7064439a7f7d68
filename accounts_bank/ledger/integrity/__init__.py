"""Proves the books: every number follows from the journal."""
