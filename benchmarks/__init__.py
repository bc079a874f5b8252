"""Timings, beside those of the machine itself. Run with `make bench`; never part of the tests."""
