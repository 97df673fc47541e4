"""The price table: shipped with its date, replaced by one that the Price List API gave.

On-demand prices of the first tier, without the free tier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from bench.cost.price import Architecture
from bench.errors import ConfigError, UnknownName
from bench.store import write_whole

REFRESHED_FILE = "prices.json"
_MB_PER_GB = 1_024
#: What a price that is not known is taken for in an estimate: the dearest of the shipped table.
_DEAREST_GB_SECOND = 0.00002292
_DEAREST_MILLION_REQUESTS = 0.28


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What one region charges, USD; None where it is not known."""

    gb_second: Mapping[Architecture, float]
    million_requests: float | None

    def usd(self, billed_ms: float, memory_mb: int, architecture: Architecture) -> float | None:
        """Duration and request of one invoke, None where the price is not known."""
        rate = self.gb_second.get(architecture)
        if rate is None or self.million_requests is None:
            return None
        return billed_ms / 1_000 * memory_mb / _MB_PER_GB * rate + self.million_requests / 1e6

    def usd_at_most(self, billed_ms: float, memory_mb: int, architecture: Architecture) -> float:
        """As :meth:`usd`, with the dearest price known anywhere in place of an unknown one."""
        rate = self.gb_second.get(architecture) or _DEAREST_GB_SECOND
        requests = self.million_requests or _DEAREST_MILLION_REQUESTS
        return billed_ms / 1_000 * memory_mb / _MB_PER_GB * rate + requests / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """Prices by region, and of when they are."""

    date: str
    source: str
    regions: Mapping[str, Prices] = field(default_factory=dict)

    def of(self, region: str) -> Prices:
        """The prices of a region; all unknown where the table does not have it."""
        return self.regions.get(region, Prices(gb_second={}, million_requests=None))

    def only(self, regions: Sequence[str]) -> PriceTable:
        """The table of some regions; of all, if none is given.

        Raises:
            UnknownName: it does not have one of them.
        """
        for region in regions:
            if region not in self.regions:
                raise UnknownName("region", region, self.regions)
        chosen = {region: self.regions[region] for region in regions or self.regions}
        return replace(self, regions=chosen)


def load(cache: Path | None = None) -> PriceTable:
    """The table that was refreshed last, else the shipped one.

    Raises:
        ConfigError: the refreshed one is damaged.
    """
    refreshed = cache / REFRESHED_FILE if cache is not None else None
    if refreshed is not None and refreshed.is_file():
        try:
            return _table(json.loads(refreshed.read_bytes()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{refreshed} is damaged: {error}",
                hint="`coldbench prices --refresh` writes it anew; deleting it brings the shipped"
                " table back",
            ) from None
    text = resources.files("bench.cost").joinpath("prices.json").read_text(encoding="utf-8")
    return _table(json.loads(text))


def save(table: PriceTable, cache: Path) -> Path:
    """Keep a refreshed table in the cache directory.

    Raises:
        StorageError: it cannot be written.
    """
    data = {
        "date": table.date,
        "source": table.source,
        "regions": {
            region: {**prices.gb_second, "million_requests": prices.million_requests}
            for region, prices in sorted(table.regions.items())
        },
    }
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / REFRESHED_FILE
    write_whole(path, (json.dumps(data, indent=1) + "\n").encode())
    return path


def _table(data: Mapping[str, Any]) -> PriceTable:
    usual = data.get("usual", {})
    entries = dict.fromkeys(data.get("usual_regions", []), usual) | data["regions"]
    return PriceTable(
        date=str(data["date"]),
        source=str(data["source"]),
        regions={
            region: Prices(
                gb_second={a: float(e[a]) for a in _ARCHITECTURES if e.get(a) is not None},
                million_requests=e.get("million_requests", usual.get("million_requests")),
            )
            for region, e in entries.items()
        },
    )


_ARCHITECTURES: tuple[Architecture, ...] = ("x86_64", "arm64")
