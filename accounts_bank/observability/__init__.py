"""Metrics and traces: the parts of a bank report to an `Observer`."""
