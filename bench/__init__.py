"""Benchmarks: ratios measured in one run on one machine, by `make bench`."""
