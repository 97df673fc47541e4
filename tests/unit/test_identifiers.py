"""Identifiers of requests."""

from __future__ import annotations

import uuid

from bench.emulator.identifiers import random_uuid


def test_identifiers_are_random_uuids_in_lambdas_form() -> None:
    """Version 4, the variant of the RFC, lower case with hyphens, and never the same."""
    made = [random_uuid() for _ in range(200)]

    read = [uuid.UUID(text) for text in made]
    assert {(u.version, u.variant) for u in read} == {(4, uuid.RFC_4122)}
    assert [str(u) for u in read] == made
    assert len(set(made)) == len(made)
