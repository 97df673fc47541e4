from __future__ import annotations

import itertools
from collections import Counter

from plans import a_cell, a_plan

from bench.session.schedule import SLOTS, hash_seed, rounds


def test_every_round_runs_every_arm_of_every_group_once() -> None:
    """A round is complete: each variant once, and the baseline once more as the A/A arm."""
    plan = a_plan(a_cell("default"), a_cell("stripped"), a_cell("default", function="go/other"))

    for slots in rounds(plan):
        arms = Counter((s.cell.function, s.cell.variant, s.arm) for s in slots)

        assert arms == {
            ("go/hello", "default", "variant"): 1,
            ("go/hello", "default", "aa"): 1,
            ("go/hello", "stripped", "variant"): 1,
            ("go/other", "default", "variant"): 1,
            ("go/other", "default", "aa"): 1,
        }


def test_the_same_seed_gives_the_same_order() -> None:
    """The order is a function of the plan."""
    assert list(rounds(a_plan())) == list(rounds(a_plan()))


def test_another_seed_gives_another_order() -> None:
    """The seed matters."""
    assert list(rounds(a_plan(rounds=20))) != list(rounds(a_plan(rounds=20, seed=8)))


def test_order_inside_a_group_is_random() -> None:
    """Over many rounds every arm of a group comes first about equally often."""
    first = Counter((s[0].cell.variant, s[0].arm) for s in rounds(a_plan(rounds=600)))

    assert set(first) == {("default", "variant"), ("default", "aa"), ("stripped", "variant")}
    assert min(first.values()) > 140


def test_arms_of_a_group_stand_together_and_share_a_staging_slot() -> None:
    """Within a round the arms of a group are neighbours and run from copies of the same index."""
    plan = a_plan(a_cell("default"), a_cell("stripped"), a_cell("default", function="go/other"))

    for slots in rounds(plan):
        functions = [s.cell.function for s in slots]
        changes = sum(a != b for a, b in itertools.pairwise(functions))

        assert changes == 1
        assert len({s.copy for s in slots if s.cell.function == "go/hello"}) == 1


def test_all_staged_copies_are_used() -> None:
    """Copies are rotated, so that each serves equally often."""
    used = Counter(slots[0].copy for slots in rounds(a_plan(rounds=8 * SLOTS - 1)))

    assert set(used.values()) == {8}
    assert set(used) == set(range(SLOTS))


def test_the_hash_seed_is_one_per_round() -> None:
    """All arms of a round share it, and rounds differ."""
    plan = a_plan()

    assert len({hash_seed(plan, number) for number in range(20)}) == 20
    assert hash_seed(plan, 3) == hash_seed(plan, 3)


def test_only_the_first_rounds_are_discarded() -> None:
    """Warm-up is a fixed number of rounds, decided beforehand."""
    discarded = [slots[0].discarded for slots in rounds(a_plan(rounds=3, discarded_rounds=2))]

    assert discarded == [True, True, False, False, False]


def test_validation_cells_run_in_a_few_judged_rounds_spread_over_the_session() -> None:
    """The quota model's check cells have no A/A arm and run in as many rounds as planned."""
    check = a_cell("default", memory_mb=128)
    plan = a_plan(rounds=16, discarded_rounds=3, validation_cells=(check,), validation_rounds=4)

    with_check = [slots[0].round for slots in rounds(plan) if any(s.cell == check for s in slots)]

    assert with_check == [3, 7, 11, 15]
    assert all(s.arm == "variant" for slots in rounds(plan) for s in slots if s.cell == check)
