"""The parts of the cloud backend that need no endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.cloud.arms import circumstances, parse_arms
from bench.cloud.faults import kind_of, stopped
from bench.cloud.redaction import Redactor
from bench.cloud.tokens import TokenBucket
from bench.cost.price import dollars
from bench.cost.price_list import fetch
from bench.cost.table import load, save
from bench.errors import ConfigError, UnknownName, UsageError


class Refusal(Exception):
    """What botocore raises, as far as we look at it."""

    def __init__(self, code: str, status: int, message: str = "no") -> None:
        super().__init__(message)
        self.response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyRequestsException", 429, "refused"),
        ("ResourceConflictException", 409, "refused"),
        ("RequestTimeTooSkewed", 403, "refused"),
        ("ServiceException", 500, "unknown"),
        ("ExpiredTokenException", 403, "stop"),
        ("AccessDeniedException", 403, "stop"),
        ("CodeStorageExceededException", 400, "stop"),
        ("InvalidParameterValueException", 400, "final"),
    ],
)
def test_errors_are_sorted_by_what_can_be_done(code: str, status: int, kind: str) -> None:
    """Only what was surely not carried out may be repeated."""
    assert kind_of(Refusal(code, status)) == kind


def test_messages_are_redacted() -> None:
    """Known values, and whatever looks like a key, a token or an account number."""
    redact = Redactor(lambda: ["a-secret-value"])
    text = redact(
        "a-secret-value AKIAABCDEFGHIJKLMNOP x-amz-security-token:abc/def+123 "
        "arn:aws:iam::123456789012:user/me http://user:word@host/"
    )
    assert text == "*** *** x-amz-security-token:*** arn:aws:iam::***:user/me http://***@host/"


def test_a_refused_signature_shows_no_token() -> None:
    """AWS quotes the canonical request, with the session token in it."""
    error = Refusal("SignatureDoesNotMatch", 403, "x-amz-security-token:SECRET\nhost:x")
    assert "SECRET" not in stopped(error, "call", Redactor()).message


def test_the_bucket_makes_callers_queue() -> None:
    """After the first second's worth, each call waits for its own place."""
    waits: list[float] = []
    bucket = TokenBucket(2.0, wait=lambda s: bool(waits.append(s)), clock=lambda: 0.0)
    for _ in range(5):
        bucket.take()
    assert waits == [0.5, 1.0, 1.5]


def test_variant_ids_say_where_they_run() -> None:
    """Recipe, architecture and arms, in any combination."""
    found = circumstances("lazy@arm64+snapstart+tmp", "x86_64")
    assert (found.recipe, found.architecture) == ("lazy", "arm64")
    assert found.arms == {"snapstart", "tmp"}
    assert circumstances("stripped-trimpath", "x86_64").architecture == "x86_64"


def test_arms_are_checked() -> None:
    """Names and what they need."""
    assert parse_arms(["tmp=2048", "vpc=subnet-1,sg-2"]).subnets == ("subnet-1",)
    with pytest.raises(UnknownName):
        parse_arms(["snapshot"])
    with pytest.raises(UsageError, match="needs a value"):
        parse_arms(["layer"])
    with pytest.raises(UsageError, match="size of /tmp"):
        parse_arms(["tmp=100"])


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0.0, "$0.00"),
        (0.00001, "$0.000010"),
        (0.00041, "$0.00041"),
        (0.0999, "$0.10"),
        (1.0, "$1.00"),
        (1234.5, "$1,234.50"),
    ],
)
def test_amounts_have_two_significant_digits_and_at_least_cents(usd: float, text: str) -> None:
    """Small ones too, and none with an exponent: one form, so that amounts can be compared."""
    assert dollars(usd) == text


def test_the_shipped_prices_are_those_of_the_price_list() -> None:
    """us-east-1 to the digit; what is not known is not invented."""
    table = load()
    prices = table.of("us-east-1")
    assert prices.usd(1, 128, "x86_64") == pytest.approx(2.0833e-9 + 2e-7, rel=1e-4)
    assert table.of("af-south-1").usd(1, 128, "arm64") is None
    assert table.of("nowhere").usd(1, 128, "x86_64") is None
    assert table.of("nowhere").usd_at_most(1, 128, "x86_64") > 0


def product(region: str, group: str, begin: str, usd: str, location: str = "x") -> str:
    dimension = {"beginRange": begin, "pricePerUnit": {"USD": usd}}
    attributes = {"regionCode": region, "group": group, "location": location}
    terms = {"OnDemand": {"t": {"priceDimensions": {"d": dimension}}}}
    return json.dumps({"product": {"attributes": attributes}, "terms": terms})


class Pricing:
    """The Price List API, as far as it is asked."""

    def get_paginator(self, _: str) -> Pricing:
        return self

    def paginate(self, **arguments: Any) -> list[dict[str, list[str]]]:
        group = arguments["Filters"][0]["Value"]
        usd = "0.0000002" if "Requests" in group else "0.00002"
        return [
            {
                "PriceList": [
                    product("eu-west-1", group, "0", usd),
                    product("eu-west-1", group, "6000000000", "0.00001"),
                    product("any", group, "0", "0.5", "Any"),
                ]
            }
        ]


def test_prices_are_refreshed_by_first_tiers(tmp_path: Path) -> None:
    """Higher tiers and the free tier are not the price; the answer replaces the shipped table."""
    save(fetch(Pricing(), date="2026-11-20"), tmp_path)
    table = load(tmp_path)
    assert table.date == "2026-11-20"
    assert table.of("eu-west-1").gb_second == {"x86_64": 0.00002, "arm64": 0.00002}
    assert table.of("eu-west-1").million_requests == pytest.approx(0.2)
    assert list(table.regions) == ["eu-west-1"]


def test_a_damaged_price_table_is_advice(tmp_path: Path) -> None:
    """It says which file, and how to get another."""
    (tmp_path / "prices.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"prices\.json is damaged"):
        load(tmp_path)
