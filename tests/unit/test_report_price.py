"""What a cold start costs."""

from __future__ import annotations

import pytest

from bench.cost.price import architecture_of, billed_ms, usd_per_million_cold_starts


@pytest.mark.parametrize(
    ("cold_total_ns", "expected"),
    [(350_830_000, 351), (213_610_000, 214), (3_100_780_000, 3_101), (2_000_000, 2), (1, 1)],
)
def test_billed_duration_is_the_sum_rounded_up(cold_total_ns: int, expected: int) -> None:
    """Init and duration are billed together, in whole milliseconds."""
    assert expected == billed_ms(cold_total_ns)


@pytest.mark.parametrize(
    ("architecture", "expected"), [("x86_64", 16.6667 + 0.20), ("arm64", 13.3334 + 0.20)]
)
def test_a_second_at_one_gigabyte_costs_the_listed_price(
    architecture: str, expected: float
) -> None:
    """A million cold starts of one GB-second each are a million GB-seconds and requests."""
    price = usd_per_million_cold_starts(1_000_000_000, 1_024, architecture_of(architecture))

    assert expected == pytest.approx(price)


@pytest.mark.parametrize(
    ("machine", "expected"), [("aarch64", "arm64"), ("x86_64", "x86_64"), ("", "x86_64")]
)
def test_machine_types_have_lambda_names(machine: str, expected: str) -> None:
    """What the kernel calls a machine is mapped to what Lambda charges for."""
    assert expected == architecture_of(machine)
