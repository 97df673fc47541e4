"""On-demand prices of Lambda, and what a cold start costs at them.

Source: AWS Price List for us-east-1, first tier (up to 6 billion GB-seconds a month; the arm64
tiers are larger); most commercial regions charge the same.
"""

from __future__ import annotations

from typing import Literal

Architecture = Literal["x86_64", "arm64"]

REGION = "us-east-1"
USD_PER_GB_SECOND: dict[Architecture, float] = {
    "x86_64": 0.0000166667,
    "arm64": 0.0000133334,
}
USD_PER_MILLION_REQUESTS = 0.20

_NS_PER_MS = 1_000_000
_MB_PER_GB = 1_024


def architecture_of(machine: str) -> Architecture:
    """Lambda's name for a machine type as ``uname -m`` spells it; x86_64 unless it is an Arm."""
    return "arm64" if machine.lower() in {"arm64", "aarch64"} else "x86_64"


def billed_ms(cold_total_ns: int) -> int:
    """Init plus first invoke, rounded up to whole milliseconds.

    Since 1 August 2025 the init phase is billed on every configuration, in one sum with the
    invoke (AWS Compute Blog, "AWS Lambda standardizes billing for INIT Phase").
    """
    return -(-cold_total_ns // _NS_PER_MS)


def usd_per_million_cold_starts(
    cold_total_ns: int, memory_mb: int, architecture: Architecture
) -> float:
    """Duration and request charges of a million cold starts, without the free tier."""
    gb_seconds = billed_ms(cold_total_ns) / 1_000 * memory_mb / _MB_PER_GB
    return gb_seconds * USD_PER_GB_SECOND[architecture] * 1_000_000 + USD_PER_MILLION_REQUESTS


def dollars(usd: float) -> str:
    """An amount with two significant digits, and at least to the cent: ``$0.00041``, ``$1.50``."""
    exponent = int(f"{usd:.1e}".partition("e")[2])
    return f"${usd:,.{max(2, 1 - exponent)}f}"
