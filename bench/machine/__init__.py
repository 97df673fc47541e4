"""The machine that measures: what it is, what it can do, and what would make it better."""
