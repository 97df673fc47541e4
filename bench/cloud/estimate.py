"""What a run would do, cost and take: known before anything is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.cloud.arms import circumstances
from bench.cloud.copies import Copy
from bench.cloud.tokens import CONTROL_CALLS_PER_S
from bench.cost.price import Architecture, dollars
from bench.cost.table import Prices
from bench.model import Plan
from bench.session import schedule

#: Assumed before anything is measured, generously: init and first invoke together, at one vCPU.
_ASSUMED_COLD_MS = 1_000.0
_ASSUMED_WARM_MS = 100.0
_ONE_VCPU_MB = 1_769
#: What an update of a configuration, a new version and its becoming active take, one after another.
_PREPARATION_S = 4.0
#: SnapStart and provisioned concurrency of us-east-1, x86_64 (AWS Price List, September 2026).
_SNAPSTART_GB_SECOND = 0.0000015046
_SNAPSTART_SHORTEST_S = 3 * 3_600
_RESTORE_GB = 0.0001397998
_PROVISIONED_GB_SECOND = 0.0000041667 + 0.0000097222
_PROVISIONED_SHORTEST_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Numbers of one region's run."""

    region: str
    functions: int
    copies: int
    rounds: int
    cold: int
    warm: int
    usd: float
    #: If every single invoke ran into its timeout.
    usd_at_most: float
    seconds: float
    calls: Mapping[str, int]
    prices_of: str
    prices_known: bool


def estimate(
    plan: Plan,
    copies: Sequence[Copy],
    *,
    region: str,
    prices: Prices,
    prices_of: str,
    default: Architecture,
    parallel: int,
    own_role: bool,
) -> Estimate:
    """Price every trial of a plan with assumed durations, and count the calls it takes."""
    timeouts = {(c.function, c.variant): c.timeout_s for c in copies}
    cold = 0
    usd = usd_at_most = busy_s = 0.0
    for slot in (slot for slots in schedule.rounds(plan) for slot in slots):
        cell = slot.cell
        parts = circumstances(cell.variant, default)
        cold_ms, warm_ms = assumed_ms(cell.memory_mb)
        longest_ms = timeouts[cell.function, cell.variant] * 1_000.0
        cold += 1
        usd += prices.usd_at_most(cold_ms, cell.memory_mb, parts.architecture)
        usd += plan.warm_invokes * prices.usd_at_most(warm_ms, cell.memory_mb, parts.architecture)
        extra = _extra_usd(parts.arms, cell.memory_mb)
        usd += extra
        usd_at_most += extra + (1 + plan.warm_invokes) * prices.usd_at_most(
            longest_ms, cell.memory_mb, parts.architecture
        )
        busy_s += (cold_ms + plan.warm_invokes * warm_ms) / 1_000
    calls = _calls(copies, cold, plan.warm_invokes, own_role=own_role)
    rounds = plan.rounds + plan.discarded_rounds
    control_s = sum(n for name, n in calls.items() if name.startswith("lambda:")) - cold * (
        1 + plan.warm_invokes
    )
    return Estimate(
        region=region,
        functions=len({cell.function for cell in plan.cells}),
        copies=len(copies),
        rounds=rounds,
        cold=cold,
        warm=cold * plan.warm_invokes,
        usd=usd,
        usd_at_most=usd_at_most,
        seconds=max(control_s / CONTROL_CALLS_PER_S, rounds * _PREPARATION_S) + busy_s / parallel,
        calls=calls,
        prices_of=prices_of,
        prices_known=bool(prices.gb_second) and prices.million_requests is not None,
    )


def assumed_ms(memory_mb: int) -> tuple[float, float]:
    """Billed milliseconds of a cold start and of a warm invoke, for want of anything better."""
    slowdown = max(1.0, _ONE_VCPU_MB / memory_mb)
    return _ASSUMED_COLD_MS / 2 * (1 + slowdown), _ASSUMED_WARM_MS * slowdown


def _extra_usd(arms: frozenset[str], memory_mb: int) -> float:
    """What SnapStart and provisioned concurrency charge for one version, at their shortest."""
    gb = memory_mb / 1_024
    usd = 0.0
    if "snapstart" in arms:
        usd += gb * (_SNAPSTART_GB_SECOND * _SNAPSTART_SHORTEST_S + _RESTORE_GB)
    if "provisioned" in arms:
        usd += gb * _PROVISIONED_GB_SECOND * _PROVISIONED_SHORTEST_S
    return usd


def _calls(copies: Sequence[Copy], cold: int, warm: int, *, own_role: bool) -> dict[str, int]:
    calls: Counter[str] = Counter()
    if own_role:
        for name in ("CreateRole", "PutRolePolicy", "GetRole", "DeleteRolePolicy", "DeleteRole"):
            calls[f"iam:{name}"] = 1
    for name in ("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup"):
        calls[name] = len(copies)
    calls["lambda:CreateFunction"] = calls["lambda:DeleteFunction"] = len(copies)
    for name in ("UpdateFunctionConfiguration", "PublishVersion", "CreateAlias"):
        calls[f"lambda:{name}"] = cold
    calls["lambda:Invoke"] = cold * (1 + warm)
    return dict(calls)


def describe(found: Estimate) -> str:
    """Put an estimate into words, for a person who decides."""
    known = "" if found.prices_known else "; this region's prices are not known, the dearest count"
    return (
        f"{found.region}: {found.functions} functions as {found.copies} throw-away copies,"
        f" {found.rounds} rounds, {found.cold:,} cold starts and {found.warm:,} warm invokes\n"
        f"about {dollars(found.usd)} (at most {dollars(found.usd_at_most)}, if every invoke ran"
        f" into its timeout; prices of {found.prices_of}{known}), about {_minutes(found.seconds)}\n"
    )


def describe_calls(found: Estimate) -> str:
    """List the calls, the most frequent first."""
    width = max(len(name) for name in found.calls)
    ordered = sorted(found.calls.items(), key=lambda item: (-item[1], item[0]))
    return "".join(f"  {name:<{width}}  {count:>7,}\n" for name, count in ordered)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
