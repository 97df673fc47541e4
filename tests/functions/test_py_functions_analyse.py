"""The Python function `analyse`: figures that can be checked by hand, and bad data."""

from __future__ import annotations

import importlib

import pytest

STYLES = ["eager", "lazy"]
CSV = """\
date,region,product,quantity,unit_price_cents
2026-01-10,north,cup,2,1000
2026-01-20,north,cup,1,1000
2026-02-05,north,lamp,1,5000
2026-01-31,south,cup,4,1000
2026-02-28,south,cup,2,1000
"""
ROW = {
    "date": "2026-01-10",
    "region": "north",
    "product": "cup",
    "quantity": 2,
    "unit_price_cents": 1000,
}


@pytest.fixture(name="serve", params=STYLES)
def _serve(request, load):
    module = load("analyse", request.param)
    return lambda **event: module.handler(event, None)


@pytest.fixture(name="errors")
def _errors(serve):
    return importlib.import_module("sales")


def test_summarises_by_region(serve):
    """Totals, shares, growth from January to February, and percentiles, by hand."""
    answer = serve(action="summarise", csv=CSV, percentiles=[90, 50, 50])

    assert answer == {
        "orders": 5,
        "revenue_cents": 14_000,
        "first": "2026-01-10",
        "last": "2026-02-28",
        "best_products": [
            {"product": "cup", "revenue_cents": 9_000},
            {"product": "lamp", "revenue_cents": 5_000},
        ],
        "groups": [
            {
                "region": "north",
                "orders": 3,
                "quantity": 4,
                "revenue_cents": 8_000,
                "share": 0.5714,
                "growth": 0.6667,
                "percentiles_cents": {"p50": 2_000.0, "p90": 4_400.0},
            },
            {
                "region": "south",
                "orders": 2,
                "quantity": 6,
                "revenue_cents": 6_000,
                "share": 0.4286,
                "growth": -0.5,
                "percentiles_cents": {"p50": 3_000.0, "p90": 3_800.0},
            },
        ],
    }


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("product", [("cup", 9_000, -0.7143), ("lamp", 5_000, None)]),
        ("month", [("2026-01", 7_000, None), ("2026-02", 7_000, 0.0)]),
    ],
)
def test_groups_by_another_column(serve, group_by, groups):
    """What had no revenue in the month before has no growth."""
    answer = serve(action="summarise", csv=CSV, group_by=group_by)

    assert groups == [
        (group[group_by], group["revenue_cents"], group["growth"]) for group in answer["groups"]
    ]


def test_rows_and_csv_are_the_same_orders(serve):
    """Numbers may be numbers or text; spaces and a byte order mark do not count."""
    text = (
        "\ufeffdate,region,product,quantity,unit_price_cents\r\n2026-01-10, north,cup ,2,1000\r\n"
    )

    answers = [
        serve(action="summarise", rows=[ROW]),
        serve(action="summarise", rows=[{**ROW, "quantity": "2", "note": "ignored"}]),
        serve(action="summarise", csv=text),
    ]

    assert answers[1:] == [answers[0], answers[0]]


def test_orders_without_revenue_have_no_share(serve):
    """Nothing is divided by zero."""
    answer = serve(action="summarise", rows=[{**ROW, "unit_price_cents": 0}])

    assert (answer["revenue_cents"], answer["groups"][0]["share"]) == (0, 0.0)


def test_the_largest_orders_are_added_up_exactly(serve):
    """Sums stay integers: no float comes between."""
    row = {**ROW, "quantity": 99_999, "unit_price_cents": 99_999_999}

    answer = serve(action="summarise", rows=[row] * 1_001)

    assert answer["revenue_cents"] == 1_001 * 99_999 * 99_999_999
    assert answer["groups"][0]["revenue_cents"] == 1_001 * 99_999 * 99_999_999


def test_preview_shows_the_first_orders(serve):
    """A preview counts and shows, after the same checks."""
    answer = serve(action="preview", csv=CSV)

    assert (answer["rows"], len(answer["first"]), answer["first"][0]) == (5, 3, ROW)


@pytest.mark.parametrize("action", ["preview", "summarise"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"csv": ""}, "line 1: missing date, region, product, quantity, unit_price_cents"),
        ({"csv": "date,region,product,quantity\n"}, "line 1: missing unit_price_cents"),
        ({"csv": CSV.splitlines()[0]}, "there are no orders"),
        ({"rows": []}, "there are no orders"),
        ({"csv": CSV + "2026-02-30,south,cup,2,1000\n"}, "line 7: bad date"),
        ({"csv": CSV + "2026-02-03,,cup,0\n"}, "line 7: bad region, bad quantity, bad unit_price"),
        ({"rows": [ROW, {**ROW, "quantity": True}]}, "row 2: bad quantity"),
        ({"rows": [{**ROW, "unit_price_cents": 9.5}]}, "row 1: bad unit_price_cents"),
        ({"rows": [{**ROW, "unit_price_cents": 100_000_000}]}, "row 1: bad unit_price_cents"),
        ({"rows": [{**ROW, "quantity": "٣"}]}, "row 1: bad quantity"),
        ({"rows": [7]}, "row 1: not an object"),
        ({"rows": [{}] * 12}, "; and 2 more"),
        ({"rows": [ROW] * 50_001}, "more than 50000 orders"),
    ],
)
def test_bad_orders_are_named_line_by_line(serve, errors, action, data, message):
    """Both actions refuse the same data, and say where it is wrong."""
    with pytest.raises(errors.InvalidDataError, match=message):
        serve(action=action, **data)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"action": "count"}, "action must be one of"),
        ({"action": "summarise"}, "either as text in csv or as a list in rows"),
        ({"action": "preview", "csv": CSV, "rows": [ROW]}, "either"),
        ({"action": "preview", "csv": 7}, "either"),
        ({"action": "summarise", "csv": CSV, "group_by": "quantity"}, "group_by must be"),
        ({"action": "summarise", "csv": CSV, "group_by": []}, "group_by must be"),
        ({"action": "summarise", "csv": CSV, "percentiles": []}, "percentiles must be"),
        ({"action": "summarise", "csv": CSV, "percentiles": [0]}, "percentiles must be"),
        ({"action": "summarise", "csv": CSV, "percentiles": [True]}, "percentiles must be"),
    ],
)
def test_a_request_that_is_wrong_is_refused(serve, errors, event, message):
    """The error says what a request may be."""
    with pytest.raises(errors.InvalidRequestError, match=message):
        serve(**event)
