"""Waiting without keeping a thread, and sharing one question among callers."""
