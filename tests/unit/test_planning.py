from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.config import Settings, load_settings
from bench.errors import MeasurementError
from bench.functions.targets import Selection
from bench.functions.variants import of_runtime
from bench.planning import DEFAULT_BUDGET_S, LONG_LOOKS, LOOKS, Wishes, make_plan
from bench.subjects import Artifact, Event, Function

WISHES = Wishes(limits=True)


def _settings(**changes: object) -> Settings:
    settings = load_settings({}, cwd=Path("/"), environ={})
    return replace(settings, **changes)  # type: ignore[arg-type]


def _asked_for(*sizes: int) -> Settings:
    settings = _settings(memory_sizes_mb=sizes)
    return replace(settings, sources={**settings.sources, "memory": "--memory"})


def _selection(*variants: str, library: bool = False) -> Selection:
    function = Function(
        id="python/orders",
        runtime="python",
        directory=Path("/orders"),
        handler="app.handler",
        events=(
            Event(name="plain", path=Path("/plain.json"), uses_library=False if library else None),
            Event(name="used", path=Path("/used.json"), uses_library=True if library else None),
        ),
    )
    recipes = tuple(v for v in of_runtime("python") if v.id in (variants or ("eager", "lazy")))
    return Selection(function=function, variants=recipes, events=function.events, baseline="eager")


def _with_memory(memory_mb: int) -> Selection:
    selection = _selection()
    return replace(selection, function=replace(selection.function, memory_mb=memory_mb))


def _artifacts(*variants: str, **identical: str) -> dict[tuple[str, str], Artifact]:
    return {
        ("python/orders", v): Artifact(
            function="python/orders",
            variant=v,
            digest=v,
            zip_path=Path("/zip"),
            tree_path=Path("/tree"),
            handler="app.handler",
            zip_bytes=1,
            unpacked_bytes=1,
            binary_bytes=0,
            toolchain={},
            recipe="",
            identical_to=identical.get(v),
        )
        for v in variants
    }


def test_the_largest_memory_size_is_measured_and_the_others_modelled() -> None:
    """Measuring one size of all cells fits the time, and the model fills the report."""
    plan = make_plan([_selection()], _artifacts("eager", "lazy"), _settings(), WISHES)

    assert {c.memory_mb for c in plan.cells} == {1769}
    assert plan.memory_sizes_mb == (128, 512, 1024, 1769)
    assert {c.memory_mb for c in plan.validation_cells} == {128, 512, 1024}


def test_memory_sizes_that_were_asked_for_are_measured() -> None:
    """`--memory 128,512` is an order, not a wish."""
    plan = make_plan([_selection()], _artifacts("eager", "lazy"), _asked_for(128, 512), WISHES)

    assert {c.memory_mb for c in plan.cells} == {128, 512}
    assert plan.validation_cells == ()


def test_without_limits_one_whole_cpu_is_measured_and_nothing_is_checked() -> None:
    """Where no quota can be set, every smaller size is modelled."""
    plan = make_plan(
        [_selection()], _artifacts("eager", "lazy"), _asked_for(128, 512), Wishes(limits=False)
    )

    assert {c.memory_mb for c in plan.cells} == {1769}
    assert plan.cpu_mode == "none"
    assert plan.validation_cells == ()
    assert plan.memory_sizes_mb == (128, 512)


def test_a_package_that_equals_another_is_not_measured_twice() -> None:
    """The baseline of a run whose baseline is a copy is the original."""
    artifacts = _artifacts("eager", "lazy", lazy="eager")
    selection = replace(_selection(), baseline="lazy")

    plan = make_plan([selection], artifacts, _settings(), WISHES)

    assert {c.variant for c in plan.cells} == {"eager"}
    assert plan.baselines == {"python/orders": "eager"}


def test_a_variant_that_was_not_built_is_not_planned() -> None:
    """The others are; the first of them stands in for a baseline that failed."""
    plan = make_plan([_selection()], _artifacts("lazy"), _settings(), WISHES)

    assert {c.variant for c in plan.cells} == {"lazy"}
    assert plan.baselines == {"python/orders": "lazy"}


def test_cells_can_be_left_out_of_a_default_run_and_are_in_a_run_of_everything() -> None:
    """Globs of function/variant/event."""
    settings = _settings(leave_out=("python/orders/lazy/used",))
    artifacts = _artifacts("eager", "lazy")

    default = make_plan([_selection()], artifacts, settings, WISHES)
    everything = make_plan([_selection()], artifacts, settings, replace(WISHES, everything=True))

    assert ("lazy", "used") not in {(c.variant, c.event) for c in default.cells}
    assert ("lazy", "used") in {(c.variant, c.event) for c in everything.cells}
    assert {c.memory_mb for c in everything.cells} == {128, 512, 1024, 1769}


def test_the_model_is_checked_where_it_matters_most() -> None:
    """The lazy style with an event that uses the library has the longest first invoke."""
    plan = make_plan([_selection(library=True)], _artifacts("eager", "lazy"), _settings(), WISHES)

    assert {(c.variant, c.event) for c in plan.validation_cells} == {("lazy", "used")}


def test_single_checks_of_the_model_can_be_left_out() -> None:
    """Globs of function/variant/event/size."""
    settings = _settings(leave_out=("*/128MB",))
    plan = make_plan([_selection()], _artifacts("eager", "lazy"), settings, WISHES)

    assert {c.memory_mb for c in plan.validation_cells} == {512, 1024}
    assert len(plan.cells) == 4


@pytest.mark.parametrize(
    ("changes", "wishes", "looks", "discarded", "budget_s"),
    [
        ({}, WISHES, LOOKS, 3, DEFAULT_BUDGET_S),
        ({"rounds": 40}, WISHES, (40,), 3, None),
        ({"rounds": 40, "budget_s": 9.0}, WISHES, (40,), 3, 9.0),
        ({"budget_s": 60.0}, WISHES, LONG_LOOKS, 3, 60.0),
        ({"rounds": 40}, replace(WISHES, smoke=True), (1,), 0, None),
    ],
)
def test_how_many_rounds(
    changes: dict[str, object],
    wishes: Wishes,
    looks: tuple[int, ...],
    discarded: int,
    budget_s: float | None,
) -> None:
    """As many as decide it within three minutes; exactly those asked for; more for a budget."""
    plan = make_plan([_selection()], _artifacts("eager", "lazy"), _settings(**changes), wishes)

    assert (plan.looks, plan.rounds, plan.discarded_rounds) == (looks, looks[-1], discarded)
    assert plan.budget_s == budget_s


def test_what_a_verdict_means_is_fixed_before_the_first_sample() -> None:
    """Confidence and margins, those of single metrics included, are part of the plan."""
    settings = _settings(confidence=0.95, margin=0.02, margins=("cold_total=5%",))
    plan = make_plan([_selection()], _artifacts("eager", "lazy"), settings, WISHES)

    assert plan.confidence == 0.95
    assert (plan.margin_of("init"), plan.margin_of("cold_total")) == (0.02, 0.05)


def test_a_given_seed_is_kept_and_a_missing_one_is_drawn() -> None:
    """Every plan has a seed that can be typed again."""
    artifacts = _artifacts("eager")

    assert make_plan([_selection()], artifacts, _settings(seed=7), WISHES).seed == 7
    assert 0 <= make_plan([_selection()], artifacts, _settings(), WISHES).seed < 1_000_000


def test_nothing_to_measure_is_an_error() -> None:
    """When no build succeeded there is no run."""
    with pytest.raises(MeasurementError, match="nothing to measure"):
        make_plan([_selection()], {}, _settings(), WISHES)


def test_a_configured_memory_size_is_in_the_report() -> None:
    """`memory = 300` asks for the cold total at 300 MB, modelled like the other sizes."""
    plan = make_plan([_with_memory(300)], _artifacts("eager", "lazy"), _settings(), WISHES)

    assert plan.memory_sizes_mb == (128, 300, 512, 1024, 1769)
    assert {c.memory_mb for c in plan.cells} == {1769}
    assert {c.memory_mb for c in plan.validation_cells} == {128, 300, 512, 1024}


def test_a_configured_memory_size_is_measured_in_a_run_of_everything() -> None:
    """As every other size is."""
    wishes = replace(WISHES, everything=True)
    plan = make_plan([_with_memory(300)], _artifacts("eager", "lazy"), _settings(), wishes)

    assert {c.memory_mb for c in plan.cells} == {128, 300, 512, 1024, 1769}


def test_memory_sizes_that_somebody_named_are_all_that_there_are() -> None:
    """A flag, a variable and a project file stand above what a function is configured with."""
    settings = replace(_asked_for(128, 512), sources={**_settings().sources, "memory": "a file"})
    plan = make_plan([_with_memory(300)], _artifacts("eager", "lazy"), settings, WISHES)

    assert plan.memory_sizes_mb == (128, 512)


def test_a_function_above_one_cpu_is_measured_there_and_others_are_not() -> None:
    """One function's size is in the plan, and does not move what is measured of another."""
    large = _with_memory(3008)
    large = replace(large, function=replace(large.function, id="python/large"))
    artifacts = _artifacts("eager")
    artifacts["python/large", "eager"] = artifacts["python/orders", "eager"]
    plan = make_plan([_selection(), large], artifacts, _settings(), WISHES)

    assert {(c.function, c.memory_mb) for c in plan.cells} == {
        ("python/orders", 1769),
        ("python/large", 3008),
    }
    assert ("python/orders", 3008) not in {(c.function, c.memory_mb) for c in plan.validation_cells}
    assert ("python/large", 1769) in {(c.function, c.memory_mb) for c in plan.validation_cells}
