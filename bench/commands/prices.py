"""``coldbench prices``: what Lambda charges by region, and a newer table where one is wanted."""

from __future__ import annotations

import datetime
import json

from bench.commands.options import PricesOptions
from bench.cost.table import PriceTable, load, save
from bench.errors import MeasurementError


def execute(options: PricesOptions) -> tuple[str, int]:
    """Show the table; with ``--refresh`` ask the Price List API first and keep its answer.

    Raises:
        UnknownName: a region that the table does not have.
        MeasurementError: AWS refuses, or has no prices.
    """
    cache = options.settings.cache
    if options.refresh:
        table = _refreshed(options)
        save(table, cache)
    table = load(cache).only(options.aws.regions)
    return (_json(table) if options.json else _text(table)), 0


def _refreshed(options: PricesOptions) -> PriceTable:
    from bench.cloud.account import Account, Target
    from bench.cloud.faults import stopped
    from bench.cost.price_list import API_REGION, fetch

    aws = options.aws
    target = Target(region=API_REGION, endpoint_url=aws.endpoint_url, profile=aws.profile)
    account = Account(target, environ=options.environ)  # says so where boto3 is missing
    from botocore.exceptions import BotoCoreError, ClientError

    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        table = fetch(account.control("pricing"), date=date)
    except (BotoCoreError, ClientError) as error:
        raise stopped(error, "the Price List API", account.redact) from None
    if not table.regions:
        raise MeasurementError(
            "the Price List API gave no prices of Lambda",
            hint="the table from before is kept; try again later",
        )
    return table


def _text(table: PriceTable) -> str:
    lines = [
        f"{table.source}, of {table.date}",
        "",
        f"{'region':<16} {'x86_64 GB-s':>14} {'arm64 GB-s':>14} {'million requests':>17}",
    ]
    for region, prices in sorted(table.regions.items()):
        x86, arm = prices.gb_second.get("x86_64"), prices.gb_second.get("arm64")
        requests = prices.million_requests
        lines.append(
            f"{region:<16} {_rate(x86):>14} {_rate(arm):>14}"
            f" {'unknown' if requests is None else f'{requests:.2f}':>17}"
        )
    return "\n".join(lines) + "\n"


def _rate(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:.10f}"


def _json(table: PriceTable) -> str:
    regions = {
        region: {**prices.gb_second, "million_requests": prices.million_requests}
        for region, prices in sorted(table.regions.items())
    }
    data = {"date": table.date, "source": table.source, "regions": regions}
    return json.dumps(data, indent=2) + "\n"
