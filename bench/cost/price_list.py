"""Prices from the AWS Price List API, which needs ``pricing:GetProducts`` and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bench.cost.price import Architecture
from bench.cost.table import Prices, PriceTable

#: The API exists in few regions; this one always has it.
API_REGION = "us-east-1"
#: The exact names of product groups: similar ones are of Lambda@Edge, storage and provisioned
#: concurrency.
_DURATION: Mapping[str, Architecture] = {
    "AWS-Lambda-Duration": "x86_64",
    "AWS-Lambda-Duration-ARM": "arm64",
}
_REQUESTS = "AWS-Lambda-Requests"


def fetch(client: Any, *, date: str) -> PriceTable:
    """All regions' first-tier prices, from a ``pricing`` client.

    Raises:
        BotoCoreError: the service cannot be reached.
        ClientError: it refuses.
    """
    durations: dict[str, dict[Architecture, float]] = {}
    requests: dict[str, float] = {}
    for group in (*_DURATION, _REQUESTS):
        for region, usd in _first_tiers(_products(client, group)):
            if group == _REQUESTS:
                requests[region] = round(usd * 1e6, 6)
            else:
                durations.setdefault(region, {})[_DURATION[group]] = usd
    return PriceTable(
        date=date,
        source="AWS Price List API, AWSLambda, on demand, first tier, USD",
        regions={
            region: Prices(gb_second=found, million_requests=requests.get(region))
            for region, found in durations.items()
        },
    )


def _products(client: Any, group: str) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("get_products").paginate(
        ServiceCode="AWSLambda",
        FormatVersion="aws_v1",
        Filters=[{"Type": "TERM_MATCH", "Field": "group", "Value": group}],
    )
    for page in pages:
        for text in page["PriceList"]:
            product = json.loads(text)
            if product["product"]["attributes"].get("group") == group:
                yield product


def _first_tiers(products: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    """Region and price of the tier that begins at 0; the free tier, of any location, is not one."""
    for product in products:
        attributes = product["product"]["attributes"]
        region = attributes.get("regionCode")
        if not region or attributes.get("location") == "Any":
            continue
        for term in product["terms"]["OnDemand"].values():
            for dimension in term["priceDimensions"].values():
                usd = float(dimension["pricePerUnit"].get("USD", 0))
                if dimension.get("beginRange") == "0" and usd > 0:
                    yield region, usd
