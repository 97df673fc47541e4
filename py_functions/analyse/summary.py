"""Orders summarised with pandas.

Importing this module loads pandas; the two import styles differ only in when they do so.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from sales import Question, Row


def summarise(rows: list[Row], question: Question) -> dict[str, Any]:
    """Total the orders, and give each group's revenue, share, trend and percentiles.

    ``growth`` is the revenue of a group's last month relative to the one before, None where
    there is no such month. Percentiles are of the revenue of one order, interpolated linearly.
    """
    orders = _orders(rows)
    groups = orders.groupby(question.group_by, sort=True)
    table = groups.agg(
        orders=("revenue_cents", "size"),
        quantity=("quantity", "sum"),
        revenue_cents=("revenue_cents", "sum"),
    )
    total = int(table["revenue_cents"].sum())
    table["share"] = table["revenue_cents"] / total if total else table["revenue_cents"] * 0.0
    quantiles = groups["revenue_cents"].quantile([p / 100 for p in question.percentiles]).unstack()
    growth = _growth(orders, question.group_by)
    ranking = table.sort_values("revenue_cents", ascending=False, kind="stable")
    return {
        "orders": len(orders),
        "revenue_cents": total,
        "first": orders["date"].min().date().isoformat(),
        "last": orders["date"].max().date().isoformat(),
        "best_products": _best_products(orders),
        "groups": [
            {
                question.group_by: line.Index,
                "orders": int(line.orders),
                "quantity": int(line.quantity),
                "revenue_cents": int(line.revenue_cents),
                "share": round(float(line.share), 4),
                "growth": growth.get(line.Index),
                "percentiles_cents": {
                    f"p{p}": round(float(quantiles.loc[line.Index, p / 100]), 2)
                    for p in question.percentiles
                },
            }
            for line in ranking.itertuples()
        ],
    }


def _orders(rows: list[Row]) -> pd.DataFrame:
    orders = pd.DataFrame.from_records(rows)
    orders["date"] = pd.to_datetime(orders["date"], format="%Y-%m-%d")
    orders["month"] = orders["date"].dt.strftime("%Y-%m")
    orders["revenue_cents"] = orders["quantity"] * orders["unit_price_cents"]
    return orders


def _growth(orders: pd.DataFrame, group_by: str) -> dict[str, float]:
    if group_by == "month":
        monthly = orders.groupby("month")["revenue_cents"].sum()
        change = monthly.pct_change()
    else:
        monthly = orders.pivot_table(
            index="month", columns=group_by, values="revenue_cents", aggfunc="sum", fill_value=0
        )
        change = monthly.pct_change().iloc[-1]
    finite = change[change.abs() != float("inf")].dropna()
    return {str(name): round(float(value), 4) for name, value in finite.items()}


def _best_products(orders: pd.DataFrame) -> list[dict[str, object]]:
    best = orders.groupby("product")["revenue_cents"].sum().nlargest(3)
    return [{"product": name, "revenue_cents": int(value)} for name, value in best.items()]
