"""Samples in, verdicts out: pure functions of a record, without input or output."""
