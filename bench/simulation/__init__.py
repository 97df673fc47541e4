"""Comparisons and runs on machines that never were: what the statistics are held to."""
